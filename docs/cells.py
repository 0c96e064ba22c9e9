"""Lines of a terminal as a picture: blocks and dots as rectangles, so that they join, letters from DejaVu Sans Mono."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont
from rich.segment import Segment

WIDTH, HEIGHT, MARGIN = 10, 20, 12
INK, PAPER = (214, 217, 222), (20, 22, 26)

_QUADRANTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"  # upper left 1, upper right 2, lower left 4, lower right 8
_EIGHTHS = " ▁▂▃▄▅▆▇"
_BRAILLE = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))  # column and row of each bit

Box = tuple[float, float, float, float]
Colour = tuple[int, int, int]


def picture(lines: Sequence[Sequence[Segment]]) -> Image.Image:
    """Lines of the view, `[height]` of segments."""
    columns = max(sum(len(segment.text) for segment in line) for line in lines)
    image = Image.new("RGB", (columns * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN), PAPER)
    draw = ImageDraw.Draw(image)
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    plain, bold = (
        ImageFont.truetype(str(fonts / f"DejaVuSansMono{name}.ttf"), round(0.8 * HEIGHT)) for name in ("", "-Bold")
    )
    for row, line in enumerate(lines):
        column = 0
        for segment in line:
            style = segment.style
            ink, ground = _colour(style.color if style else None), _colour(style.bgcolor if style else None)
            for character in segment.text:
                x, y = MARGIN + column * WIDTH, MARGIN + row * HEIGHT
                if ground is not None:
                    draw.rectangle((x, y, x + WIDTH - 1, y + HEIGHT - 1), ground)
                boxes = list(_boxes(character))
                for left, top, right, bottom in boxes:
                    edges = (x + left * WIDTH, y + top * HEIGHT, x + right * WIDTH - 1, y + bottom * HEIGHT - 1)
                    draw.rectangle([round(edge) for edge in edges], ink or INK)
                if not boxes and character != " ":
                    font = bold if style and style.bold else plain
                    draw.text((x, y + 1), character, ink or INK, font)
                if style and style.underline:
                    draw.line((x, y + HEIGHT - 2, x + WIDTH - 1, y + HEIGHT - 2), ink or INK)
                column += 1
    return image


def _boxes(character: str) -> Iterator[Box]:
    """What a character of a drawing fills, as left, top, right and bottom in shares of its cell."""
    code = ord(character) - 0x2800
    if character in _QUADRANTS:
        bits = _QUADRANTS.index(character)
        for bit in range(4):
            if bits >> bit & 1:
                left, top = bit % 2 / 2, bit // 2 / 2
                yield left, top, left + 0.5, top + 0.5
    elif character in _EIGHTHS:
        yield 0.0, 1.0 - _EIGHTHS.index(character) / 8, 1.0, 1.0
    elif 0 <= code < 256:
        for bit, (column, row) in enumerate(_BRAILLE):
            if code >> bit & 1:
                yield 0.15 + 0.5 * column, 0.05 + 0.25 * row, 0.4 + 0.5 * column, 0.2 + 0.25 * row


def _colour(colour: object) -> Colour | None:
    triplet = getattr(colour, "triplet", None)
    return None if triplet is None else (triplet.red, triplet.green, triplet.blue)
