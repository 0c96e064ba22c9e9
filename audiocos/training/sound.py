"""The sound that a pair learns from, as learning sees it: second moments and windows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from audiocos.cosines import CosineParameters, Float64
from audiocos.errors import AudioFileError
from audiocos.framing import Framing
from audiocos.training.corpus import File
from audiocos.training.decode import Decoder
from audiocos.training.heard import Heard, Listening
from audiocos.training.layout import Layout
from audiocos.training.objective import Objective, objective_for
from audiocos.training.statistics import Moment, probes

SHORT_HOPS_A_SAMPLE = 64
"""With fewer than this many hops for each of the N samples, the full second moment is mostly chance."""

_POOL_SAMPLES = 2**24
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

    Args:
        files: recordings.
        listening: rate and channels.
        count: windows a batch.
        seed: each seed is another sequence of batches.
        frame: N, the longest window.
    """

    is_white = False

    def __init__(self, files: Iterable[File], listening: Listening, count: int, seed: int, frame: int) -> None:
        self._count, self._seed = count, seed
        self._pool = _pool(list(files), listening, frame)

    def draw(self, taper: Float64, step: int) -> Float64:
        """A batch of its own for each step, `[len(taper), count]`."""
        n = len(taper)
        rng = np.random.default_rng([self._seed, step])
        starts = rng.integers(0, self._pool.size - n + 1, _CANDIDATES * self._count)
        windows = self._pool[starts[:, None] + np.arange(n)].astype(np.float64)
        power = (windows**2 * taper).sum(axis=1)
        loudest = np.argsort(-power, kind="stable")[: self._count]
        scale = np.sqrt(taper.sum() / np.maximum(power[loudest], 1e-30) / self._count)
        return np.asarray((windows[loudest] * scale[:, None]).T)


def _pool(files: list[File], listening: Listening, frame: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Sound from the beginning of each file, about equally much of each, in one array."""
    share = max(_POOL_SAMPLES // max(len(files), 1), 4 * frame)
    parts: list[Float64] = []
    for file in files:
        taken = 0
        with contextlib.suppress(AudioFileError):  # the pass over the recordings has named it
            for block in Decoder(file, listening.sample_rate, listening.channels).blocks():
                signal = block[0][: share - taken]
                parts.append(signal)
                taken += len(signal)
                if taken >= share:
                    break
    pool = np.concatenate([np.zeros(frame), *parts]).astype(np.float32)
    return pool


def describe(heard: Heard) -> str:
    """One line about a pass."""
    return f"{heard.files} files, {heard.seconds / 3600:.2f} h, {heard.hours_per_second:.2f} h of audio a second"
