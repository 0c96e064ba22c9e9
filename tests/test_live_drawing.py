"""What charts out of characters say, read back from the characters."""

import numpy as np
import pytest

from audiocos.live import drawing
from audiocos.live.drawing import BLUE, BRIGHT_RED, GREEN, ORANGE

_DOTS = {0x01: (0, 0), 0x02: (1, 0), 0x04: (2, 0), 0x40: (3, 0), 0x08: (0, 1), 0x10: (1, 1), 0x20: (2, 1), 0x80: (3, 1)}
_LEFT_HALVES = {" ": (0, 0), "█": (1, 1), "▌": (1, 1), "▘": (1, 0), "▖": (0, 1), "▀": (1, 0), "▄": (0, 1)}


def rows_of(lines):
    return ["".join(segment.text for segment in line) for line in lines]


def colours_of(line):
    return [segment.style.color.name for segment in line for _ in segment.text]


def heights(rows):
    """Of the highest dot of each column of braille, from 0 at the bottom; None where there is none."""
    dots = np.zeros((4 * len(rows), 2 * len(rows[0])), bool)
    for line, row in enumerate(rows):
        for cell, character in enumerate(row):
            code = 0 if character == " " else ord(character) - 0x2800
            for bit, (down, right) in _DOTS.items():
                dots[4 * line + down, 2 * cell + right] = bool(code & bit)
    return [len(dots) - 1 - int(column.argmax()) if column.any() else None for column in dots.T]


def test_a_curve_stands_where_its_values_are():
    values = [0.0, 5.0, None, 10.0, -3.0, 12.0]
    rows = rows_of(drawing.curve(values, 0.0, 10.0, 5, 3, GREEN))
    assert [len(row) for row in rows] == [5, 5, 5]
    assert heights(rows) == [None] * 4 + [0, pytest.approx(5.5, abs=0.5), None, 11, 11, 11]  # lines join neighbours
    rising = heights(rows_of(drawing.curve(np.linspace(0, 10, 24).tolist(), 0.0, 10.0, 10, 4, GREEN)))
    assert rising == sorted(rising) and len(rising) == 20 and rising[-1] == 15 > rising[0] > 0


def test_a_curve_is_red_where_it_is_marked():
    (line,) = drawing.curve([1.0] * 8, 0.0, 2.0, 4, 1, GREEN, [False, True, True, False])
    assert colours_of(line) == [GREEN, BRIGHT_RED, BRIGHT_RED, GREEN]


@pytest.mark.parametrize("colours", [True, False])
def test_areas_stand_on_the_ground_and_the_residual_in_front(colours):
    behind, front = np.array([1.0, 0.5, 0.25, 0.0]), np.array([0.5, 0.5, 0.0, 0.0])
    rows = rows_of(drawing.areas(behind, front, 4, colours))
    if not colours:
        assert rows == ["░   ", "░   ", "██  ", "██░ "]
        return
    assert rows == ["█   ", "█   ", "██  ", "███ "]
    lines = drawing.areas(behind, front, 4, colours)
    blue, orange = (drawing._AREA[colour] for colour in (BLUE, ORANGE))
    assert colours_of(lines[0])[0] == blue and colours_of(lines[3])[:3] == [orange, orange, blue]
    (half,) = drawing.areas(np.array([0.5, 1.0]), np.zeros(2), 1, True)
    assert rows_of([half]) == ["▄█"]


def test_an_image_is_light_where_its_shades_are_and_its_first_row_on_top():
    shades = np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.5]])
    first, last = drawing.image(shades, [True] * 4, True)
    light = [
        [
            (sum(segment.style.color.triplet), sum(segment.style.bgcolor.triplet))
            for segment in line
            for _ in segment.text
        ]
        for line in (first, last)
    ]
    assert rows_of([first, last]) == ["▀▀", "▀▀"]
    dark, bright = light[0][0]
    assert light[0][1] == (bright, bright) and bright > 10 * dark
    assert light[1][0] == (dark, dark) and dark < light[1][1][1] < bright
    assert rows_of(drawing.image(shades, [True] * 4, False)) == ["██", " ▒"]


@pytest.mark.parametrize(("upper", "lower"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.7, 0.2), (0.2, 0.7), (2.0, -1.0)])
def test_a_bar_is_as_long_as_its_halves(upper, lower):
    (row,) = rows_of([drawing.bar(upper, lower, 0.0, 20, BLUE)])
    assert len(row) == 20
    halves = np.array([_LEFT_HALVES.get(character, (0, 0)) for character in row]).sum(axis=0)
    assert halves.tolist() == [20 * min(1.0, max(0.0, value)) for value in (upper, lower)]


def test_a_bar_has_a_mark_at_its_peak():
    rows = rows_of(drawing.bar(0.5, 0.5, peak, 20, BLUE) for peak in (0.05, 0.5, 0.8, 1.0))
    assert [row.index("┃") for row in rows] == [0, 9, 15, 19]
    assert "┃" not in rows_of([drawing.bar(0.5, 0.5, 0.0, 20, BLUE)])[0]
