"""The sound from the worst second of all alarms on, kept while it goes by, for whoever looks back."""

from __future__ import annotations

import math

from audiocos.live.alarmstate import AlarmState
from audiocos.live.history import History
from audiocos.metrics import Array

_BEFORE_S = 0.5
_KNOWN_S = 3.0  # a second is judged when the resampler has let go of it, and sound comes in blocks


class WorstAlarm:
    """Feed it what the detector has been fed, with its state; the worst second is the one of the highest score.

    Where there is no score, it is the one of the lowest SNR. In constant memory: the last seconds, and the excerpt.

    Args:
        channels: C.
        sample_rate: Hz.
        seconds: how long the excerpt is, at most. It begins half a second before that second: of sound that packs
            badly the players of a page hold the beginning only.
    """

    def __init__(self, channels: int, sample_rate: int, seconds: float) -> None:
        self._rate, self._length = sample_rate, max(1, round(seconds * sample_rate))
        self._history = History(channels, self._length + round(_KNOWN_S * sample_rate))
        self._worst = (-math.inf, -math.inf)
        self._first: int | None = None  # where the excerpt begins that is to be kept
        self._kept: tuple[int, Array] | None = None

    def feed(self, x: Array, y: Array, state: AlarmState) -> None:
        """Take the next block of input and output, `[channels, samples]`, and what it was judged to be."""
        self._history.push(x, y)
        score, snr = state.score, state.snr_db
        how_bad = (-math.inf if score is None else score, -math.inf if snr is None else -snr)
        if state.active and state.judged_s is not None and how_bad > self._worst:
            self._worst = how_bad
            self._first = max(round((state.judged_s - 1 - _BEFORE_S) * self._rate), 0)
        if self._first is not None and self._history.end >= self._first + self._length:
            self._keep(self._first)

    def excerpt(self) -> tuple[float, Array, Array] | None:
        """Start in seconds, input and output, `[channels, samples]`; None where there was no alarm. At the end."""
        if self._first is not None:
            self._keep(self._first)
        if self._kept is None:
            return None
        first, (x, y) = self._kept
        return first / self._rate, x, y

    def _keep(self, first: int) -> None:
        first = max(first, self._history.start)
        last = min(first + self._length, self._history.end)
        self._kept, self._first = (first, self._history.between(first, last)), None
