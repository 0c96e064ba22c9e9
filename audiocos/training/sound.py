"""The sound that a pair learns from, as learning sees it: second moments and windows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from audiocos.cosines import CosineParameters, Float64
from audiocos.framing import Framing
from audiocos.training.corpus import File
from audiocos.training.heard import Listening
from audiocos.training.layout import Layout
from audiocos.training.objective import Objective, objective_for
from audiocos.training.pool import pool_of
from audiocos.training.statistics import Moment, probes

SHORT_HOPS_A_SAMPLE = 64
"""With fewer than this many hops for each of the N samples, the full second moment is mostly chance."""

_CANDIDATES = 4


@dataclass(frozen=True, eq=False)
class Sound:
    """A second moment and what follows from it.

    Args:
        framing: to which it belongs.
        second_moment: C, `[span, span]`.
        stationary: whether C was taken at every sample offset.
    """

    framing: Framing
    second_moment: Float64
    stationary: bool = False

    @property
    def energy(self) -> float:
        """Mean energy of a hop."""
        start = (self.framing.overlap - 1) * self.framing.hop
        return float(np.trace(self.second_moment[start : start + self.framing.hop, start : start + self.framing.hop]))

    def objective(self, keep: float = 1e-12) -> Objective:
        """The expected loss; `keep` as for `probes`."""
        return objective_for(self.framing, probes(self.second_moment, keep))

    def snr_db(self, parameters: CosineParameters) -> float:
        """What a pair reaches on this sound."""
        layout = Layout.of(parameters)
        loss = self.objective().loss(layout, layout.pack(parameters))
        return float(10 * np.log10(self.energy / max(loss, self.energy * 1e-32)))


def is_short(hops: float, framing: Framing) -> bool:
    """Whether sound of so many hops is better counted at every sample offset."""
    return hops < SHORT_HOPS_A_SAMPLE * framing.frame


def sound_of(moment: Moment, framing: Framing, stationary: bool | None = None) -> Sound:
    """The sound of a moment.

    Args:
        moment: of the framing, or of longer runs of its hops.
        framing: how it was heard.
        stationary: count every sample offset; when None, where there are too few hops to do without.
    """
    chosen = is_short(moment.hops, framing) if stationary is None else stationary
    span = 2 * framing.frame - framing.hop
    return Sound(framing, (moment.stationary() if chosen else moment.full())[:span, :span], chosen)


def white(framing: Framing) -> Sound:
    """White sound of unit power."""
    return Sound(framing, np.eye(2 * framing.frame - framing.hop), True)


class RecordedWindows:
    """Batches of windows of recordings: the loudest quarter of random ones, each scaled to white sound's power.

    Windows come from everywhere in the files (see `pool_of`), every channel for itself; none runs across two signals.

    Args:
        files: recordings.
        listening: rate and channels.
        count: windows a batch.
        seed: each seed is another sequence of batches, and of stretches where not all sound can be held.
        frame: N, the longest window.
    """

    is_white = False

    def __init__(self, files: Iterable[File], listening: Listening, count: int, seed: int, frame: int) -> None:
        self._count, self._seed = count, seed
        self.pool = pool_of(files, listening, frame, seed)

    def draw(self, taper: Float64, step: int) -> Float64:
        """A batch of its own for each step, `[len(taper), count]`."""
        n = len(taper)
        rng = np.random.default_rng([self._seed, step])
        windows = self.pool.draw(rng, n, _CANDIDATES * self._count)
        power = (windows**2 * taper).sum(axis=1)
        loudest = np.argsort(-power, kind="stable")[: self._count]
        scale = np.sqrt(taper.sum() / np.maximum(power[loudest], 1e-30) / self._count)
        return np.asarray((windows[loudest] * scale[:, None]).T)
