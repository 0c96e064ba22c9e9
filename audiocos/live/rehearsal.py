"""Everything that the threads will run, run once on silence: nothing is to happen for the first time when it counts."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np

from audiocos.live.counters import Counters, HopTimes
from audiocos.live.engine import Worker
from audiocos.live.log import Log
from audiocos.live.measure import Measure
from audiocos.live.pipeline import Pipeline
from audiocos.live.ring import Ring, Signal
from audiocos.live.wires import Choice, Wires, inside

CHUNKS = 50
_LONGEST_S = 0.5
"""Of computing, about: a model that is too slow for so many chunks is not to hold up the sound for long."""


def rehearse(pipeline: Pipeline, block: int, sample_rate: int, subtype: str | None) -> None:
    """Run a worker and a meter on silence, and the switch of the coefficients both ways; then begin anew.

    Args:
        pipeline: the model.
        block: samples that a device hands over.
        sample_rate: Hz.
        subtype: in which the reconstruction is measured, or None.
    """
    stream = pipeline.stream
    keep = stream.keep
    for count in (1, keep):
        stream.keep, began = count, time.perf_counter()
        pipeline.feed(np.zeros((stream.channels, pipeline.chunk), stream.dtype))
        took_s = time.perf_counter() - began
    chunks = min(CHUNKS, max(2, int(_LONGEST_S / took_s)))
    pipeline.restart()
    samples, channels = chunks * pipeline.chunk, stream.channels
    inlet, play = Ring(channels, samples, stream.dtype), Ring(channels, samples, np.float32)
    pairs = Ring(2 * channels, samples + inside(pipeline, block), stream.dtype)
    wires = Wires(inlet, threading.Event(), Signal(), Signal(), pairs, Signal(), play)
    inlet.write_silence(samples)
    wires.closed.set()
    times, choice, done = HopTimes(pipeline.chunk / sample_rate), Choice(keep=keep), threading.Event()
    log, stop = Log(sample_rate), threading.Event()
    Worker(
        pipeline, wires, choice, Counters(), times, log, stop, lossless=False, limit=None, overload="drop", block=block
    ).run()
    done.set()
    settings: dict[str, Any] = {"sample_rate": sample_rate, "subtype": subtype, "choice": choice}
    Measure(pairs, wires.unmetered, wires.paired, wires.wake, done, sink=None, taps=(), **settings).run()
    pipeline.restart()
