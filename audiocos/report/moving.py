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


def gif(pictures: Sequence[Any]) -> bytes:
    """An endless GIF that rests on its last frame.

    Args:
        pictures: pillow's, of one size, at least one.
    """
    palette = pictures[-1].quantize(COLOURS)
    indexed = [picture.quantize(palette=palette, dither=0) for picture in pictures]
    durations = [FRAME_MS] * (len(indexed) - 1) + [LAST_FRAME_MS]
    file = io.BytesIO()
    indexed[0].save(file, format="GIF", save_all=True, append_images=indexed[1:], duration=durations, loop=0)
    return file.getvalue()


def still(picture: Any) -> bytes:
    """One frame as a PNG file."""
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return file.getvalue()
