"""Window growth: from a start that knows nothing to the exact pair.

The loss in one frequency is a bowl about 1.4 bins wide, so descent from a random start stops near 0 dB. A short
window makes the bowl wide: weight sample n by v_n = exp(-(n/n0)^2 / 2), start at n0 = 2, let n0 grow, and each
stage hands the next a start inside its bowl.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from audiocos.cosines import CosineParameters, Float64
from audiocos.training.layout import Layout
from audiocos.training.newton import GaussNewton
from audiocos.training.objective import Objective, single, tapered
from audiocos.training.products import product

FIRST_TAPER = 2.0
STOP_DB = 60.0
FINAL_STEPS = 12
EXACT_DB = 200.0
_SPRING = 1e-2
_ENOUGH = 1e-5  # of the energy: a stage that lost no more has done its part
_LARGE = 128  # frames from which products in float32 save time
_FINAL_DAMPING = 1e-6
_FINAL_FLOOR = 1e-12  # with M > N a solution can be nearly flat in some direction; more damping stops short of it


class Windows(Protocol):
    """Where the sound of a step comes from."""

    @property
    def is_white(self) -> bool:
        """Whether all frequencies are as strong: then a small loss means that all of them are right."""

    def draw(self, taper: Float64, step: int) -> Float64 | None:
        """Probes `[len(taper), count]` whose squares sum to what white sound's would, or None for white itself.

        The same step always gives the same probes.
        """


class WhiteSound:
    """White sound in expectation: no batch, no noise in the steps."""

    is_white = True

    def draw(self, taper: Float64, step: int) -> None:
        """Draw nothing: the identity stands for all white sound."""


class NoiseWindows:
    """Batches of Gaussian white noise.

    Args:
        count: windows a batch; by the frame's size when None.
        seed: each seed is another sequence of batches.
    """

    is_white = True

    def __init__(self, count: int, seed: int = 0) -> None:
        self._count, self._seed = count, seed

    def draw(self, taper: Float64, step: int) -> Float64:
        """A batch of its own for each step."""
        rng = np.random.default_rng([self._seed, step])
        return np.asarray(rng.standard_normal((len(taper), self._count)) / np.sqrt(self._count))


def default_batch(frame: int) -> int:
    """Windows a batch that Gauss-Newton steps need at a frame size."""
    return 16 if frame < 256 else 32 if frame <= 512 else 64


class Growth:
    """Learn from any start on block frames; call `advance` until `done`.

    Args:
        start: where to begin.
        windows: the sound of each step.
        factor: by which n0 grows from stage to stage.
        floor: least damping; by the frame's size when None.
    """

    def __init__(
        self, start: CosineParameters, windows: Windows, *, factor: float = 1.5, floor: float | None = None
    ) -> None:
        n = start.frame
        self._frame, self._coefficients = n, start.coefficients
        self._windows, self._factor = windows, factor
        self._stage_steps = 8 if n < 512 else 6
        self.layout = Layout.of(start)
        chosen = floor if floor is not None else _least_damping(n, windows.is_white)
        # Faint frequencies hide in a small loss and in float32's rounding.
        self._enough = _ENOUGH if windows.is_white else 0.0
        self._in_single = windows.is_white and n >= _LARGE
        self._newton = GaussNewton(self.layout, self.layout.pack(start), chosen)
        self.step = 0
        self.taper = FIRST_TAPER
        self._in_stage = 0
        self.done = False

    @property
    def theta(self) -> Float64:
        """The parameters so far."""
        return self._newton.theta

    def advance(self) -> float:
        """Take one step; gives the loss after it, relative to the signal's energy."""
        growing = np.isfinite(self.taper)
        loss = self._grow() if growing else self._finish()
        self.step += 1
        return loss

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {
            "theta": self.theta.copy(),
            "damping": self._newton.damping,
            "step": self.step,
            "taper": self.taper,
            "in_stage": self._in_stage,
            "done": self.done,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._newton.theta = np.array(state["theta"], dtype=np.float64)
        self._newton.damping = float(state["damping"])
        self.step, self.taper = int(state["step"]), float(state["taper"])
        self._in_stage, self.done = int(state["in_stage"]), bool(state["done"])
        if not np.isfinite(self.taper):
            self._newton.floor = min(self._newton.floor, _FINAL_FLOOR)

    def _grow(self) -> float:
        n, n0 = self._frame, self.taper
        taper = np.exp(-0.5 * (np.arange(min(n, int(4 * n0 + 2))) / n0) ** 2)
        if self._in_stage == 0:
            self._newton.damping = min(self._newton.damping, 1e-2)
        # Until the window is a quarter of the frame, a spring keeps the banks from crossing frequencies.
        spring = _SPRING * float(taper.sum()) / self._coefficients if n0 < n / 4 else 0.0
        objective = tapered(_block(n, self._windows.draw(taper, self.step)), taper)
        before, after = self._newton.step(single(objective) if self._in_single else objective, spring)
        if after == before and self._in_single:
            _, after = self._newton.step(objective, spring)  # float32 may be why it failed
        after /= float(np.sum(taper**2))
        self._in_stage += 1
        if after < self._enough or self._in_stage == self._stage_steps:
            self._in_stage = 0
            self.taper *= self._factor
            if self.taper > 4 * n or self._is_near(after):
                self.taper = np.inf
                self._newton.damping = min(self._newton.damping, _FINAL_DAMPING)
                self._newton.floor = min(self._newton.floor, _FINAL_FLOOR)
        return after

    def _is_near(self, loss: float) -> bool:
        """Whether the untapered bowl is reached; a faded window cannot lose less than the whole frame much."""
        near = loss < 100 * 10 ** (-STOP_DB / 10)
        return near and white_snr_db(self.layout.unpack(self.theta)) > STOP_DB

    def _finish(self) -> float:
        n = self._frame
        ones = np.ones(n)
        before, after = self._newton.step(_block(n, self._windows.draw(ones, self.step)))
        self._in_stage += 1
        settled = after > before / 4 and after / n < 10 ** (-EXACT_DB / 10)
        self.done = settled or self._in_stage == FINAL_STEPS
        return after / n


def _least_damping(frame: int, is_white: bool) -> float:
    if not is_white:
        return 1e-12
    return 1e-8 if frame < 512 else 1e-9


def _block(frame: int, probes: Float64 | None) -> Objective:
    ones = np.ones(frame if probes is None else len(probes))
    return Objective(frame, len(ones), ones, ones, ones, probes)


def white_snr_db(parameters: CosineParameters) -> float:
    """SNR of one block frame of white sound, in expectation: 10 log10(N / ||I - W2 W1||^2)."""
    error = np.eye(parameters.frame) - product(parameters.synthesis_matrix(), parameters.analysis_matrix())
    return float(10 * np.log10(parameters.frame / max(float(np.vdot(error, error)), 1e-300)))


def folded(parameters: CosineParameters) -> CosineParameters:
    """The same banks with every frequency in [0, pi]; only for integer times, where cos(w n) repeats.

    cos(w n + p) = cos((2 pi - w) n - p) for whole n: a frequency that wandered outside is the same cosine inside.
    """
    if parameters.origin:
        return parameters
    w, p = _fold(parameters.analysis_frequencies, parameters.analysis_phases)
    v, q = _fold(parameters.synthesis_frequencies, parameters.synthesis_phases)
    return CosineParameters(
        parameters.frame, parameters.coefficients, parameters.amplitudes, w, v, p, q, tied=parameters.tied
    )


def _fold(frequencies: Float64, phases: Float64 | None) -> tuple[Float64, Float64 | None]:
    turned = np.remainder(frequencies, 2 * np.pi)
    over = turned > np.pi
    inside = np.where(over, 2 * np.pi - turned, turned)
    # What lies inside already keeps its bits.
    inside = np.where((frequencies >= 0) & (frequencies <= np.pi), frequencies, inside)
    return inside, None if phases is None else np.where(over, -phases, phases)
