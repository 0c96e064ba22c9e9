"""The lower lines of the view: latency, load, counts, events, the alarm, and which key does what."""

from __future__ import annotations

from rich.segment import Segment

from audiocos.live import drawing
from audiocos.live.drawing import BLUE, GREEN, GREY, ORANGE, Line, between, fit, text
from audiocos.live.status import Stage, Status, clock, percent, short_count
from audiocos.live.watched import Alarm

LABEL = 9
RED = "#d03a3a"
_LOUD = {"output": GREEN, "input": BLUE, "residual": ORANGE}


def footer(status: Status, stage: Stage, message: str, width: int) -> list[Line]:
    """Six lines."""
    lines = [_latency(status), _load(status), _counts(status), _events(status, message), _alarm(status.alarm, width)]
    return [*(fit(line, width) for line in lines), _keys(status, stage, width)]


def _latency(status: Status) -> Line:
    (_, total), *parts = status.latency
    told = " + ".join(f"{name} {ms:.1f}" for name, ms in parts)
    return [_label("latency"), text(f"{total:.1f} ms"), text(f" = {told}", GREY)]


def _load(status: Status) -> Line:
    p50, p99, most, run_p99, run_most = (percent(share) for share in status.load)
    loud = ORANGE if status.load[2] > 1.0 else None
    line = [_label("load"), text("p50 ", GREY), text(p50), text("  p99 ", GREY), text(p99), text("  max ", GREY)]
    line += [text(most, loud), text(f" of {status.deadline_ms:.1f} ms", GREY)]
    return [*line, text(f"   run p99 {run_p99}  max ", GREY), text(run_most, ORANGE if status.load[4] > 1.0 else GREY)]


def _counts(status: Status) -> Line:
    line = [_label("counts")]
    for name, count in status.counts:
        if count:
            line += [text(f"{name} "), text(f"{short_count(count)}  ", ORANGE, bold=True)]
    none = [name for name, count in status.counts if not count]
    return [*line, text(f"0 {' '.join(none)}" if none else "", GREY)]


def _events(status: Status, message: str) -> Line:
    if message:
        return [_label("events"), text(message, BLUE, bold=True)]
    if status.event is None:
        return [_label("events"), text("none", GREY)]
    more = f"   {short_count(status.events)} so far" if status.events > 1 else ""
    return [_label("events"), text(f"{clock(status.event.time_s)} ", GREY), text(status.event.text), text(more, GREY)]


def _alarm(alarm: Alarm | None, width: int) -> Line:
    if alarm is None:
        return [_label("alarm"), text("off", GREY)]
    line: Line = []
    if alarm.score is not None and alarm.threshold is not None:
        line += [text("score ", GREY), text(f"{alarm.score:.1f}"), text(f" of {alarm.threshold:.1f}", GREY)]
        line += [text("  "), text(_bands(alarm), ORANGE), text(f" 0 to {alarm.band_edges_hz[-1] / 1000:.3g} kHz", GREY)]
    elif alarm.threshold is not None:
        line.append(text("no score yet", GREY))
    if alarm.below_db is not None:
        line.append(text(f"{'  ' if line else ''}SNR below {alarm.below_db:g} dB", GREY))
    line.append(text(f"  {alarm.count} so far", GREY))
    if not alarm.active:
        return [_label("alarm"), text("quiet  ", GREEN), *line]
    since = f" since {clock(alarm.since_s)}" if alarm.since_s is not None else ""
    head = Segment(f" ALARM{since} ", drawing.style("#ffffff", RED, bold=True))
    return between([head, text(" "), *line], [], width)


def _bands(alarm: Alarm) -> str:
    """How much each band speaks, beside the one that speaks most, or the threshold where none speaks that much."""
    most = max(max(alarm.bands, default=0.0), (alarm.threshold or 0.0) ** 2, 1e-9)
    return drawing.sparkline([max(share, 0.0) / most for share in alarm.bands])


def _keys(status: Status, stage: Stage, width: int) -> Line:
    line: Line = []
    for name, colour in _LOUD.items():
        active = status.listen == name
        look = colour if active else GREY
        line += [text(name[0], look, bold=active, line=True), text(name[1:], look, bold=active), text(" ")]
    kept = stage.coefficients if status.keep is None else status.keep
    wide = width >= 76
    line += [text("  " if wide else " "), text("-", line=True), text(" "), text("+", line=True)]
    line += [text(" keep ", GREY), text(str(kept)), text(f" of {stage.coefficients}" if wide else "", GREY)]
    rest: Line = []
    for before, key, after in (("", "f", "reeze"), ("re", "s", "et"), ("re", "c", "ord"), ("", "q", "uit")):
        rest += [text(f" {before}", GREY), text(key, line=True), text(after + (" " if wide else ""), GREY)]
    return between(line, rest, width)


def _label(name: str) -> Segment:
    return text(name.ljust(LABEL), GREY)
