"""Window growth: from a start that knows nothing to the exact pair.

The loss in one frequency is a bowl about 1.4 bins wide, so descent from a random start stops near 0 dB. A short
window makes the bowl wide: weight sample n by v_n = exp(-(n/n0)^2 / 2), start at n0 = 2, let n0 grow, and each
stage hands the next a start inside its bowl.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from audiocos.cosines import CosineParameters, Float64
from audiocos.training.newton import GaussNewton
from audiocos.training.objective import Layout, Objective, tapered

_SPRING = 1e-2
_FINAL_STEPS = 12
_EXACT_DB = 200.0


@dataclass(frozen=True)
class Stage:
    """Where window growth stands after a step.

    Args:
        step: steps so far.
        taper: n0 in samples; infinity in the last, untapered part.
        loss: of the stage's own objective, relative to its signal.
        theta: the parameters.
    """

    step: int
    taper: float
    loss: float
    theta: Float64


@dataclass(frozen=True)
class Growth:
    """Settings of window growth.

    Args:
        factor: by which n0 grows from stage to stage.
        steps: Gauss-Newton steps a stage; 8, and 6 from N = 512 on, when None.
        stop_db: SNR of the untapered pair at which growing ends.
    """

    factor: float = 1.5
    steps: int | None = None
    stop_db: float = 60.0


def grow(
    start: CosineParameters,
    draw: Callable[[int], Float64 | None],
    settings: Growth | None = None,
) -> Iterator[Stage]:
    """Learn from any start on block frames, a stage after each step.

    Args:
        start: where to begin.
        draw: gives probes `[samples, probes]` for the next step, scaled so that their mean square is 1/probes
            (batches of windows), or None for white sound in expectation.
        settings: how.
    """
    settings = settings or Growth()
    n = start.frame
    layout = Layout.of(start)
    newton = GaussNewton(layout, layout.pack(start), floor=1e-8 if n < 512 else 1e-9)
    steps = settings.steps or (8 if n < 512 else 6)
    step, n0 = 0, 2.0
    while n0 < 8 * n and not _reached(layout, newton.theta, settings.stop_db):
        taper = np.exp(-0.5 * (np.arange(min(n, int(4 * n0 + 2))) / n0) ** 2)
        newton.damping = min(newton.damping, 1e-2)
        spring = _SPRING * float(taper.sum()) / start.coefficients if n0 < n / 4 else 0.0
        for _ in range(steps):
            objective = tapered(_block(n, draw(len(taper))), taper)
            _, after = newton.step(objective, spring)
            step += 1
            yield Stage(step, n0, after / float(np.sum(taper**2)), newton.theta)
        n0 *= settings.factor
    for _ in range(_FINAL_STEPS):
        before, after = newton.step(_block(n, draw(n)))
        step += 1
        yield Stage(step, np.inf, after / n, newton.theta)
        if after > before / 4 and after / n < 10 ** (-_EXACT_DB / 10):
            break


def _block(frame: int, probes: Float64 | None) -> Objective:
    ones = np.ones(frame if probes is None else len(probes))
    return Objective(frame, len(ones), ones, ones, ones, probes)


def _reached(layout: Layout, theta: Float64, db: float) -> bool:
    return white_snr_db(layout.unpack(theta)) > db


def white_snr_db(parameters: CosineParameters) -> float:
    """SNR of one block frame of white sound, in expectation: 10 log10(N / ||I - W2 W1||^2)."""
    error = np.eye(parameters.frame) - parameters.synthesis_matrix() @ parameters.analysis_matrix()
    return float(10 * np.log10(parameters.frame / max(float(np.vdot(error, error)), 1e-300)))
