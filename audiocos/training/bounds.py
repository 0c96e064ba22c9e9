"""What can be won: reference schemes and bounds at M coefficients, before any learning.

Everything is chosen on the training sound and judged on the held-out sound, as SNR in dB.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from audiocos import cosines, framing
from audiocos.cosines import Float64
from audiocos.framing import Framing
from audiocos.training.starts import energies, strongest
from audiocos.training.statistics import Moment

_FLOOR = 1e-10
_POINTS = 64  # of the spectrum, a lag


def klt_db(train: Float64, heldout: Float64, frame: int, coefficients: int) -> float:
    """The Karhunen-Loeve transform: no linear block transform with M coefficients does better on its own sound.

    Args:
        train: C of the training sound, at least `[N, N]`.
        heldout: C of the held-out sound.
        frame: N.
        coefficients: M.
    """
    own, other = train[:frame, :frame], heldout[:frame, :frame]
    _, vectors = scipy.linalg.eigh(own, subset_by_index=(max(frame - coefficients, 0), frame - 1))
    total = float(np.trace(other))
    kept = float(np.einsum("nk,nk->", other @ vectors, vectors))
    return _snr(total, total - kept)


def dct_db(train: Float64, heldout: Float64, frame: int, coefficients: int, *, best: bool) -> float:
    """The first or the best M rows of the DCT-II on frames side by side."""
    rows = cosines.orthogonal(frame).synthesis_matrix()  # W2 is the DCT-II: y = W2 X maps rows to themselves
    return _subset_db(rows, framing.block(frame), train, heldout, coefficients, best)


def mdct_db(train: Float64, heldout: Float64, lapped: Framing, coefficients: int, *, best: bool) -> float:
    """The first or the best M rows of the MDCT in a lapped framing."""
    rows = cosines.lapped(lapped.frame).analysis_matrix() * _mdct_gain(lapped)
    return _subset_db(rows, lapped, train, heldout, coefficients, best)


def dynamic_pca_db(moment: Moment, hop: int, coefficients: int) -> float:
    """What no linear scheme with M coefficients a hop of H samples can exceed on this sound, taken as stationary.

    At each angle the H aliases of the spectrum compete and M of them are kept (Brillinger 1981, dynamic
    principal components). The loss of a scheme whose frames lie within the moment's span depends on no lag beyond it,
    so the bound of every sound with these lags holds; we take that of the sound with the greatest entropy, which is
    autoregressive (Burg 1975).

    Args:
        moment: of the sound that is judged, at least as long as two frames less a hop.
        hop: H.
        coefficients: M.
    """
    if coefficients >= hop:
        return _snr(1.0, 0.0)
    lags = moment.autocorrelation / max(moment.samples, 1)
    if lags[0] <= 0:
        return 0.0
    lags = lags / lags[0]
    lags[0] += _FLOOR  # sound without treble has lags that rounding makes impossible
    predictor = scipy.linalg.solve_toeplitz(lags[:-1], lags[1:])
    innovation = float(lags[0] - predictor @ lags[1:])
    angles = -(-_POINTS * len(lags) // hop)
    response = np.fft.fft(np.concatenate([[1.0], -predictor]), hop * angles)
    power = innovation / np.abs(response) ** 2
    aliases = np.sort(power.reshape(hop, angles), axis=0)
    return _snr(1.0, float(aliases[: hop - coefficients].sum(axis=0).mean()) / hop)


def _subset_db(
    rows: Float64, frames: Framing, train: Float64, heldout: Float64, coefficients: int, best: bool
) -> float:
    other = energies(rows, frames, heldout)
    kept = strongest(energies(rows, frames, train), coefficients) if best else np.arange(coefficients)
    return _snr(float(other.sum()), float(other.sum() - other[kept].sum()))


def _mdct_gain(lapped: Framing) -> float:
    """What makes the exact lapped pair's analysis orthonormal."""
    a = cosines.lapped(lapped.frame)
    return float(np.sqrt(2.0 / lapped.hop) / (a.amplitudes[1] / np.sqrt(lapped.frame)))


def _snr(signal: float, lost: float) -> float:
    return float(10 * np.log10(signal / max(lost, signal * 1e-32))) if signal > 0 else 0.0
