"""What `audiocos monitor` says while it runs, and at the end."""

from __future__ import annotations

import signal
import sys
from dataclasses import asdict
from typing import Any

from audiocos.cli.console import length_text, print_json, snr_text
from audiocos.cli.main import say
from audiocos.errors import AudiocosError
from audiocos.live.measure import Second, Seconds, Tap
from audiocos.live.session import Session

_LOOK_S = 0.1


class Monitor:
    """Runs a session and tells of it: a line a second, events, a summary.

    Args:
        as_json: one JSON object a line on stdout; else lines for people.
        to_stderr: where standard output carries the sound.
    """

    def __init__(self, as_json: bool, to_stderr: bool) -> None:
        self._as_json, self._to_stderr = as_json, to_stderr
        self._session: Session | None = None
        self._seconds: Seconds | None = None
        self._told = 0

    def tap(self, sample_rate: int) -> Tap:
        """What tells of each second; to be given to the session."""
        self._seconds = Seconds(sample_rate, self._tell)
        return self._seconds

    def watch(self, session: Session) -> int:
        """Run it until it ends or someone ends it; gives the exit code.

        Raises:
            AudiocosError: what went wrong; the summary has been printed then.
        """
        self._session, code = session, 0
        failure: AudiocosError | None = None
        try:
            try:
                session.start()
                self._say_latency(session)
                while not session.ended:
                    self._look(session)
            except KeyboardInterrupt:
                code = 128 + signal.SIGINT
            except SystemExit as end:  # SIGTERM
                code = int(end.code) if isinstance(end.code, int) else 1
            finally:
                session.stop()
        except AudiocosError as error:
            failure = error
        self._say_events(session)
        if session.time_s > 0 or failure is None:
            self._summary(session)
        if failure is not None:
            raise failure
        return code

    def _look(self, session: Session) -> None:
        session.wait(_LOOK_S)
        self._say_events(session)

    def _tell(self, second: Second) -> None:
        """On the meter thread."""
        session = self._session
        if session is None:
            return
        if self._as_json:
            print_json(self._row(session, second))
            return
        snr = "exact" if second.snr_db is None and second.residual_dbfs <= -150 else _decibels(second.snr_db)
        load = session.hop_times.last(10.0).p99 / session.deadline_ms
        self._print(
            f"{second.time_s:7.1f} s  SNR {snr}  in {second.input_dbfs:6.1f}  out {second.output_dbfs:6.1f}  "
            f"residual {second.residual_dbfs:6.1f} dBFS  load {load:.1%}"
        )

    def _row(self, session: Session, second: Second) -> dict[str, Any]:
        hops, counters = session.hop_times.last(10.0), session.counters
        return {
            **asdict(second),
            "hop_ms_p50": hops.p50,
            "hop_ms_p99": hops.p99,
            "hop_ms_max": hops.max,
            "late_hops": counters.late_hops,
            "input_overflows": counters.input_overflows,
            "output_underflows": counters.output_underflows,
            "dropped_samples": counters.dropped_samples,
            "alarm": None,
        }

    def _summary(self, session: Session) -> None:
        if self._seconds is not None:
            self._seconds.close()
        figures, hops = session.figures, session.hop_times.over_run()
        if self._as_json:
            print_json(
                {
                    "summary": True,
                    "time_s": session.time_s,
                    "frames": figures.samples,
                    "channels": session.channels,
                    "sample_rate": session.sample_rate,
                    "model": session.model.name,
                    "snr_db": figures.snr_db,
                    "segmental_snr_db": figures.segmental_snr_db,
                    "mse": figures.mse,
                    "max_abs_error": figures.max_abs_error,
                    "log_spectral_distance_db": figures.log_spectral_distance_db,
                    "hop_ms_p50": hops.p50,
                    "hop_ms_p99": hops.p99,
                    "hop_ms_max": hops.max,
                    "deadline_ms": session.deadline_ms,
                    "outliers": [{"time_s": when, "hop_ms": ms} for when, ms in session.hop_times.outliers],
                    "latency": session.latency.row(),
                    **asdict(session.counters),
                    "events": [asdict(event) for event in session.events],
                }
            )
            return
        snr = snr_text(figures.snr_db, figures.max_abs_error)
        self._print(f"{length_text(session.time_s)} monitored, SNR {snr}, latency {session.latency}")
        self._print(
            f"hops: p50 {hops.p50:.2f}, p99 {hops.p99:.2f}, max {hops.max:.2f} ms of {session.deadline_ms:.2f} ms"
        )
        counted = [f"{name.replace('_', ' ')} {count}" for name, count in asdict(session.counters).items() if count]
        self._print("; ".join(counted) or "nothing late, dropped or clipped")

    def _say_latency(self, session: Session) -> None:
        if not self._as_json:
            say(f"Latency: {session.latency}. Ctrl-C ends.")

    def _say_events(self, session: Session) -> None:
        """Events for people; what is to be read by a program has them in the summary."""
        events = session.events_since(self._told)
        self._told += len(events)
        for event in events if not self._as_json else []:
            say(f"{event.time_s:7.1f} s  {event.text}")

    def _print(self, text: str) -> None:
        print(text, file=sys.stderr if self._to_stderr else sys.stdout, flush=True)


def _decibels(value: float | None) -> str:
    return "      -" if value is None else f"{value:5.1f} dB"
