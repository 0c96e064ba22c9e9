"""Random starts under several ways to learn: how far each comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from audiocos import cosines
from audiocos.cosines import CosineParameters
from audiocos.report.learning import Moment
from audiocos.studies.landscape.curves import whole
from audiocos.studies.starts import start_seed, windows_a_step
from audiocos.training.growth import Growth, NoiseWindows, WhiteSound, white_snr_db
from audiocos.training.learners import LbfgsLearner, Learner, NewtonLearner
from audiocos.training.settings import StochasticSettings

REACHED_DB = 60.0
"""From here on every frequency is in its bowl."""

FACTOR = 1.3
"""What n0 grows by from stage to stage."""

GROWN = "Gauss-Newton, window grows"
WAYS = ("Adam", "L-BFGS", "Gauss-Newton", "Adam, window grows", GROWN)


@dataclass(frozen=True)
class Descents:
    """What is learned: N = M, how many random starts, and how many steps Adam takes."""

    frame: int
    starts: int
    adam_steps: int


def learn(
    descents: Descents, seed: int, device: str, step: Callable[[], None]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Learn from every start in every way.

    Args:
        descents: what.
        seed: of starts and batches.
        device: where Adam computes.
        step: called after each run.

    Returns:
        For each way the SNR over the run of each start, in dB; and the seconds that each took.
    """
    curves: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for way in WAYS:
        for index in range(descents.starts):
            own = start_seed(seed, index)
            start = cosines.random(descents.frame, seed=own)
            begun = time.perf_counter()
            learner = _learner(way, start, descents, own, device)
            curve = [white_snr_db(start)]
            every = max(descents.adam_steps // 50, 1) if way.startswith("Adam") else 1
            while not learner.done:
                learner.advance()
                if learner.step % every == 0 or learner.done:
                    curve.append(white_snr_db(learner.layout.unpack(learner.theta)))
            curves[way].append(curve)
            seconds[way].append(time.perf_counter() - begun)
            step()
    return {"frame": descents.frame, "starts": descents.starts, "snr_db": curves, "ends": _ends(curves)}, seconds


def _learner(way: str, start: CosineParameters, descents: Descents, seed: int, device: str) -> Learner:
    objective, energy = whole(descents.frame), float(descents.frame)
    if way == "L-BFGS":
        return LbfgsLearner(start, objective, energy)
    if way == "Gauss-Newton":
        return NewtonLearner(start, objective, energy)
    if way == GROWN:
        return Growth(start, WhiteSound(), factor=FACTOR)
    from audiocos.training.stochastic import StochasticLearner

    settings = StochasticSettings("adam", descents.adam_steps, growth="grows" in way, device=device)
    return StochasticLearner(start, NoiseWindows(windows_a_step(descents.frame), seed), settings)


def _ends(curves: dict[str, list[list[float]]]) -> dict[str, dict[str, float]]:
    ends = {}
    for way, runs in curves.items():
        last = [run[-1] for run in runs]
        ends[way] = {
            "least": min(last),
            "median": float(np.median(last)),
            "most": max(last),
            "reached": sum(end > REACHED_DB for end in last),
        }
    return ends


def journey(frame: int, seed: int) -> list[Moment]:
    """A random start on its way to the exact pair under window growth: a moment for each step."""
    start = cosines.random(frame, seed=start_seed(seed, 0))
    growth = Growth(start, WhiteSound(), factor=FACTOR)
    moments: list[Moment] = [(0, growth.taper, white_snr_db(start), start)]
    while not growth.done:
        taper = growth.taper
        growth.advance()
        pair = growth.layout.unpack(growth.theta)
        moments.append((growth.step, taper, white_snr_db(pair), pair))
    return moments
