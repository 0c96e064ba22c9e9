"""What a view needs to know of a monitored stretch and of an alarm, and nothing else of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Spent(Protocol):
    """How long hops took: (p50, p99, max) in ms; None before the first."""

    def over_run(self) -> tuple[float, float, float] | None:
        """Of the whole run."""

    def last(self, seconds: float) -> tuple[float, float, float] | None:
        """Of the last so many seconds."""


class Delay(Protocol):
    """By how much the output lags the input, in samples."""

    @property
    def algorithmic(self) -> int:
        """Of the model."""

    @property
    def resampling(self) -> int:
        """Of the conversion to the model's rate and back."""

    @property
    def buffering(self) -> int:
        """Of the rings."""

    @property
    def ahead(self) -> int:
        """What is computed before the speakers want it."""

    @property
    def device(self) -> int:
        """Of the device."""

    @property
    def total(self) -> int:
        """All together."""


class Happening(Protocol):
    """Something that happened, in words."""

    @property
    def time_s(self) -> float:
        """Seconds of sound since the start."""

    @property
    def until_s(self) -> float:
        """When the last of them happened, of a run that is kept as one."""

    @property
    def times(self) -> int:
        """How many it stands for."""

    @property
    def kind(self) -> str:
        """Of which it is."""

    @property
    def text(self) -> str:
        """One line."""


class Watched(Protocol):
    """A session, as far as a view looks at it and turns its knobs."""

    listen: str
    keep: int | None

    @property
    def sample_rate(self) -> int:
        """Hz."""

    @property
    def channels(self) -> int:
        """How many."""

    @property
    def time_s(self) -> float:
        """Seconds of sound so far."""

    @property
    def deadline_ms(self) -> float:
        """What a hop may take."""

    @property
    def ended(self) -> bool:
        """Whether the sound is over."""

    @property
    def hop_times(self) -> Spent:
        """How long hops took."""

    @property
    def latency(self) -> Delay:
        """The delay."""

    @property
    def counters(self) -> Any:
        """A dataclass of counts."""

    @property
    def events(self) -> Sequence[Happening]:
        """In the order of time."""


class Worst(Protocol):
    """The most unlike there was of an alarm."""

    @property
    def score(self) -> float | None:
        """The highest."""


class Alarm(Protocol):
    """The state of a detector at one moment."""

    @property
    def active(self) -> bool:
        """Whether it sounds."""

    @property
    def score(self) -> float | None:
        """How unlike normal the last second was."""

    @property
    def threshold(self) -> float | None:
        """The score above which it sounds."""

    @property
    def below_db(self) -> float | None:
        """The SNR below which it sounds; None when that is not watched."""

    @property
    def bands(self) -> tuple[float, ...] | None:
        """How much each band speaks; None where there is no score."""

    @property
    def band_edges_hz(self) -> tuple[float, ...]:
        """Where they lie."""

    @property
    def since_s(self) -> float | None:
        """When it began to sound."""

    @property
    def count(self) -> int:
        """How often it has sounded."""

    @property
    def worst(self) -> Worst | None:
        """The most unlike there was since it began; None while it does not sound."""


class Past(Protocol):
    """When an alarm was."""

    @property
    def begin_s(self) -> float:
        """Where in the sound it began."""

    @property
    def end_s(self) -> float | None:
        """Where it ended; None where it lasts."""


class Alarming(Protocol):
    """What raises alarms: its state is replaced whole, so that any thread may look."""

    @property
    def state(self) -> Alarm:
        """The state now."""

    @property
    def past(self) -> Sequence[Past]:
        """All of them so far, in the order of time."""
