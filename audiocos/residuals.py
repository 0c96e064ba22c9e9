"""What the residual of a second of sound looks like, and how unlike the normal one it is.

The total error says little where the abnormal part is small; where in the spectrum it lies says much. Training
writes what is normal into the model, and monitoring judges each second by it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from audiocos.cosines import Float64
from audiocos.metrics import SILENCE_POWER, Array, segment_length, snr_db

BANDS = 16

FLOOR_DB = -120.0
"""Nothing is told apart below this: neither residuals relative to the input, nor inputs relative to full scale."""

SILENCE_DBFS = -90.0
"""At most this loud, a second is silent: 16-bit samples that toggle their last bit lie just below."""


@dataclass(frozen=True, eq=False)
class Second:
    """One second of sound, its channels taken together.

    Args:
        snr_db: None for digital silence and for an exact copy.
        input_dbfs: mean square of the input, dB of full scale; at least -120.
        levels: energy of the residual in each band over the energy of the whole input, in dB, `[16]`; at least -120.
    """

    snr_db: float | None
    input_dbfs: float
    levels: Float64

    @property
    def silent(self) -> bool:
        """Whether the input is at most -90 dBFS: then the levels mean nothing."""
        return self.input_dbfs <= SILENCE_DBFS


def band_edges(sample_rate: float, bands: int = BANDS) -> Float64:
    """Edges of bands in Hz, `[bands + 1]`, from 0 to half the rate, equally far apart in mel (O'Shaughnessy 1987).

    >>> band_edges(8000).round().tolist()[:4], band_edges(8000)[-1].round(6)
    ([0.0, 88.0, 188.0, 300.0], np.float64(4000.0))
    """
    return np.asarray(700.0 * np.expm1(np.linspace(0.0, np.log1p(sample_rate / 2 / 700.0), bands + 1)))


def band_weights(sample_rate: float, segment: int) -> Float64:
    """How much of each bin of a real transform of `segment` samples lies in each band, `[16, segment // 2 + 1]`.

    A bin reaches half a bin to both sides and is shared where an edge cuts it, so that every bin counts once and
    no band is empty.
    """
    edges = band_edges(sample_rate)
    borders = (np.arange(segment // 2 + 2) - 0.5).clip(0.0, segment / 2) * (sample_rate / segment)
    low = np.maximum(edges[:-1, None], borders[None, :-1])
    high = np.minimum(edges[1:, None], borders[None, 1:])
    return np.asarray((high - low).clip(0.0) / np.diff(borders))


class BandLevels:
    """Feed a signal and its reconstruction in blocks of any size, get a row for each second that is complete.

    The same bits come out for every chunking. Hann-windowed segments of about 32 ms overlap by half and run on
    from second to second, so that no sample goes unheard; a segment belongs to the second in which it ends.

    Args:
        sample_rate: Hz; a second is that many samples, or one segment where that is more.
        channels: C.
    """

    def __init__(self, sample_rate: float, channels: int) -> None:
        self._segment = segment_length(sample_rate)
        self._hop = self._segment // 2
        self._second = max(round(sample_rate), self._segment)
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self._segment) / self._segment)
        self._window = window / math.sqrt(float(window @ window))
        sides = np.full(self._segment // 2 + 1, 2.0)
        sides[[0, -1]] = 1.0
        self._weights = band_weights(sample_rate, self._segment) * sides / self._segment
        self._buffer = np.zeros((2, channels, self._segment + self._second))
        self._carried = 0  # samples of earlier seconds that the next segments still need
        self._fill = 0

    @property
    def second(self) -> int:
        """Samples that a row stands for."""
        return self._second

    def feed(self, x: Array, y: Array) -> list[Second]:
        """Take the next block of both, `[channels, samples]`, aligned in time.

        Raises:
            ValueError: shapes that differ from each other or from the channels.
        """
        channels = self._buffer.shape[1]
        if x.shape != y.shape or x.ndim != 2 or x.shape[0] != channels:
            raise ValueError(f"x {list(x.shape)}, y {list(y.shape)}: give equal [{channels}, samples].")
        rows: list[Second] = []
        position = 0
        while position < x.shape[1]:
            taken = min(self._carried + self._second - self._fill, x.shape[1] - position)
            self._buffer[0, :, self._fill : self._fill + taken] = x[:, position : position + taken]
            self._buffer[1, :, self._fill : self._fill + taken] = y[:, position : position + taken]
            self._fill += taken
            position += taken
            if self._fill == self._carried + self._second:
                rows.append(self._row())
        return rows

    def _row(self) -> Second:
        x = self._buffer[0, :, : self._fill]
        residual = x - self._buffer[1, :, : self._fill]
        fresh = x[:, self._carried :]
        signal = float(np.square(fresh).sum())
        row = Second(
            snr_db(signal, float(np.square(residual[:, self._carried :]).sum())),
            _decibels(signal / fresh.size),
            self._levels(x, residual),
        )
        kept = self._fill - ((self._fill - self._segment) // self._hop + 1) * self._hop
        self._buffer[:, :, :kept] = self._buffer[:, :, self._fill - kept : self._fill].copy()
        self._carried = self._fill = kept
        return row

    def _levels(self, x: Array, residual: Array) -> Float64:
        if not residual.any():
            return np.full(BANDS, FLOOR_DB)
        windowed = [
            sliding_window_view(z, self._segment, axis=1)[:, :: self._hop] * self._window for z in (x, residual)
        ]
        power = np.square(np.abs(scipy.fft.rfft(windowed[1]))).mean(axis=(0, 1))
        bands = (self._weights * power).sum(axis=1)
        whole = max(float(np.square(windowed[0]).sum(axis=-1).mean()), SILENCE_POWER)
        return np.asarray(10 * np.log10(np.maximum(bands / whole, 10 ** (FLOOR_DB / 10))))


def _decibels(power: float) -> float:
    return 10 * math.log10(max(power, 10 ** (FLOOR_DB / 10)))
