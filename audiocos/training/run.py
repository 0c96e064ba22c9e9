"""A training run: from a start through one or more learners to a pair, resumable between any two steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from audiocos.cosines import CosineParameters
from audiocos.training.growth import folded
from audiocos.training.learners import Learner

Stage = tuple[str, Callable[[CosineParameters], Learner]]
"""What a stage does, in a word or two, and how to make its learner from where the stage before ended."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands after a step.

    Args:
        stage: which stage, in words.
        step: steps so far, over all stages.
        loss: relative to the signal's energy, of the stage's own objective.
        taper: n0 of window growth in samples; None where the window does not grow (any more).
        learner: whose `theta` and `layout` are the pair so far.
        steps: how many the stage has in all, where that is known.
    """

    stage: str
    step: int
    loss: float
    taper: float | None
    learner: Learner
    steps: int | None = None


class Run:
    """Learn in stages; each begins where the one before ended. Call `advance` until `done`.

    Args:
        start: where to begin.
        stages: at least one.
    """

    def __init__(self, start: CosineParameters, stages: Sequence[Stage]) -> None:
        self._stages = list(stages)
        self._index = 0
        self._before = 0  # steps of finished stages
        self._learner = self._stages[0][1](start)

    @property
    def learner(self) -> Learner:
        """Who learns at present."""
        return self._learner

    @property
    def step(self) -> int:
        """Steps so far, over all stages."""
        return self._before + self._learner.step

    @property
    def done(self) -> bool:
        """Whether the last stage is through."""
        return self._learner.done and self._index == len(self._stages) - 1

    @property
    def parameters(self) -> CosineParameters:
        """The pair so far, frequencies folded into [0, pi]."""
        return folded(self._learner.layout.unpack(self._learner.theta))

    def advance(self) -> Progress:
        """Take one step, in the next stage when this one is through."""
        if self._learner.done:
            self._before += self._learner.step
            self._index += 1
            self._learner = self._stages[self._index][1](self.parameters)
        loss = self._learner.advance()
        taper = getattr(self._learner, "taper", None)
        steps = getattr(self._learner, "steps", None)
        return Progress(self._stages[self._index][0], self.step, loss, taper, self._learner, steps)

    def state(self) -> dict[str, Any]:
        """Everything that the rest of the run depends on, besides the stages."""
        return {"stage": self._index, "before": self._before, **self._learner.state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken, in a run of the same stages."""
        self._index, self._before = int(state["stage"]), int(state["before"])
        layout = self._learner.layout
        self._learner = self._stages[self._index][1](layout.unpack(state["theta"]))
        self._learner.load_state(state)
