"""Which start, which learners: what `audiocos train` does unless it is told otherwise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from audiocos import cosines, framing
from audiocos.cosines import CosineParameters
from audiocos.errors import UsageError
from audiocos.framing import Framing
from audiocos.training.growth import Growth, Windows
from audiocos.training.learners import LbfgsLearner, Learner, NewtonLearner
from audiocos.training.objective import objective_for
from audiocos.training.run import Stage
from audiocos.training.sound import Sound
from audiocos.training.starts import spectral, untied
from audiocos.training.statistics import probes
from audiocos.training.stochastic import StochasticLearner, StochasticSettings

STARTS = ("auto", "orthogonal", "random", "spectral")
OPTIMIZERS = ("auto", "gauss-newton", "lbfgs", "adam", "sgd")
KEEP = 1e-9
"""Probes that hold less than this share of the energy are left out while learning: 4e-8 dB at 20 dB."""


@dataclass(frozen=True)
class TrainingConfig:
    """What is to be learned and how.

    Args:
        frame: N.
        coefficients: M; all that the framing holds when None.
        kind: "block", "overlap" or "lapped".
        hop: H; the framing's own when None.
        window: by name; the framing's own when None.
        phased: learn phases too.
        tied: both banks share frequencies.
        start: one of STARTS, or "model"; auto is random for white noise in block frames, spectral where
            M is below N, else orthogonal.
        seed: of random starts and batches.
        optimizer: one of OPTIMIZERS.
        growth: window growth; for random starts on block frames when None.
        expected: learn on the expectation instead of batches, where both are possible.
        batch: windows a batch; as the optimizer needs when None.
        stochastic: settings of adam and sgd.
    """

    frame: int = 512
    coefficients: int | None = None
    kind: str = "block"
    hop: int | None = None
    window: str | None = None
    phased: bool = False
    tied: bool = False
    start: str = "auto"
    seed: int = 0
    optimizer: str = "auto"
    growth: bool | None = None
    expected: bool = True
    batch: int | None = None
    stochastic: StochasticSettings = StochasticSettings()

    def framing(self) -> Framing:
        """The framing.

        Raises:
            FramingError: sizes and window that cannot reconstruct.
        """
        if self.kind == "overlap":
            return framing.overlap(self.frame, self.hop, self.window or "sqrt-hann")
        if self.kind == "lapped":
            return framing.lapped(self.frame, self.window or "sine")
        return framing.Framing(self.kind, self.frame, self.hop or self.frame, self.window or "rectangular")

    @property
    def m(self) -> int:
        """M."""
        most = self.frame // 2 if self.kind == "lapped" else self.frame
        return self.coefficients or most

    @property
    def first_order(self) -> bool:
        """Whether it learns by gradients of batches."""
        return self.optimizer in ("adam", "sgd")

    def chosen_start(self, is_white: bool) -> str:
        """The start, auto decided."""
        if self.start != "auto":
            return self.start
        if is_white and self.kind == "block":
            return "random"
        return "spectral" if self.m < self.frame else "orthogonal"

    def grows(self, is_white: bool) -> bool:
        """Whether the window grows."""
        if self.growth is not None:
            return self.growth
        return self.chosen_start(is_white) == "random" and self.kind == "block"

    def check(self) -> None:
        """Refuse what cannot be, before any sound is heard.

        Raises:
            FramingError: sizes and window that cannot reconstruct.
            UsageError: choices that do not go together.
        """
        self.framing()
        if self.kind == "lapped" and self.m > self.frame // 2:
            raise UsageError(
                f"--coefficients {self.m}: lapped framing holds at most {self.frame // 2} a hop. Take a larger --frame."
            )
        if self.start == "spectral" and self.m > self.frame:
            raise UsageError(
                f"--init spectral: M = {self.m} is above N = {self.frame}. Use --init orthogonal or random."
            )
        if self.growth and self.kind != "block":
            raise UsageError("--growth: windows grow on block frames only. Leave it out, or use --framing block.")
        if self.first_order and self.kind != "block":
            raise UsageError(f"--optimizer {self.optimizer}: learns on windows of block frames. Use --framing block.")


def make_start(config: TrainingConfig, sound: Sound, is_white: bool) -> CosineParameters:
    """The pair to begin with, of settings that `check` has passed."""
    n, m, lapped = config.frame, config.m, config.kind == "lapped"
    start = config.chosen_start(is_white)
    if start == "random":
        drawn = cosines.random(n, m, seed=config.seed, tied=config.tied, phased=config.phased)
        return cosines.with_origin(drawn, 0.5 + n / 4) if lapped else drawn
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


def stages(config: TrainingConfig, sound: Sound, windows: Windows | None, is_white: bool) -> list[Stage]:
    """The learners, in order.

    Args:
        config: what was asked; `check` has passed it.
        sound: the training sound.
        windows: for growth and first-order steps, which cannot do without.
        is_white: whether the sound is white noise.
    """
    growth = config.grows(is_white)
    if windows is None and (growth or config.first_order):
        raise ValueError("windows: growth and first-order steps learn from windows.")
    objective = sound.objective(KEEP) if not _is_identity(sound) else objective_for(sound.framing)
    energy = sound.energy

    def newton(start: CosineParameters) -> Learner:
        return NewtonLearner(start, objective, energy)

    def lbfgs(start: CosineParameters) -> Learner:
        return LbfgsLearner(start, objective, energy)

    polish: Stage = ("polish", newton)
    if windows is not None and config.first_order:
        settings = replace(config.stochastic, optimizer=config.optimizer, growth=growth)
        return [(config.optimizer, lambda start: StochasticLearner(start, windows, settings)), polish]
    if windows is not None and growth:
        factor = 1.3 if config.expected else 1.5
        # Recordings have directions with little energy, which more damping would leave unlearned.
        floor = None if is_white else 1e-12
        return [("window growth", lambda start: Growth(start, windows, factor=factor, floor=floor)), polish]
    return [("L-BFGS", lbfgs)] if config.optimizer == "lbfgs" else [("Gauss-Newton", newton)]


def _is_identity(sound: Sound) -> bool:
    return sound.framing.kind == "block" and np.array_equal(sound.second_moment, np.eye(sound.framing.frame))
