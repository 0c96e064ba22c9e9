"""Whole signals: a `Stream` fed once, in large groups, on every core.

The signal is cut into one part a thread. Each part is a stream of its own that starts early enough to know
every frame that reaches into it, so the result has the bits of one stream fed once.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from audiocos.cosines import CosineParameters
from audiocos.framing import Framing
from audiocos.stream import Stream

Array = NDArray[Any]

_GROUP_SAMPLES = 2**17  # of all channels together: a group and its working copies stay in a core's cache
_LEAST_GROUPS = 8  # in a part; for fewer another thread does not pay


@lru_cache(maxsize=1)
def _thread_pools() -> ThreadpoolController:
    """Looking the libraries up takes milliseconds: once, and numpy's is there by now."""
    return ThreadpoolController()


def best_group(framing: Framing, channels: int) -> int:
    """Frames a group for signals that are at hand as a whole, where latency does not matter.

    >>> from audiocos import framing
    >>> best_group(framing.lapped(1024), channels=2)
    128
    """
    return max(1, _GROUP_SAMPLES // (framing.hop * channels))


def reconstruct(
    parameters: CosineParameters,
    framing: Framing,
    x: Array,
    *,
    device: str = "auto",
    threads: int | None = None,
) -> Array:
    """Reconstruct a signal: as long as it is, and aligned with it.

    Args:
        parameters: the pair.
        framing: its framing.
        x: `[channels, samples]`, float32 or float64.
        device: "auto", "cpu", "cuda" or "mps".
        threads: on the CPU; one a core when None. No bit of the result depends on it.

    Raises:
        StreamError: channels or a dtype that cannot be.
        DeviceError: a device that is not there.

    >>> from audiocos import cosines, framing
    >>> x = np.arange(6.0)[None]
    >>> reconstruct(cosines.orthogonal(4), framing.block(4), x).round(9).tolist()
    [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]]
    """
    channels, samples = x.shape
    group = best_group(framing, channels)

    def stream() -> Stream:
        return Stream(parameters, framing, channels=channels, dtype=x.dtype, device=device, group=group)

    streams = [stream()]
    groups = -(-samples // (group * framing.hop))
    if streams[0].device == "cpu":
        parts = min(threads or os.cpu_count() or 1, groups // _LEAST_GROUPS)
        streams += [stream() for _ in range(1, parts)]
    y = np.empty_like(x)
    bounds = [min(i * groups // len(streams) * group * framing.hop, samples) for i in range(len(streams) + 1)]
    bounds[-1] = samples
    # One BLAS thread for each of ours: faster than ours waiting in turn for all of BLAS's.
    with _thread_pools().limit(limits=1, user_api="blas"), ThreadPoolExecutor(len(streams)) as pool:
        list(pool.map(lambda part, start, stop: _fill(part, x, y, start, stop), streams, bounds, bounds[1:]))
    return y


def _fill(stream: Stream, x: Array, y: Array, start: int, stop: int) -> None:
    """Reconstruct y[:, start:stop]; `start` is where a group begins."""
    step, late = stream.group * stream.framing.hop, stream.latency
    early = max(0, start - -(-stream.framing.frame // step) * step)
    stream.feed(x[:, early : start + late])
    ready = max(start, min(stop, x.shape[1] - late))
    stream.feed(x[:, start + late : ready + late], y[:, start:ready])
    if ready < stop:
        tail = stream.flush()
        y[:, ready:stop] = tail[:, tail.shape[1] - (x.shape[1] - ready) :][:, : stop - ready]
