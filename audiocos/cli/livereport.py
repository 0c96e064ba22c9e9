"""The page of a monitored stretch: what `reconstruct --report` shows of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiocos.audio.excerpt import EXCERPT_SECONDS, Observer, few
from audiocos.audio.names import shown
from audiocos.cli.reporting import check_report
from audiocos.live.status import clock
from audiocos.live.watched import Happening
from audiocos.live.worstalarm import WorstAlarm
from audiocos.metrics import Array, Figures
from audiocos.model import Model
from audiocos.modelcard import facts
from audiocos.report import ErrorCurve, Excerpt, Listing, ReportItem, write_report
from audiocos.report.words import MISSING, decimal, duration

if TYPE_CHECKING:
    from audiocos.live.alarms import Alarms
    from audiocos.live.alarmstate import AlarmState
    from audiocos.live.pastalarms import PastAlarm

_MOST_EVENTS = 20
_MOST_ALARMS = 50


class StretchReport:
    """A tap that keeps what a page shows, in constant memory; `write` the page when the sound has ended.

    Args:
        path: the HTML file.
        force: it may be there already.
        sample_rate: Hz.
        alarms: what is raised meanwhile, fed before this; None where nothing watches.

    Raises:
        AudiocosError: matplotlib or jinja2 is missing, or the file is there already.
    """

    def __init__(self, path: str, force: bool, sample_rate: int, alarms: Alarms | None = None) -> None:
        check_report(path, force)
        self._path, self._force, self._rate, self._alarms = Path(path), force, sample_rate, alarms
        self._observer = Observer(sample_rate)
        self._worst: WorstAlarm | None = None

    def feed(self, x: Array, y: Array) -> None:
        """Take the next block of both, `[channels, samples]`, aligned in time."""
        x, y = few(x), few(y)
        self._observer.update(x, y)
        if self._alarms is not None:
            self._worst = self._worst or WorstAlarm(x.shape[0], self._rate, EXCERPT_SECONDS)
            self._worst.feed(x, y, self._alarms.state)

    def _excerpt(self) -> Excerpt | None:
        """From the worst second of the alarms on; where there was none, the stretch with the largest error."""
        alarming = None if self._worst is None else self._worst.excerpt()
        start_s, x, y = alarming or self._observer.excerpt()
        return (
            Excerpt(start_s, x, y, "" if alarming is None else "from the worst second of the alarms on")
            if x.size
            else None
        )

    def write(
        self,
        model: Model,
        figures: Figures,
        *,
        source: str,
        sink: str,
        samples: int,
        channels: int,
        latency_samples: int,
        counters: Any,
        events: Sequence[Happening],
    ) -> None:
        """Write the page.

        Args:
            model: that ran.
            figures: of the whole stretch.
            source: where the sound came from, in words.
            sink: where it went, in words; "" for nowhere.
            samples: its length, with what was lost in it or passed by the model, which no figure is of.
            channels: how many.
            latency_samples: by how much the output lagged the input.
            counters: a dataclass of counts.
            events: what happened, in the order of time.

        Raises:
            AudiocosError: the page cannot be written, or not under its name.
        """
        counts, alarms = asdict(counters), self._alarms
        row: dict[str, object] = {
            "input": source,
            "output": sink or None,
            "frames": samples,
            "channels": channels,
            "model": model.name,
            "snr_db": figures.snr_db,
            "segmental_snr_db": figures.segmental_snr_db,
            "mse": figures.mse,
            "max_abs_error": figures.max_abs_error,
            "log_spectral_distance_db": figures.log_spectral_distance_db,
            "clipped_samples": counts.get("clipped_samples", 0),
            "latency_samples": latency_samples,
            "alarms": None if alarms is None else alarms.state.count,
        }
        past, end_s = [] if alarms is None else alarms.past, samples / self._rate
        item = ReportItem(
            shown(source),
            self._rate,
            row,
            self._excerpt(),
            ErrorCurve(*self._observer.curve()),
            _notes(counts, events),
            alarms=[(alarm.begin_s, end_s if alarm.end_s is None else alarm.end_s) for alarm in past],
            listings=[_listing(past, alarms.state, end_s)] if alarms is not None and past else [],
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_report(
            self._path,
            [item],
            title="What was lost",
            subtitle=f'Monitored through the model "{model.name}". {model.description}',
            model_facts=facts(model),
            replace=self._force,
        )


def _listing(past: Sequence[PastAlarm], state: AlarmState, end_s: float) -> Listing:
    """The alarms as a table."""
    rows = []
    for alarm in past[:_MOST_ALARMS]:
        length = duration((end_s if alarm.end_s is None else alarm.end_s) - alarm.begin_s)
        worst = [decimal(alarm.worst.score, 1), decimal(alarm.worst.snr_db, 1), alarm.bands or MISSING]
        rows.append([clock(alarm.begin_s), length + (", to the end" if alarm.end_s is None else ""), *worst])
    causes = []
    if state.threshold is not None:
        causes.append(f"its score is above {state.threshold:.1f}")
    if state.below_db is not None:
        causes.append(f"its SNR is below {decimal(state.below_db, 1)} dB")
    more = f" {state.count - len(rows)} more are not listed." if state.count > len(rows) else ""
    caption = (
        f"A second is alarming where {' or '.join(causes)}. Bands: those that speak in the second of the worst score."
    )
    return Listing("Alarms", caption + more, ["Begins", "Length", "Worst score", "Lowest SNR (dB)", "Bands"], rows)


def _notes(counts: dict[str, int], events: Sequence[Happening]) -> list[str]:
    """What went wrong: the counts that are not zero, and the first events."""
    notes = []
    if any(counts.values()):
        counted = [f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if count]
        notes.append(f"Counted: {', '.join(counted)}.")
    if events:
        told = [f"{clock(event.time_s)} {event.text}" for event in events[:_MOST_EVENTS]]
        more = len(events) - len(told)
        notes.append(f"Events: {'; '.join(told)}{f'; and {more} more' if more else ''}.")
    return notes
