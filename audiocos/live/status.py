"""What a view says in words besides the meters: latency, load, counts, events, the alarm, the keys. Also as lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from audiocos.live.log import FLOODING
from audiocos.live.watched import Alarm, Alarming, Happening, Watched

_STAYS_S = 10.0
_MOST_ALARMS = 100  # more than a screen has room for

_SHORT = {
    "late_hops": "late",
    "dropped_samples": "dropped",
    "input_overflows": "over",
    "output_underflows": "under",
    "zero_filled_samples": "filled",
    "bypassed_samples": "bypassed",
    "clipped_samples": "clipped",
    "sanitized_samples": "NaN",
    "unmetered_samples": "unmetered",
}


@dataclass(frozen=True)
class Stage:
    """What does not change: who plays.

    Args:
        model: its name.
        coefficients: how many it has.
        source: where the sound comes from, in words.
        sink: where it goes, in words; "" for nowhere.
    """

    model: str
    coefficients: int
    source: str
    sink: str = ""


@dataclass(frozen=True)
class Status:
    """A session at one moment, in plain numbers.

    Args:
        time_s: seconds of sound.
        rate, channels: of the sound.
        listen: what is listened to.
        keep: coefficients kept, None for all.
        latency: (what, ms) pairs, the total first.
        load: p50, p99 and max of the last 10 s, then p99 and max of the run, as shares of the deadline; None before the
            first hop.
        deadline_ms: what a hop may take.
        counts: (name, count) pairs.
        event: the last one; where they come in floods, which the counts tell of, the last that came singly for a while.
        events: how many.
        alarm: its state, or None.
        alarms: from when to when in the sound there were any, in order; the end is None where it lasts.
    """

    time_s: float
    rate: int
    channels: int
    listen: str
    keep: int | None
    latency: tuple[tuple[str, float], ...]
    load: tuple[float | None, ...]
    deadline_ms: float
    counts: tuple[tuple[str, int], ...]
    event: Happening | None
    events: int
    alarm: Alarm | None
    alarms: tuple[tuple[float, float | None], ...] = ()

    @classmethod
    def of(cls, session: Watched, detector: Alarming | None) -> Status:
        """Look at a session."""
        rate, late = session.sample_rate, session.latency
        parts: dict[str, int] = {"total": late.total, "model": late.algorithmic}
        if late.resampling:
            parts["resampling"] = late.resampling
        if late.ahead:
            parts["ahead"] = late.ahead
        else:
            parts["buffers"] = late.buffering
        parts["device"] = late.device
        recent, whole = session.hop_times.last(10.0), session.hop_times.over_run()
        deadline = session.deadline_ms or 1.0
        events: Sequence[Happening] = session.events
        return cls(
            session.time_s,
            rate,
            session.channels,
            session.listen,
            session.keep,
            tuple((name, 1e3 * samples / rate) for name, samples in parts.items()),
            (None,) * 5 if recent is None or whole is None else tuple(ms / deadline for ms in (*recent, *whole[1:])),
            session.deadline_ms,
            counts_of(session.counters),
            _worth_telling(events),
            sum(event.times for event in events),
            None if detector is None else detector.state,
            () if detector is None else tuple((alarm.begin_s, alarm.end_s) for alarm in detector.past[-_MOST_ALARMS:]),
        )


def _worth_telling(events: Sequence[Happening]) -> Happening | None:
    """The last event, unless it is one of a flood and hides one that came singly a short while ago."""
    if not events:
        return None
    last = max(events, key=lambda event: event.until_s)
    for event in reversed(events):
        if event.kind not in FLOODING and event.time_s >= last.until_s - _STAYS_S:
            return event
    return last


def counts_of(counters: Any) -> tuple[tuple[str, int], ...]:
    """Names short enough to show, and their counts, the worst first."""
    counts = {field.name: int(getattr(counters, field.name)) for field in dataclasses.fields(counters)}
    names = [*(name for name in _SHORT if name in counts), *(name for name in counts if name not in _SHORT)]
    return tuple((_SHORT.get(name, name.replace("_", " ")), counts[name]) for name in names)


def fewer(keep: int | None, most: int) -> int:
    """The next smaller number of coefficients: halves, and three quarters between them.

    >>> fewer(None, 512), fewer(512, 512), fewer(384, 512), fewer(1, 512)
    (384, 384, 256, 1)
    """
    now = most if keep is None else keep
    return max((step for step in _steps(most) if step < now), default=1)


def more(keep: int | None, most: int) -> int | None:
    """The next larger number, None for all of them.

    >>> more(256, 512), more(384, 512), more(None, 512)
    (384, None, None)
    """
    larger = [step for step in _steps(most) if keep is not None and step > keep]
    return larger[-1] if larger and larger[-1] < most else None


def snr_words(snr_db: float | None, heard: bool, lossless: bool) -> str:
    """An SNR in words: exact where nothing was lost, a dash where there was nothing to lose.

    >>> snr_words(12.345, True, False), snr_words(None, True, True), snr_words(None, False, True)
    ('12.3 dB', 'exact', '-')
    """
    if snr_db is not None:
        return f"{snr_db:.1f} dB"
    return "exact" if heard and lossless else "-"


def level_words(dbfs: float | None) -> str:
    """A level with one digit, a dash for nothing at all."""
    return "-" if dbfs is None else f"{dbfs:.1f}"


def clock(seconds: float) -> str:
    """A time as a clock shows it.

    >>> clock(9.7), clock(75), clock(3723)
    ('0:09', '1:15', '1:02:03')
    """
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def percent(share: float | None) -> str:
    """A share of the deadline, a dash for none yet.

    >>> percent(0.0123), percent(0.456), percent(12.0), percent(None)
    ('1.2 %', '46 %', '1200 %', '-')
    """
    if share is None:
        return "-"
    return f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"


def short_count(count: int) -> str:
    """A count in few digits.

    >>> short_count(999), short_count(123456), short_count(12_000_000)
    ('999', '123k', '12.0M')
    """
    if count < 10_000:
        return str(count)
    return f"{count // 1000}k" if count < 10**6 else f"{count / 1e6:.1f}M"


def _steps(most: int) -> list[int]:
    """From all down to one."""
    steps = {most, 1}
    size = 1
    while size < most:
        steps |= {size, 3 * size // 2}
        size *= 2
    return sorted((step for step in steps if 1 <= step <= most), reverse=True)
