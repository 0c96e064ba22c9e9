"""Where learning from a corpus begins: the frequencies that carry it.

Which frequencies are kept is nearly everything, and gradients do not move bands; so the start picks the M rows of
an exact transform's grid with the most energy. A pair with phases may start from either of two grids; the one that
is better at first is often not the one that leads further, so a few steps are taken from each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audiocos import cosines
from audiocos.cosines import CosineParameters, Float64
from audiocos.framing import Framing
from audiocos.training.layout import Layout
from audiocos.training.newton import GaussNewton
from audiocos.training.objective import Objective, objective_for

_TRIAL_STEPS = 6


def energies(rows: Float64, framing: Framing, second_moment: Float64) -> Float64:
    """Mean square of each coefficient: rows `[M, N]` on windowed frames of sound with C `[span, span]`."""
    n = framing.frame
    windowed = rows * framing.analysis_window
    return np.asarray(np.einsum("kn,kn->k", windowed @ second_moment[:n, :n], windowed))


def strongest(energy: Float64, count: int) -> NDArray[np.int64]:
    """Indices of the `count` largest, ascending; equals go to the lower index."""
    return np.sort(np.argsort(-energy, kind="stable")[:count])


def spectral(
    framing: Framing, coefficients: int, second_moment: Float64, probes: Float64, *, phased: bool = False
) -> CosineParameters:
    """The M frequencies that carry the most energy of a corpus, from the grid that leads further.

    Args:
        framing: its kind decides the grids: the MDCT's for lapped, the DCT-III's otherwise, and, for a pair
            with phases, the DCT-II's too.
        coefficients: M, at most the grid's rows.
        second_moment: C, `[span, span]`.
        probes: F with F F^T = C, on which the grids are compared.
        phased: start a pair with phases.

    Raises:
        ValueError: M is above the number of rows.
    """
    most = framing.hop if framing.kind == "lapped" else framing.frame
    if not 1 <= coefficients <= most:
        raise ValueError(f"coefficients: {coefficients}; a spectral start needs 1 to {most} here.")
    if framing.kind == "lapped":
        every = cosines.lapped(framing.frame)
        kept = strongest(energies(every.analysis_matrix(), framing, second_moment), coefficients)
        start = cosines.lapped(framing.frame, kept)
        return untied(start.with_phases() if phased else start)
    candidates = [_from_dct3(framing, coefficients, second_moment)]
    if phased:
        candidates = [candidates[0].with_phases(), _from_dct2(framing, coefficients, second_moment)]
    if len(candidates) == 1:
        return candidates[0]
    objective = objective_for(framing, probes)
    losses = [_promise(candidate, objective) for candidate in candidates]
    return candidates[int(np.argmin(losses))]


def _promise(start: CosineParameters, objective: Objective) -> float:
    """The loss a few steps on."""
    layout = Layout.of(start)
    newton = GaussNewton(layout, layout.pack(start))
    return min(newton.step(objective)[1] for _ in range(_TRIAL_STEPS))


def untied(parameters: CosineParameters) -> CosineParameters:
    """The same numbers, each bank with its own."""
    return CosineParameters(
        parameters.frame,
        parameters.coefficients,
        parameters.amplitudes,
        parameters.analysis_frequencies,
        parameters.synthesis_frequencies,
        parameters.analysis_phases,
        parameters.synthesis_phases,
        origin=parameters.origin,
    )


def _from_dct3(framing: Framing, coefficients: int, second_moment: Float64) -> CosineParameters:
    n = framing.frame
    kept = strongest(energies(cosines.orthogonal(n).analysis_matrix(), framing, second_moment), coefficients)
    w = (kept + 0.5) * np.pi / n
    scale = (coefficients / n) ** 0.25
    return CosineParameters(n, coefficients, scale * np.array([1.0, np.sqrt(2.0), 1.0, np.sqrt(2.0)]), w, w)


def _from_dct2(framing: Framing, coefficients: int, second_moment: Float64) -> CosineParameters:
    """Rows of the DCT-II: cos(w (n + 1/2)), and a constant row, which a cosine with phase pi/4 is when w = 0."""
    n = framing.frame
    k = np.arange(n)
    phases = np.where(k == 0, np.pi / 4, k * np.pi / (2 * n))
    dct2 = np.sqrt(2.0 / n) * cosines.cosines(np, k * np.pi / n, phases, np.arange(float(n)))
    kept = strongest(energies(dct2, framing, second_moment), coefficients)
    w, p = kept * np.pi / n, phases[kept]
    amplitude = np.full(4, (4.0 * coefficients / n) ** 0.25)
    return CosineParameters(n, coefficients, amplitude, w, w, p, p)
