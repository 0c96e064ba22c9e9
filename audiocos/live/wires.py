"""What connects the threads of a session: rings, signals, and the choices that the user may change meanwhile."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np

from audiocos.live.gaps import Gaps
from audiocos.live.pipeline import Pipeline
from audiocos.live.ring import Ring, Signal

_INLET_S = 0.2  # of sound that the worker may lag behind a device before input is dropped
_LONGEST_PERIOD = 8192  # samples; of JACK and PipeWire, which hand over all of it at once
_METER_S = 10.0  # of sound that meters and files may lag behind a device
_AHEAD_S = 0.1  # of a file, computed before the speakers want it: disks and busy machines pause for so long


@dataclass
class Choice:
    """What the user may change while it runs; the worker looks at it once a chunk.

    Args:
        listen: "output", "input" or "residual".
        keep: coefficients kept, those of the lowest frequencies; None: all.
    """

    listen: str = "output"
    keep: int | None = None


@dataclass
class Wires:
    """What connects the worker with the other threads.

    Args:
        inlet: input, from a device or a feeder.
        closed: set by whoever writes `inlet`, after the last sample.
        wake: set when `inlet` has got more, or room has come up in `pairs` or `play`.
        taken: set when the worker has taken something from `inlet`.
        pairs: input and reconstruction, `[2 C, capacity]`.
        paired: set when `pairs` has got more, at once where the sound waits for its meters; and at the end.
        play: what a device is to play, or None.
        lost: where in `inlet` samples are missing, because the device lost them or the ring had no room.
        unmetered: where in `pairs` samples are missing: those, and what bypassed the model or was not measured.
    """

    inlet: Ring
    closed: threading.Event
    wake: Signal
    taken: Signal
    pairs: Ring
    paired: Signal
    play: Ring | None = None
    lost: Gaps = field(default_factory=Gaps)
    unmetered: Gaps = field(default_factory=Gaps)


def inside(pipeline: Pipeline, block: int) -> int:
    """Samples that are inside a pipeline at most, or come out at once."""
    return 4 * (pipeline.chunk + block + pipeline.algorithmic) + 65536


def make_wires(
    pipeline: Pipeline,
    block: int,
    sample_rate: int,
    *,
    play_rate: int | None = None,
    live: bool = False,
    piped: bool = False,
    slack: int = 0,
) -> Wires:
    """Wires with rings of the sizes that a session needs.

    Args:
        pipeline: the model.
        block: samples that a device hands over.
        sample_rate: Hz.
        play_rate: Hz of the speakers; None where there are none.
        live: the source is a microphone, which does not wait.
        piped: or another program in real time, which may be a recorder.
        slack: samples more between worker and speakers.
    """
    channels, dtype, chunk = pipeline.stream.channels, pipeline.stream.dtype, pipeline.chunk
    at_once = _LONGEST_PERIOD + chunk + block  # the device's period is not known yet
    inlet = Ring(channels, max(3 * chunk, 4 * block, at_once, int(_INLET_S * sample_rate)), dtype)
    longest = inside(pipeline, block)
    waits = not (live or piped or play_rate is not None)  # for its meters
    late = 0 if waits else int(_METER_S * sample_rate)
    pairs = Ring(2 * channels, longest + late, dtype)
    play = None
    if play_rate is not None:
        ahead = max(int(_AHEAD_S * play_rate), 4 * block, 2 * chunk) + slack
        play = Ring(channels, longest if live else ahead, np.float32)
    return Wires(inlet, threading.Event(), Signal(), Signal(), pairs, Signal(), play)
