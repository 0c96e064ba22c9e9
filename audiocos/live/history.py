"""The last seconds of input and residual, kept for whoever learns too late that they mattered."""

from __future__ import annotations

import numpy as np

from audiocos.metrics import Array


class History:
    """A ring of the newest samples of two signals, float32, in memory that is taken once.

    Args:
        channels: of each signal.
        length: samples kept.
    """

    def __init__(self, channels: int, length: int) -> None:
        self._ring = np.zeros((2, channels, length), np.float32)
        self.end = 0
        """Samples seen so far: the position after the newest."""

    @property
    def start(self) -> int:
        """Position of the oldest sample that is still there."""
        return max(0, self.end - self._ring.shape[2])

    def push(self, x: Array, residual: Array) -> None:
        """Add the newest samples, `[channels, samples]` each."""
        length = self._ring.shape[2]
        for position in range(0, x.shape[1], length):
            piece = slice(position, min(position + length, x.shape[1]))
            at = (self.end + np.arange(piece.stop - piece.start)) % length
            self._ring[0][:, at] = x[:, piece]
            self._ring[1][:, at] = residual[:, piece]
            self.end += piece.stop - piece.start

    def between(self, first: int, last: int) -> Array:
        """A copy of both signals, `[2, channels, last - first]`.

        Raises:
            ValueError: positions that are gone or still to come.
        """
        if not self.start <= first <= last <= self.end:
            raise ValueError(f"{first} to {last}: only {self.start} to {self.end} are there.")
        return self._ring[:, :, np.arange(first, last) % self._ring.shape[2]]
