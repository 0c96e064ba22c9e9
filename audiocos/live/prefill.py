"""How much silence must lie in the ring to the speakers before the first sound, so that it never runs dry.

The device hands over blocks of B samples and, in the same callback, wants B samples back. The worker runs between
two callbacks and turns every H samples into H samples. When callback k (k = 0, 1, ...) reads, the worker has seen
k B samples and written floor(k B / H) H; what is read by then is (k + 1) B. So the ring needs, for every k,

    P >= (k + 1) B - floor(k B / H) H = B + (k B mod H),

and k B mod H reaches, and never exceeds, H - gcd(B, H).
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def least_prefill(block: int, hop: int) -> int:
    """The fewest samples of silence with which the ring never runs dry, B + H - gcd(B, H).

    Args:
        block: B, samples a callback.
        hop: H, samples that the worker turns at a time.

    >>> least_prefill(256, 512), least_prefill(512, 256), least_prefill(100, 256)
    (512, 512, 352)
    """
    return block + hop - math.gcd(block, hop)


def prefill_of(block: int, chunk: int, written: Sequence[int]) -> int:
    """The same for a worker whose output comes in uneven pieces, as behind a resampler: the worst case over a run.

    Args:
        block: B, samples a callback.
        chunk: samples that the worker takes at a time.
        written: `written[j]` samples have come out when j chunks have gone in; `written[0]` is 0.

    >>> prefill_of(256, 512, [512 * j for j in range(100)]) == least_prefill(256, 512)
    True
    """
    callbacks = (len(written) - 1) * chunk // block
    return max((k + 1) * block - written[k * block // chunk] for k in range(callbacks + 1))
