"""How much silence must lie in the ring to the speakers before the first sound, so that it never runs dry.

The device hands over blocks of B samples and, in the same callback, wants B samples back. The worker runs between
two callbacks and turns every H samples into H samples. When callback k (k = 0, 1, ...) reads, the worker has seen
k B samples and written floor(k B / H) H; what is read by then is (k + 1) B. So the ring needs, for every k,

    P >= (k + 1) B - floor(k B / H) H = B + (k B mod H),

and k B mod H reaches, and never exceeds, H - gcd(B, H).

A driver with a period D longer than B calls for all the blocks of a period in one go, and the worker runs between two
periods only: what it has seen is what was called for in the periods before, floor(n D / B) B samples after n of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def least_prefill(block: int, hop: int, period: int | None = None) -> int:
    """The fewest samples of silence with which the ring never runs dry; B + H - gcd(B, H) where blocks come one by one.

    Args:
        block: B, samples a callback.
        hop: H, samples that the worker turns at a time.
        period: D, samples that the driver moves at a time; None: as many as a block.

    >>> least_prefill(256, 512), least_prefill(512, 256), least_prefill(100, 256)
    (512, 512, 352)
    >>> least_prefill(256, 512, 1024), least_prefill(256, 512, 64)
    (1024, 512)
    """
    if period is None or period <= block:
        return block + hop - math.gcd(block, hop)
    seen, wanted = _periods(block, period, math.lcm(block, hop, period) // period)
    return int((wanted - seen // hop * hop).max())


def prefill_of(block: int, chunk: int, written: Sequence[int], period: int | None = None) -> int:
    """The same for a worker whose output comes in uneven pieces, as behind a resampler: the worst case over a run.

    Args:
        block: B, samples a callback.
        chunk: samples that the worker takes at a time.
        written: `written[j]` samples have come out when j chunks have gone in; `written[0]` is 0.
        period: as for `least_prefill`.

    >>> prefill_of(256, 512, [512 * j for j in range(100)]) == least_prefill(256, 512)
    True
    """
    period = max(block, period or block)
    seen, wanted = _periods(block, period, (len(written) - 1) * chunk // period)
    return int((wanted - np.asarray(written)[seen // chunk]).max())


def _periods(block: int, period: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Samples handed over before each of so many periods, and samples wanted by its end."""
    called = np.arange(count + 2, dtype=np.int64) * period // block * block
    return called[:-1], called[1:]
