"""What `audiocos monitor` says at its end, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from audiocos.cli.console import length_text, snr_text
from audiocos.counting import counted
from audiocos.live.counters import Quantiles
from audiocos.live.session import Session


def hop_row(hops: Quantiles | None) -> dict[str, float | None]:
    """How long hops took, for JSON; None before the first."""
    return {f"hop_ms_{name}": getattr(hops, name, None) for name in Quantiles._fields}


def summary_row(session: Session, alarms: int | None) -> dict[str, Any]:
    """The last line of `--json`.

    Args:
        session: that has ended.
        alarms: how many there were; None where nothing watched for them.
    """
    figures = session.figures
    return {
        "summary": True,
        "time_s": session.time_s,
        "frames": round(session.time_s * session.sample_rate),
        "channels": session.channels,
        "sample_rate": session.sample_rate,
        "model": session.model.name,
        "snr_db": figures.snr_db,
        "segmental_snr_db": figures.segmental_snr_db,
        "mse": figures.mse,
        "max_abs_error": figures.max_abs_error,
        "log_spectral_distance_db": figures.log_spectral_distance_db,
        **hop_row(session.hop_times.over_run()),
        "deadline_ms": session.deadline_ms,
        "timed": session.timed,
        "timed_samples": session.timed_samples,
        "outliers": [{"time_s": when, "hop_ms": ms} for when, ms in session.hop_times.outliers],
        "latency": session.latency.row(),
        **asdict(session.counters),
        "absences": session.absences.count,
        "away_s": session.absences.seconds,
        "alarms": alarms,
        "events": [event.row() for event in session.events],
        "events_not_kept": session.events_not_kept,
    }


def summary_lines(session: Session, alarms: int | None) -> list[str]:
    """The same in a few lines for people."""
    figures, hops = session.figures, session.hop_times.over_run()
    snr = snr_text(figures.snr_db, figures.max_abs_error) if session.heard else "-"  # silence is no copy
    took = "none was timed"
    if hops is not None:
        took = f"p50 {hops.p50:.2f}, p99 {hops.p99:.2f}, max {hops.max:.2f} ms of {session.deadline_ms:.2f} ms"
    counts = [f"{name.replace('_', ' ')} {count}" for name, count in asdict(session.counters).items() if count]
    if session.absences.count:
        times = counted(session.absences.count, "time")
        counts.append(f"the device was away {times}, {length_text(session.absences.seconds)} in all")
    if session.events_not_kept:
        counts.append(f"events not kept {session.events_not_kept}")
    counts = counts or ["nothing late, dropped or clipped"]
    if alarms is not None:
        counts.append(counted(alarms, "alarm"))
    return [
        f"{length_text(session.time_s)} monitored, SNR {snr}, latency {session.latency}",
        f"{session.timed}: {took}",
        "; ".join(counts),
    ]
