"""A worker and what it is wired to, without a device or a thread: a test brings sound and looks at the rings."""

import threading
from dataclasses import dataclass

import numpy as np
from duplex import RATE

import audiocos
from audiocos.live.counters import Counters, HopTimes
from audiocos.live.engine import Worker
from audiocos.live.log import Log
from audiocos.live.measure import Measure
from audiocos.live.pipeline import Pipeline, make_pipeline
from audiocos.live.wires import Choice, Wires, make_wires

BLOCK = 256


@dataclass
class Bench:
    """A worker and what it is wired to."""

    pipeline: Pipeline
    wires: Wires
    worker: Worker
    counters: Counters
    times: HopTimes
    log: Log
    stop: threading.Event
    choice: Choice
    done: threading.Event
    measure: Measure

    def turn(self, x):
        """Bring sound and let the worker take what is whole chunks."""
        assert self.wires.inlet.write(x) == x.shape[1]
        while self.wires.inlet.available >= self.pipeline.chunk:
            self.worker._meet_gaps(self.wires.inlet.available)
            self.worker._turn()

    def measured(self):
        """How much the meters have found when they run, now only."""
        self.done.set()
        self.measure.run()
        return self.measure.samples


def bench(name="exact", *, play_rate=None, live=True, overload="drop", converter=None, taps=(), piped=False):
    """A worker at 48 kHz on one channel."""
    pipeline = make_pipeline(
        audiocos.load(name), RATE, 1, dtype=np.float32, device="cpu", block=BLOCK, fast=False, soon=live
    )
    wires = make_wires(pipeline, BLOCK, RATE, play_rate=play_rate, live=live)
    counters, times, log, choice = Counters(), HopTimes(pipeline.chunk / RATE), Log(RATE), Choice()
    stop = threading.Event()
    worker = Worker(
        pipeline, wires, choice, counters, times, log, stop,
        lossless=not live, piped=piped, limit=None, overload=overload, block=BLOCK, converter=converter,
    )  # fmt: skip
    done = threading.Event()
    measure = Measure(
        wires.pairs, wires.unmetered, wires.paired, wires.wake, done,
        sample_rate=RATE, subtype=None, sink=None, choice=choice, taps=taps,
    )  # fmt: skip
    return Bench(pipeline, wires, worker, counters, times, log, stop, choice, done, measure)


def noise(count, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (1, count)).astype(np.float32)
