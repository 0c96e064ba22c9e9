"""A recording of hours takes no more memory than one of minutes."""

import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

RATE = 8000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "wait4"), reason="this system does not tell a child's peak memory"),
]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Noise of three minutes and of three hours, 8 kHz mono 16 bit."""
    folder = tmp_path_factory.mktemp("recordings")
    minute = np.random.default_rng(0).integers(-20000, 20000, 60 * RATE, dtype=np.int16)
    paths = {}
    for name, minutes in (("short", 3), ("long", 180)):
        paths[name] = folder / f"{name}.wav"
        with soundfile.SoundFile(paths[name], "w", RATE, 1, "PCM_16") as file:
            for _ in range(minutes):
                file.write(minute)
    return paths


def peak_bytes(*arguments):
    command = [sys.executable, "-m", "audiocos", "reconstruct", "--force", "--jobs", "1", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # wait4 has taken it from subprocess
    assert process.returncode == 0
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("model", ["exact", "lapped-quarter"])
def test_three_hours_take_the_memory_of_three_minutes(model, recordings, tmp_path):
    out = tmp_path / "out.wav"
    short = peak_bytes(recordings["short"], "-o", out, "--model", model)
    long = peak_bytes(recordings["long"], "-o", out, "--model", model)
    assert soundfile.info(out).frames == 180 * 60 * RATE
    # The three hours are 170 MB as a file and 690 MB as float64.
    assert long < 1.1 * short
