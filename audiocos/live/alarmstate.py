"""What a detector says: the state after each second, the events of alarms, the bands that speak, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_SPEAKS = 0.1
"""A band that adds this share of the squared distance is named in texts."""


@dataclass(frozen=True)
class Worst:
    """The most unlike there was of an alarm so far.

    Args:
        score: the highest; None where there was none.
        bands: what each band added to its square; None where there was none.
        snr_db: the lowest; None likewise.
    """

    score: float | None = None
    bands: tuple[float, ...] | None = None
    snr_db: float | None = None

    def and_second(self, score: float | None, bands: tuple[float, ...] | None, snr_db: float | None) -> Worst:
        """With one more second."""
        if score is None or (self.score is not None and self.score >= score):
            score, bands = self.score, self.bands
        return Worst(score, bands, min((snr for snr in (self.snr_db, snr_db) if snr is not None), default=None))

    def row(self) -> dict[str, Any]:
        """As plain numbers and lists, for JSON."""
        return {"worst_score": self.score, "worst_bands": _listed(self.bands), "worst_snr_db": self.snr_db}


@dataclass(frozen=True)
class AlarmState:
    """What the last second was judged to be.

    Args:
        active: whether there is an alarm.
        score: distance of the last second from the normal ones; None before the first, in silence (-90 dBFS and
            less), where sound is missing in it or shortly before it, and without statistics.
        threshold: score above which an alarm begins; None without statistics.
        bands: what each band adds to the squared score, `[16]`; None where there is no score.
        band_edges_hz: `[17]`.
        snr_db: of the last second; None for silence, exact copies, and where sound is missing, as for the score.
        below_db: SNR below which an alarm begins; None when the SNR is not watched.
        since_s: where in the sound the present alarm began, in seconds; None without one.
        count: alarms so far.
        worst: the most unlike there was of the present alarm; None without one.
        judged_s: where in the sound the last second ended, in seconds; None before the first.
    """

    active: bool
    score: float | None
    threshold: float | None
    bands: tuple[float, ...] | None
    band_edges_hz: tuple[float, ...]
    snr_db: float | None = None
    below_db: float | None = None
    since_s: float | None = None
    count: int = 0
    worst: Worst | None = None
    judged_s: float | None = None

    def row(self) -> dict[str, Any]:
        """The state for `monitor --json`, plain numbers."""
        return {
            "active": self.active,
            "judged_s": self.judged_s,
            "score": self.score,
            "threshold": self.threshold,
            "below_db": self.below_db,
            "bands": _listed(self.bands),
            "since_s": self.since_s,
            "count": self.count,
        }


@dataclass(frozen=True)
class AlarmEvent:
    """An alarm begins or ends.

    Args:
        state: what the second that decided it was judged to be.
        time_s: where in the sound that second ends.
        begin_s: where in the sound the alarm began: the start of the first second that was unlike.
        worst: the most unlike there was of it so far.
    """

    state: AlarmState
    time_s: float
    begin_s: float
    worst: Worst = Worst()

    @property
    def active(self) -> bool:
        """Whether it begins."""
        return self.state.active

    @property
    def text(self) -> str:
        """One line for people, without a full stop: events stand in lists."""
        if not self.active:
            return f"alarm over after {self.time_s - self.begin_s:.0f} s"
        state, said = self.state, []
        if state.score is not None and state.threshold is not None and state.score > state.threshold:
            bands = loud_bands(state.bands, state.band_edges_hz)
            said.append(f"score {state.score:.1f} above {state.threshold:.1f} ({bands})")
        if state.snr_db is not None and state.below_db is not None and state.snr_db < state.below_db:
            said.append(f"SNR {state.snr_db:.1f} dB below {state.below_db:g} dB")
        return f"alarm: {', '.join(said)}"

    def row(self) -> dict[str, Any]:
        """The event as plain numbers and lists, for JSON."""
        state = self.state
        return {
            "time_s": self.time_s,
            "begin_s": self.begin_s,
            "active": state.active,
            "score": state.score,
            "threshold": state.threshold,
            "snr_db": state.snr_db,
            "below_db": state.below_db,
            "bands": _listed(state.bands),
            "band_edges_hz": list(state.band_edges_hz),
            **self.worst.row(),
        }


def loud_bands(bands: Sequence[float] | None, edges_hz: Sequence[float]) -> str:
    """The bands that say most, in words, neighbours joined; nothing where none says anything.

    >>> loud_bands([0.0, 3.0, 2.0, 0.1, 4.0], [0, 100, 200, 400, 800, 1600])
    '100 to 400 Hz, 800 to 1600 Hz'
    """
    return ", ".join(_in_words(run, edges_hz) for run in _loud_runs(bands))


def loudest_bands(bands: Sequence[float] | None, edges_hz: Sequence[float]) -> list[str]:
    """The same, each for itself, what says most first.

    >>> loudest_bands([2.0, 0.1, 4.0], [0, 100, 200, 400])
    ['200 to 400 Hz', '0 to 100 Hz']
    """
    if bands is None:
        return []
    runs = sorted(_loud_runs(bands), key=lambda run: -sum(bands[index] for index in run))
    return [_in_words(run, edges_hz) for run in runs]


def _loud_runs(bands: Sequence[float] | None) -> list[list[int]]:
    """Neighbours among the bands that say most."""
    most = max(bands or (), default=0.0)
    if bands is None or most <= 0:
        return []
    limit = min(_SPEAKS * sum(bands), most)
    runs: list[list[int]] = []
    for index, value in enumerate(bands):
        if value < limit:
            continue
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _in_words(run: Sequence[int], edges_hz: Sequence[float]) -> str:
    return f"{edges_hz[run[0]]:.0f} to {edges_hz[run[-1] + 1]:.0f} Hz"


def _listed(bands: tuple[float, ...] | None) -> list[float] | None:
    return None if bands is None else list(bands)
