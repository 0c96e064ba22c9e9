"""The README's commands run and its links lead somewhere."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(<!-- not run -->\s*)?^[ ]*```sh\n(.*?)^[ ]*```", re.MULTILINE | re.DOTALL)
WON = "learned", "first M of the DCT", "KLT of the training sound"


def commands():
    """Return the commands in ```sh blocks that run audiocos, unless <!-- not run --> precedes."""
    found = []
    for flag, block in BLOCK.findall(README):
        lines = block.replace("\\\n", " ").splitlines()
        found += [line.strip() for line in lines if "audiocos " in line and not flag]
    return found


@pytest.mark.slow
def test_every_command_runs(tmp_path):
    """In turn, in a folder with a copy of samples/: a later one may use what an earlier one made."""
    assert commands()
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for command in commands():
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=900,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    voice = json.loads((tmp_path / "voice" / "config.json").read_text())["figures"]
    learned, dct, bound = (voice[f"{name} (dB)"] for name in WON)
    said = f"keep {learned:.2f} dB of the other, where the DCT keeps {dct:.2f} and the bound is {bound:.2f}."
    assert said in " ".join(README.split())


def test_the_python_runs():
    blocks = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 2
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_relative_links_resolve():
    links = re.findall(r"\]\(\s*([^)\s]+)|(?:src|href)=\"([^\"]+)\"", README)
    files = {(a or b).split("#")[0] for a, b in links if not re.match(r"[a-z]+:", a or b)}
    missing = [name for name in sorted(files) if not (ROOT / name).exists()]
    assert not missing
