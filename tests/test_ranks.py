"""Many processes as one: torchrun gives the model, the files and the table of a single process."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from somecorpus import EACH, FRAMING, files_of, noise, same_bits, write

import audiocos
from audiocos import signals
from audiocos.ranks import Ranks
from audiocos.training.growth import white_snr_db
from audiocos.training.listen import listen

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds worker processes through Linux's /proc"),
]

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--master-port=0", "--standalone"]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    for i in range(7):
        x = signals.speech_like(8000 * (1 + i), 8000, seed=i)
        soundfile.write(folder / f"{i}.wav", x, 8000)
    return folder


def environment(tmp_path, threads=1):
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "XDG_CACHE_HOME": str(tmp_path / "cache"), "TERM": "dumb"}


def run(tmp_path, *arguments, ranks=1, threads=1, code=0):
    start = [sys.executable] if ranks == 1 else [*TORCHRUN, f"--nproc-per-node={ranks}"]
    command = [*start, "-m", "audiocos", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path, threads), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == code, done.stderr
    return done


def train(recordings, output):
    return ["train", recordings, "-o", output, "--frame", 64, "--holdout", "0.3", "--no-cache"]


def same(a, b):
    """The same model to the bit, and the same told of it, but how long it took."""
    for name, array in audiocos.load(a).numbers.arrays().items():
        np.testing.assert_array_equal(audiocos.load(b).numbers.arrays()[name], array)
    one, other = (json.loads((path / "config.json").read_text()) for path in (a, b))
    assert one["training"].pop("learned in (s)") > 0 and other["training"].pop("learned in (s)") > 0
    assert one == other


@pytest.fixture(scope="module")
def long_recordings(tmp_path_factory):
    """Each a batch of its own, so that ranks share them."""
    folder = tmp_path_factory.mktemp("long")
    x = signals.speech_like(2**19 + 9000, 8000, seed=0)
    for i in range(6):
        soundfile.write(folder / f"{i}.wav", np.roll(x, 7 * i)[1000 * i :] * (1 + i) / 6, 8000)
    return folder


HARD = ["--frame", 128, "--init", "random"]
"""Stops far from where it converges: another last bit of the second moment would grow a thousand million times."""


@pytest.fixture(scope="module")
def alone(long_recordings, tmp_path_factory):
    """What one process learns, on two threads, while those of torchrun have one."""
    folder = tmp_path_factory.mktemp("alone")
    run(folder, *train(long_recordings, "one"), *HARD, threads=2)
    return folder / "one"


@pytest.mark.parametrize("ranks", [2, 3])
def test_many_ranks_learn_to_the_bit_what_one_learns(ranks, long_recordings, alone, tmp_path):
    run(tmp_path, *train(long_recordings, "many"), *HARD, ranks=ranks)
    same(alone, tmp_path / "many")


def test_ranks_hear_together_to_the_bit_what_one_hears(corpus, tmp_path, small_batches):
    lone, empty = tmp_path / "lone", tmp_path / "empty"
    write(lone / "a.wav", noise(9000))  # the other ranks have nothing to hear
    write(empty / "silent.wav", np.zeros((1, 500)))
    write(corpus / "silent.wav", np.zeros((1, 5000)))
    write(corpus / "nan.wav", np.full((2, 30_000), np.nan), subtype="FLOAT")
    (corpus / "11.wav").write_bytes((corpus / "11.wav").read_bytes()[:-6000])
    places = [corpus, lone, empty]
    script = Path(__file__).parent / "hear_together.py"
    command = [*TORCHRUN, "--nproc-per-node=3", script, tmp_path, *places]
    subprocess.run(list(map(str, command)), env=environment(tmp_path), timeout=120, check=True)
    for rank in range(3):
        every = pickle.loads((tmp_path / f"{rank}.pickle").read_bytes())
        for heard, place in zip(every, places, strict=True):
            known = listen(files_of(place), FRAMING, EACH)
            assert same_bits(heard.moment, known.moment)
            for name in ("files", "seconds", "silent", "refused", "warnings", "notes", "cached", "used"):
                assert getattr(heard, name) == getattr(known, name), name


def test_work_is_dealt_by_weight():
    weights = [40.0, 100, 7, 90, 50, 10, 40]
    shares = [placed(rank, 3).share("abcdefg", weights) for rank in range(3)]
    assert sorted(sum(shares, [])) == list("abcdefg") and all(share == sorted(share) for share in shares)
    loads = [sum(weights["abcdefg".index(item)] for item in share) for share in shares]
    assert max(loads) <= 4 / 3 * sum(weights) / 3  # what Graham (1969) promises of this rule
    assert [placed(rank, 4).share("ab", [1, 2]) for rank in range(4)] == [["b"], ["a"], [], []]


def placed(rank, count):
    """A rank without its fellows."""
    ranks = Ranks()
    ranks.rank, ranks.count = rank, count
    return ranks


def killed_once(tmp_path, arguments, *, when, worker):
    """Run on two ranks, kill one of them as soon as `when()` holds, and let torchrun begin anew; what was said."""
    command = [*TORCHRUN, "--nproc-per-node=2", "--max-restarts=1", "-m", "audiocos", *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while len(workers := children.read_text().split()) < 2 or not when():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(int(workers[worker]), signal.SIGKILL)
        _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


def after_its_first_checkpoint(tmp_path, arguments, name):
    """Kill rank 0 once there is a checkpoint; the ranks carry on from it together, and say so once."""
    checkpoint = tmp_path / f"{name}.run" / "checkpoint.safetensors"
    said = killed_once(tmp_path, [*arguments, "--save-every", "0.1"], when=checkpoint.exists, worker=0)
    assert said.count(f"{name}.run: carrying on from its checkpoint.") == 1
    assert "Traceback" not in said, said


def test_a_killed_worker_is_replaced(recordings, tmp_path):
    run(tmp_path, *train(recordings, "one"))
    killed_once(tmp_path, [*train(recordings, "many"), "--force"], when=lambda: True, worker=-1)
    same(tmp_path / "one", tmp_path / "many")


def test_ranks_that_descend_together_carry_on_together(tmp_path):
    descend = ["train", "synth:noise", "--frame", 16, "--optimizer", "adam", "--steps", 1500, "-o", "m"]
    after_its_first_checkpoint(tmp_path, [*descend, "--resume"], "m")
    assert white_snr_db(audiocos.load(tmp_path / "m").numbers) >= 200


def test_ranks_that_descend_on_recordings_have_their_own_and_carry_on_to_the_bit(recordings, tmp_path):
    descend = ["--coefficients", 64, "--optimizer", "adam", "--steps", 400]
    run(tmp_path, *train(recordings, "whole"), *descend, ranks=2)
    after_its_first_checkpoint(tmp_path, [*train(recordings, "resumed"), *descend], "resumed")
    whole, resumed = (audiocos.load(tmp_path / name).numbers.arrays() for name in ("whole", "resumed"))
    for name, array in whole.items():
        assert np.array_equal(array, resumed[name]), name


def test_an_archive_is_dealt_out_and_one_table_made(recordings, tmp_path):
    (recordings / "broken.wav").write_text("not sound")
    one = run(tmp_path, "reconstruct", recordings, "-o", "one", "--json", "--model", "lapped-quarter", code=1)
    many = run(
        tmp_path, "reconstruct", recordings, "-o", "many", "--json", "--model", "lapped-quarter", ranks=2, code=1
    )
    (recordings / "broken.wav").unlink()
    rows = [[json.loads(line) for line in done.stdout.splitlines()] for done in (one, many)]
    figures = [[(r["input"], r["snr_db"], r["frames"]) for r in each] for each in rows]
    assert figures[0] == figures[1] and len(figures[0]) == 7
    assert many.stderr.count("broken.wav") == 1
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "many" / path.name).read_bytes()


def test_evaluation_is_dealt_out(recordings, tmp_path):
    rows = []
    for ranks in (1, 2):
        done = run(tmp_path, "evaluate", recordings, "-m", "lapped-quarter", "--json", ranks=ranks)
        listed = [json.loads(line) for line in done.stdout.splitlines()]
        rows.append([(r.get("input"), r["snr_db"]) for r in listed])
    assert rows[0] == rows[1] and len(rows[0]) == 8


def test_several_processes_write_no_report(recordings, tmp_path):
    done = run(tmp_path, "reconstruct", recordings, "-o", "out", "--report", "r.html", ranks=2, code=1)
    assert "several processes write neither to standard output nor a --report" in done.stderr
