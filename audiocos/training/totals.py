"""Moments added up so precisely that the order does not show.

Batches are heard by many processes, each its own, and addition in float64 rounds another way in every order. Here a sum
is a high and a low part that are added up exactly but for 1e-32 of the sum (TwoSum: Knuth 1969; Dekker 1971), and it is
rounded once, at the end: two orders give the same bits but where a sum lies within 1e-32 of the middle of two numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from audiocos.cosines import Float64
from audiocos.training.statistics import Moment

_ENTRIES_AT_A_TIME = 2**14  # few enough that the steps of an addition stay in the cache

_ZEROS: Any = None  # __post_init__ puts the array in its place


@dataclass
class Total:
    """The sum of moments, in any order.

    Args:
        hop: H.
        reach: hops that belong together.
        sums: blocks and autocorrelation one after another, their high and low parts, `[2, (H + 1) reach H]`.
        hops: hops counted.
        samples: samples counted.
    """

    hop: int
    reach: int
    sums: Float64 = field(default=_ZEROS, repr=False)
    hops: int = 0
    samples: int = 0

    def __post_init__(self) -> None:
        if self.sums is None:
            self.sums = np.zeros((2, (self.hop + 1) * self.reach * self.hop))

    def add(self, moment: Moment) -> None:
        """Add a moment of the same hop and reach."""
        cut = moment.blocks.size
        _add(self.sums[:, :cut], moment.blocks.reshape(-1))
        _add(self.sums[:, cut:], moment.autocorrelation)
        self.hops += moment.hops
        self.samples += moment.samples

    def add_sums(self, sums: Float64) -> None:
        """Add the `sums` of another total."""
        for part in sums:
            _add(self.sums, part)

    def moment(self) -> Moment:
        """The sum, rounded."""
        shape = self.reach, self.hop, self.hop
        rounded, cut = self.sums[0] + self.sums[1], self.reach * self.hop * self.hop
        return Moment(self.hop, self.reach, rounded[:cut].reshape(shape), rounded[cut:], self.hops, self.samples)


def _add(sums: Float64, addend: Float64) -> None:
    """Add `[entries]` to the high and low parts `[2, entries]`."""
    size = min(_ENTRIES_AT_A_TIME, len(addend))
    one, two, three = np.empty((3, size))
    for first in range(0, len(addend), _ENTRIES_AT_A_TIME):
        x = addend[first : first + size]
        high, low = sums[:, first : first + size]
        total, change, lost = one[: len(x)], two[: len(x)], three[: len(x)]
        np.add(high, x, out=total)
        np.subtract(total, high, out=change)
        np.subtract(total, change, out=lost)
        np.subtract(high, lost, out=lost)  # what of the high part the sum has lost
        np.subtract(x, change, out=change)  # and what of the addend
        lost += change
        low += lost
        np.add(total, low, out=high)
        total -= high
        low += total
