"""Times taken side by side: contestants run in turn, so that whatever else the machine does hits all alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds of each run, in the order of the rounds."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)

    @property
    def fastest(self) -> float:
        """Seconds."""
        return min(self.seconds)

    @property
    def slowest(self) -> float:
        """Seconds."""
        return max(self.seconds)


def interleaved(contestants: dict[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Run every contestant once a round, each round beginning with another one.

    Args:
        contestants: what to run, by name. Each has been run once before.
        rounds: how many times each is run.
    """
    names = list(contestants)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for round_ in range(rounds):
        first = round_ % len(names)
        for name in names[first:] + names[:first]:
            gc.collect()
            start = time.perf_counter()
            result = contestants[name]()
            seconds[name].append(time.perf_counter() - start)
            del result
    return {name: Timing(tuple(taken)) for name, taken in seconds.items()}


def ratio(of: Timing, to: Timing) -> float:
    """The median over rounds of one time over the other's in the same round."""
    return statistics.median(a / b for a, b in zip(of.seconds, to.seconds, strict=True))
