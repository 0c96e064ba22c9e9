"""The alarms of a run, for whoever looks back: when, how long, how bad, which bands."""

from __future__ import annotations

from dataclasses import dataclass

from audiocos.live.alarmstate import AlarmEvent, AlarmState, Worst, loud_bands

MOST_ALARMS = 10_000
"""Alarms that are kept, the latest; those before are counted only."""


@dataclass(frozen=True)
class PastAlarm:
    """One alarm.

    Args:
        begin_s: where in the sound it began.
        end_s: where it ended; None where it lasts.
        worst: the most unlike there was of it.
        bands: where that was, in words; "" where only the SNR was watched.
    """

    begin_s: float
    end_s: float | None
    worst: Worst
    bands: str


class PastAlarms:
    """Collects alarms; `change` is called when one begins or ends."""

    def __init__(self) -> None:
        self._over: list[PastAlarm] = []

    def change(self, event: AlarmEvent) -> None:
        """An alarm begins or ends."""
        if not event.active:
            bands = loud_bands(event.worst.bands, event.state.band_edges_hz)
            self._over.append(PastAlarm(event.begin_s, event.time_s, event.worst, bands))
            del self._over[:-MOST_ALARMS]

    def until(self, state: AlarmState) -> list[PastAlarm]:
        """Those that are kept, in the order of time, the one included that lasts in this state."""
        if state.since_s is None or state.worst is None:
            return [*self._over]
        bands = loud_bands(state.worst.bands, state.band_edges_hz)
        return [*self._over, PastAlarm(state.since_s, None, state.worst, bands)]
