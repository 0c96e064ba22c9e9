"""Sessions between the feeder and the recorder of JACK's paced device, and what the recording must show."""

import sys
import time

import numpy as np
import pytest
from jack_server import differs, lost_cycles, needs_jack, sounding

import audiocos
from audiocos.live.copier import FADE
from audiocos.live.ports import microphone, speakers
from audiocos.live.session import Session

RATE = 48000
COMMAND = [sys.executable, "-m", "audiocos"]

on_jack = [needs_jack, pytest.mark.skipif(sys.platform != "linux", reason="JACK's dummy driver, on Linux")]
# Where the processor is taken away for some milliseconds, a device loses sound whatever the program does. Such a test
# is run again, twice at most, but only where JACK says so: what the program does wrong by itself fails at once.
paced = [*on_jack, pytest.mark.paced, pytest.mark.flaky(reruns=2, reruns_delay=1, condition=lost_cycles)]

_LATE_S = 0.02  # of sound that a busy machine may make the worker be late for, a second
_STALLS = 3  # in which it does


def duplex(model="exact", source="feeder", sink="recorder", **settings):
    mic = microphone(source)
    out = speakers(sink, sample_rate=mic.sample_rate, channels=mic.channels, beside=mic)
    return Session(audiocos.load(model) if isinstance(model, str) else model, mic, out, **settings)


def run_for(session, seconds):
    session.start()
    time.sleep(seconds)
    session.stop()


def assert_delay(lab, session):
    """What was heard is the feeder's sound from the first sample to the last, delayed by what the session reports.

    Exactly so where JACK lost no cycle and nothing came late. Else what was on its way then may be elsewhere; and no
    more than a busy machine explains may have come late.
    """
    times, heard = sounding(*lab.finish(), edge=FADE)
    counters, total = session.counters, session.latency.total
    lost = np.count_nonzero(lab.lost > times[0] - total - 4 * lab.cycle)  # before that no sound was on its way
    late = counters.zero_filled_samples
    assert late <= _LATE_S * RATE + lab.missed
    assert counters.dropped_samples <= _LATE_S * RATE + 2 * lab.missed
    assert counters.bypassed_samples <= 0.1 * RATE  # a burst that waits is not sound that the model is too slow for
    assert heard.shape[1] >= 0.5 * session.time_s * RATE
    around = max(2048, 2 * lab.cycle)  # until a late worker's output is in its place again
    stalls = _STALLS if late else 0
    wrong = differs(times, heard, total)
    told = f"{np.count_nonzero(wrong)} of {wrong.size} samples, {lost} cycles lost, {late} samples late"
    assert np.count_nonzero(wrong) <= lost * (total + 2 * lab.cycle + 2 * FADE) + late + stalls * around, told
    stretches = wrong[0] + np.count_nonzero(np.diff(wrong.astype(int)) == 1)
    assert stretches <= 4 * (lost + stalls), f"{stretches} stretches: {told}"
    assert np.count_nonzero(wrong) <= 0.4 * wrong.size, told


def slowed(session, seconds, at=1.0):
    """Have one chunk, `at` seconds after the start, take that long."""
    feed = session._pipeline.feed
    begun = time.monotonic()
    left = [seconds]

    def slow(x):
        if left and time.monotonic() - begun > at:
            time.sleep(left.pop())
        return feed(x)

    session._pipeline.feed = slow
