"""What matters in training: balanced gradients, or a window that grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from audiocos import cosines
from audiocos.errors import TrainingError
from audiocos.studies.starts import start_seed, windows_a_step
from audiocos.training.growth import NoiseWindows, white_snr_db
from audiocos.training.settings import StochasticSettings

LOST_DB = -60.0
"""A run that has got so far away counts as run away."""

Step = Callable[[], None]


@dataclass(frozen=True)
class Training:
    """What is trained.

    Args:
        frame: N = M.
        steps: of each run.
        starts: random starts.
        rates: one rate for all groups, per radian, of which SGD takes the one whose worst start ends best.
        balanced_rates: the same where gradients are balanced, which makes them smaller.
        points: of a curve.
    """

    frame: int
    steps: int
    starts: int
    rates: tuple[float, ...]
    balanced_rates: tuple[float, ...]
    points: int = 40

    @property
    def runs(self) -> int:
        """How many there are in all."""
        return self.starts * (2 * len(self.rates) + 2 * len(self.balanced_rates) + 4)


def name_of(optimizer: str, balanced: bool, growth: bool) -> str:
    """What a way to train is called."""
    return f"{optimizer}, {'balanced' if balanced else 'as it is'}, {'window grows' if growth else 'whole frames'}"


def ways() -> Iterator[tuple[str, bool, bool]]:
    """Every way: optimizer, balanced, growth."""
    yield from product(("SGD", "Adam"), (False, True), (False, True))


def compare(training: Training, seed: int, device: str, step: Step) -> dict[str, Any]:
    """Train in every way.

    Args:
        training: what.
        seed: of the starts and batches.
        device: where.
        step: called after each run.

    Returns:
        For each way: rate, the end of each start at every rate tried, the steps at which SNR was looked at, the
        SNR there of each start, least and median at the end; None where a run has run away, which counts as
        -60 dB there.
    """
    found: dict[str, Any] = {"frame": training.frame, "ways": {}}
    for optimizer, balanced, growth in ways():
        rates: tuple[float | None, ...] = (None,)
        if optimizer == "SGD":
            rates = training.balanced_rates if balanced else training.rates
        runs: list[list[list[float | None]]] = []
        for rate in rates:
            runs.append([])
            for index in range(training.starts):
                runs[-1].append(_run(training, start_seed(seed, index), optimizer, balanced, growth, rate, device))
                step()
        best = max(range(len(runs)), key=lambda i: min(map(_end, runs[i])))
        kept = runs[best]
        found["ways"][name_of(optimizer, balanced, growth)] = {
            "optimizer": optimizer,
            "balanced": balanced,
            "growth": growth,
            "rate": rates[best],
            "rates_db": {
                f"{rate:g}": [_end(run) for run in each]
                for rate, each in zip(rates, runs, strict=True)
                if rate is not None
            },
            "steps": _marks(training),
            "snr_db": kept,
            "least_db": min(_end(run) for run in kept),
            "end_db": float(np.median([_end(run) for run in kept])),
            "ran_away": sum(run[-1] is None for run in kept),
        }
    return found


def _marks(training: Training) -> list[int]:
    return [int(mark) for mark in np.unique(np.linspace(0, training.steps, training.points + 1).astype(np.int64))]


def _run(
    training: Training, seed: int, optimizer: str, balanced: bool, growth: bool, rate: float | None, device: str
) -> list[float | None]:
    """SNR on white sound, in expectation, at each mark."""
    from audiocos.training.stochastic import StochasticLearner

    settings = StochasticSettings(optimizer.lower(), training.steps, growth=growth, balance=balanced, device=device)
    if rate is not None:
        per_radian = rate / (np.pi / training.frame) ** 2  # as the learner converts it back
        settings = StochasticSettings(
            "sgd", training.steps, per_radian, rate, growth=growth, balance=balanced, device=device
        )
    windows = NoiseWindows(windows_a_step(training.frame), seed)
    learner = StochasticLearner(cosines.random(training.frame, seed=seed), windows, settings)
    marks = _marks(training)
    curve: list[float | None] = []
    for step in range(training.steps + 1):
        if step == marks[len(curve)]:
            reached = _reached(learner)
            if reached is None:
                break
            curve.append(reached)
        if step < training.steps:
            try:
                learner.advance()
            except TrainingError:
                break
    return curve + [None] * (len(marks) - len(curve))


def _reached(learner: Any) -> float | None:
    with np.errstate(all="ignore"):
        try:
            reached = white_snr_db(learner.layout.unpack(learner.theta))
        except ValueError:  # numbers that are none
            return None
    return reached if reached > LOST_DB else None


def _end(run: list[float | None]) -> float:
    return LOST_DB if run[-1] is None else run[-1]
