"""Which start, which learners: what `audiocos train` does unless it is told otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from audiocos import cosines
from audiocos.cosines import CosineParameters
from audiocos.ranks import Ranks
from audiocos.training.corpus import File
from audiocos.training.growth import Growth, NoiseWindows, WhiteSound, Windows, default_batch
from audiocos.training.heard import Listening
from audiocos.training.lappedgrowth import LappedGrowth
from audiocos.training.learners import LbfgsLearner, Learner, NewtonLearner
from audiocos.training.objective import objective_for
from audiocos.training.run import Stage
from audiocos.training.settings import TrainingConfig
from audiocos.training.sound import RecordedWindows, Sound
from audiocos.training.starts import spectral, untied
from audiocos.training.statistics import probes

KEEP = 1e-9
"""Probes that hold less than this share of the energy are left out while learning: 4e-8 dB at 20 dB."""

_FINEST_STEPS = 200  # pairs with phases need them; others are through in a few


def make_start(config: TrainingConfig, sound: Sound, is_white: bool) -> CosineParameters:
    """The pair to begin with, of settings that `check` has passed."""
    n, m, lapped = config.frame, config.m, config.kind == "lapped"
    start = config.decided(is_white).start
    if start == "random":
        if not lapped:
            return cosines.random(n, m, seed=config.seed, tied=config.tied, phased=config.phased)
        drawn = cosines.with_origin(cosines.random(n, m, seed=config.seed, tied=config.tied), 0.5 + n / 4)
        return drawn.with_phases() if config.phased else drawn  # window growth needs phases that begin at zero
    if start == "spectral":
        chosen = spectral(
            config.framing(), m, sound.second_moment, probes(sound.second_moment, KEEP), phased=config.phased
        )
    elif lapped:
        chosen = cosines.lapped(n, np.arange(m))
    else:
        chosen = cosines.orthogonal(n, m)
    chosen = chosen.with_phases() if config.phased else chosen
    return replace(chosen, tied=True) if config.tied else untied(chosen)


def noise_windows(config: TrainingConfig, ranks: Ranks) -> Windows:
    """Noise to learn from, on each rank another; or its expectation, where that will do."""
    if config.first_order or not config.expected:
        return NoiseWindows(_batch(config), _own_seed(config, ranks))
    return WhiteSound()


def recorded_windows(
    config: TrainingConfig, files: Sequence[File], listening: Listening, ranks: Ranks
) -> RecordedWindows:
    """Windows of recordings to learn from; ranks that descend together have each their own files and their own lots.

    With fewer files than ranks, who would have none takes windows of all of them.
    """
    count, own = _batch(config), list(files)
    if config.first_order:
        own = ranks.share(own, [file.size for file in own]) or own
    pool_count = config.batch or max(count, config.frame)
    return RecordedWindows(own, listening, pool_count, _own_seed(config, ranks), config.frame)


def _batch(config: TrainingConfig) -> int:
    needed = max(64, config.frame // 2) if config.first_order else default_batch(config.frame)
    return config.batch or needed


def _own_seed(config: TrainingConfig, ranks: Ranks) -> int:
    return config.seed + 7919 * ranks.rank


def stages(config: TrainingConfig, sound: Sound, windows: Windows | None, is_white: bool) -> list[Stage]:
    """The learners, in order.

    Args:
        config: what was asked; `check` has passed it.
        sound: the training sound.
        windows: for growth and first-order steps, which cannot do without.
        is_white: whether the sound is white noise.
    """
    growth = config.decided(is_white).growth is True
    if windows is None and (growth or config.first_order):
        raise ValueError("windows: growth and first-order steps learn from windows.")
    objective = sound.objective(KEEP) if not _is_identity(sound) else objective_for(sound.framing)
    energy = sound.energy

    def newton(start: CosineParameters) -> Learner:
        return NewtonLearner(start, objective, energy)

    def lbfgs(start: CosineParameters) -> Learner:
        return LbfgsLearner(start, objective, energy)

    def finely(start: CosineParameters) -> Learner:
        return NewtonLearner(start, objective, energy, floor=1e-14, most=_FINEST_STEPS)

    polish: Stage = ("polish", finely if config.polish == "gauss-newton" else lbfgs)
    if windows is not None and config.first_order:
        from audiocos.training.stochastic import StochasticLearner  # torch, which no other way to learn needs

        settings = replace(config.stochastic, optimizer=config.optimizer, growth=growth)
        return [(config.optimizer, lambda start: StochasticLearner(start, windows, settings)), polish]
    if windows is not None and growth:
        factor = 1.3 if config.expected else 1.5
        if config.kind == "lapped":
            return [("window growth", lambda start: LappedGrowth(start, windows, factor=factor)), polish]
        # Recordings have directions with little energy, which more damping would leave unlearned.
        floor = None if windows.is_white else 1e-12
        return [("window growth", lambda start: Growth(start, windows, factor=factor, floor=floor)), polish]
    return [("L-BFGS", lbfgs)] if config.optimizer == "lbfgs" else [("Gauss-Newton", newton)]


def _is_identity(sound: Sound) -> bool:
    return sound.framing.kind == "block" and np.array_equal(sound.second_moment, np.eye(sound.framing.frame))
