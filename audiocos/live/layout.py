"""Where everything stands on the screen: from a reading and a status to lines of cells."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment

from audiocos.cosines import Float64
from audiocos.live import drawing
from audiocos.live.drawing import BLUE, GREEN, GREY, ORANGE, Line, between, fit, shortened, text
from audiocos.live.footer import footer
from audiocos.live.meters import Reading
from audiocos.live.screen import LEAST_HEIGHT, LEAST_WIDTH
from audiocos.live.status import Stage, Status, clock, level_words, snr_words
from audiocos.live.waterfall import FLOOR_DB

LABEL = 9  # cells that the names on the left take
_LEVEL_FLOOR_DB = -100.0
_SPECTRUM_FLOOR_DB = -120.0
_WATERFALL_RANGE_DB = 80.0
_NARROWEST_SNR_DB = 20.0
_LOWEST_SNR_DB = -10.0
_TICKS_HZ = [50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000]
_FIXED_LINES = 13


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything that one picture shows.

    Args:
        stage: who plays.
        status: the session.
        reading: the meters now.
        figures: the meters a moment ago: numbers that change fifteen times a second cannot be read.
        kept_hz: the highest frequency among the coefficients that are kept.
        frozen: the picture stands still.
        recording_s: how long the recording is, None where there is none.
        message: what a key did, for a few seconds.
    """

    stage: Stage
    status: Status
    reading: Reading
    figures: Reading
    kept_hz: float = math.inf
    frozen: bool = False
    recording_s: float | None = None
    message: str = ""


class Layout:
    """Draws scenes; keeps the parts that take long until they change.

    Args:
        colours: whether the terminal has any.
    """

    def __init__(self, colours: bool = True) -> None:
        self._colours = colours
        self._kept: dict[str, tuple[Hashable, list[Line]]] = {}

    def lines(self, scene: Scene, width: int, height: int) -> list[Line]:
        """A picture, `height` lines of `width` cells."""
        if width < LEAST_WIDTH or height < LEAST_HEIGHT:
            return self._too_small(scene, width, height)
        gap = [fit([], width)] if height >= 30 else []
        rest = height - _FIXED_LINES - 4 * len(gap)
        curve_height = max(2, round(0.38 * rest))
        charts_height = rest - curve_height
        parts = [
            [_title(scene, width)],
            gap,
            _levels(scene, width),
            gap,
            [_snr(scene, width)],
            self._curve(scene, width, curve_height),
            gap,
            self._charts(scene, width, charts_height),
            gap,
            footer(scene.status, scene.stage, scene.message, width),
        ]
        return [line for part in parts for line in part]

    def _curve(self, scene: Scene, width: int, height: int) -> list[Line]:
        reading = scene.reading
        across = width - LABEL
        marked = _alarmed(scene, across)

        def draw() -> list[Line]:
            shown = reading.snr_curve[-2 * across :]
            values = [value for value in shown if value is not None]
            if not values:
                why = "exact: nothing is lost" if reading.input_dbfs is not None else "waiting for sound"
                middle = [text(" " * LABEL), text(why if shown else "", GREY)]
                return [fit(middle if row == height // 2 else [], width) for row in range(height)]
            low, high = _snr_range(min(values), max(values))
            lines = drawing.curve(shown, low, high, across, height, GREEN, marked)
            return [
                [text(_edge(row, height, high, low).rjust(LABEL - 2) + "  ", GREY), *line]
                for row, line in enumerate(lines)
            ]

        return self._once("curve", (reading.curve_points, len(reading.snr_curve), width, height, marked), draw)

    def _charts(self, scene: Scene, width: int, height: int) -> list[Line]:
        left = (width - 3) // 2
        spectrum = _spectrum(scene.reading, left, height, self._colours)
        fall = self._fall(scene, width - left - 3, height)
        return [[*one, text("   "), *two] for one, two in zip(spectrum, fall, strict=True)]

    def _fall(self, scene: Scene, width: int, height: int) -> list[Line]:
        reading, gutter = scene.reading, 5
        across = width - gutter

        def draw() -> list[Line]:
            heading = [text("coefficients", bold=True)]
            if reading.waterfall_hz is None:
                told = [heading, [text("too many to be computed twice", GREY)], *([[]] * height)]
                return [fit(line, width) for line in told]
            shades = _shades(reading, across, 2 * height)
            bands_hz = _picked(reading.waterfall_hz, 2 * height)[::-1]
            kept = [bool(frequency <= scene.kept_hz) for frequency in bands_hz]
            labels = _rows_of_ticks(bands_hz)
            picture = drawing.image(shades, kept, self._colours)
            rows = [
                [text(labels.get(row, "").rjust(gutter - 1) + " ", GREY), *line] for row, line in enumerate(picture)
            ]
            span = f"{across * reading.waterfall_step_s:.0f} s ago"
            axis = [text(" " * gutter), *between([text(span, GREY)], [text("now", GREY)], across)]
            grey = [text("  grey: left out", GREY)] if not all(kept) else []
            return [fit([*heading, *grey], width), *rows, axis]

        key = (reading.waterfall_rows, len(reading.waterfall), width, height, scene.kept_hz)
        return self._once("fall", key, draw)

    def _too_small(self, scene: Scene, width: int, height: int) -> list[Line]:
        figures = scene.figures
        told = [
            f"SNR {_snr_words(figures.snr_now_db, figures)}",
            f"This view needs {LEAST_WIDTH} x {LEAST_HEIGHT} cells.",
            "q quits.",
        ]
        return [fit([text(told[row])] if row < len(told) else [], width) for row in range(height)]

    def _once(self, name: str, key: Hashable, draw: Callable[[], list[Line]]) -> list[Line]:
        if name not in self._kept or self._kept[name][0] != key:
            self._kept[name] = (key, draw())
        return self._kept[name][1]


def _title(scene: Scene, width: int) -> Line:
    stage, status = scene.stage, scene.status
    many = {1: "mono", 2: "stereo"}.get(status.channels, f"{status.channels} channels")
    right: Line = [text("  ")]
    if scene.recording_s is not None:
        right.append(text(f"● rec {clock(scene.recording_s)}  ", "#e05050", bold=True))
    if scene.frozen:
        right.append(text("frozen  ", ORANGE, bold=True))
    right.append(text(clock(status.time_s), bold=True))
    name = [text("audiocos ", bold=True), text(stage.model, BLUE)]
    rate = [text(f"  {status.rate / 1000:g} kHz {many}", GREY)]
    way = f"  {stage.source}" + (f" → {stage.sink}" if stage.sink else "")
    room = width - Segment.get_line_length([*name, *rate, *right])
    if cell_len(way) > room:  # names go before numbers that do not change, but not to nothing
        rate, room = [], width - Segment.get_line_length([*name, *right])
    return between([*name, text(shortened(way, room), GREY), *rate], right, width)


def _levels(scene: Scene, width: int) -> list[Line]:
    now, then = scene.reading, scene.figures
    rows = [("input", now.input, then.input, then.input_dbfs, BLUE)]
    rows.append(("output", now.output, then.output, then.output_dbfs, GREEN))
    rows.append(("residual", now.residual, then.residual, then.residual_dbfs, ORANGE))
    lines = []
    for name, level, held, dbfs, colour in rows:
        halves = _halves(level.now_dbfs)
        peak, held_dbfs = _share(_loudest(level.peak_dbfs)), _loudest(held.peak_dbfs)
        over = ORANGE if held_dbfs is not None and held_dbfs > 0.0 else None  # what plays it clips it
        words = [
            text(f"{level_words(dbfs):>7}"),
            text("  peak", GREY),
            text(f"{level_words(held_dbfs):>7}", over, bold=over is not None),
        ]
        right = [*words, text(" dBFS", GREY)]
        across = width - LABEL - sum(len(segment.text) for segment in right)
        lines.append([text(name.ljust(LABEL), colour), *drawing.bar(*halves, peak, across, colour), *right])
    return lines


def _snr(scene: Scene, width: int) -> Line:
    figures = scene.figures
    left = [text("SNR".ljust(LABEL), GREEN)]
    room = 13 if width >= 76 else 11
    for name, value in (("now", figures.snr_now_db), ("3 s", figures.snr_3s_db), ("run", figures.snr_run_db)):
        left += [text(f"{name} ", GREY), text(f"{_snr_words(value, figures):<{room - 2}}", bold=name == "now")]
    span = 2 * (width - LABEL) * figures.curve_step_s
    return between(left, [text(f" last {span:.0f} s", GREY)], width)


def _alarmed(scene: Scene, width: int) -> tuple[bool, ...]:
    """In which cells of the curve there was an alarm; two points a cell, the newest at the right edge."""
    marked, cell_s = np.zeros(width, bool), 2 * scene.reading.curve_step_s
    for begin_s, end_s in scene.status.alarms:
        last_s = scene.reading.time_s if end_s is None else end_s
        first, last = (width - (scene.reading.time_s - edge) / cell_s for edge in (begin_s, last_s))
        marked[max(0, math.floor(first)) : max(0, math.ceil(last))] = True
    return tuple(marked.tolist())


def _spectrum(reading: Reading, width: int, height: int, colours: bool) -> list[Line]:
    gutter = 5
    across = width - gutter
    frequencies = _picked(reading.frequencies_hz, across)
    behind, front = (
        1.0 - _joined(level, across) / _SPECTRUM_FLOOR_DB
        for level in (reading.spectrum_input_db, reading.spectrum_residual_db)
    )
    body = [
        [text(_edge(row, height, 0.0, _SPECTRUM_FLOOR_DB).rjust(gutter - 1) + " ", GREY), *line]
        for row, line in enumerate(drawing.areas(behind, front, height, colours))
    ]
    heading = [text("spectrum", bold=True), text("  input", BLUE), text("  residual", ORANGE), text("  dB", GREY)]
    axis = [" "] * across
    for tick in _TICKS_HZ:
        place = int(np.searchsorted(frequencies, tick))
        name = _hertz(tick)
        spot = slice(place, place + len(name))
        around = axis[max(0, place - 1) : place + len(name) + 1]
        if place > 0 and place + len(name) <= across and all(cell == " " for cell in around):
            axis[spot] = name
    return [fit(heading, width), *body, [text(" " * gutter + "".join(axis), GREY)]]


def _shades(reading: Reading, width: int, height: int) -> Float64:
    """The waterfall as shades from 0 to 1, high frequencies on top, the newest row at the right edge."""
    shades = np.zeros((height, width))
    rows = reading.waterfall[-width:]
    if not rows:
        return shades
    levels = np.array([_joined(row, height) for row in rows])
    top = max(10.0 * math.ceil(float(levels.max()) / 10.0), FLOOR_DB + _WATERFALL_RANGE_DB)  # silence is dark
    shades[:, width - len(rows) :] = (1.0 + (levels - top) / _WATERFALL_RANGE_DB).T[::-1]
    return shades.clip(0.0, 1.0)


def _joined(levels: Float64, count: int) -> Float64:
    """As many levels as asked for, the loudest where several fall together."""
    starts = (np.arange(count) * levels.size) // count
    return np.asarray(np.maximum.reduceat(levels, starts))


def _picked(values: Float64, count: int) -> Float64:
    return np.asarray(values[((np.arange(count) + 0.5) * values.size / count).astype(int)])


def _rows_of_ticks(bands_hz: Float64) -> dict[int, str]:
    """Which line of the picture each frequency's name stands in front of; two bands a line, falling."""
    lines: dict[int, str] = {}
    for tick in _TICKS_HZ[::-1]:
        place = int(np.searchsorted(-bands_hz, -tick))
        near = place // 2
        if 0 < place < bands_hz.size and near not in lines and near - 1 not in lines:
            lines[near] = _hertz(tick)
    return lines


def _snr_range(low: float, high: float) -> tuple[float, float]:
    """Round numbers around the values; a moment of near silence far below the rest is cut off."""
    high = 10.0 * math.ceil(high / 10.0)
    low = max(10.0 * math.floor(low / 10.0), min(_LOWEST_SNR_DB, high - _NARROWEST_SNR_DB))
    return low, max(high, low + _NARROWEST_SNR_DB)


def _edge(row: int, height: int, high: float, low: float) -> str:
    """The value beside a line of a chart: at its edges, and in the middle where there is one."""
    named = {0: high, height - 1: low}
    if height % 2 and height > 3:
        named[height // 2] = (low + high) / 2
    return f"{named[row]:.0f}" if row in named else ""


def _halves(now_dbfs: tuple[float | None, ...]) -> tuple[float, float]:
    """Upper and lower half of a bar: left and right of stereo, else the loudest."""
    if len(now_dbfs) == 2:
        return _share(now_dbfs[0]), _share(now_dbfs[1])
    return (_share(_loudest(now_dbfs)),) * 2


def _loudest(levels: tuple[float | None, ...]) -> float | None:
    return max((level for level in levels if level is not None), default=None)


def _share(dbfs: float | None) -> float:
    return 0.0 if dbfs is None else min(1.0, max(0.0, 1.0 - dbfs / _LEVEL_FLOOR_DB))


def _snr_words(snr_db: float | None, figures: Reading) -> str:
    return snr_words(snr_db, figures.input_dbfs is not None, figures.residual_dbfs is None)


def _hertz(frequency: float) -> str:
    return f"{frequency / 1000:g}k" if frequency >= 1000 else f"{frequency:g}"
