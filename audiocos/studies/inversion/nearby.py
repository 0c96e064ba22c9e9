"""What a start near the signal gives without any descent, once its spectrum is known; and what that tells."""

from __future__ import annotations

import numpy as np

import audiocos
from audiocos.cosines import Float64
from audiocos.studies.inversion.representations import quadratures

CLEAR_DB = 6.0
"""Descent from nearby ends clearly above or below what needs no descent from here on."""

MORE, ALIKE, LESS = "clearly more", "about as much", "clearly less"


def true_magnitudes(wanted: Float64, near: Float64) -> Float64:
    """The pair's magnitudes of the signal wanted, with the signs that the start's coefficients have.

    Args:
        wanted: `[samples]`.
        near: the start, `[samples]`.

    Returns:
        What the synthesis bank makes of them, `[samples]`.
    """
    model = audiocos.load("exact-overlap")
    truth, begun = model.analyze(np.stack([wanted, near]))
    return np.asarray(model.synthesize(np.copysign(truth, begun)[None], wanted.size)[0])


def true_moduli(wanted: Float64, near: Float64) -> Float64:
    """The same with moduli of cosine and sine, and the phases of the start."""
    model = quadratures(audiocos.load("exact-overlap").framing)
    spectra = model.analyze(np.stack([wanted, near]))
    truth, begun = spectra.reshape(*spectra.shape[:-1], -1, 2)
    length = np.linalg.norm(begun, axis=-1, keepdims=True)
    turned = np.linalg.norm(truth, axis=-1, keepdims=True) * begun / np.maximum(length, np.finfo(np.float64).tiny)
    return np.asarray(model.synthesize(turned.reshape(1, *spectra.shape[1:]), wanted.size)[0])


def verdict(found_db: float, free_db: float) -> str:
    """Hold what descent finds against what needs none."""
    gain = found_db - free_db
    return ALIKE if abs(gain) < CLEAR_DB else MORE if gain > 0 else LESS
