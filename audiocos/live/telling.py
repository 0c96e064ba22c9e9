"""Events for people: the first of a kind at once, and what follows it counted, a line a second at most."""

from __future__ import annotations

from collections.abc import Iterable

from audiocos.live.counters import Event
from audiocos.live.log import FLOODING, pooled

_EVERY_S = 1.0

_Kind = tuple[str, bool]  # what a device only says, without a count, is told apart from what was counted


class Telling:
    """Turns events into as few as a person can read. Kinds that come singly, a device's going for one, pass."""

    def __init__(self) -> None:
        self._told_at: dict[_Kind, float] = {}
        self._waiting: dict[_Kind, list[Event]] = {}

    def of(self, events: Iterable[Event], now_s: float, *, last: bool = False) -> list[Event]:
        """What there is to say, in the order of time.

        Args:
            events: that came since the last call, in the order of time.
            now_s: by a clock on the wall.
            last: nothing is to wait any longer.
        """
        said = []
        for event in events:
            kind = event.kind, event.count > 0
            told_at = self._told_at.get(kind)
            if event.kind not in FLOODING or told_at is None or now_s - told_at >= _EVERY_S:
                said += self._waited(kind, now_s)
                said.append(event)
                self._told_at[kind] = now_s
            else:
                self._waiting.setdefault(kind, []).append(event)
        for kind in [*self._waiting]:
            if last or now_s - self._told_at[kind] >= _EVERY_S:
                said += self._waited(kind, now_s)
        return sorted(said, key=lambda event: event.time_s)

    def _waited(self, kind: _Kind, now_s: float) -> list[Event]:
        """Those of a kind that wait, as one."""
        events = self._waiting.pop(kind, [])
        if not events:
            return []
        self._told_at[kind] = now_s
        if len(events) == 1:
            return events
        return [pooled(events[-1].time_s, f"{len(events)} more since {events[0].time_s:.1f} s", events)]
