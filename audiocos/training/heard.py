"""How a corpus is heard, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from audiocos.counting import are, counted
from audiocos.errors import CorpusError
from audiocos.training.refused import Refused
from audiocos.training.statistics import Moment


@dataclass(frozen=True)
class Listening:
    """How a corpus is heard.

    Args:
        sample_rate: Hz; files at other rates are resampled.
        channels: "each" (as separate signals) or "mix" (their mean).
        strict: a damaged file is left out; otherwise what is there of it counts.
        threads: files decoded at a time, and products at a time.
        offsets: whether to count every sample offset, too (the autocorrelation).
        reach: how many hops belong together; as many as the framing needs when None.
    """

    sample_rate: int
    channels: str = "each"
    strict: bool = False
    threads: int = 2
    offsets: bool = True
    reach: int | None = None


@dataclass
class Heard:
    """What a pass brought.

    Args:
        moment: the sums.
        files: how many files count.
        seconds: how much sound they hold, channels not told apart.
        elapsed: seconds that the pass took, over all its runs.
        silent: names of files without sound, which do not count.
        refused: files that could not be used, which do not count.
        warnings: files of which a part is missing; what is there counts.
        notes: what a user should know of the cache.
        cached: seconds of sound that came from the cache.
        used: digests of the files that count, sorted.
    """

    moment: Moment
    files: int = 0
    seconds: float = 0.0
    elapsed: float = 0.0
    silent: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cached: float = 0.0
    used: list[str] = field(default_factory=list)

    @property
    def hours_per_second(self) -> float:
        """Hours of sound heard in a second."""
        return self.seconds / 3600 / self.elapsed if self.elapsed else 0.0

    def demand_sound(self) -> None:
        """Insist that something was heard.

        Raises:
            CorpusError: nothing is left to learn from.
        """
        if self.files:
            return
        example = self.refused[0].name if self.refused else self.silent[0] if self.silent else "no files"
        silent = f"{counted(len(self.silent), 'file')} {are(len(self.silent))} silent"
        raise CorpusError(
            f"nothing is left to learn from: {silent} and {len(self.refused)} cannot be used, such as {example}. "
            "Add recordings with sound."
        )


@dataclass
class Tally:
    """What became of the files of a batch or of all batches so far; files are numbers in the order of the pass."""

    heard: dict[int, float] = field(default_factory=dict)  # seconds
    silent: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    warnings: list[tuple[int, str]] = field(default_factory=list)
    batches: int = 0
    elapsed: float = 0.0

    def add(self, other: Tally) -> None:
        """Take the next batch's."""
        self.heard |= other.heard
        self.silent += other.silent
        self.refused |= other.refused
        self.warnings += other.warnings
        self.batches += 1

    def join(self, other: Tally) -> None:
        """Take what another process has heard at the same time."""
        batches, elapsed = self.batches + other.batches, max(self.elapsed, other.elapsed)
        self.add(other)
        self.batches, self.elapsed = batches, elapsed

    @classmethod
    def of_saved(cls, saved: dict[str, Any]) -> Tally:
        """A tally back from JSON, which knows no whole numbers as keys and no tuples."""
        return cls(
            heard={int(i): seconds for i, seconds in saved["heard"].items()},
            silent=saved["silent"],
            refused={int(i): why for i, why in saved["refused"].items()},
            warnings=[(i, text) for i, text in saved["warnings"]],
            batches=saved["batches"],
            elapsed=saved["elapsed"],
        )
