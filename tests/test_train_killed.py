"""A training that is killed (SIGKILL), again and again, and resumed gives the model of an unbroken one, to the bit."""

import os
import random
import re
import shutil
import signal

import pytest
import soundfile as sf
from mortal import Mortal

import audiocos
from audiocos import signals
from audiocos.training import log

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="forks its lives")]

LEARNS = "checkpoint"
"""In what a resumed life says when it has heard the recordings and begins to learn."""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "voices").mkdir()
    for index in range(12):
        sf.write(tmp_path / "voices" / f"{index}.wav", signals.speech_like(6000 + index, 8000, seed=index), 8000)
    return tmp_path


@pytest.fixture(scope="module")
def mortal():
    with Mortal() as lives:
        yield lives


def train(*options, output="model"):
    return ["train", "voices", "-o", output, "--frame", 16, "--coefficients", 16, "--init", "random", *options]


def parameters(folder):
    """As written; all else in the folder must be readable, too."""
    assert audiocos.load(folder).figures
    return (folder / "model.safetensors").read_bytes()


def unbroken(place, mortal, *options):
    code, said = mortal.live(place, *train(*options, output="unbroken"))
    assert code == 0, said
    shutil.rmtree(place / "cache")
    return parameters(place / "unbroken")


@pytest.mark.parametrize(
    ("options", "kills", "longest"),
    [
        (["--optimizer", "adam", "--steps", 1500, "--save-every", 0.05], 40, 0.2),
        (["--batches", "--save-every", 0], 10, 0.1),
    ],
    ids=["adam on windows", "window growth on batches"],
)
def test_killed_at_random_moments(options, kills, longest, place, mortal):
    expected = unbroken(place, mortal, *options)
    moments = random.Random(kills)
    hearing = learning = 0
    while hearing + learning < kills:
        until, most = moments.choice(
            [("", 0.05), ("Hearing what to learn from", 0.01), (LEARNS, longest), (LEARNS, longest)]
        )
        if until != LEARNS and moments.random() < 0.5:  # or else partial sums are carried on
            shutil.rmtree(place / "cache", ignore_errors=True)
        if (place / "model").exists():  # it was done before its time: there is another run to kill
            assert parameters(place / "model") == expected
            shutil.rmtree(place / "model")
        code, said = mortal.live(place, *train(*options, "--resume"), until=until, seconds=moments.uniform(0, most))
        assert code in (0, None), said
        if code is None:
            learning += LEARNS in said
            hearing += LEARNS not in said
    assert hearing >= kills / 10 and learning >= kills / 10
    if not (place / "model").exists():
        code, said = mortal.live(place, *train(*options, "--resume"))
        assert code == 0, said
    assert parameters(place / "model") == expected


def test_sigterm_saves_and_says_how_to_carry_on(place, mortal):
    options = ["--optimizer", "adam", "--steps", 800]
    expected = unbroken(place, mortal, *options)
    code, said = mortal.live(place, *train(*options, "--resume"), until=LEARNS, seconds=0.2, with_signal=signal.SIGTERM)
    assert code == 143
    assert re.search(r"^model.run: saved after step [1-9]\d*; --resume carries on.\nTerminated;", said, re.MULTILINE)
    assert not (place / "model").exists()
    code, said = mortal.live(place, *train(*options, "--resume"))
    assert code == 0 and "model.run: carrying on from its checkpoint.\n" in said
    assert parameters(place / "model") == expected
    left = [name for name in sorted(os.listdir(place / "model.run")) if not name.startswith("events.")]
    assert left == ["log.jsonl", "run.json"]
    steps = [record.step for record in log.read(place / "model.run")]
    assert steps == sorted(set(steps)) and steps[-1] > 800


def test_killed_before_each_step_of_saving(place, mortal):
    options = ["--batches", "--save-every", 0.02]
    expected = unbroken(place, mortal, *options)
    call = finished = 0
    while not finished:
        call += 1
        finished = mortal.live(place, *train(*options), call=call)[0] == 0
        if (place / "model").exists():  # whole, or not there
            assert parameters(place / "model") == expected
        else:
            code, said = mortal.live(place, *train(*options, "--resume"))
            assert code == 0, said
            assert parameters(place / "model") == expected
        for folder in ("model", "model.run", "cache"):
            shutil.rmtree(place / folder, ignore_errors=True)
    assert call > 15
