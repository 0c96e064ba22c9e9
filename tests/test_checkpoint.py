"""Checkpoints: a run carried on is the run unbroken, and no accident leaves a file that cannot be loaded."""

import json
import math
import os
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest

from audiocos import cosines, framing
from audiocos.errors import CheckpointError
from audiocos.training import checkpoint
from audiocos.training.growth import Growth, NoiseWindows, WhiteSound
from audiocos.training.learners import LbfgsLearner, NewtonLearner
from audiocos.training.objective import objective_for
from audiocos.training.settings import StochasticSettings
from audiocos.training.stochastic import StochasticLearner

N = 16
SETTINGS = {"frame": N, "seed": 3, "framing": {"kind": "block", "hop": N}, "until": math.inf}


def objective():
    rng = np.random.default_rng(0)
    return objective_for(framing.block(N), np.cumsum(rng.standard_normal((N, 3 * N)), axis=0) / N)


def start(**kind):
    return cosines.random(N, N // 2, seed=3, **kind)


def stochastic(optimizer, **kind):
    settings = StochasticSettings(optimizer=optimizer, steps=40, balance=optimizer == "sgd")
    return StochasticLearner(start(**kind), NoiseWindows(8), settings)


LEARNERS = {
    "growth": lambda: Growth(cosines.random(N, N, seed=3), WhiteSound()),
    "growth on batches": lambda: Growth(cosines.random(N, N, seed=3), NoiseWindows(N)),
    "gauss-newton": lambda: NewtonLearner(start(), objective(), 1.0),
    "l-bfgs": lambda: LbfgsLearner(start(), objective(), 1.0),
    "adam": lambda: stochastic("adam"),
    "adam, tied": lambda: stochastic("adam", tied=True),
    "sgd": lambda: stochastic("sgd"),
}


def losses(learner, steps=40):
    taken = []
    while not learner.done and len(taken) < steps:
        taken.append(learner.advance())
    return taken


@pytest.mark.parametrize("name", LEARNERS)
def test_a_run_carried_on_is_the_unbroken_run_to_the_bit(name, tmp_path):
    unbroken = LEARNERS[name]()
    expected = losses(unbroken, 60)
    assert len(expected) > 3
    for broken_at in (0, 1, len(expected) // 2, len(expected) - 1):
        first = LEARNERS[name]()
        before = losses(first, broken_at)
        checkpoint.save(tmp_path / "run", first.state(), SETTINGS)
        second = LEARNERS[name]()
        second.load_state(checkpoint.resume(tmp_path / "run", SETTINGS))
        assert (second.step, second.done) == (first.step, first.done)
        assert before + losses(second, 60 - broken_at) == expected
        np.testing.assert_array_equal(second.theta, unbroken.theta, strict=True)


def test_every_number_comes_back_to_the_bit(tmp_path):
    state = {
        "theta": np.array([1 / 3, -0.0, np.inf, np.nan, 5e-324]),
        "nested": {"whole": np.arange(6).reshape(2, 3).T, "scalar": np.array(0.1), "empty": np.zeros((0, 4))},
        "taper": math.inf,
        "least": -math.inf,
        "nothing": None,
        "damping": 0.1 + 0.2,
        "big": 2**70,
        "done": True,
        "listed": [1, 2.5, math.inf, "a"],
    }
    checkpoint.save(tmp_path / "run", state, SETTINGS)
    loaded, settings = checkpoint.load(tmp_path / "run")
    assert settings == SETTINGS
    assert loaded.keys() == state.keys()
    for key in ("taper", "least", "nothing", "damping", "big", "done", "listed"):
        assert loaded[key] == state[key] and type(loaded[key]) is type(state[key])
    assert loaded["theta"].tobytes() == state["theta"].tobytes()
    for key, array in state["nested"].items():
        np.testing.assert_array_equal(loaded["nested"][key], array, strict=True)


def test_numpy_scalars_become_plain_ones_and_other_things_are_refused(tmp_path):
    checkpoint.save(tmp_path / "run", {"a": np.float64(0.1), "b": np.bool_(True), "c": np.int64(3)}, {})
    assert checkpoint.load(tmp_path / "run")[0] == {"a": 0.1, "b": True, "c": 3}
    with pytest.raises(TypeError, match="inner/what is object, which cannot be saved"):
        checkpoint.save(tmp_path / "run", {"inner": {"what": object()}}, {})
    with pytest.raises(TypeError, match="theta is ndarray, which cannot be saved"):
        checkpoint.save(tmp_path / "run", {}, {"theta": np.zeros(3)})
    with pytest.raises(TypeError, match=r"begins with \$"):
        checkpoint.save(tmp_path / "run", {"$float": 1}, {})


def test_settings_that_differ_are_listed(tmp_path):
    checkpoint.save(tmp_path / "run", {}, SETTINGS)
    now = {"frame": 32, "seed": 3, "framing": {"kind": "block", "hop": 32}, "until": 4.0, "tied": True}
    assert checkpoint.differences(SETTINGS, SETTINGS) == []
    assert checkpoint.differences(SETTINGS, now) == [
        "frame: 16 in the checkpoint, 32 now",
        "framing.hop: 16 in the checkpoint, 32 now",
        "until: inf in the checkpoint, 4.0 now",
        "tied: absent in the checkpoint, true now",
    ]
    assert checkpoint.differences({"shape": (1, 2)}, {"shape": [1, 2]}) == []
    with pytest.raises(CheckpointError) as caught:
        checkpoint.resume(tmp_path / "run", {**SETTINGS, "frame": 32})
    assert str(caught.value) == (
        f"{tmp_path / 'run'}: the checkpoint is of a run with other settings (frame: 16 in the checkpoint, 32 now). "
        "Resume with the same ones, or pass --force instead of --resume to train from the start."
    )


def test_a_damaged_file_is_named_with_the_remedy(tmp_path):
    path = tmp_path / "run"
    with pytest.raises(CheckpointError, match="run: no checkpoint here. Leave --resume out to train from the start."):
        checkpoint.load(path)
    with pytest.raises(CheckpointError, match="a folder; a checkpoint is a file"):
        checkpoint.load(tmp_path)
    checkpoint.save(path, {"theta": np.arange(50.0), "step": 7}, SETTINGS)
    whole = path.read_bytes()
    for length in (0, 4, 8, 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(
            CheckpointError, match=r"run: truncated or damaged .* Pass --force instead of --resume to train"
        ):
            checkpoint.load(path)
    for place in np.random.default_rng(0).integers(0, len(whole), 100):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(CheckpointError, match="run: "):
            checkpoint.load(path)


def test_a_foreign_file_and_an_unknown_version_are_refused(tmp_path):
    path = tmp_path / "run"
    path.write_bytes(b"\x80\x04K\x07.")  # a pickle
    with pytest.raises(CheckpointError, match="truncated or damaged"):
        checkpoint.load(path)
    for metadata, text in (
        (None, "no checkpoint of audiocos"),
        (
            {"version": "9"},
            "version '9' is unknown, this audiocos reads version 1. Resume with the audiocos",
        ),
    ):
        header = json.dumps({"__metadata__": metadata} if metadata else {}).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header)
        with pytest.raises(CheckpointError, match=text):
            checkpoint.load(path)


FULL_DISK = """
import resource, sys
import numpy as np
from audiocos.errors import CheckpointError
from audiocos.training import checkpoint
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    checkpoint.save(sys.argv[1], {"theta": np.ones(100_000)}, {})
except CheckpointError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_checkpoint_before_it(tmp_path):
    path = tmp_path / "run"
    checkpoint.save(path, {"step": 7}, SETTINGS)
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", FULL_DISK, path], capture_output=True, text=True, check=True
    )
    assert answer.stdout == (
        f"{path}: the checkpoint cannot be written: File too large. "
        "The one before it, if any, is as it was. Make room, or choose another place.\n"
    )
    assert checkpoint.load(path) == ({"step": 7}, SETTINGS)
    assert os.listdir(tmp_path) == ["run"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="none/run: the checkpoint cannot be written: No such file or directory"):
        checkpoint.save(tmp_path / "none" / "run", {}, {})


SAVING = """
import sys
import numpy as np
from audiocos.training import checkpoint
step = int(sys.argv[2])
while True:
    step += 1
    checkpoint.save(sys.argv[1], {"theta": np.full(20_000, float(step)), "step": step}, {})
    print(step, flush=True)
"""


def test_a_kill_at_any_moment_leaves_a_whole_checkpoint(tmp_path):
    path, step, rng = tmp_path / "run", 0, np.random.default_rng(0)
    for _ in range(8):
        with subprocess.Popen([sys.executable, "-c", SAVING, path, str(step)], stdout=subprocess.PIPE) as saving:
            saving.stdout.readline()
            time.sleep(rng.uniform(0, 0.05))
            saving.send_signal(signal.SIGKILL)
            said = saving.stdout.read().split()
        state, _ = checkpoint.load(path)
        assert state["step"] >= max([step + 1, *map(int, said)])
        np.testing.assert_array_equal(state["theta"], np.full(20_000, float(state["step"])))
        step = state["step"]
        assert set(os.listdir(tmp_path)) <= {"run", ".run.part"}
    checkpoint.save(path, state, {})
    assert os.listdir(tmp_path) == ["run"]
