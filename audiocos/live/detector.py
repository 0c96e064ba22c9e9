"""The error as a detector: each second of sound judged by how unlike the normal ones its residual is.

The meter thread feeds a `Detector` input and reconstruction as the model gives it, before it is rounded; everybody
else reads `state`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from audiocos.live import measure
from audiocos.live.alarmstate import AlarmEvent, AlarmState, Worst
from audiocos.metrics import Array
from audiocos.normal import Normal, distance, shares
from audiocos.residuals import SILENCE_DBFS, BandLevels, Second, band_edges

HOLD_S = 2.0
HYSTERESIS_DB = 1.0
FALSE_ALARMS_PER_HOUR = 1.0

SMEARED_S = 0.25
"""After a splice: a model's frame has both sides in it, and a resampler smears it further."""


class _Resampler(Protocol):
    def resample_chunk(self, x: Array, last: bool = False) -> Array: ...


class Detector:
    """Judge each second of sound, raise and end alarms.

    A second is alarming when its score lies above the threshold or its SNR below `below_db`; silent seconds, and those
    in which sound is missing, never are. The alarm ends when `hold_s` have passed without a second that is alarming or
    nearly so.

    Fed by one thread; `state` is replaced whole and may be read by any. `on_change` is called by the thread that feeds.

    Args:
        sample_rate: Hz of what is fed; converted to the rate of `normal` on the way, where they differ.
        channels: C.
        normal: what is normal; None to watch the SNR only.
        false_alarms_per_hour: how many seconds an hour of normal sound may score above the threshold.
        below_db: alarm where the SNR lies below; None not to watch it.
        hold_s: how long an alarm stays, at least 0.
        hysteresis_db: how much less unlike a second must be not to prolong an alarm, at least 0: the score by that
            many dB (of 20 log10), the SNR likewise.
        smeared_s: how far after a place where sound is missing the residual is the splice's. What of it lies before
            that place may have been judged already.

    Raises:
        ValueError: numbers that cannot be, or nothing to watch.
    """

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        *,
        normal: Normal | None,
        false_alarms_per_hour: float = FALSE_ALARMS_PER_HOUR,
        below_db: float | None = None,
        hold_s: float = HOLD_S,
        hysteresis_db: float = HYSTERESIS_DB,
        smeared_s: float = SMEARED_S,
    ) -> None:
        if normal is None and below_db is None:
            raise ValueError("nothing to watch: give what is normal, or an SNR to stay above.")
        if below_db is not None and not math.isfinite(below_db):
            raise ValueError(f"below {below_db} dB: must be a finite number.")
        for name, value in (("hold", hold_s), ("hysteresis", hysteresis_db)):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} {value:g}: must be 0 or more, and finite.")
        rate = sample_rate if normal is None else normal.sample_rate
        threshold = None if normal is None else normal.threshold(false_alarms_per_hour)
        self.sample_rate = sample_rate
        self.channels = channels
        self.on_change: list[Callable[[AlarmEvent], None]] = []
        self.state = AlarmState(False, None, threshold, None, tuple(band_edges(rate).tolist()), below_db=below_db)
        self._normal = normal
        self._levels = BandLevels(rate, channels)
        self._second_s = self._levels.second / rate
        self._resampler = None if rate == sample_rate else _resampler(sample_rate, rate, channels)
        self._told: deque[measure.Second] = deque()  # as they were fed, those whose conversion is not complete
        self._plain = None if rate == sample_rate else measure.Seconds(sample_rate, self._told.append)
        self._hold_s, self._hysteresis_db, self._smeared_s = hold_s, hysteresis_db, smeared_s
        self._seconds = 0
        self._fed = 0  # samples, those that are missing among them
        self._missing: deque[tuple[float, float]] = deque()  # where nothing can be judged, from and to, in seconds
        self._alarming_s = -math.inf  # end of the last second that prolonged the alarm

    def feed(self, x: Array, y: Array) -> None:
        """Take the next block of both, `[channels, samples]`, aligned in time.

        Raises:
            ValueError: shapes that differ from each other or from the channels.
        """
        if x.shape != y.shape or x.ndim != 2 or x.shape[0] != self.channels:
            raise ValueError(f"x {list(x.shape)}, y {list(y.shape)}: give equal [{self.channels}, samples].")
        self._take(x, y)

    def miss(self, count: int) -> None:
        """So many samples are missing here: seconds that they touch, or what is smeared of them, are not judged."""
        begin_s, end_s = self._fed / self.sample_rate, (self._fed + count) / self.sample_rate + self._smeared_s
        if self._missing and begin_s <= self._missing[-1][1]:
            begin_s, _ = self._missing.pop()
        self._missing.append((begin_s, end_s))
        silence = np.zeros((self.channels, count))
        self._take(silence, silence)

    def close(self) -> None:
        """Judge what the resampler still holds of the last second; once, when nothing is fed any more."""
        nothing = np.empty((self.channels, 0))
        self._take(nothing, nothing, last=True)

    def _take(self, x: Array, y: Array, last: bool = False) -> None:
        self._fed += x.shape[1]
        if self._resampler is not None and self._plain is not None:
            self._plain.feed(x, y)
            both = np.concatenate([x, y]).T  # through one converter, so that they stay aligned
            both = self._resampler.resample_chunk(np.ascontiguousarray(both, np.float64), last).T
            x, y = both[: len(x)], both[len(x) :]
        for row in self._levels.feed(x, y):
            self._judge(row)

    def _judge(self, row: Second) -> None:
        before = self.state
        self._seconds += 1
        end_s = self._seconds * self._second_s
        score: float | None = None
        bands: tuple[float, ...] | None = None
        snr_db = self._snr_db(row)
        if self._misses(end_s - self._second_s, end_s):
            snr_db = None
        elif self._normal is not None and not row.silent:
            score = distance(self._normal, row.levels)
            bands = tuple(shares(self._normal, row.levels).tolist())
        active = self._alarms(score, snr_db, self._hysteresis_db if before.active else 0.0)
        if active:
            self._alarming_s = end_s
        elif before.active:
            active = end_s - self._alarming_s < self._hold_s
        begins = active and not before.active
        since_s = end_s - self._second_s if begins else before.since_s
        worst = (before.worst or Worst()).and_second(score, bands, snr_db)
        self.state = replace(
            before,
            active=active,
            score=score,
            bands=bands,
            snr_db=snr_db,
            since_s=since_s if active else None,
            count=before.count + begins,
            worst=worst if active else None,
            judged_s=end_s,
        )
        if active != before.active and since_s is not None:
            event = AlarmEvent(self.state, end_s, since_s, worst)
            for call in self.on_change:
                call(event)

    def _snr_db(self, row: Second) -> float | None:
        """Of the second as it was fed, what lies above the band of the statistics included; None for silence."""
        if self._plain is None:
            return None if row.silent else row.snr_db
        if not self._told:  # the conversion has rounded the last second up
            self._plain.close()
        second = self._told.popleft()
        silent = second.input_dbfs is None or second.input_dbfs <= SILENCE_DBFS
        return None if silent else second.snr_db

    def _misses(self, begin_s: float, end_s: float) -> bool:
        """Whether sound is missing in a second, or just before it; asked in the order of time."""
        while self._missing and self._missing[0][1] <= begin_s:
            self._missing.popleft()
        return bool(self._missing) and self._missing[0][0] < end_s

    def _alarms(self, score: float | None, snr_db: float | None, margin_db: float) -> bool:
        """Whether a second is alarming, or within a margin of it."""
        threshold, below_db = self.state.threshold, self.state.below_db
        unlike = score is not None and threshold is not None and score > threshold / 10 ** (margin_db / 20)
        lossy = snr_db is not None and below_db is not None and snr_db < below_db + margin_db
        return unlike or lossy


def _resampler(from_rate: int, to_rate: int, channels: int) -> _Resampler:
    import soxr

    found: _Resampler = soxr.ResampleStream(from_rate, to_rate, 2 * channels, dtype="float64", quality="VHQ")
    return found
