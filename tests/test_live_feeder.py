"""The pace at which sound from another program is taken, by a clock that the test moves."""

from types import SimpleNamespace

import numpy as np
import pytest

from audiocos.live import feeder
from audiocos.live.feeder import Feeder
from audiocos.live.ring import Ring, Signal

RATE, BLOCK = 48000, 480


class Clock:
    """Time passes where someone waits; an event that is never set."""

    def __init__(self):
        self.now_s = 1000.0

    def monotonic(self):
        return self.now_s

    def wait(self, seconds):
        self.now_s += seconds

    def is_set(self):
        return False


class Recorder:
    """Sound that another program records, block by block, at `times_s` on the clock."""

    sample_rate = RATE

    def __init__(self, clock, times_s, piped):
        self.clock, self.times_s, self.piped = clock, clock.now_s + np.asarray(times_s), piped

    def blocks(self, size):
        for time_s in self.times_s:
            self.clock.wait(max(0.0, time_s - self.clock.now_s))
            yield np.ones((1, size), np.float32)


class Inlet(Ring):
    """Notes when each block has come."""

    def write(self, block):
        self.came_s.append(self.clock.now_s)
        return super().write(block)


def fed(monkeypatch, times_s, *, piped=True):
    """When each block is fed, in seconds, and when it was recorded."""
    clock = Clock()
    monkeypatch.setattr(feeder, "time", SimpleNamespace(monotonic=clock.monotonic))
    inlet = Inlet(1, BLOCK * (len(times_s) + 1))
    inlet.clock, inlet.came_s = clock, []
    Feeder(
        Recorder(clock, times_s, piped), inlet, SimpleNamespace(set=lambda: None), Signal(), Signal(), clock,
        block=BLOCK, paced=True,
    ).run()  # fmt: skip
    return np.array(inlet.came_s) - 1000.0, np.asarray(times_s)


def recorded(seconds, *, before_s=0.0, fast=1.0):
    """Times of a recorder that began earlier, and whose clock is faster."""
    return np.maximum(np.arange(round(seconds * RATE / BLOCK)) * BLOCK / RATE / fast - before_s, 0.0)


def test_a_pipe_that_began_before_us_is_up_to_date_within_a_minute_though_its_clock_is_faster(monkeypatch):
    came_s, times_s = fed(monkeypatch, recorded(80, before_s=0.8, fast=1.001))
    late_s = came_s - times_s
    assert late_s[80] > 0.7, "at first it is late by what has come meanwhile"
    assert late_s[-1000:].max() < 2 * BLOCK / RATE
    assert late_s.max() < 0.82


def test_a_pipe_that_comes_in_a_burst_after_a_long_time_is_paced(monkeypatch):
    came_s, _ = fed(monkeypatch, np.concatenate([recorded(300), np.full(500, 301.0)]))
    assert 4.5 < came_s[-1] - 301.0 < 5.0


@pytest.mark.parametrize("stall_s", [0.0, 3.0])
def test_a_file_is_paced_by_our_clock(monkeypatch, stall_s):
    came_s, _ = fed(monkeypatch, np.where(np.arange(1000) < 500, 0.0, 5.0 + stall_s), piped=False)
    assert came_s[-1] == pytest.approx(10.0 + stall_s, abs=0.02)
