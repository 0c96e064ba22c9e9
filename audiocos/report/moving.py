"""Animations: one figure drawn again and again, and the frames as a GIF file."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAME_MS = 120
LAST_FRAME_MS = 2500
COLOURS = 64
NEARLY_WHITE = 248


def frames(figure: Figure, draw: Callable[[int], None], count: int, *, dpi: int = 80) -> list[Any]:
    """Pictures (pillow's, RGB) of a figure on white ground: GIF knows no half transparent edges.

    Args:
        figure: is drawn anew for each.
        draw: puts frame i = 0..count-1 into the figure.
        count: how many.
        dpi: dots an inch.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    figure.set_dpi(dpi)
    figure.patch.set_facecolor("white")
    for axes in figure.axes:
        axes.patch.set_facecolor("white")
    canvas: Any = FigureCanvasAgg(figure)
    made = []
    for i in range(count):
        draw(i)
        canvas.draw()
        made.append(Image.frombytes("RGBA", canvas.get_width_height(), canvas.buffer_rgba()).convert("RGB"))
    return made


def on_white(picture: Any) -> Any:
    """A picture (pillow's, RGBA) on white ground, as RGB."""
    from PIL import Image

    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground


def gif(pictures: Sequence[Any]) -> bytes:
    """An endless GIF that rests on its last frame.

    Args:
        pictures: pillow's, of one size, at least one.
    """
    palette = _palette([pictures[0], pictures[len(pictures) // 2], pictures[-1]])
    indexed = [picture.quantize(palette=palette, dither=0) for picture in pictures]
    durations = [FRAME_MS] * (len(indexed) - 1) + [LAST_FRAME_MS]
    file = io.BytesIO()
    indexed[0].save(file, format="GIF", save_all=True, append_images=indexed[1:], duration=durations, loop=0)
    return file.getvalue()


def at_most(most_bytes: int, pictures: Sequence[Any], encode: Callable[[Sequence[Any]], bytes]) -> bytes:
    """The encoded animation, with every other frame left out until it is small enough; the last always stays."""
    while True:
        content = encode(pictures)
        if len(content) <= most_bytes or len(pictures) <= 2:
            return content
        pictures = [*pictures[:-1:2], pictures[-1]]


def _palette(pictures: Sequence[Any]) -> Any:
    """An indexed picture with colours of all of them. Pillow's white is a mean that is not quite white."""
    from PIL import Image

    width, height = pictures[0].size
    sheet = Image.new("RGB", (width, height * len(pictures)))
    for row, picture in enumerate(pictures):
        sheet.paste(picture, (0, row * height))
    palette = sheet.quantize(COLOURS)
    colours = palette.getpalette() or []
    triples = [colours[i : i + 3] for i in range(0, len(colours), 3)]
    palette.putpalette([c for triple in triples for c in ([255] * 3 if min(triple) >= NEARLY_WHITE else triple)])
    return palette


def still(picture: Any) -> bytes:
    """One frame as a PNG file."""
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return file.getvalue()
