"""What a thread that must not wait has to tell: noted by it, read by another."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from audiocos.counting import are, counted
from audiocos.live.counters import Event

MOST_EVENTS = 10_000
"""Events that a journal keeps apart: the latest of those that come singly, as many runs of those that flood; what comes
after those joins the last of its kind."""

RUN_S = 1.0
"""Events of a kind that floods are one run while no more than so much lies between one and the next."""

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
    """The events of a session: what the logs of its threads tell, and what others add; from any thread.

    It keeps the latest `MOST_EVENTS` of those that came singly. Those of a kind that floods are kept as runs: how many
    from when to when.

    Args:
        logs: of the threads; read by whoever calls `collect`, one thread at a time.
        time_s: says how much sound has gone by.
    """

    def __init__(self, logs: Sequence[Log], time_s: Callable[[], float]) -> None:
        self._logs, self._time_s = logs, time_s
        self._lock = threading.Lock()
        self._singles: deque[Event] = deque()
        self._runs: list[Event] = []
        self._last_run: dict[tuple[str, bool], int] = {}  # where the last run of a kind is
        self._gone = 0
        self._sorted: list[Event] | None = []
        self._untold: deque[Event] = deque()
        self._told = self._handed_out = 0

    @property
    def time_s(self) -> float:
        """Seconds of sound that have gone by."""
        return self._time_s()

    def note(self, kind: str, text: str, *, time_s: float | None = None, details: dict[str, Any] | None = None) -> None:
        """Add an event, of now, where no time is given; beyond `MOST_EVENTS` the oldest goes.

        The full stop of a sentence goes: events stand in lists.
        """
        now_s = self._time_s() if time_s is None else time_s
        event = Event(now_s, kind, text.removesuffix("."), details=details or {})
        with self._lock:
            self._singles.append(event)
            if len(self._singles) > MOST_EVENTS:
                self._singles.popleft()
                self._gone += 1
            self._untold.append(event)
            if len(self._untold) > MOST_EVENTS:
                self._untold.popleft()
                if self._handed_out:  # it counts as told
                    self._handed_out -= 1
                    self._told += 1
            self._sorted = None

    @property
    def missed(self) -> int:
        """Events that were not kept, in a log that was full, or that are too long ago."""
        return sum(log.missed for log in self._logs) + self._gone

    def collect(self) -> None:
        """Take over what the logs hold."""
        events = [event for log in self._logs for event in log.read()]
        if not events:
            return
        with self._lock:
            self._untold.extend(events[: max(MOST_EVENTS - len(self._untold), 0)])
            for event in events:
                self._keep(event)
            self._sorted = None

    def _keep(self, event: Event) -> None:
        kind = event.kind, event.count > 0
        place = self._last_run.get(kind)
        if place is not None:
            run = self._runs[place]
            if len(self._runs) >= MOST_EVENTS or event.time_s <= run.until_s + RUN_S:
                times, until_s = run.times + 1, max(event.time_s, run.until_s)
                several = f"{times} times in {until_s - run.time_s:.1f} s"
                self._runs[place] = joined = pooled(run.time_s, several, [run, event])
                joined.details.update(times=times, until_s=until_s)
                return
        self._last_run[kind] = len(self._runs)
        self._runs.append(event)

    def since(self, told: int) -> list[Event]:
        """The events after the first `told`, each by itself, in the order they were noticed; those are done with.

        While nobody asks, only so many wait for it: of floods the first, of others the latest.
        """
        with self._lock:
            for _ in range(min(told - self._told, len(self._untold))):
                self._untold.popleft()
            self._told, self._handed_out = told, len(self._untold)
            return list(self._untold)

    def by_time(self) -> list[Event]:
        """Those that are kept, a run as one, in the order of when they began; a list that is not to be changed."""
        with self._lock:
            if self._sorted is None:  # a view asks often
                self._sorted = sorted([*self._runs, *self._singles], key=lambda event: event.time_s)
            return self._sorted
