"""The command train: what it writes."""

import json
import re

import numpy as np
import pytest

import audiocos
from audiocos import signals
from audiocos.training.growth import white_snr_db


@pytest.mark.parametrize("kind", ["block", "overlap", "lapped"])
def test_a_model_from_recordings_loads_and_reconstructs(kind, voices, train, tmp_path):
    done = train("voices", "--frame", 64, "--framing", kind, "--json")
    told = json.loads(done.out)
    assert told["model"] == "model" and told["training"]["files"] == 4 and told["training"]["held-out files"] == 1
    model = audiocos.load(tmp_path / "model")
    m = 8 if kind == "lapped" else 16
    assert (model.framing.kind, model.numbers.frame, model.numbers.coefficients) == (kind, 64, m)
    assert model.sample_rate == 8000
    assert model.figures == told["figures"]
    x = signals.speech_like(6000, 8000, seed=9)[None]
    error = x - model.reconstruct(x)
    assert 10 * np.log10(np.sum(x**2) / np.sum(error**2)) > 1
    card = (tmp_path / "model" / "README.md").read_text()
    for name, value in told["figures"].items():
        assert name in card and f"{value:.4g}" in card


def test_the_table_says_what_can_be_won_and_what_was(voices, train):
    done = train("voices", "--frame", 64, "--framing", "lapped")
    for text in ("What can be won at 8 coefficients", "best M of the MDCT", "KLT of", "bound of every", "learned"):
        assert text in done.out
    assert "Wrote model." in done.err


def test_a_second_run_has_the_pass_from_the_cache_and_the_same_model(voices, train, tmp_path):
    train("voices", "--frame", 64)
    train("voices", "--frame", 64, output="again")
    first, second = (audiocos.load(tmp_path / name).numbers for name in ("model", "again"))
    assert np.array_equal(first.analysis_frequencies, second.analysis_frequencies)
    assert any((tmp_path / "cache").rglob("*"))


def test_the_pass_says_how_long_the_sound_is_and_what_came_from_the_cache(voices, train):
    first, second = (train("voices", "--frame", 64, "--force").err for _ in range(2))
    assert re.search(r"^Hearing what to judge by: 1 file, 0.75 s, [0-9.e-]+ h a second.$", first, re.MULTILINE)
    assert re.search(r"^Hearing what to learn from: 4 files, 3.00 s, [0-9.e-]+ h a second.$", first, re.MULTILINE)
    assert "Hearing what to judge by: 1 file, 0.75 s, from the cache.\n" in second
    assert "Hearing what to learn from: 4 files, 3.00 s, from the cache.\n" in second


def test_a_figure_is_rounded_once(voices, train, tmp_path, monkeypatch):
    bounds = {"first M of the MDCT": 13.98502}  # to three places 13.985, which as a float lies below: 13.98
    monkeypatch.setattr("audiocos.cli.training.Session._bounds", lambda _: bounds)
    out = train("voices", "--frame", 16).out
    card = (tmp_path / "model" / "README.md").read_text()
    assert "13.99 dB" in out and "| 13.99 |" in card and "13.98" not in card


def test_noise_teaches_the_exact_pair_from_a_random_start(train, tmp_path):
    told = json.loads(train("synth:noise", "--frame", 16, "--json").out)
    assert told["training"]["white SNR (dB)"] >= 200
    model = audiocos.load(tmp_path / "model")
    assert model.sample_rate is None and white_snr_db(model.numbers) >= 200


@pytest.mark.parametrize("seed", [1, 2, 3, 6])
def test_noise_teaches_a_pair_with_phases_from_many_random_starts(seed, train, tmp_path):
    train("synth:noise", "--frame", 16, "--phased", "--seed", seed)
    assert white_snr_db(audiocos.load(tmp_path / "model").numbers) >= 180  # with 60 steps of polish, 147 for seed 1


def test_batches_of_noise_do_too(train, tmp_path):
    train("synth:noise", "--frame", 16, "--batches")
    assert white_snr_db(audiocos.load(tmp_path / "model").numbers) >= 200


def test_adam_is_polished(train, tmp_path):
    train("synth:noise", "--frame", 8, "--optimizer", "adam", "--steps", 300)
    assert white_snr_db(audiocos.load(tmp_path / "model").numbers) >= 200


@pytest.mark.parametrize("source", ["synth:noise", "voices"])
def test_one_sample_and_one_coefficient(source, voices, train, tmp_path):
    train(source, "--frame", 1, "--coefficients", 1)
    x = np.linspace(-1, 1, 50)[None]
    assert audiocos.load(tmp_path / "model").reconstruct(x) == pytest.approx(x, abs=1e-9)


def test_learning_goes_on_from_a_model(voices, train, tmp_path):
    train("voices", "--frame", 64, "--init", "orthogonal")
    train("voices", "--frame", 64, "--init", "model", output="finer")
    first, second = (audiocos.load(tmp_path / name).figures["learned (dB)"] for name in ("model", "finer"))
    assert second >= first - 0.01


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("optimizer", ["adam", "auto"])
def test_a_device_is_taken_and_said(device, optimizer, train):
    steps = ["--steps", 5] if optimizer == "adam" else []
    options = [] if device is None else ["--device", device]
    done = train("synth:noise", "--frame", 4, "--optimizer", optimizer, *steps, *options, "--json")
    assert ("Learning on cpu.\n" in done.err) == (device == "cpu" and optimizer == "adam")
    told = json.loads(done.out)["training"].get("device")
    assert told == (None if optimizer == "auto" else device or told) and told != "auto"


@pytest.mark.parametrize(("m", "polish"), [(16, "gauss-newton"), (8, "lbfgs")])
def test_growth_says_what_ran_whatever_was_asked(m, polish, voices, train):
    order = ["voices", "--frame", 16, "--coefficients", m, "--init", "random"]
    done = train(*order, "--optimizer", "lbfgs", "--json")
    told = json.loads(done.out)["training"]
    assert (told["optimizer"], told["polish"], told["window growth"]) == ("gauss-newton", polish, "yes")
    assert f"--optimizer lbfgs: windows grow in Gauss-Newton steps, then {polish} polishes." in done.err
    done = train(*order, "--optimizer", "lbfgs", "--no-growth", "--json", output="alone")
    told = json.loads(done.out)["training"]
    assert told["optimizer"] == "lbfgs" and "polish" not in told
    assert "windows grow" not in done.err


def test_where_to_get_tensorboard_is_said_once_and_not_to_programs(train, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert train("synth:noise", "--frame", 4).err.count("audiocos[tensorboard]") == 1
    assert "tensorboard" not in train("synth:noise", "--frame", 4, "--json", "--force").err


def test_the_card_says_what_auto_chose(voices, train, tmp_path):
    for source, start in (("voices", "spectral"), ("synth:noise", "random")):
        told = json.loads(train(source, "--frame", 16, "--json", "--force").out)["training"]
        growth = "yes" if start == "random" else "no"
        assert (told["start"], told["optimizer"], told["window growth"]) == (start, "gauss-newton", growth)
        card = (tmp_path / "model" / "README.md").read_text()
        assert f"| start | {start} |" in card and "auto" not in card
    train("voices", "--frame", 16, "--init", "model", "--coefficients", 16, output="finer")
    assert "| start | the model model |" in (tmp_path / "finer" / "README.md").read_text()
