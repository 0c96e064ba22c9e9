"""When sound is to bypass a model that is too slow for its deadline, and when the model may try again."""

from __future__ import annotations

import math

LONGEST_S = 1.0
"""A model that is too slow time after time tries again so long after."""


class Backoff:
    """Counted in chunks. One that came too late lets one pass by; each more within a second after, twice as many.

    So a machine that falters for once costs a chunk, and a model that is too slow by itself a moment a second.

    Args:
        chunk_s: seconds of a chunk.

    >>> backoff = Backoff(chunk_s=0.01)
    >>> [backoff.passes(missing) for missing in (0, 64, 64, 128, 128, 128)]
    [False, True, False, True, True, False]
    """

    def __init__(self, chunk_s: float) -> None:
        self._most = max(1, math.ceil(LONGEST_S / chunk_s))
        self._missing = 0
        self._left = 0  # chunks to go
        self._length = 0  # of the last time
        self._since = self._most  # chunks since then

    def passes(self, missing: int) -> bool:
        """Whether the next chunk is to pass by.

        Args:
            missing: samples of output that have come too late so far.
        """
        missed, self._missing = missing > self._missing, missing
        if self._left:  # what is missing now was late before
            self._left -= 1
            if self._left:
                return True
            self._since = 0
            return False
        self._since += 1
        if not missed:
            return False
        self._length = min(2 * self._length, self._most) if self._since <= self._most else 1
        self._left = self._length
        return True
