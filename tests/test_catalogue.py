"""The shipped models keep what their cards say."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from somemodels import EXACT, LOSSY, RECORDED, noise

import audiocos
from audiocos.modelfolder import catalogue, catalogue_folder


def test_the_catalogue():
    assert catalogue() == sorted([*EXACT, *LOSSY, "learned-512", *RECORDED])
    for name in catalogue():
        model = audiocos.load(name)
        assert model.name == name and model.description
        assert model.sample_rate == {"music-44k": 44100, "speech-8k": 8000}.get(name)


@pytest.mark.parametrize("name", [*EXACT, *LOSSY, "learned-512", *RECORDED])
def test_the_claim_of_each_card_is_true(name):
    claim = next(
        line for line in (catalogue_folder() / name / "README.md").read_text().splitlines() if "| exact |" in line
    )
    x = noise(1, 20_000)
    off = np.abs(audiocos.load(name).reconstruct(x) - x).max()
    if "| yes, to 1e-12" in claim:
        assert off < 1e-12
    else:
        assert "| no, off by" in claim
        assert off > 0.1


def test_lapped_quarter_keeps_the_lowest_quarter():
    model, n = audiocos.load("lapped-quarter"), np.arange(40_000)
    for frequency, kept in ((0.05, True), (0.2, True), (0.3, False), (0.8, False)):
        x = np.sin(np.pi * frequency * n)[None]
        y = model.reconstruct(x)
        snr_db = 10 * np.log10(np.sum(x**2) / np.sum((x - y) ** 2))
        assert snr_db > 30 if kept else abs(snr_db) < 0.1


def test_make_models_makes_the_committed_folders(tmp_path):
    committed = Path(__file__).parents[1] / "models"
    script = tmp_path / "make.py"
    script.write_bytes((committed / "make.py").read_bytes())
    subprocess.run([sys.executable, script, *EXACT, *LOSSY, "learned-512"], check=True, capture_output=True)
    for name in [*EXACT, *LOSSY, "learned-512"]:
        assert {path.name for path in (tmp_path / name).iterdir()} == {
            path.name for path in (committed / name).iterdir()
        }
        assert json.loads((committed / name / "config.json").read_text())["version"] == 1
        if name == "learned-512":  # its last digits depend on the machine's BLAS
            continue
        for path in (committed / name).iterdir():
            assert (tmp_path / name / path.name).read_bytes() == path.read_bytes(), path
    for folder in (tmp_path, committed):
        assert json.loads((folder / "learned-512" / "config.json").read_text())["training"]["white SNR (dB)"] > 200


@pytest.mark.parametrize("name", RECORDED)
def test_models_of_recordings_reach_the_best_rows_on_held_out_files(name):
    figures = audiocos.load(name).figures
    assert figures["learned (dB)"] >= figures["best M of the MDCT (dB)"] - 0.05
    assert figures["learned (dB)"] > figures["best M of the DCT (dB)"]
