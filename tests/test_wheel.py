"""The built wheel works on its own, away from the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def run(*args, cwd, env=None):
    """Run Python with the arguments, away from the checkout, and return what it printed."""
    done = subprocess.run([sys.executable, *map(str, args)], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    run("-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Install the wheel where Python finds it before the checkout, and return the environment for that."""
    target = tmp_path_factory.mktemp("installed")
    run("-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", target, wheel, cwd=target)
    return {**os.environ, "PYTHONPATH": str(target)}


def test_the_wheel_holds_the_package_and_the_models_only(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "audiocos/__main__.py" in names
    assert "audiocos/models/exact/config.json" in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"audiocos"}


def test_the_installed_package_is_the_one_that_runs(installed, tmp_path):
    where = run("-c", "import audiocos; print(audiocos.__file__)", cwd=tmp_path, env=installed).strip()
    assert Path(where).is_relative_to(installed["PYTHONPATH"])


def test_the_installed_package_lists_its_models(installed, tmp_path):
    assert "exact" in run("-m", "audiocos", "models", cwd=tmp_path, env=installed)


@pytest.mark.parametrize("name", ["speech-voicemail.wav", "guitar-chord.flac", "swish.wav"])
def test_the_installed_package_reconstructs_exactly(installed, tmp_path, name):
    source = tmp_path / name
    shutil.copyfile(ROOT / "samples" / name, source)
    out = tmp_path / "out"
    run("-m", "audiocos", "reconstruct", source, "-o", out, "--model", "exact", cwd=tmp_path, env=installed)
    (result,) = [out] if out.is_file() else out.rglob(name)
    before, after = soundfile.info(source), soundfile.info(result)
    assert (after.samplerate, after.subtype) == (before.samplerate, before.subtype)
    np.testing.assert_array_equal(soundfile.read(result, dtype="int32")[0], soundfile.read(source, dtype="int32")[0])
