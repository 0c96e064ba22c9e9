"""What a report shows of a file: its error over time, and the stretch where most was lost."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

EXCERPT_SECONDS = 15.0
MOST_POINTS = 1024
_FLOOR_POWER = 1e-15


def few(x: Array) -> Array:
    """At most two channels, `[channels, samples]`: more are mixed to one."""
    mixed: Array = x if x.shape[0] <= 2 else x.mean(axis=0, keepdims=True)
    return mixed


class Observer:
    """Watch input and output go by, in constant memory. Channels beyond two are mixed to one.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._bin = max(1, sample_rate // 50)  # samples a point; doubles when the points get too many
        self._points: list[tuple[float, float]] = []
        self._open = np.zeros(3)  # input energy, residual energy, samples of the point in the making
        self._length = max(1, int(EXCERPT_SECONDS * sample_rate))
        self._stretch: list[tuple[Array, Array]] = []
        self._stretch_samples = 0
        self._seen = 0
        self._worst: tuple[float, int, Array, Array] | None = None

    def update(self, x: Array, y: Array) -> None:
        """Take the next block of both, `[channels, samples]`."""
        x, y = few(x), few(y)
        self._add_points(x, y)
        position = 0
        while position < x.shape[1]:
            taken = min(self._length - self._stretch_samples, x.shape[1] - position)
            piece = slice(position, position + taken)
            self._stretch.append((x[:, piece].astype(np.float32), y[:, piece].astype(np.float32)))
            self._stretch_samples += taken
            position += taken
            if self._stretch_samples == self._length:
                self._close_stretch()

    def excerpt(self) -> tuple[float, Array, Array]:
        """Start in seconds, input and output of the stretch with the largest error, `[channels, samples]`."""
        if self._stretch_samples:
            self._close_stretch()
        if self._worst is None:
            return 0.0, np.zeros((1, 0), np.float32), np.zeros((1, 0), np.float32)
        _, start, x, y = self._worst
        return start / self._rate, x, y

    def curve(self) -> tuple[Array, Array, Array]:
        """Times in seconds, input and residual level in dBFS (mean power a channel, floor -150), `[points]`."""
        points = [*self._points]
        if self._open[2]:
            points.append((self._open[0] / self._open[2], self._open[1] / self._open[2]))
        powers = np.array(points).reshape(-1, 2)
        levels = 10 * np.log10(np.maximum(powers, _FLOOR_POWER))
        times = (np.arange(len(points)) + 0.5) * self._bin / self._rate
        return times, levels[:, 0], levels[:, 1]

    def _close_stretch(self) -> None:
        x = np.concatenate([pair[0] for pair in self._stretch], axis=1)
        y = np.concatenate([pair[1] for pair in self._stretch], axis=1)
        lost = float(np.square(x - y, dtype=np.float64).sum())
        if self._worst is None or lost > self._worst[0]:
            self._worst = (lost, self._seen, x, y)
        self._seen += x.shape[1]
        self._stretch, self._stretch_samples = [], 0

    def _add_points(self, x: Array, y: Array) -> None:
        energies = np.stack([np.square(z, dtype=np.float64).mean(axis=0) for z in (x, x - y)])
        first = int(self._bin - self._open[2])
        edges = [0, *range(first, energies.shape[1], self._bin)]
        for start, stop in zip(edges, [*edges[1:], energies.shape[1]], strict=True):
            self._open[:2] += energies[:, start:stop].sum(axis=1)
            self._open[2] += stop - start
            if self._open[2] >= self._bin:
                self._points.append((self._open[0] / self._bin, self._open[1] / self._bin))
                self._open[:] = 0
        if len(self._points) >= 2 * MOST_POINTS:
            self._halve()

    def _halve(self) -> None:
        """Join points in pairs; an odd last one goes back to the point in the making."""
        pairs = np.array(self._points[: len(self._points) // 2 * 2]).reshape(-1, 2, 2).mean(axis=1)
        odd = self._points[len(pairs) * 2 :]
        self._points = [tuple(pair) for pair in pairs.tolist()]
        for point in odd:
            self._open[:2] += np.array(point) * self._bin
            self._open[2] += self._bin
        self._bin *= 2
