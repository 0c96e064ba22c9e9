"""What is to be learned and how: the choices of `audiocos train`, checked before any sound is heard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audiocos.counting import counted
from audiocos.errors import UsageError

if TYPE_CHECKING:
    from audiocos.framing import Framing

STARTS = ("auto", "orthogonal", "random", "spectral")
OPTIMIZERS = ("auto", "gauss-newton", "lbfgs", "adam", "sgd")


@dataclass(frozen=True)
class StochasticSettings:
    """How to descend.

    Args:
        optimizer: "adam" or "sgd".
        steps: how many.
        rate_bins: step size of frequencies, in bins.
        rate: step size of amplitudes (and phases).
        growth: grow the window; without it a random start stays near 0 dB.
        balance: scale the gradients of the six parameter groups as the notebook did.
        dtype: "float32" or "float64", of windows and products.
        workers: processes that make the batches; no more of them start than there are cores.
        device: a torch device.
    """

    optimizer: str = "adam"
    steps: int = 3000
    rate_bins: float = 0.1
    rate: float = 0.01
    growth: bool = True
    balance: bool = False
    dtype: str = "float32"
    workers: int = 0
    device: str = "cpu"


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
        growth: window growth; for random starts when None.
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
        from audiocos import framing

        if self.kind == "overlap":
            return framing.overlap(self.frame, self.hop, self.window or "sqrt-hann")
        if self.kind == "lapped":
            return framing.lapped(self.frame, self.window or "sine")
        return framing.Framing(self.kind, self.frame, self.hop or self.frame, self.window or "rectangular")

    @property
    def m(self) -> int:
        """M."""
        return self.coefficients or self.exact_at

    @property
    def exact_at(self) -> int:
        """The least M at which a pair can be exact."""
        return self.frame // 2 if self.kind == "lapped" else self.frame

    @property
    def grows_on_white(self) -> bool:
        """Whether windows grow on white sound, whatever the recordings are.

        Where frames overlap, the windows of recordings tell a frame what its neighbours make up for; a pair that is
        exact for white sound, frame by frame, is exact there for every sound.
        """
        return self.kind != "block"

    @property
    def first_order(self) -> bool:
        """Whether it learns by gradients of batches."""
        return self.optimizer in ("adam", "sgd")

    @property
    def polish(self) -> str:
        """The optimizer of the last stage, after window growth or descent."""
        # Where the loss cannot vanish, Gauss-Newton leaves out what is curved and creeps through flat valleys.
        return "gauss-newton" if self.m >= self.exact_at else "lbfgs"

    def decided(self, is_white: bool) -> TrainingConfig:
        """The same with every "auto" and every None that learning depends on filled in.

        Args:
            is_white: whether the sound is white noise.
        """
        start = self.start
        if start == "auto":
            start = "spectral" if self.m < self.frame else "orthogonal"
            if is_white and self.kind == "block":
                start = "random"
        growth = self.growth
        if growth is None:
            growth = start == "random"
        optimizer = self.optimizer
        if optimizer == "auto" or (growth and not self.first_order):  # the window grows in Gauss-Newton steps
            optimizer = "gauss-newton"
        framing = self.framing()
        return replace(
            self,
            coefficients=self.m,
            hop=framing.hop,
            window=framing.window,
            start=start,
            optimizer=optimizer,
            growth=growth,
        )

    def doubts(self, asked: str, cores: int) -> list[str]:
        """What a user should know before a training that is decided begins.

        Args:
            asked: the optimizer as it was asked for.
            cores: of this machine.
        """
        found = []
        if self.growth and asked == "lbfgs":
            found.append(
                f"--optimizer lbfgs: windows grow in Gauss-Newton steps, then {self.polish} polishes. "
                "--no-growth learns by L-BFGS alone."
            )
        if self.first_order and self.stochastic.workers > cores:
            found.append(
                f"--workers {self.stochastic.workers}: more than the {counted(cores, 'core')} here; {cores} work."
            )
        return found

    def check(self) -> None:
        """Refuse what cannot be, before any sound is heard.

        Raises:
            FramingError: sizes and window that cannot reconstruct.
            UsageError: choices that do not go together.
        """
        if self.kind != "block" and self.frame < 2:
            raise UsageError(
                f"--frame {self.frame}: {self.kind} frames advance by less than a frame, so they need 2 samples or "
                "more. Take a larger --frame, or --framing block."
            )
        self.framing()
        if self.kind == "lapped" and self.hop not in (None, self.frame // 2):
            raise UsageError(
                f"--hop {self.hop}: lapped frames advance by half a frame, {self.frame // 2}. "
                "Leave it out, or use --framing overlap."
            )
        if self.kind == "lapped" and self.m > self.frame // 2:
            raise UsageError(
                f"--coefficients {self.m}: lapped framing holds at most {self.frame // 2} a hop. Take a larger --frame."
            )
        if self.start == "spectral" and self.m > self.frame:
            raise UsageError(
                f"--init spectral: M = {self.m} is above N = {self.frame}. Use --init orthogonal or random."
            )
        if self.first_order and self.kind != "block":
            raise UsageError(f"--optimizer {self.optimizer}: learns on windows of block frames. Use --framing block.")
