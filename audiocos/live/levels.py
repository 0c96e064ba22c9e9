"""Levels, peaks and signal-to-noise ratios of sound that goes by, from energies of 20 ms each."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from audiocos.cosines import Float64
from audiocos.metrics import Array, snr_db

TICKS_A_SECOND = 50

NOW_S = 0.3
"""What counts as now: as long as a VU meter takes to rise."""

LONG_S = 3.0

CURVE_STEP_S = 0.2

CURVE_POINTS = 1500
"""Five minutes of them."""

HOLD_S = 2.0

FALL_DB_A_SECOND = 20.0

ABSURD = 1e9
"""No sample of a sound."""


@dataclass(frozen=True)
class Level:
    """How loud one signal is, a figure for each channel: dB of full scale, None where there is nothing at all.

    Args:
        now_dbfs: mean square of the last 0.3 s.
        peak_dbfs: the largest sample, held for 2 s, then falling by 20 dB a second.
    """

    now_dbfs: tuple[float | None, ...]
    peak_dbfs: tuple[float | None, ...]


class Levels:
    """Feed input and output in blocks of any size; the figures do not depend on how they are cut.

    Args:
        sample_rate: Hz.
        channels: C.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._tick = max(1, sample_rate // TICKS_A_SECOND)
        self._ticks_a_second = sample_rate / self._tick
        self._open = np.zeros((3, channels, self._tick))  # input, output and residual of the tick in the making
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        shape = self._open.shape[:2]
        self._fill = 0
        self._measured: tuple[Float64, Float64] | None = None
        self._run: Float64 = np.zeros(shape)  # energies
        self._recent: deque[Float64] = deque(maxlen=self._ticks(LONG_S))
        self._held = np.zeros(shape)  # amplitudes
        self._age = np.zeros(shape)  # ticks since the held peak
        self._point: Float64 = np.zeros(shape)
        self._ticks_in_point = 0
        self._curve: deque[float | None] = deque(maxlen=CURVE_POINTS)
        self.points = 0
        """How many the curve has had since the reset."""

    def feed(self, x: Array, y: Array) -> None:
        """Take the next block of both, `[channels, samples]`, aligned in time."""
        self._measured = None
        position = 0
        while position < x.shape[1]:
            taken = min(self._tick - self._fill, x.shape[1] - position)
            piece, place = slice(position, position + taken), slice(self._fill, self._fill + taken)
            self._open[0, :, place] = x[:, piece]
            self._open[1, :, place] = y[:, piece]
            self._fill += taken
            position += taken
            if self._fill == self._tick:
                self._close()

    def snr(self, seconds: float | None = None) -> float | None:
        """The SNR of the last so many seconds (3 at most), or since the reset; None where it has none."""
        return _snr(self._energies(seconds))

    def dbfs(self, seconds: float) -> tuple[float | None, float | None, float | None]:
        """Mean squares of input, output and residual over all channels and the last so many seconds, in dB."""
        energies, samples = self._energies(seconds), self._samples(seconds)
        values = samples * energies.shape[1]
        x, y, residual = (decibels(float(energy) / values if values else 0.0) for energy in energies.sum(axis=1))
        return x, y, residual

    def level(self, which: int) -> Level:
        """The levels of the input (0), the output (1) or the residual (2), channel by channel."""
        energies, samples = self._energies(NOW_S)[which], self._samples(NOW_S)
        now = tuple(decibels(float(energy) / samples if samples else 0.0) for energy in energies)
        _, open_peaks = self._so_far()
        peaks = np.maximum(self._held[which], open_peaks[which])
        return Level(now, tuple(decibels(float(peak) ** 2) for peak in peaks))

    def curve(self) -> tuple[float | None, ...]:
        """The SNR of every 0.2 s, oldest first; None where it has none."""
        return tuple(self._curve)

    def _ticks(self, seconds: float) -> int:
        return max(1, round(seconds * self._ticks_a_second))

    def _close(self) -> None:
        energies, peaks = self._measure()
        self._fill = 0
        self._run += energies
        self._recent.append(energies)
        self._age += 1
        fall = np.where(self._age > HOLD_S * self._ticks_a_second, 10 ** (-FALL_DB_A_SECOND / 20 / TICKS_A_SECOND), 1.0)
        self._held *= fall
        self._age[peaks >= self._held] = 0
        np.maximum(self._held, peaks, out=self._held)
        self._point += energies
        self._ticks_in_point += 1
        if self._ticks_in_point == self._ticks(CURVE_STEP_S):
            self._curve.append(_snr(self._point))
            self.points += 1
            self._point[...] = 0
            self._ticks_in_point = 0

    def _measure(self) -> tuple[Float64, Float64]:
        """Energies and peaks `[3, C]` of the tick in the making."""
        z = self._open[:, :, : self._fill]
        if not self._fill:
            return np.zeros(z.shape[:2]), np.zeros(z.shape[:2])
        np.subtract(z[0], z[1], out=z[2])
        energies = np.einsum("sct,sct->sc", z, z)
        if not np.isfinite(energies).all():  # it passed every guard before, but must not spoil the run's figures
            z[~(np.abs(z) < ABSURD)] = 0.0
            return self._measure()
        return energies, np.maximum(z.max(axis=2), -z.min(axis=2))

    def _so_far(self) -> tuple[Float64, Float64]:
        """The same, measured once until more is fed."""
        if self._measured is None:
            self._measured = self._measure()
        return self._measured

    def _energies(self, seconds: float | None) -> Float64:
        """Sums over the last ticks, the one in the making among them, or over all since the reset."""
        energies, _ = self._so_far()
        if seconds is None:
            return np.asarray(self._run + energies)
        whole = self._whole(seconds)
        return np.asarray(energies + (np.sum(list(self._recent)[-whole:], axis=0) if whole else 0.0))

    def _samples(self, seconds: float) -> int:
        return self._whole(seconds) * self._tick + self._fill

    def _whole(self, seconds: float) -> int:
        return min(self._ticks(seconds) - bool(self._fill), len(self._recent))


def decibels(power: float) -> float | None:
    """10 log10, None for zero.

    >>> decibels(0.01), decibels(0.0)
    (-20.0, None)
    """
    return 10 * math.log10(power) if power > 0.0 else None


def _snr(energies: Float64) -> float | None:
    return snr_db(float(energies[0].sum()), float(energies[2].sum()))
