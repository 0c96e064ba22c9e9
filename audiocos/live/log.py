"""What a thread that must not wait has to tell: noted by it, read by another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from audiocos.live.counters import Event

MOST_EVENTS = 10_000
"""Events that a journal keeps; what comes after is counted and no longer told one by one."""

_TEXTS = {
    "input_overflow": ("input overflow: {} samples lost", "input overflow, says the device"),
    "output_underflow": ("output underflow: {} samples of silence", "output underflow, says the device"),
    "late_hop": ("late: computing took {:.2f} ms", "late"),
    "bypass": ("behind: {} samples pass by the model", "bypass"),
    "unmetered": ("meters behind: {} samples played but not measured", "unmetered"),
    "sanitized": ("{} values were no sound and are silent", "sanitized"),
}

FLOODING = frozenset(_TEXTS)
"""Kinds of events that may come with every block."""


def text_of(kind: str, amount: float) -> str:
    """An event of one of the kinds that flood, in words; `amount`: ms of a late hop, else a count; 0: not known."""
    counted, plain = _TEXTS[kind]
    return counted.format(amount) if amount else plain


def event_of(time_s: float, kind: str, amount: int) -> Event:
    """One of the kinds that flood; `amount`: microseconds of a late hop, else samples or values, 0 where not known."""
    if kind == "late_hop":
        took_ms = amount / 1e3
        return Event(time_s, kind, text_of(kind, took_ms), 1, {"took_ms": took_ms})
    return Event(time_s, kind, text_of(kind, amount), amount)


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
        text = f"{several}, the longest: {text_of(kind, took_ms)}"
        return Event(time_s, kind, text, count, {"took_ms": took_ms})
    return Event(time_s, kind, f"{several}{', together' if count else ''}: {text_of(kind, count)}", count)


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
