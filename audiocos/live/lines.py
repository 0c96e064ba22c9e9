"""The view for what is no terminal, or too small a one: a line a second."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from typing import TextIO

from audiocos.live.meters import Meters, Reading
from audiocos.live.status import Status, clock, level_words, percent, short_count, snr_words
from audiocos.live.watched import Alarming, Watched

_POLL_S = 0.05


def line(reading: Reading, status: Status) -> str:
    """What there is to say at one moment, in one line; the figures are of the second that ends at the time it shows."""
    heard, lossless = reading.input_dbfs is not None, reading.residual_dbfs is None
    snrs = [snr_words(value, heard, lossless) for value in (reading.snr_db, reading.snr_3s_db, reading.snr_run_db)]
    levels = [level_words(value) for value in (reading.input_dbfs, reading.output_dbfs, reading.residual_dbfs)]
    parts = [
        f"{clock(reading.time_s):>7}.{int(10 * reading.time_s) % 10}",
        f"SNR {snrs[0]} (3 s {snrs[1]}, run {snrs[2]})",
        f"in {levels[0]} out {levels[1]} residual {levels[2]} dBFS",
        f"load p99 {percent(status.load[1])} max {percent(status.load[2])}",
    ]
    parts += [f"{name} {short_count(count)}" for name, count in status.counts if count]
    if status.alarm is not None and status.alarm.active:
        parts.append("ALARM" if status.alarm.score is None else f"ALARM score {status.alarm.score:.1f}")
    return "  ".join(parts)


def show_lines(
    session: Watched,
    meters: Meters,
    *,
    detector: Alarming | None = None,
    file: TextIO,
    look: Callable[[float], None] = lambda until_s: None,
) -> None:
    """Print a line for every second of sound until the session ends; of sound that comes faster, as often as it can.

    Args:
        session: what is watched.
        meters: a tap of it.
        detector: a judge of it; None: no alarm.
        file: where to.
        look: called now and then meanwhile, and before each line with the time that it shows: what happened until then
            is to be told before it; otherwise with infinity.
    """
    told = 0
    while True:
        ended = session.ended  # asked before the last look: what came until then is shown
        reading = meters.reading()
        if reading.time_s < told + 1:
            look(math.inf)
        else:
            told, status = int(reading.time_s), Status.of(session, detector)
            look(reading.time_s)
            with contextlib.suppress(ValueError):  # closed
                print(line(reading, status), file=file, flush=True)
        if ended:
            return
        time.sleep(_POLL_S)
