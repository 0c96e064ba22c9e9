"""Spectra of input and residual of what goes by, smoothed so that the eye can follow."""

from __future__ import annotations

import math

import numpy as np
import scipy.fft

from audiocos.cosines import Float64
from audiocos.metrics import Array, segment_length
from audiocos.residuals import band_edges

BANDS = 160

FLOOR_DB = -150.0

SMOOTHING_S = 0.25
"""Time constant of the running mean of the power."""


class Spectra:
    """Feed input and output in blocks of any size; the same bits come out for every chunking.

    Args:
        sample_rate: Hz.
        channels: C; more than two should be mixed to one before.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._frame = 2 * segment_length(sample_rate)
        self._hop = self._frame // 2
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self._frame) / self._frame)
        self._window = window * (2 / window.sum())  # a sine at full scale is 0 dB
        edges = band_edges(sample_rate, BANDS)
        self._lowest_bin = np.minimum(edges[:-1] * self._frame / sample_rate, self._hop).astype(np.int64)
        self.frequencies_hz: Float64 = (edges[:-1] + edges[1:]) / 2
        self._keep = math.exp(-self._hop / sample_rate / SMOOTHING_S)
        self._buffer = np.zeros((2, channels, self._frame))
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self._buffer[...] = 0
        self._fill = self._hop  # silence went before
        self._power = np.zeros((2, BANDS))
        self._weight = 0.0

    def feed(self, x: Array, y: Array) -> None:
        """Take the next block of both, `[channels, samples]`, aligned in time."""
        position = 0
        while position < x.shape[1]:
            taken = min(self._frame - self._fill, x.shape[1] - position)
            piece, place = slice(position, position + taken), slice(self._fill, self._fill + taken)
            self._buffer[0, :, place] = x[:, piece]
            np.subtract(x[:, piece], y[:, piece], out=self._buffer[1, :, place])
            self._fill += taken
            position += taken
            if self._fill == self._frame:
                self._close()

    def levels_db(self) -> Float64:
        """Input and residual, the loudest bin of each band (a tone keeps its level), at least -150, `[2, bands]`."""
        mean = self._power / self._weight if self._weight else self._power
        return np.asarray(10 * np.log10(np.maximum(mean, 10 ** (FLOOR_DB / 10))))

    def _close(self) -> None:
        spectrum = scipy.fft.rfft(self._buffer * self._window)
        power = (np.square(spectrum.real) + np.square(spectrum.imag)).mean(axis=1)
        bands = np.maximum.reduceat(power, self._lowest_bin, axis=1)
        if np.isfinite(bands).all():  # NaN would stay in the mean
            self._power = self._keep * self._power + (1 - self._keep) * bands
            self._weight = self._keep * self._weight + (1 - self._keep)
        self._buffer[:, :, : self._hop] = self._buffer[:, :, self._hop :]
        self._fill = self._hop
