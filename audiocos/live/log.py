"""What a thread that must not wait has to tell: noted by it, read by another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from audiocos.counting import are, counted
from audiocos.live.counters import Event

MOST_EVENTS = 10_000
"""Events that a journal keeps; what comes after is counted and no longer told one by one."""

_TEXTS: dict[str, Callable[[int], str]] = {
    "input_overflow": lambda count: f"input overflow: {counted(count, 'sample')} lost",
    "output_underflow": lambda count: f"output underflow: {counted(count, 'sample')} of silence",
    "bypass": lambda count: f"behind: {counted(count, 'sample')} {'passes' if count == 1 else 'pass'} by the model",
    "unmetered": lambda count: f"meters behind: {counted(count, 'sample')} played but not measured",
    "sanitized": lambda count: (
        f"{counted(count, 'value')} {'was' if count == 1 else 'were'} no sound and {are(count)} silent"
    ),
}
_UNCOUNTED = {
    "input_overflow": "input overflow, says the device",
    "output_underflow": "output underflow, says the device",
}

FLOODING = frozenset({*_TEXTS, "late_hop"})
"""Kinds of events that may come with every block."""


def _text(kind: str, count: int) -> str:
    """An event that floods, in words; `count`: samples or values, 0 where it is not known."""
    return _TEXTS[kind](count) if count else _UNCOUNTED.get(kind, kind)


def _late(took_ms: float) -> str:
    return f"late: computing took {took_ms:.2f} ms"


def event_of(time_s: float, kind: str, amount: int) -> Event:
    """One of the kinds that flood; `amount`: microseconds of a late hop, else samples or values, 0 where not known."""
    if kind == "late_hop":
        took_ms = amount / 1e3
        return Event(time_s, kind, _late(took_ms), 1, {"took_ms": took_ms})
    return Event(time_s, kind, _text(kind, amount), amount)


def pooled(time_s: float, several: str, events: Sequence[Event]) -> Event:
    """Several events of one kind that floods, as one: counts add up, and of late hops the longest is told.

    Args:
        time_s: of the one.
        several: how many there were, in words.
        events: of one kind, either all with a count or all without.
    """
    kind, count = events[0].kind, sum(event.count for event in events)
    if kind == "late_hop":
        took_ms = max(event.details["took_ms"] for event in events)
        text = f"{several}, the longest: {_late(took_ms)}"
        return Event(time_s, kind, text, count, {"took_ms": took_ms})
    return Event(time_s, kind, f"{several}{', together' if count else ''}: {_text(kind, count)}", count)


class Log:
    """Notes of one thread, in the order they came. `note` allocates no more than a number.

    Args:
        sample_rate: Hz, of the positions.
        capacity: notes that it holds until they are read; later ones are counted only.
    """

    def __init__(self, sample_rate: int, capacity: int = 1024) -> None:
        self._rate = sample_rate
        self._kinds, self._positions, self._counts = [""] * capacity, [0] * capacity, [0] * capacity
        self._noted = 0
        self._told = 0
        self.missed = 0

    def note(self, kind: str, position: int, count: int) -> None:
        """Writer: something of a kind happened at a sample, to so many samples or values, 0 where that is not known.

        Of a late hop `count` is how many microseconds it took.
        """
        if self._noted - self._told == len(self._kinds):
            self.missed += 1
            return
        place = self._noted % len(self._kinds)
        self._kinds[place], self._positions[place], self._counts[place] = kind, position, count
        self._noted += 1

    def read(self) -> list[Event]:
        """Reader: the events since the last time."""
        events = []
        while self._told < self._noted:
            place = self._told % len(self._kinds)
            kind, count = self._kinds[place], self._counts[place]
            events.append(event_of(self._positions[place] / self._rate, kind, count))
            self._told += 1
        return events


class Journal:
    """The events of a session: what the logs of its threads tell, and what others add.

    Args:
        logs: of the threads; read by whoever calls `collect`, one thread at a time.
        time_s: says how much sound has gone by.
    """

    def __init__(self, logs: Sequence[Log], time_s: Callable[[], float]) -> None:
        self._logs, self._time_s = logs, time_s
        self._kept: list[Event] = []
        self._left_out = 0

    @property
    def time_s(self) -> float:
        """Seconds of sound that have gone by."""
        return self._time_s()

    def note(self, kind: str, text: str, *, time_s: float | None = None, details: dict[str, Any] | None = None) -> None:
        """Add an event, from any thread; of now, where no time is given.

        The full stop of a sentence goes: events stand in lists.
        """
        if len(self._kept) < MOST_EVENTS:
            now_s = self._time_s() if time_s is None else time_s
            self._kept.append(Event(now_s, kind, text.removesuffix("."), details=details or {}))
        else:
            self._left_out += 1

    @property
    def missed(self) -> int:
        """Events that were not kept, here or in a log that was full."""
        return self._left_out + sum(log.missed for log in self._logs)

    def collect(self) -> None:
        """Take over what the logs hold."""
        for log in self._logs:
            events, room = log.read(), MOST_EVENTS - len(self._kept)
            self._kept += events[:room]
            self._left_out += max(len(events) - room, 0)

    def since(self, told: int) -> list[Event]:
        """The events after the first `told`, in the order they were noticed."""
        return self._kept[told:]

    def by_time(self) -> list[Event]:
        """All of them, in the order of time."""
        return sorted(self._kept, key=lambda event: event.time_s)
