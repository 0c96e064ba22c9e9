"""What the studies' pictures share: empty plots, and more colours than a report needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audiocos.report import style
from audiocos.report.words import MINUS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = (style.INPUT, style.RESIDUAL, style.OUTPUT, "#9a6fd0", "#c9a227", "#3aa6b9")
"""Of curves, in order; middle tones that read on light and dark ground."""


def plots(rows: int = 1, columns: int = 1, *, height: float = 3.2) -> tuple[Figure, list[Any]]:
    """A figure as wide as a page, and its axes row by row.

    Args:
        rows: of axes.
        columns: of axes.
        height: of a row, in inches.
    """
    style.require_extra()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, rows * height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def colour_bar(figure: Figure, image: Any, axes: Any, label: str, **where: Any) -> None:
    """A scale of colours beside one axis or several, with its quantity."""
    bar = figure.colorbar(image, ax=axes, **where)
    bar.set_label(label, color=style.LETTERS, fontsize=9)
    bar.ax.tick_params(colors=style.LETTERS, labelsize=8)
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:.3g}".replace("-", MINUS))
    bar.outline.set_visible(False)


def whole_numbers(axes: Any, most: int = 8) -> None:
    """Label both axes of a matrix with whole numbers, not too many."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True, nbins=most)


def plain_numbers(axis: Any) -> None:
    """Label an axis with plain numbers, also where it is logarithmic."""
    axis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", MINUS))
    axis.set_minor_formatter(lambda value, _: "")


def legend(axes: Any, **where: Any) -> None:
    """A small legend without a frame, where there is room."""
    axes.legend(frameon=False, labelcolor=style.LETTERS, fontsize=8, **({"loc": "best"} | where))
