"""Events for people: the first of a kind at once, and what follows it counted, a line a second at most."""

from __future__ import annotations

from collections.abc import Iterable

from audiocos.live.counters import Event
from audiocos.live.log import FLOODING, text_of

_EVERY_S = 1.0


class Telling:
    """Turns events into as few as a person can read. Kinds that come singly, a device's going for one, pass."""

    def __init__(self) -> None:
        self._told_at: dict[str, float] = {}
        self._waiting: dict[str, list[Event]] = {}

    def of(self, events: Iterable[Event], now_s: float, *, last: bool = False) -> list[Event]:
        """What there is to say, in the order of time.

        Args:
            events: that came since the last call, in the order of time.
            now_s: by a clock on the wall.
            last: nothing is to wait any longer.
        """
        said = []
        for event in events:
            told_at = self._told_at.get(event.kind)
            if event.kind not in FLOODING or told_at is None or now_s - told_at >= _EVERY_S:
                said += self._waited(event.kind, now_s)
                said.append(event)
                self._told_at[event.kind] = now_s
            else:
                self._waiting.setdefault(event.kind, []).append(event)
        for kind in [*self._waiting]:
            if last or now_s - self._told_at[kind] >= _EVERY_S:
                said += self._waited(kind, now_s)
        return sorted(said, key=lambda event: event.time_s)

    def _waited(self, kind: str, now_s: float) -> list[Event]:
        """Those of a kind that wait, as one."""
        events = self._waiting.pop(kind, [])
        if not events:
            return []
        self._told_at[kind] = now_s
        if len(events) == 1:
            return events
        every = [event.count for event in events]
        count = max(every) if kind == "late_hop" else sum(every)
        most = ", the longest" if kind == "late_hop" else ", together"
        text = f"{len(events)} more since {events[0].time_s:.1f} s{most if count else ''}: {text_of(kind, count)}"
        return [Event(events[-1].time_s, kind, text, count)]
