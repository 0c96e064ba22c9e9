"""Learning on a fixed expected loss: damped Gauss-Newton, or L-BFGS.

Each learner has `theta`, `step`, `done`, `advance()` and `state()` like `Growth`, so runs can be logged, saved and
carried on alike.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import scipy.optimize

from audiocos.cosines import CosineParameters, Float64
from audiocos.training.layout import Layout
from audiocos.training.newton import GaussNewton
from audiocos.training.objective import Objective

_SETTLED = 1e-6  # a step that gains less than this share of the loss counts as none: 0.000004 dB
_EXACT = 1e-25  # of the energy: float64 has nothing left to gain
_MOST_STEPS = 60
_ROUND = 20
_MOST_ROUNDS = 20


class Learner(Protocol):
    """One way to learn, a step at a time."""

    layout: Layout
    step: int

    @property
    def done(self) -> bool:
        """Whether there is nothing more to learn."""

    @property
    def theta(self) -> Float64:
        """The parameters so far."""

    def advance(self) -> float:
        """Take one step; gives the loss, relative to the signal's energy."""

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""


class _OnExpectedLoss:
    """What learners on the expected loss have in common."""

    def __init__(self, start: CosineParameters, objective: Objective, energy: float) -> None:
        self.layout = Layout.of(start)
        self.theta = self.layout.pack(start)
        self._objective, self._energy = objective, energy
        self.step, self.done = 0, False

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {"theta": self.theta.copy(), "step": self.step, "done": self.done}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.theta = np.array(state["theta"], dtype=np.float64)
        self.step, self.done = int(state["step"]), bool(state["done"])


class NewtonLearner(_OnExpectedLoss):
    """Damped Gauss-Newton until a step gains nothing.

    Args:
        start: where to begin.
        objective: the expected loss.
        energy: signal energy a hop, to which the loss is relative.
        floor: least damping; pairs with phases can be nearly flat in some direction, where more of it only creeps.
        most: steps after which it ends anyway.
    """

    def __init__(
        self,
        start: CosineParameters,
        objective: Objective,
        energy: float,
        *,
        floor: float = 1e-9,
        most: int = _MOST_STEPS,
    ) -> None:
        super().__init__(start, objective, energy)
        self._newton = GaussNewton(self.layout, self.theta, floor)
        self._most = most

    def advance(self) -> float:
        """Take one step; gives the loss after it, relative to the signal's energy."""
        before, after = self._newton.step(self._objective)
        self.theta = self._newton.theta
        self.step += 1
        gained = before - after > _SETTLED * before and after > _EXACT * self._energy
        self.done = not gained or self.step >= self._most
        return after / self._energy

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return super().state() | {"damping": self._newton.damping}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        super().load_state(state)
        self._newton.theta, self._newton.damping = self.theta, float(state["damping"])


class LbfgsLearner(_OnExpectedLoss):
    """L-BFGS (Liu and Nocedal 1989) in rounds of 20 iterations, each with a fresh memory so that runs can resume.

    Args:
        start: where to begin.
        objective: the expected loss.
        energy: signal energy a hop, to which the loss is relative.
    """

    def advance(self) -> float:
        """Take one round; gives the loss after it, relative to the signal's energy."""
        before = self._objective.loss(self.layout, self.theta)
        found = scipy.optimize.minimize(
            lambda theta: self._objective.gradient(self.layout, theta),
            self.theta,
            jac=True,
            method="L-BFGS-B",
            options={"maxcor": 50, "maxiter": _ROUND, "ftol": 1e-15, "gtol": 1e-15},
        )
        self.theta = found.x
        self.step += 1
        self.done = before - found.fun < 10 * _SETTLED * before or self.step >= _MOST_ROUNDS
        return float(found.fun) / self._energy
