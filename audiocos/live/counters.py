"""What a monitored stretch counts: plain data, written by one thread each, read by any."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

_FINENESS = 0.01  # a bin of the histogram is 1% wide
_SHORTEST = 1e-7  # seconds
_BINS = math.ceil(math.log(1e9) / _FINENESS)  # up to 100 s
_OUTLIERS = 32


@dataclass
class Counters:
    """What went wrong, in blocks, hops or samples a channel. All zero in a run that kept up.

    Args:
        input_overflows: blocks of input that the device or the ring behind it lost, whole or in part.
        output_underflows: blocks of output that came too late, by the device's word or the ring's.
        late_hops: hops that took longer than the sound they turn.
        dropped_samples: input that the device or the ring behind it lost, or output that came too late to be played.
        zero_filled_samples: silence played where output was missing.
        bypassed_samples: input played as it was because the worker was behind (`--on-overload bypass`).
        clipped_samples: output beyond full scale; these are single values, of all channels.
        sanitized_samples: values that were no sound (NaN, infinity) and became silence, of all channels.
        unmetered_samples: sound that was played but neither measured nor written to a file.
    """

    input_overflows: int = 0
    output_underflows: int = 0
    late_hops: int = 0
    dropped_samples: int = 0
    zero_filled_samples: int = 0
    bypassed_samples: int = 0
    clipped_samples: int = 0
    sanitized_samples: int = 0
    unmetered_samples: int = 0


@dataclass
class Absences:
    """How often a device was away, and how long by the clock on the wall: no sound tells of that time.

    Args:
        count: how often.
        ended_s: seconds of those absences that are over.
        since: when the present one began (`time.time`), or None.
    """

    count: int = 0
    ended_s: float = 0.0
    since: float | None = None

    def begin(self, since: float) -> None:
        """The device has been away since then."""
        self.count += 1
        self.since = since

    def end(self) -> float:
        """The device is back; after how many seconds."""
        away_s = self._present_s
        self.ended_s, self.since = self.ended_s + away_s, None
        return away_s

    @property
    def seconds(self) -> float:
        """All together, the present one included."""
        return self.ended_s + self._present_s

    @property
    def _present_s(self) -> float:
        since = self.since
        return 0.0 if since is None else max(time.time() - since, 0.0)


@dataclass(frozen=True)
class Latency:
    """By how much the output lags the input, in samples at the monitored rate.

    Args:
        algorithmic: of the model, N - 1 samples at its own rate.
        resampling: of the conversion to the model's rate and back, and to the speakers'; 0 without.
        buffering: of the rings between the threads.
        device: of the device and its driver, as they report it; 0 without a device.
        sample_rate: Hz.
        ahead: of a file or a signal that is played, what is computed before the speakers want it, so that neither the
            disk nor a busy machine is heard. Nobody waits for it; what a key changes is heard so much later.
    """

    algorithmic: int
    resampling: int
    buffering: int
    device: int
    sample_rate: int
    ahead: int = 0

    @property
    def total(self) -> int:
        """The sum, samples."""
        return self.algorithmic + self.resampling + self.buffering + self.ahead + self.device

    def ms(self, samples: int | None = None) -> float:
        """`samples`, the total when None, in milliseconds."""
        return 1e3 * (self.total if samples is None else samples) / self.sample_rate

    def row(self) -> dict[str, float]:
        """As `--json` prints it."""
        return {
            "algorithmic_samples": self.algorithmic,
            "resampling_samples": self.resampling,
            "buffering_samples": self.buffering,
            "ahead_samples": self.ahead,
            "device_samples": self.device,
            "total_samples": self.total,
            "total_ms": self.ms(),
        }

    def __str__(self) -> str:
        parts = {"algorithm": self.algorithmic, "resampling": self.resampling}
        parts |= {"buffers": self.buffering, "computed ahead": self.ahead, "device": self.device}
        told = " + ".join(f"{name} {samples}" for name, samples in parts.items() if samples)
        return f"{self.total} samples, {self.ms():.1f} ms ({told or 'none'})"


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Args:
        time_s: seconds of sound since the start.
        kind: "input_overflow", "output_underflow", "late_hop", "bypass", "unmetered", "device", "source", "alarm", ...
        text: one line for people, without a full stop at its end.
        count: samples or values, or, of a late hop, 1; 0 where it is not known.
        details: what else there is to say of one of this kind, for JSON; of a run of them that are kept as one, how
            many `times` and `until_s`.
    """

    time_s: float
    kind: str
    text: str
    count: int = 0
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def times(self) -> int:
        """How many this one stands for."""
        return int(self.details.get("times", 1))

    @property
    def until_s(self) -> float:
        """When the last of them happened."""
        return float(self.details.get("until_s", self.time_s))

    def row(self) -> dict[str, Any]:
        """As `--json` prints it."""
        counted = {"count": self.count} if self.count else {}
        return {"event": self.kind, "time_s": self.time_s, "text": self.text} | counted | self.details


class Quantiles(NamedTuple):
    """Of hop times, in ms."""

    p50: float
    p99: float
    max: float


class HopTimes:
    """How long each hop took to compute. `add` allocates nothing; one thread adds, any reads.

    A hop is what the worker takes at a time: a group of the model's where speed counts more than latency, a block of
    sound where rates are converted.

    Args:
        deadline_s: the sound a hop turns, in seconds; what it should take less than.
        window_s: how far back `last` can look.
    """

    def __init__(self, deadline_s: float, window_s: float = 10.0) -> None:
        self.deadline_s = deadline_s
        self._histogram = np.zeros(_BINS, np.int64)
        self._recent = np.zeros((2, max(16, math.ceil(window_s / deadline_s))))  # when, how long
        self._outliers = np.zeros((2, _OUTLIERS))  # when, how long
        self._threshold = 0.0
        self._max = 0.0
        self.count = 0
        self.late = 0

    def add(self, seconds: float, at_s: float) -> bool:
        """Count a hop, at so many seconds of sound since the start; whether it was late."""
        place = int(math.log(max(seconds, _SHORTEST) / _SHORTEST) / _FINENESS)
        self._histogram[min(place, _BINS - 1)] += 1
        spot = self.count % self._recent.shape[1]
        self._recent[0, spot], self._recent[1, spot] = at_s, seconds
        if seconds > self._threshold:
            spot = self._outliers[1].argmin()
            self._outliers[:, spot] = at_s, seconds
            self._threshold = float(self._outliers[1].min())
        self._max = max(self._max, seconds)
        self.count += 1
        late = seconds > self.deadline_s
        self.late += late
        return late

    def quantile(self, share: float) -> float:
        """The time in ms that a share of all hops did not exceed, to 1%; `share` is 0.999, say.

        Raises:
            ValueError: before the first hop.
        """
        if not self.count:
            raise ValueError("no hop has been timed yet.")
        place = int(np.searchsorted(np.cumsum(self._histogram), share * self._histogram.sum()))
        return 1e3 * min(_SHORTEST * math.exp((place + 0.5) * _FINENESS), self._max)

    def over_run(self) -> Quantiles | None:
        """Of all hops, None before the first; the quantiles to 1%, the maximum exact."""
        if not self.count:
            return None
        return Quantiles(self.quantile(0.5), self.quantile(0.99), self._max * 1e3)

    def last(self, seconds: float) -> Quantiles | None:
        """Of the hops of the last `seconds` of sound up to the last hop, None before the first.

        Not all sound is in a hop: some is lost, and some passes by the model.
        """
        count = self.count
        if not count:
            return None
        at_s, took_s = self._recent[:, :count]
        last_s = at_s[(count - 1) % at_s.size]
        half_s = self.deadline_s / 2
        taken = took_s[at_s > last_s - max(seconds - half_s, half_s)] * 1e3
        p50, p99 = np.percentile(taken, [50, 99])
        return Quantiles(float(p50), float(p99), float(taken.max()))

    @property
    def outliers(self) -> list[tuple[float, float]]:
        """The longest hops of the run: seconds of sound since the start, and ms; longest first."""
        pairs = [(float(t), float(s) * 1e3) for t, s in self._outliers.T if s > 0]
        return sorted(pairs, key=lambda pair: -pair[1])
