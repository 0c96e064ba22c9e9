"""Error figures between a signal x and its reconstruction y, at once or running.

Everything is defined for every finite input: what has no value (the SNR of silence, or of an exact copy) is
None, never NaN or infinity. A running measurement fed in any blocks gives the answer of one fed at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Array = NDArray[Any]

LOSSLESS_DB = 319.99
"""From here on figures of second moments are exact: less than 1e-32 of the energy is not told from none."""

SEGMENTAL_RANGE_DB = (-10.0, 35.0)
"""Segments are clamped to this range (Hansen and Pellom 1998)."""

SILENCE_POWER = 1e-10
"""-100 dBFS: segments quieter than this have no segmental SNR; also the floor of log spectra."""


SEGMENTS_AT_ONCE = 256
"""Bounds the memory that a long signal takes."""


@dataclass(frozen=True)
class Figures:
    """What was lost. Energies are summed over all channels.

    Args:
        samples: samples a channel.
        mse: mean squared error.
        snr_db: 10 log10 of signal over residual energy; None for silence or an exact copy.
        segmental_snr_db: mean over segments, each clamped to -10..35 dB; None when all are silent.
        max_abs_error: the largest |x - y|.
        log_spectral_distance_db: root mean square over frequency, mean over segments (Gray and Markel 1976),
            spectra floored at -100 dBFS; 0 for an empty signal.
    """

    samples: int
    mse: float
    snr_db: float | None
    segmental_snr_db: float | None
    max_abs_error: float
    log_spectral_distance_db: float


def snr_db(signal_energy: float, residual_energy: float) -> float | None:
    """10 log10(signal / residual), None where either is zero.

    >>> snr_db(1.0, 0.01), snr_db(1.0, 0.0)
    (20.0, None)
    """
    if signal_energy <= 0.0 or residual_energy <= 0.0:
        return None
    return 10.0 * math.log10(signal_energy / residual_energy)


def segment_length(sample_rate: float) -> int:
    """The power of two nearest to 32 ms, in samples: how finely sound is judged.

    >>> segment_length(8000), segment_length(44100)
    (256, 1024)
    """
    return int(max(16, 2 ** round(math.log2(max(0.032 * sample_rate, 1.0)))))


def compare(x: Array, y: Array, sample_rate: float = 48000.0) -> Figures:
    """Figures of a whole signal, real and finite, `[channels, samples]` each.

    Raises:
        ValueError: shapes that differ, complex numbers, NaN or infinity.
    """
    running = RunningFigures(x.shape[0] if x.ndim == 2 else 1, segment_length(sample_rate))
    running.update(x, y)
    return running.figures()


class RunningFigures:
    """The same figures for signals that come in blocks. One thread at a time.

    Args:
        channels: C.
        segment: samples a segment, for the segmental SNR and the log-spectral distance.
    """

    def __init__(self, channels: int, segment: int) -> None:
        self._segment = segment
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(segment) / segment)
        self._window = window / math.sqrt(float(window @ window))
        self._pending = np.zeros((2, channels, segment))
        self._pending_samples = 0
        self._sums = Sums()

    def update(self, x: Array, y: Array) -> None:
        """Take the next block of both, `[channels, samples]`, any length. For an exact copy, y may be x itself.

        Raises:
            ValueError: shapes that differ from each other or from the first block's channels; complex samples, NaN
                or infinity.
        """
        if x.shape != y.shape or x.ndim != 2 or x.shape[0] != self._pending.shape[1]:
            raise ValueError(f"x {list(x.shape)}, y {list(y.shape)}: give equal [{self._pending.shape[1]}, samples].")
        if x.dtype.kind == "c" or y.dtype.kind == "c":
            raise ValueError("complex samples: sound is real. Take the real part first.")
        self._sums.samples += x.shape[1]
        self._sums.values += x.size
        if self._pending_samples:
            taken = min(self._segment - self._pending_samples, x.shape[1])
            self._keep(x[:, :taken], y[:, :taken])
            x, y = (x[:, taken:],) * 2 if y is x else (x[:, taken:], y[:, taken:])
            if self._pending_samples == self._segment:
                self._sums.add(self._pending[0, :, None], self._pending[1, :, None], self._window)
                self._pending_samples = 0
        whole = x.shape[1] // self._segment * self._segment
        shape, some = (x.shape[0], -1, self._segment), SEGMENTS_AT_ONCE * self._segment
        for start in range(0, whole, some):
            part = slice(start, min(start + some, whole))
            segments = x[:, part].reshape(shape)
            self._sums.add(segments, segments if y is x else y[:, part].reshape(shape), self._window)
        if whole < x.shape[1]:
            self._keep(x[:, whole:], y[:, whole:])

    def figures(self) -> Figures:
        """The figures so far; a last part of a segment counts as one filled up with silence."""
        return self.sums().figures()

    def sums(self) -> Sums:
        """What the figures so far are made of; signals add up."""
        sums = replace(self._sums)
        if self._pending_samples:
            rest = self._pending.copy()
            rest[:, :, self._pending_samples :] = 0
            sums.add(rest[0, :, None], rest[1, :, None], self._window)
        return sums

    def _keep(self, x: Array, y: Array) -> None:
        stop = self._pending_samples + x.shape[1]
        self._pending[0, :, self._pending_samples : stop] = x
        self._pending[1, :, self._pending_samples : stop] = y
        self._pending_samples = stop


@dataclass
class Sums:
    """Sums over whole segments, from which figures come; those of several signals add up."""

    samples: int = 0
    values: int = 0
    segments: int = 0
    signal_energy: float = 0.0
    residual_energy: float = 0.0
    segmental_sum: float = 0.0
    segmental_count: int = 0
    distance_sum: float = 0.0
    max_abs_error: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        joined = Sums(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Sums)))
        joined.max_abs_error = max(self.max_abs_error, other.max_abs_error)
        return joined

    def figures(self) -> Figures:
        """The figures of all that was summed."""
        return Figures(
            samples=self.samples,
            mse=self.residual_energy / self.values if self.values else 0.0,
            snr_db=snr_db(self.signal_energy, self.residual_energy),
            segmental_snr_db=self.segmental_sum / self.segmental_count if self.segmental_count else None,
            max_abs_error=self.max_abs_error,
            log_spectral_distance_db=self.distance_sum / self.segments if self.segments else 0.0,
        )

    def add(self, x: Array, y: Array, window: Array) -> None:
        """Add segments `[channels, count, segment]`.

        Raises:
            ValueError: NaN or infinity is among the samples.
        """
        low, high = SEGMENTAL_RANGE_DB
        # In float64 whatever came, so that a segment's figures do not depend on how the blocks cut it.
        exact = y is x
        x = x.astype(np.float64, copy=False)
        y = x if exact else y.astype(np.float64, copy=False)
        signal = np.einsum("cfl,cfl->cf", x, x)
        _check_finite(signal)
        self.segments += signal.size
        self.signal_energy += float(signal.sum())
        heard = signal > SILENCE_POWER * window.size
        self.segmental_count += int(heard.sum())
        # Where the copy is exact, and that is most often everywhere, the rest need not be computed.
        differs = np.zeros(signal.shape, bool) if exact else (x != y).any(axis=-1)
        self.segmental_sum += high * int((heard & ~differs).sum())
        if not differs.any():
            return
        x, y, signal, heard = x[differs], y[differs], signal[differs], heard[differs]
        residual = x - y
        energy = np.einsum("fl,fl->f", residual, residual)
        _check_finite(energy)
        self.residual_energy += float(energy.sum())
        self.max_abs_error = max(self.max_abs_error, float(np.abs(residual).max()))
        tiny = np.finfo(np.float64).tiny
        ratio = 10 * (np.log10(np.maximum(signal, tiny)) - np.log10(np.maximum(energy, tiny)))
        self.segmental_sum += float(np.clip(ratio, low, high)[heard].sum())
        self.distance_sum += float(_log_spectral_distances(x, y, window).sum())


def _check_finite(energy: Array) -> None:
    if not np.isfinite(energy).all():
        raise ValueError("NaN or infinite samples: no figure can be told of them. Replace them first.")


def _log_spectral_distances(x: Array, y: Array, window: Array) -> Array:
    levels = [10 * np.log10(np.abs(scipy.fft.rfft(z * window)) ** 2 + SILENCE_POWER) for z in (x, y)]
    distances: Array = np.sqrt(np.mean((levels[0] - levels[1]) ** 2, axis=-1))
    return distances
