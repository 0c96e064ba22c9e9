"""Sessions between the feeder and the recorder of JACK's paced device, and what the recording must show."""

import sys
import time

import numpy as np
import pytest
from jack_server import delays, longest_match, needs_jack

import audiocos
from audiocos.live.ports import microphone, speakers
from audiocos.live.session import Session

RATE = 48000
COMMAND = [sys.executable, "-m", "audiocos"]

on_jack = [needs_jack, pytest.mark.skipif(sys.platform != "linux", reason="JACK's dummy driver, on Linux")]
# Where the processor is taken away for some milliseconds, a device loses sound whatever the program does. Such a test
# is run again, twice at most: what the program does wrong, it does wrong each time.
paced = [*on_jack, pytest.mark.paced, pytest.mark.flaky(reruns=2, reruns_delay=1)]


def duplex(model="exact", source="feeder", sink="recorder", **settings):
    mic = microphone(source)
    out = speakers(sink, sample_rate=mic.sample_rate, channels=mic.channels, beside=mic)
    return Session(audiocos.load(model) if isinstance(model, str) else model, mic, out, **settings)


def run_for(session, seconds):
    session.start()
    time.sleep(seconds)
    session.stop()


def assert_delay(times, heard, session):
    """The recording is the feeder's sound, delayed by what the session reports, to the sample."""
    found = delays(times, heard)
    assert np.median(found) == session.latency.total
    assert found.count(session.latency.total) >= 0.7 * len(found)
    assert longest_match(times, heard, session.latency.total)[1] > 400


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
