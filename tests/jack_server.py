"""A sound card that is not there: JACK's dummy driver, started by the tests under a name of their own.

A server that was killed must be started again and ended: it leaves an entry among JACK's eight servers.
"""

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from jack_lab import PERIOD, sound
from patience import wait_until

_numbers = itertools.count()
LAB = Path(__file__).with_name("jack_lab.py")
_ON_ITS_WAY = 16384  # samples before the first sound: of a cycle lost then the sound may tell


def _installed():
    try:
        import jack  # noqa: F401
    except (ImportError, OSError):
        return False
    return shutil.which("jackd") is not None


needs_jack = pytest.mark.skipif(
    not _installed() and os.environ.get("CI") != "true",
    reason="jackd or JACK-Client is not installed (Debian: jackd2; PyPI: JACK-Client)",
)


class LostCycles:
    """How many cycles JACK lost, by its own word, while the sound of a test was heard; true where there were any.

    A machine that takes the processor away for some milliseconds makes a device lose sound, whatever the program does.
    """

    def __init__(self):
        self._folder, self._count = None, 0

    def count(self, folder, cycles):
        """Those of a lab; one in another folder is another test's, or another run of the same."""
        if folder != self._folder:
            self._folder, self._count = folder, 0
        self._count += cycles

    def __bool__(self):
        return self._count > 0


lost_cycles = LostCycles()


class Server:
    """A running jackd; PortAudio in this process sees its clients."""

    def __init__(self, name, rate=48000, period=256):
        self.command = ["jackd", "--no-realtime", "-n", name, "-d", "dummy", "-r", str(rate), "-p", str(period)]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: subprocess.run(["jack_wait", "-c"], capture_output=True).stdout.startswith(b"running"))

    def kill(self):
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def server(*, here=True, **settings):
    """A server for this process and those it starts; with `here`, PortAudio in this process is its client."""
    before = {key: os.environ.get(key) for key in ("JACK_DEFAULT_SERVER", "JACK_NO_AUDIO_RESERVATION")}
    name = f"audiocos-test-{os.getpid()}-{next(_numbers)}"
    if here:
        _let_go()
    os.environ.update(JACK_DEFAULT_SERVER=name, JACK_NO_AUDIO_RESERVATION="1")
    running = Server(name, **settings)
    try:
        if here:
            refresh()
        yield running
    finally:
        if here:
            _let_go()
        running.process.terminate()
        running.process.wait()
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})


def _let_go():
    """PortAudio's client must leave before its server does: else it aborts the process (pa_jack.c, Terminate)."""
    from audiocos.audio import devices

    sd = devices.portaudio()
    while sd._initialized:
        sd._terminate()


def refresh():
    """Have PortAudio look for devices anew."""
    from audiocos.audio import devices

    devices.portaudio()
    devices.look_again()


class Lab:
    """A feeder and a recorder in a process of their own. Use as a context manager, `finish` gives the recording.

    Then `lost` are the frame times at which JACK lost cycles while there was sound, `cycle` how long those are, and
    `missed` an upper bound of the samples that were lost.
    """

    def __init__(self, folder, feeder="feeder", recorder="recorder", spoilt=""):
        self.target = folder / f"{recorder}.npz"
        self.command = [sys.executable, str(LAB), feeder, recorder, str(self.target), spoilt]
        lost_cycles.count(folder, 0)

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self.process.stdout.readline() == b"ready\n"
        refresh()
        return self

    def __exit__(self, *_):
        if self.process.returncode is None:  # else all is known
            self._end()
        self.process.stdout.close()

    def finish(self):
        """End the recording; frame times `[samples]` and what was heard then, `[2, samples]`."""
        self._end()
        assert self.process.returncode == 0
        return self.times, self.heard

    def clear(self, start, stop):
        """Whether JACK lost no cycle near the frame times from `start` to `stop`; it tells of one a little later."""
        near = 8 * self.cycle
        return not ((self.lost > start - near) & (self.lost < stop + near)).any()

    def _end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.returncode:
            return
        with np.load(self.target) as kept:
            self.times, self.heard, late, self.cycle = kept["times"], kept["recorded"], kept["late"], int(kept["cycle"])
        jumps = np.diff(self.times)
        jumped = np.flatnonzero(jumps != 1)
        lost = np.concatenate([late, self.times[jumped + 1]])
        sizes = np.concatenate([np.full(late.size, self.cycle), np.abs(jumps[jumped] - 1)])
        heard = self.times[(self.heard != 0).any(axis=0)]
        there = (lost > heard[0] - _ON_ITS_WAY) & (lost <= heard[-1]) if heard.size else np.ones(lost.size, bool)
        self.lost, self.missed = lost[there], int(sizes[there].sum())
        begun = heard[0] - 2048 if heard.size else 0
        lost_cycles.count(self.target.parent, int((self.lost > begun).sum()))


def sounding(times, heard, edge=0):
    """From the first sound in all channels to the last, less `edge` samples at either end."""
    there = np.flatnonzero((np.abs(heard) > 1e-3).all(axis=0))
    assert there.size, "nothing was heard"
    part = slice(there[0] + edge, there[-1] + 1 - edge)
    return times[part], heard[:, part]


def fed(times, delay, level=0.5):
    """What the feeder played `delay` frames before each of the times, `[2, samples]`."""
    return sound(level)[:, (times - delay) % PERIOD]


def differs(times, heard, delay, atol=1e-5):
    """Where what was heard is not what was fed `delay` frames before."""
    return ~(np.abs(heard - fed(times, delay)).max(axis=0) <= atol)


def longest_match(times, heard, delay, atol=1e-5):
    """Start and length of the longest run in which what was heard is what was fed `delay` frames before.

    A busy machine makes JACK lose cycles, between any two of its clients, and its clock falter by a frame; what comes
    after is in its place again. Noise of another delay matches nowhere.
    """
    right = ~differs(times, heard, delay, atol)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], right, [False]]).astype(int)))
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    best = lengths.argmax() if lengths.size else None
    return (0, 0) if best is None else (int(starts[best]), int(lengths[best]))


def delays(times, heard, window=1500, share=0.4):
    """The delay of each window that holds the feeder's sound, found by correlation with no delay assumed.

    What is heard holds at least such a share of the feeder's power.
    """
    spectrum = np.fft.rfft(sound()[0])
    found = []
    for start in range(0, heard.shape[1] - window, 2 * window):
        piece = np.zeros(PERIOD)
        piece[:window] = heard[0, start : start + window]
        likeness = np.fft.irfft(np.conj(np.fft.rfft(piece)) * spectrum, PERIOD)
        best = int(likeness.argmax())
        if likeness[best] > share * window / 12:  # of the noise's power
            found.append((int(times[start]) - best) % PERIOD)
    return found


def after_silence(times, heard):
    """What comes after the longest silence within the sound."""
    there = np.flatnonzero((heard != 0).any(axis=0))
    at = there[np.diff(there).argmax() + 1]
    return times[at:], heard[:, at:]
