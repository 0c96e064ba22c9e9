"""The lower lines of the view: latency, load, counts, events, the alarm, and which key does what."""

from __future__ import annotations

from rich.segment import Segment

from audiocos.live import drawing
from audiocos.live.alarmstate import loudest_bands
from audiocos.live.drawing import BLUE, GREEN, GREY, ORANGE, RED, Line, between, fit, shortened, text, whole
from audiocos.live.status import Stage, Status, clock, percent, short_count
from audiocos.live.watched import Alarm

LABEL = 9
_LOUD = {"output": GREEN, "input": BLUE, "residual": ORANGE}


def footer(status: Status, stage: Stage, message: str, width: int) -> list[Line]:
    """Six lines."""
    lines = [whole(parts, width) for parts in (_latency(status), _load(status), _counts(status))]
    lines += [_events(status, message, width), whole(_alarm(status.alarm), width)]
    return [*lines, _keys(status, stage, width)]


def _latency(status: Status) -> list[Line]:
    (_, total), *parts = status.latency
    told = [f"{' +' if place else ' ='} {name} {ms:.1f}" for place, (name, ms) in enumerate(parts)]
    return [[_label("latency"), text(f"{total:.1f} ms")], *([text(each, GREY)] for each in told)]


def _load(status: Status) -> list[Line]:
    p50, p99, most, run_p99, run_most = (percent(share) for share in status.load)
    now_late, ever_late = ((status.load[place] or 0.0) > 1.0 for place in (2, 4))
    loud = ORANGE if now_late else None
    line = [_label("load"), text("p50 ", GREY), text(p50), text("  p99 ", GREY), text(p99), text("  max ", GREY)]
    line += [text(most, loud), text(f" of {status.deadline_ms:.1f} ms", GREY)]
    run = [text(f"   run p99 {run_p99}  max ", GREY), text(run_most, ORANGE if ever_late else GREY)]
    return [line, run]


def _counts(status: Status) -> list[Line]:
    parts: list[Line] = [[_label("counts")]]
    for name, count in status.counts:
        if count:
            parts.append([text(f"{name} "), text(f"{short_count(count)}  ", ORANGE, bold=True)])
    none = [name for name, count in status.counts if not count]
    return [*parts, *([text(f"{' ' if place else '0 '}{name}", GREY)] for place, name in enumerate(none))]


def _events(status: Status, message: str, width: int) -> Line:
    room = width - LABEL
    if message:
        return fit([_label("events"), text(shortened(message, room), BLUE, bold=True)], width)
    if status.event is None:
        return fit([_label("events"), text("none", GREY)], width)
    when = f"{clock(status.event.time_s)} "
    more = f"   {short_count(status.events)} so far" if status.events > 1 else ""
    told = shortened(status.event.text, room - len(when) - len(more))
    return fit([_label("events"), text(when, GREY), text(told), text(more, GREY)], width)


def _alarm(alarm: Alarm | None) -> list[Line]:
    """What matters most comes first: in a narrow window the rest has no room."""
    if alarm is None:
        return [[_label("alarm"), text("off", GREY)]]
    head = [_label("alarm"), text("quiet", GREEN)]
    if alarm.active:
        since = f" since {clock(alarm.since_s)}" if alarm.since_s is not None else ""
        head = [Segment(f" ALARM{since} ", drawing.style("#ffffff", RED, bold=True))]
    parts: list[Line] = [head]
    loud: list[str] = []
    if alarm.score is not None and alarm.threshold is not None:
        parts.append([text("  score ", GREY), text(f"{alarm.score:.1f}"), text(f" of {alarm.threshold:.1f}", GREY)])
        if alarm.active and alarm.score > alarm.threshold:
            loud = loudest_bands(alarm.bands, alarm.band_edges_hz)
    elif alarm.threshold is not None:
        parts.append([text("  no score yet", GREY)])
    parts += [[text(f"  {each}", ORANGE)] for each in loud[:1]]
    if alarm.below_db is not None:
        parts.append([text(f"  SNR below {alarm.below_db:g} dB", GREY)])
    parts += [[text(f"  {each}", ORANGE)] for each in loud[1:]]
    if alarm.score is not None and alarm.threshold is not None:
        parts.append([text("  "), text(_bands(alarm.bands or (), alarm.threshold), ORANGE)])
        parts.append([text(f" 0 to {alarm.band_edges_hz[-1] / 1000:.3g} kHz", GREY)])
    parts.append([text(f"  {alarm.count} so far", GREY)])
    if alarm.worst is not None and alarm.worst.score is not None:
        parts.append([text("  worst ", GREY), text(f"{alarm.worst.score:.1f}")])
    return parts


def _bands(bands: tuple[float, ...], threshold: float) -> str:
    """How much each band speaks, beside the one that speaks most, or the threshold where none speaks that much."""
    most = max(max(bands, default=0.0), threshold**2, 1e-9)
    return drawing.sparkline([max(share, 0.0) / most for share in bands])


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
