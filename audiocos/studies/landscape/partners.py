"""What a frequency seeks: its partner, the frequency of the same row in the other bank; and starts that show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from audiocos import cosines
from audiocos.cosines import CosineParameters, Float64
from audiocos.studies.landscape.curves import REACH, along, whole
from audiocos.studies.landscape.descents import REACHED_DB
from audiocos.studies.starts import start_seed
from audiocos.training.growth import white_snr_db
from audiocos.training.learners import LbfgsLearner, NewtonLearner

KINDS = {"apart": "each by itself", "together": "partners together"}
LEARNERS = {"Gauss-Newton": NewtonLearner, "L-BFGS": LbfgsLearner}


@dataclass(frozen=True)
class Nearby:
    """What is begun near the grid: N = M, how many starts a distance, and how far off frequencies may lie, in bins."""

    frame: int
    starts: int
    radii: tuple[float, ...]

    @property
    def rows(self) -> int:
        """Distances and kinds in all."""
        return len(self.radii) * len(KINDS)


def distances(frame: int, starts: int, seed: int, reach: float) -> dict[str, dict[str, float]]:
    """How far the frequencies of random starts lie from their partners and from their lines, in order, in bins.

    Returns:
        For "partners" and "lines" the median and the largest distance, and the share that lies within `reach` bins.
    """
    grid = np.arange(frame) + 0.5
    pairs = [cosines.random(frame, seed=start_seed(seed, index)) for index in range(starts)]
    banks = [(_bins(pair.analysis_frequencies), _bins(pair.synthesis_frequencies)) for pair in pairs]
    return {
        "partners": _told(np.concatenate([np.abs(w - v) for w, v in banks]), reach),
        "lines": _told(np.concatenate([np.abs(bank - grid) for both in banks for bank in both]), reach),
    }


def bottoms(frame: int, seed: int, points: int) -> dict[str, float]:
    """Where the loss along each analysis frequency of a random start is least, within 8 bins.

    Rows whose partner lies farther away than that are left out.

    Returns:
        How many rows there are; the median distance in bins of the least loss from the partner, and from the line that
        is nearest to it.
    """
    pair = cosines.random(frame, seed=start_seed(seed, 0))
    w, v = _bins(pair.analysis_frequencies), _bins(pair.synthesis_frequencies)
    bins, objective = np.linspace(-REACH, REACH, points), whole(frame)
    rows = np.flatnonzero(np.abs(v - w) < REACH)
    least = np.array([w[row] + bins[along(objective, pair, "w", int(row), bins).argmin()] for row in rows])
    lines = np.abs((least - 0.5) - np.round(least - 0.5))
    return {
        "rows": int(rows.size),
        "to_partner": float(np.median(np.abs(least - v[rows]))),
        "to_line": float(np.median(lines)),
    }


def near_grid(frame: int, radius: float, kind: str, seed: int) -> CosineParameters:
    """A start at the exact amplitudes, each frequency up to `radius` bins off its line; "together": as its partner."""
    start = cosines.orthogonal(frame)
    moves = np.pi / frame * np.random.default_rng([seed, frame]).uniform(-radius, radius, (2, frame))
    w, v = start.analysis_frequencies + moves[0], start.synthesis_frequencies + moves[int(kind == "apart")]
    return replace(start, analysis_frequencies=w, synthesis_frequencies=v)


def begun_nearby(nearby: Nearby, seed: int, reach: float, step: Callable[[], None]) -> dict[str, Any]:
    """Learn on whole frames from starts near the grid.

    Args:
        nearby: what.
        seed: of the starts.
        reach: of the bowl, in bins.
        step: called after each distance and kind.

    Returns:
        For each kind and distance the share of partners within reach, and for each learner the SNR of each start at
        the end, in dB, and how many are above 60 dB.
    """
    rows = []
    for kind in KINDS:
        for radius in nearby.radii:
            starts = [near_grid(nearby.frame, radius, kind, start_seed(seed, index)) for index in range(nearby.starts)]
            gaps = [_bins(pair.analysis_frequencies - pair.synthesis_frequencies) for pair in starts]
            row: dict[str, Any] = {"kind": kind, "radius": radius, "within": float(np.mean(np.abs(gaps) < reach))}
            for name, learner in LEARNERS.items():
                ends = [_learned(learner(pair, whole(nearby.frame), float(nearby.frame))) for pair in starts]
                row[name] = {"snr_db": ends, "reached": sum(end > REACHED_DB for end in ends)}
            rows.append(row)
            step()
    return {"frame": nearby.frame, "starts": nearby.starts, "rows": rows}


def _learned(learner: NewtonLearner | LbfgsLearner) -> float:
    while not learner.done:
        learner.advance()
    return white_snr_db(learner.layout.unpack(learner.theta))


def _bins(frequencies: Float64) -> Float64:
    return np.asarray(frequencies * frequencies.size / np.pi)


def _told(far: Float64, reach: float) -> dict[str, float]:
    return {"median": float(np.median(far)), "most": float(far.max()), "share_within": float(np.mean(far < reach))}
