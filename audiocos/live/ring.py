"""A ring of samples between two threads, and the signal that wakes the one that waits.

One thread writes and one reads. Each moves its own counter only, after the samples are in place, so neither needs
a lock and the device's callback never waits.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]


class Ring:
    """Samples in flight, `[channels, capacity]`, allocated once.

    Args:
        channels: C.
        capacity: samples that it holds at most.
        dtype: float32 or float64.

    >>> ring = Ring(1, 4)
    >>> ring.write(np.ones((1, 3), np.float32)), ring.available, ring.room
    (3, 3, 1)
    """

    def __init__(self, channels: int, capacity: int, dtype: DTypeLike = np.float32) -> None:
        self.channels, self.capacity = channels, capacity
        self._samples = np.zeros((channels, capacity), dtype)
        self._samples.fill(0)  # touched, so that no page is made for the first time later
        self.dtype = self._samples.dtype
        self._written = 0  # moved by the writer only
        self._read = 0  # moved by the reader only
        self.refused = 0
        """Samples that found no room, moved by the writer only; again each time that it offers them."""
        self.short = 0
        """Samples that were wanted and not there, moved by the reader only."""

    @property
    def written(self) -> int:
        """Samples written since the ring was made."""
        return self._written

    @property
    def available(self) -> int:
        """Samples that can be read."""
        return self._written - self._read

    @property
    def room(self) -> int:
        """Samples that can be written."""
        return self.capacity - self.available

    def write(self, block: Array) -> int:
        """Writer: append as much of `block`, `[channels, samples]`, as there is room for; gives how much."""
        wanted = int(block.shape[1])
        count = min(wanted, self.room)
        start = self._written % self.capacity
        head = min(count, self.capacity - start)
        self._samples[:, start : start + head] = block[:, :head]
        if head < count:
            self._samples[:, : count - head] = block[:, head:count]
        self._written += count
        self.refused += wanted - count
        return count

    def write_silence(self, count: int) -> int:
        """Writer: append as many zeros as there is room for; gives how many."""
        count = min(count, self.room)
        start = self._written % self.capacity
        head = min(count, self.capacity - start)
        self._samples[:, start : start + head] = 0
        self._samples[:, : count - head] = 0
        self._written += count
        return count

    def read(self, out: Array) -> int:
        """Reader: take as much as there is into `out`, `[channels, samples]`; gives how much."""
        wanted = int(out.shape[1])
        count = min(wanted, self.available)
        start = self._read % self.capacity
        head = min(count, self.capacity - start)
        out[:, :head] = self._samples[:, start : start + head]
        if head < count:
            out[:, head:count] = self._samples[:, : count - head]
        self._read += count
        self.short += wanted - count
        return count

    def skip(self, count: int) -> int:
        """Reader: throw away at most `count` samples; gives how many."""
        count = min(count, self.available)
        self._read += count
        return count


class Signal:
    """Wakes one waiting thread. `set` neither waits nor allocates, so a device's callback may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        """Let the waiting thread go on, or the next one that waits."""
        if self._lock.locked():
            with contextlib.suppress(RuntimeError):  # another thread has been faster
                self._lock.release()

    def wait(self, seconds: float) -> bool:
        """Wait until `set`, at most so long; whether it was."""
        return self._lock.acquire(timeout=seconds)
