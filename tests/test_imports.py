"""Importing stays light, and each layer stays off what it does not need."""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile

DEVICES = {"soundfile", "sounddevice", "soxr"}
HEAVY = {"torch", "librosa", "numba", "matplotlib", "sklearn"}


def imported_by(code, cwd=None):
    """Top-level modules in sys.modules after the code has run in a Python of its own."""
    code += "\nimport sys; sys.stderr.write(' '.join({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, check=True)
    return set(done.stderr.split())


def test_the_package_alone_imports_nothing_but_itself():
    new = imported_by("import audiocos") - imported_by("import __future__, importlib, typing")
    assert new == {"audiocos"}


def test_help_imports_no_numbers():
    code = "import audiocos.cli.main as main\ntry: main.main(['--help'])\nexcept SystemExit: pass"
    assert not imported_by(code) & {"numpy", "scipy", "rich", *DEVICES, *HEAVY}


@pytest.mark.parametrize(
    "module", ["cosines", "framing", "execution", "stream", "metrics", "model", "modelfolder", "signals"]
)
def test_the_engine_needs_neither_torch_nor_sound_files(module):
    assert not imported_by(f"import audiocos.{module}") & (DEVICES | HEAVY)


def test_the_torch_modules_need_no_sound_files():
    modules = imported_by("import audiocos.nn")
    assert "torch" in modules
    assert not modules & {*DEVICES, "librosa", "matplotlib"}


@pytest.mark.parametrize("model", ["exact", "exact-lapped", "lapped-quarter"])
def test_reconstruct_on_the_cpu_needs_no_torch(model, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(1000), 8000)
    arguments = ["reconstruct", "a.wav", "--model", model]
    code = f"from audiocos.cli.main import main\ntry: main({arguments})\nexcept SystemExit as end: assert not end.code"
    modules = imported_by(code, tmp_path)
    assert "soundfile" in modules
    assert not modules & HEAVY
    assert (tmp_path / "a.reconstructed.wav").exists()


def test_monitor_on_the_cpu_needs_no_torch(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(1000), 8000)
    arguments = ["monitor", "a.wav", "--model", "lapped-quarter", "--speed", "max"]
    code = f"from audiocos.cli.main import main\ntry: main({arguments})\nexcept SystemExit as end: assert not end.code"
    assert not imported_by(code, tmp_path) & {*HEAVY, "sounddevice"}


def test_learning_in_closed_form_needs_no_torch(tmp_path):
    arguments = ["train", "synth:noise", "--frame", "4", "-o", "model"]
    hidden = (  # it writes its events with torch
        "import importlib.util as util; found = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'tensorboard' else found(name, *rest)\n"
    )
    code = f"{hidden}from audiocos.cli.main import main\ntry: main({arguments})\n"
    code += "except SystemExit as end: assert not end.code"
    assert not imported_by(code, tmp_path) & HEAVY
    told = json.loads((tmp_path / "model" / "config.json").read_text())["training"]
    assert told["learned in (s)"] < 1


def test_every_public_name_is_there():
    import audiocos

    assert all(getattr(audiocos, name) is not None for name in audiocos.__all__)
    assert set(audiocos.__all__) <= set(dir(audiocos))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = audiocos.nothing
