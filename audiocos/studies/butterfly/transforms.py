"""The transforms to learn, and how far a matrix is from them. Frames are real, and so are the N numbers of either.

dct: the orthonormal DCT-II. dft: real and imaginary parts of the unitary Fourier transform, coefficient by coefficient
from 0 to N/2, without the two imaginary parts that are always 0.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from audiocos import metrics
from audiocos.cosines import Float64

Complex128 = NDArray[np.complex128]

KINDS = ("dct", "dft")

PUBLISHED_RMSE = {8: 4e-6, 1024: 7e-5}
"""Butterflies that learned the DCT, best of 20 to 320 trials (Dao et al. 2019, "Learning fast algorithms for linear
transforms using butterfly factorizations"), by N."""

RECOVERED_RMSE = 1e-4
"""What counts as learned: all that is published lies below."""


def real_rows(complex_rows: Complex128) -> Float64:
    """Real and imaginary parts of coefficients 0 to N/2, `[N, N]` to `[N, N]`."""
    half = len(complex_rows) // 2
    parts = np.stack([complex_rows.real[: half + 1], complex_rows.imag[: half + 1]], axis=1)
    return np.delete(parts.reshape(2 * half + 2, -1), (1, 2 * half + 1), axis=0)


def transform(kind: str, frame: int) -> Float64:
    """A transform's matrix, `[N, N]`; N even."""
    return transformed(kind, np.eye(frame)).T


def transformed(kind: str, frames: Float64) -> Float64:
    """Frames `[..., N]` as scipy transforms them."""
    if kind == "dct":
        return np.asarray(scipy.fft.dct(frames, norm="ortho"))
    spectrum = scipy.fft.rfft(frames, norm="ortho")
    parts = np.stack([spectrum.real, spectrum.imag], axis=-1).reshape(*frames.shape[:-1], -1)
    return np.delete(parts, (1, parts.shape[-1] - 1), axis=-1)


def complex_transform(kind: str, frame: int) -> Complex128:
    """The complex matrix that a butterfly can be, and whose parts are the transform, `[N, N]`.

    The DCT's is C_k - i C_(N-k), with C_N = 0: a Fourier transform of the frame in another order, each row turned
    (Makhoul 1980).
    """
    if kind == "dft":
        return np.asarray(scipy.fft.fft(np.eye(frame), axis=0, norm="ortho"))
    c = transform("dct", frame)
    return c - 1j * np.vstack([np.zeros((1, frame)), c[:0:-1]])


def read(kind: str, matrix: Complex128) -> Float64:
    """What a butterfly's complex matrix says about the transform, `[N, N]`."""
    return real_rows(matrix) if kind == "dft" else np.asarray(matrix.real)


def score(kind: str, matrix: Float64) -> dict[str, float | None]:
    """Root mean squared error of the entries, and SNR on white sound in dB (None for a perfect copy)."""
    truth = transform(kind, len(matrix))
    error = float(np.sum((matrix - truth) ** 2))
    return {"rmse": (error / truth.size) ** 0.5, "snr_db": metrics.snr_db(float(np.sum(truth**2)), error)}
