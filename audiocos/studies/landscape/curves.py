"""The loss along one frequency, and how far its bowl reaches under windows of every length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from audiocos import cosines, framing
from audiocos.cosines import CosineParameters, Float64
from audiocos.studies.starts import start_seed
from audiocos.training.layout import Layout
from audiocos.training.objective import Objective, objective_for, tapered

REACH = 8.0
"""Bins to either side that are drawn."""

POINTS = 40
"""Of a scan, for each N/n bins."""

WINDOWS = ("Gaussian", "cut off")


def whole(frame: int) -> Objective:
    """The expected loss on whole block frames of white sound."""
    return objective_for(framing.block(frame))


def along(objective: Objective, pair: CosineParameters, bank: str, index: int, bins: Float64) -> Float64:
    """The loss with one frequency moved.

    Args:
        objective: the loss.
        pair: where everything else is.
        bank: "w", "v", or "both" for the two frequencies of one row.
        index: which row.
        bins: how far, `[points]`.

    Shape:
        - output: `[points]`
    """
    layout = Layout.of(pair)
    theta = layout.pack(pair)
    starts = {"w": [layout.analysis_slices[0].start], "v": [layout.synthesis_slices[0].start]}
    moved = [first + index for first in (starts["w"] + starts["v"] if bank == "both" else starts[bank])]
    losses = []
    for distance in bins:
        there = theta.copy()
        there[moved] += distance
        losses.append(objective.loss(layout, there))
    return np.array(losses)


def cuts(frame: int, seed: int, points: int) -> dict[str, Any]:
    """The loss over -8 to 8 bins of a middle frequency: around the exact pair, and around a random start."""
    bins = np.linspace(-REACH, REACH, points)
    objective, index = whole(frame), frame // 2
    exact, start = cosines.orthogonal(frame), cosines.random(frame, seed=start_seed(seed, 0))
    found = {f"exact, {bank}": along(objective, exact, bank, index, bins) for bank in ("w", "v", "both")}
    found |= {f"random, {bank}": along(objective, start, bank, index, bins) for bank in ("w", "v")}
    return {
        "frame": frame,
        "bins": bins.tolist(),
        "loss": {name: losses.tolist() for name, losses in found.items()},
        "minima": {name: minima(losses) for name, losses in found.items()},
    }


def minima(losses: Float64) -> int:
    """How many points lie lower than both neighbours."""
    return int(np.sum((losses[1:-1] < losses[:-2]) & (losses[1:-1] < losses[2:])))


@dataclass(frozen=True)
class Bowl:
    """The loss around a minimum.

    Args:
        reach: bins to the first maximum, beyond which descent leads elsewhere; None where the loss rises as far as
            it was looked at.
        half: bins to half height: half of the mean loss when the frequency lies on any of the N lines.
    """

    reach: float | None
    half: float


def bowl(frame: int, window: str, length: int) -> Bowl:
    """How wide the bowl around the exact pair's middle frequency is when the frame is seen through a window.

    Args:
        frame: N = M.
        window: "Gaussian", exp(-(n/n0)^2 / 2) with n0 = length; "cut off": the first `length` samples.
        length: samples.
    """
    if window == "Gaussian":
        # As window growth cuts it; the tail beyond holds nothing.
        taper = np.exp(-0.5 * (np.arange(min(frame, 4 * length + 2)) / length) ** 2)
    else:
        taper = np.ones(length)
    objective, pair, index = tapered(whole(frame), taper), cosines.orthogonal(frame), frame // 2
    height = along(objective, pair, "w", index, np.arange(frame, dtype=np.float64) - index).mean()
    farthest = looked_at(frame, length)
    bins = np.linspace(0.0, farthest, max(int(POINTS * farthest * length / frame), POINTS))
    losses = along(objective, pair, "w", index, bins)
    falls = np.flatnonzero(np.diff(losses) < -1e-3 * height)
    past = int(np.argmax(losses > height / 2))
    low, high = losses[past - 1], losses[past]
    half = bins[past - 1] + (height / 2 - low) / (high - low) * (bins[past] - bins[past - 1])
    top = bins[np.argmax(losses[: falls[0] + 1])] if falls.size else None  # it falls slowly at first
    return Bowl(None if top is None else float(top), float(half))


def looked_at(frame: int, length: int) -> float:
    """How far from its place a bowl is followed under a window, in bins: 4N/n, or to the end of the bank."""
    return min(4.0 * frame / length, frame / 2 - 1)


def bowls(frame: int, lengths: list[int]) -> dict[str, Any]:
    """Bowls under both windows, of each length."""
    found = {window: [bowl(frame, window, length) for length in lengths] for window in WINDOWS}
    return {
        "frame": frame,
        "lengths": lengths,
        "reach": {window: [each.reach for each in row] for window, row in found.items()},
        "half": {window: [each.half for each in row] for window, row in found.items()},
    }
