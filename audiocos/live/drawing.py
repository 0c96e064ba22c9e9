"""Charts out of characters: bars, curves, areas and images, as lines of rich's segments.

Every line is exactly as wide as was asked for. Without colours the characters alone carry the picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from audiocos.cosines import Float64

Line = list[Segment]

BLUE, GREEN, ORANGE, GREY = "#5b95e0", "#4fae7b", "#e2763f", "#8a8f98"
"""Input, output and residual as in the reports, a little lighter; letters that stay back."""

RED, BRIGHT_RED = "#d03a3a", "#f06060"
"""Alarms: as a ground, and as letters."""

_AREA = {BLUE: "#3a629b", GREEN: "#387d5a", ORANGE: "#b05b2e"}
"""The same for areas, which glare where letters do not."""

_QUADRANTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"  # by upper left 1, upper right 2, lower left 4, lower right 8
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_SHADES = " ░▒▓█"
_BRAILLE_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
_STOPS = [(0.0, 13, 12, 22), (0.25, 62, 22, 92), (0.5, 146, 44, 98), (0.72, 216, 84, 58), (0.9, 245, 165, 52)]
_STOPS.append((1.0, 250, 238, 165))
SHADE_COUNT = 24


@lru_cache(maxsize=4096)
def style(colour: str | None = None, ground: str | None = None, bold: bool = False, line: bool = False) -> Style:
    """A style, made once."""
    return Style(color=colour, bgcolor=ground, bold=bold or None, underline=line or None)


def text(content: str, colour: str | None = None, **look: bool) -> Segment:
    """Some words."""
    return Segment(content, style(colour, **look))


def fit(line: Line, width: int) -> Line:
    """The line cut or filled to a width in cells."""
    return Segment.adjust_line_length(line, width)


def between(left: Line, right: Line, width: int) -> Line:
    """One line at the left edge, one at the right; the left is cut where both do not fit."""
    right = fit(right, min(Segment.get_line_length(right), width))
    return [*fit(left, width - Segment.get_line_length(right)), *right]


def shortened(content: str, cells: int) -> str:
    """Words cut to so many cells, which shows.

    >>> shortened("guitar-chord.flac", 20), shortened("guitar-chord.flac", 8)
    ('guitar-chord.flac', 'guitar-…')
    """
    if cell_len(content) <= cells:
        return content
    return set_cell_size(content, cells - 1).rstrip() + "…" if cells > 0 else ""


def whole(parts: Sequence[Line], width: int) -> Line:
    """The first of these parts that fit into a line, none of them cut; "…" stands for the rest."""
    lengths = [Segment.get_line_length(part) for part in parts]
    if sum(lengths) <= width:
        return fit([segment for part in parts for segment in part], width)
    room, line = width - 2, list[Segment]()
    for part, length in zip(parts, lengths, strict=True):
        room -= length
        if room < 0:
            break
        line += part
    return fit([*line, text(" …", GREY)], width)


def bar(upper: float, lower: float, peak: float, width: int, colour: str) -> Line:
    """A bar of two halves, one for each channel, with a mark at the peak.

    Args:
        upper: from 0 to 1; 0 or less is nothing.
        lower: likewise.
        peak: likewise.
        width: cells.
        colour: BLUE, GREEN or ORANGE.
    """
    halves = sorted((max(0, min(2 * width, round(2 * width * value))), row) for value, row in ((upper, 0), (lower, 1)))
    (short, _), (long, row) = halves
    cells = "█" * (short // 2)
    for cell in range(short // 2, -(-long // 2)):
        dots = (min(2, max(0, half - 2 * cell)) for half in (short, long))
        few, many = ((0, 1, 3)[count] for count in dots)
        cells += _QUADRANTS[many | few << 2 if row == 0 else few | many << 2]
    track = _track(width)
    mark = min(width - 1, math.ceil(width * peak) - 1) if peak > 0.0 else width
    body, ground = style(_AREA[colour]), style(GREY)
    line = [Segment(cells[:mark], body), Segment(track[len(cells) : mark], ground)]
    if mark < width:
        line.append(Segment("┃", style(colour, bold=True)))
        line += [Segment(cells[mark + 1 :], body), Segment(track[max(len(cells), mark + 1) :], ground)]
    return [segment for segment in line if segment.text]


def curve(
    values: Sequence[float | None],
    low: float,
    high: float,
    width: int,
    height: int,
    colour: str,
    marked: Sequence[bool] = (),
) -> list[Line]:
    """A curve of dots, two a cell and four high, its newest value at the right edge; gaps where there is None.

    Args:
        values: oldest first; the last 2 `width` are drawn.
        low: value at the lower edge.
        high: value at the upper edge.
        width: cells.
        height: cells.
        colour: of the dots.
        marked: which cells are drawn in red instead, from the left.
    """
    dots = np.zeros((4 * height, 2 * width), dtype=bool)
    shown = values[-2 * width :]
    first = 2 * width - len(shown)
    before: int | None = None
    for column, value in enumerate(shown, first):
        if value is None:
            before = None
            continue
        share = (value - low) / (high - low)
        row = round((4 * height - 1) * (1.0 - min(max(share, 0.0), 1.0)))
        start, stop = (row, row) if before is None else (min(row, before), max(row, before))
        dots[start : stop + 1, column] = True
        before = row
    cells = (dots.reshape(height, 4, width, 2) * _BRAILLE_DOTS[None, :, None, :]).sum(axis=(1, 3))
    looks = [style(BRIGHT_RED if mark else colour) for mark in marked] or [style(colour)] * width
    return [
        _runs([(chr(0x2800 + code) if code else " ", look) for code, look in zip(row, looks, strict=True)])
        for row in cells.tolist()
    ]


def areas(behind: Float64, front: Float64, height: int, colours: bool) -> list[Line]:
    """Two filled curves, a column each cell: the input behind, the residual in front of it.

    Args:
        behind: heights from 0 to 1, `[width]`.
        front: likewise.
        height: cells.
        colours: whether there are any.
    """
    lowest = 8 * np.arange(height)[::-1, None]
    back, fore = (
        np.clip(np.rint(np.clip(values, 0.0, 1.0) * 8 * height).astype(int) - lowest, 0, 8)
        for values in (behind, front)
    )
    if not colours:
        shades = np.where(fore > 3, 2, back > 3).tolist()
        return [[Segment("".join(" ░█"[shade] for shade in row))] for row in shades]
    kinds = np.where(fore > 0, np.where(back > fore, 2, 1), 0)
    looks = style(_AREA[BLUE]), style(_AREA[ORANGE]), style(_AREA[ORANGE], _AREA[BLUE])
    lines = []
    for eighths, kind in zip(np.where(fore > 0, fore, back).tolist(), kinds, strict=True):
        row = "".join(_EIGHTHS[eighth] for eighth in eighths)
        edges = [0, *(np.flatnonzero(np.diff(kind)) + 1).tolist(), len(row)]
        lines.append([Segment(row[i:j], looks[kind[i]]) for i, j in zip(edges, edges[1:], strict=False)])
    return lines


def image(shades: Float64, kept: Sequence[bool], colours: bool) -> list[Line]:
    """A picture, two rows a line.

    Args:
        shades: from 0 to 1, top row first, `[2 height, width]`.
        kept: which rows are drawn in colour; the others in grey.
        colours: whether there are any.
    """
    levels = np.rint(np.clip(shades, 0.0, 1.0) * (SHADE_COUNT - 1)).astype(int).tolist()
    lines = []
    for row in range(0, len(levels), 2):
        pairs = zip(levels[row], levels[row + 1], strict=True)
        if colours:
            bright = (kept[row], kept[row + 1])
            lines.append(_runs([("▀", _two(upper, lower, *bright)) for upper, lower in pairs]))
        else:
            darkest = SHADE_COUNT / len(_SHADES)
            lines.append([Segment("".join(_SHADES[int(max(pair) / darkest)] for pair in pairs))])
    return lines


def sparkline(shares: Sequence[float]) -> str:
    """Small columns, of shares from 0 to 1.

    >>> sparkline([0.0, 0.5, 1.0])
    '▁▄█'
    """
    return "".join(_EIGHTHS[max(1, min(8, round(8 * share)))] for share in shares)


def _runs(cells: list[tuple[str, Style]]) -> Line:
    """Cells with their styles as a line, neighbours of one style (one and the same object) joined."""
    line: Line = []
    start = 0
    for place in range(1, len(cells) + 1):
        if place == len(cells) or cells[place][1] is not cells[start][1]:
            line.append(Segment("".join(cell for cell, _ in cells[start:place]), cells[start][1]))
            start = place
    return line


@lru_cache(maxsize=8)
def _track(width: int) -> str:
    """What a bar runs on: a dot at every tenth."""
    tenths = {round(width * step / 10) for step in range(1, 10)}
    return "".join("·" if cell in tenths else " " for cell in range(width))


@lru_cache(maxsize=4 * SHADE_COUNT**2)
def _two(upper: int, lower: int, upper_kept: bool, lower_kept: bool) -> Style:
    return style(_colour(upper, upper_kept), _colour(lower, lower_kept))


@lru_cache(maxsize=2 * SHADE_COUNT)
def _colour(shade: int, kept: bool) -> str:
    places, *channels = zip(*_STOPS, strict=True)
    red, green, blue = (round(float(np.interp(shade / (SHADE_COUNT - 1), places, channel))) for channel in channels)
    if not kept:
        red = green = blue = round(0.6 * (0.3 * red + 0.59 * green + 0.11 * blue))
    return f"#{red:02x}{green:02x}{blue:02x}"
