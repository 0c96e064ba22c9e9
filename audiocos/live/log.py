"""What a thread that must not wait has to tell: noted by it, read by another."""

from __future__ import annotations

from audiocos.live.counters import Event

_TEXTS = {
    "input_overflow": ("input overflow: {} samples lost", "input overflow, says the device"),
    "output_underflow": ("output underflow: {} samples of silence", "output underflow, says the device"),
    "late_hop": ("late: a hop took {} us", "late"),
    "bypass": ("behind: {} samples pass by the model", "bypass"),
    "unmetered": ("meters behind: {} samples played but not measured", "unmetered"),
    "sanitized": ("{} values were no sound and are silent", "sanitized"),
}


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
        """Writer: something of a kind happened at a sample, `count` times or samples; 0 where that is not known."""
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
            counted, plain = _TEXTS[kind]
            text = counted.format(count) if count else plain
            events.append(Event(self._positions[place] / self._rate, kind, text))
            self._told += 1
        return events
