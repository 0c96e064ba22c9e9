"""What `audiocos monitor` shows while it runs, and says at the end."""

from __future__ import annotations

import itertools
import math
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from audiocos.cli.alarming import AlarmOptions, make_alarms
from audiocos.cli.console import print_json, progress_note
from audiocos.cli.main import say
from audiocos.cli.outbox import Outbox
from audiocos.cli.summary import hop_row, summary_lines, summary_row
from audiocos.cli.unhurried import Unhurried
from audiocos.errors import AudiocosError, AudioFileError, UnreadError
from audiocos.live.capture import Capture
from audiocos.live.lines import show_lines
from audiocos.live.log import FLOODING
from audiocos.live.measure import Judge, Second, Seconds, Tap
from audiocos.live.meters import Meters
from audiocos.live.ports import Microphone
from audiocos.live.screen import can_draw, obstacle
from audiocos.live.session import Session
from audiocos.live.sources import Source
from audiocos.live.telling import Telling
from audiocos.model import Model

if TYPE_CHECKING:
    from audiocos.cli.livereport import StretchReport
    from audiocos.live.alarms import Alarms
    from audiocos.live.alarmstate import AlarmEvent, AlarmState

_LOOK_S = 0.1
_PATIENCE_S = 10.0
_READER_S = 5.0


class Monitor:
    """Runs a session and tells of it: the view or a line a second, events, a summary, a page.

    Args:
        model: that runs.
        source: where the sound comes from.
        source_name: the same, as it was asked for.
        sink_name: where it goes, as it was asked for.
        as_json: one JSON object a line on stdout; else for people.
        fast: no clock paces the sound, which may wait for who reads of it.
    """

    def __init__(
        self,
        model: Model,
        source: Microphone | Source,
        source_name: str,
        sink_name: str,
        *,
        as_json: bool,
        fast: bool = False,
    ) -> None:
        self._model, self._rate, self._channels = model, source.sample_rate, source.channels
        self._names = source_name, "" if sink_name == "none" else sink_name
        self._as_json = as_json
        self._file: TextIO = sys.stderr if sink_name == "-" else sys.stdout
        self._session: Session | None = None
        self._alarms: Alarms | None = None
        self._report: StretchReport | None = None
        self._seconds = Seconds(self._rate, self._print_second)
        self._drawn = not as_json and can_draw(self._file)
        self._meters = None if as_json else Meters(self._rate, self._channels, model=model if self._drawn else None)
        self._capture = Capture(self._rate, self._channels, self._listening) if self._drawn else None
        self._told, self._telling = 0, Telling()
        self._outbox, self._boxed = Outbox(waits=fast), as_json  # lines are for the main thread, which may wait
        self._saying = threading.Lock()  # seconds and events come from two threads, and are whole lines in order
        self._judged_s: float | None = None  # where the second ended whose score was told last

    @property
    def judges(self) -> list[Judge]:
        """For the session."""
        return [] if self._alarms is None else [self._alarms]

    @property
    def taps(self) -> list[Tap]:
        """For the session; what tells of a second comes last, when all others know it."""
        taps = [self._capture, self._report, self._meters, self._seconds if self._as_json else None]
        return [tap for tap in taps if tap is not None]

    def report_to(self, path: str, force: bool) -> None:
        """Write a page at the end; after `watch_for`.

        Raises:
            AudiocosError: a library for it is missing, or the file is there already.
        """
        from audiocos.cli.livereport import StretchReport  # brings the report's libraries

        self._report = StretchReport(path, force, self._rate, self._alarms)

    def watch_for(self, options: AlarmOptions, *, patient: bool, fast: bool) -> None:
        """Raise alarms as asked for; `patient`: the sound may wait for their recordings; `fast`: no clock paces it.

        Raises:
            AudiocosError: what was asked for cannot be.
        """
        wait_s = _PATIENCE_S if patient else 0.0
        self._alarms = make_alarms(
            options, self._model, self._rate, self._channels, say=self._note, wait_s=wait_s, fast=fast
        )  # fmt: skip
        if self._alarms is not None:
            self._alarms.detector.on_change.insert(0, self._note_alarm)  # an action may take its time

    def watch(self, session: Session) -> int:
        """Run it until it ends or someone ends it; gives the exit code.

        Raises:
            AudiocosError: what went wrong; the summary has been printed then.
            OSError: who reads what is printed has gone; the page has been written all the same.
        """
        self._session, code = session, 0
        failure: Exception | None = None
        try:
            try:
                session.start()
                self._show(session)
            except KeyboardInterrupt:
                code = 128 + signal.SIGINT
                self._outbox.hurry()
            except SystemExit as end:  # SIGTERM
                code = int(end.code) if isinstance(end.code, int) else 1
                self._outbox.hurry()
            finally:
                self._finish(session)
        except Exception as error:  # a mistake of ours, too: what was monitored until then is told
            failure = error
        self._boxed, patience_s = True, _READER_S if code else math.inf
        try:
            if session.time_s > 0 or failure is None:
                self._write_report(session)  # before a reader that has gone can fail us, and the page be lost
        except (KeyboardInterrupt, SystemExit):
            patience_s = _READER_S
            raise
        finally:
            try:
                self._say_events(last=True)
                if session.time_s > 0 or failure is None:
                    self._summary(session)
            finally:
                self._close_outbox(patience_s, failure)
        if failure is not None:
            raise failure
        return code

    def _close_outbox(self, patience_s: float, failure: Exception | None) -> None:
        try:
            self._outbox.close(None if math.isinf(patience_s) else patience_s)
        except UnreadError as error:
            raise UnreadError(f"{failure or ''} {error}".strip()) from failure

    def _show(self, session: Session) -> None:
        if self._meters is None:
            while not session.wait(_LOOK_S):
                self._say_events()
        elif self._drawn:
            from audiocos.live.view import show

            source, sink = self._names
            show(
                session,
                self._meters,
                model=self._model,
                source=source,
                sink=sink,
                detector=self._alarms,
                capture=self._capture,
                file=self._file,
            )
        else:
            if why := obstacle(self._file):
                say(f"{why}. A line a second instead.")
            say(f"Latency: {session.latency}. Ctrl-C ends.")
            show_lines(session, self._meters, detector=self._alarms, file=self._file, look=self._say_until)

    def _finish(self, session: Session) -> None:
        """Each is closed whatever the others do; what went wrong first is raised, the rest told as events."""
        if self._alarms is not None and not session.ended:
            self._alarms.hurry()
        failure: BaseException | None = None
        with Unhurried() as signals:
            closing: list[Callable[[], None]] = [partial(session.stop, signals.cut)]
            closing.append(partial(self._stop_capture, session))
            if self._alarms is not None:
                closing.append(partial(self._alarms.close, signals.cut))
            for close in [*closing, self._seconds.close]:
                try:
                    close()
                except AudiocosError as error:
                    if failure is not None:
                        session.note("failure", str(error))
                    failure = failure or error
                except BaseException as error:  # a mistake of ours is heard before what the world did
                    failure = error if failure is None or isinstance(failure, AudiocosError) else failure
        if failure is not None:
            raise failure

    def _stop_capture(self, session: Session) -> None:
        capture = self._capture
        if capture is not None and capture.running:
            seconds = capture.time_s
            session.note("recording", f"recorded {seconds:.1f} s: {capture.stop()}")
        if capture is not None and capture.failed is not None:  # the view told it for some seconds only
            raise AudioFileError(capture.failed)

    def _print_second(self, second: Second) -> None:
        """On the meter thread."""
        session = self._session
        if session is None:
            return
        hops = session.hop_times.last(10.0)
        row = {
            **asdict(second),
            **hop_row(hops),
            **asdict(session.counters),
            "alarm": None if self._alarms is None else self._alarm_row(self._alarms.state),
        }
        self._say_events()  # an alarm comes before the line of the second that it was raised in
        with self._saying:
            self._put(partial(print_json, row))

    def _alarm_row(self, state: AlarmState) -> dict[str, Any]:
        """No score is told twice: what is left of a second at the end is not judged."""
        told, self._judged_s = self._judged_s, state.judged_s
        return state.row() if state.judged_s != told else state.row() | {"score": None, "bands": None}

    def _summary(self, session: Session) -> None:
        alarms = None if self._alarms is None else self._alarms.state.count
        if self._as_json:
            last = None if self._alarms is None else self._alarm_row(self._alarms.state)
            self._put(partial(print_json, summary_row(session, alarms) | {"alarm": last}))
            return
        for line in summary_lines(session, alarms):
            self._put(partial(print, line, file=self._file, flush=True))

    def _write_report(self, session: Session) -> None:
        if self._report is None:
            return
        source, sink = self._names
        with progress_note("Drawing the report"):
            self._report.write(
                self._model,
                session.figures,
                source=source,
                sink=sink,
                samples=round(session.time_s * session.sample_rate),
                channels=session.channels,
                latency_samples=session.latency.total,
                counters=session.counters,
                events=[event for event in session.events if event.kind != "alarm"],  # they have a table
            )

    def _listening(self) -> str:
        return "output" if self._session is None else self._session.listen

    def _note(self, text: str) -> None:
        """A line for people, from any thread: an event once there is a session."""
        if self._session is None:
            say(text)
        else:
            self._session.note("alarm_action", text)

    def _note_alarm(self, event: AlarmEvent) -> None:
        """On the meter thread."""
        if self._session is not None:
            self._session.note("alarm", event.text, time_s=event.time_s, details=event.row())

    def _say_until(self, time_s: float) -> None:
        self._say_events(until_s=time_s)

    def _say_events(self, last: bool = False, until_s: float = math.inf) -> None:
        """Events since the last time: lines for people, with floods pooled; for programs those that come singly.

        How many there are of the others is in the line of every second, and each of them in the summary.
        """
        if self._session is None:
            return
        with self._saying:
            events = self._session.events_since(self._told)
            events = [*itertools.takewhile(lambda event: event.time_s <= until_s, events)]
            self._told += len(events)
            if self._as_json:
                for event in events:
                    if event.kind not in FLOODING:
                        self._put(partial(print_json, event.row()))
                return
            for event in self._telling.of(events, time.monotonic(), last=last):
                self._put(partial(say, f"{event.time_s:7.1f} s  {event.text}"))

    def _put(self, write: Callable[[], None]) -> None:
        if self._boxed:
            self._outbox.put(write)
        else:
            write()
