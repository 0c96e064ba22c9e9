"""Pictures of a run: what was reached when, and where the frequencies went."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audiocos.cosines import CosineParameters, grid_distance
from audiocos.report import moving, style
from audiocos.report.banks import draw_bank
from audiocos.report.words import MINUS, decimal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
Moment = tuple[int, float, float, CosineParameters]
"""A step, its n0, its SNR in dB (NaN: not measured), the pair after it."""

SIZES = (5.5, 3.5)
"""Of dots of the analysis and the synthesis bank: where they meet both are seen."""

POINTS = 1500
MOST_LINES = 32
MOST_STAGES = 8
LEAST_BINS = 1e-15
FRAMES = 48
BANK_FRAMES = 24
CORNER_ROWS, CORNER_SAMPLES = 24, 64
FRAME_MS = 110
LAST_FRAME_MS = 2500
MOST_BYTES = 900_000


def curve_figure(steps: Array, snr_db: Array, taper: Array) -> Figure:
    """SNR over steps, and below it the window's n0.

    Args:
        steps: rising.
        snr_db: NaN where it was not measured.
        taper: n0 in samples, infinity or NaN without window.

    Shape:
        - all: `[points]`, at least one
    """
    figure, axes = _rows(2 if np.isfinite(taper).any() else 1, 1.5, sharex=True)
    shown = np.unique(np.linspace(0, steps.size - 1, min(steps.size, POINTS)).astype(np.int64))
    marker = "." if shown.size < 60 else ""
    windowed = np.isfinite(taper)
    for part, colour, name in ((windowed, style.INPUT, "under the window"), (~windowed, style.OUTPUT, "whole frames")):
        if part.any():
            level = np.where(part, snr_db, np.nan)[shown]
            axes[0].plot(steps[shown], level, color=colour, linewidth=1.3, marker=marker, label=name)
    style.finish(axes[0], "SNR", "", "dB")
    if len(axes) > 1:
        style.legend(axes[0])
        n0 = np.where(windowed, taper, np.nan)[shown]
        axes[1].plot(steps[shown], n0, color=style.RESIDUAL, linewidth=1.3, marker=marker)
        axes[1].set_yscale("log", base=2)
        stages = np.unique(n0[np.isfinite(n0)])
        if stages.size <= MOST_STAGES:
            axes[1].set_yticks(stages)
            axes[1].minorticks_off()
        axes[1].yaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
        style.finish(axes[1], "Size of the window n0; it ends where whole frames begin", "", "samples")
    axes[0].yaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", MINUS))
    axes[-1].set_xlabel("step", color=style.LETTERS, fontsize=9)
    return figure


def frequencies_figure(start: CosineParameters, end: CosineParameters, grid: Array) -> Figure:
    """The frequencies before and after, in bins, and how far each lies from the nearest line of the grid."""
    figure, axes = _rows(2 if grid.size else 1, 2.0)
    few = grid.size <= MOST_LINES
    for line in grid * end.frame / np.pi if few else ():
        axes[0].axhline(line, color=style.LETTERS, linewidth=0.5, alpha=0.35)
    sizes = SIZES if end.coefficients <= 128 else (3.0, 1.5)
    for pair, name, filled in ((start, "start", False), (end, "end", True)):
        for (bins, colour, bank), size in zip(_banks(pair), sizes, strict=False):
            look = {"color": colour, "markerfacecolor": colour if filled else "none", "markeredgewidth": 0.8}
            axes[0].plot(np.arange(bins.size), bins, "o", markersize=size, label=f"{bank}, {name}", **look)
    style.finish(axes[0], "Frequencies; the lines are the grid" if grid.size and few else "Frequencies", "", "bins")
    axes[0].set_xlabel("coefficient", color=style.LETTERS, fontsize=9)
    axes[0].grid(False)
    axes[0].legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, frameon=False, labelcolor=style.LETTERS, fontsize=8
    )
    if grid.size:
        for (bins, colour, _), size in zip(_banks(end), sizes, strict=False):
            off = np.abs(grid_distance(bins, grid * end.frame / np.pi, 2 * end.frame))
            axes[1].plot(np.arange(bins.size), np.maximum(off, LEAST_BINS), "o", markersize=size, color=colour)
        axes[1].set_yscale("log")
        axes[1].set_ylim(LEAST_BINS / 3, max(1.0, axes[1].get_ylim()[1]))
        title = f"Distance to the nearest line of the grid at the end; less than {LEAST_BINS:g} is drawn as that"
        style.finish(axes[1], title.replace("-", MINUS), "coefficient", "bins")
    return figure


def banks_figure(start: CosineParameters, end: CosineParameters) -> Figure:
    """Both banks as heat maps: above at the start, below at the end."""
    style.require_extra()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 5.6), layout="constrained")
    axes = figure.subplots(2, 2)
    for row, pair, when in ((axes[0], start, "start"), (axes[1], end, "end")):
        draw_bank(row[0], pair.analysis_matrix(), f"Analysis bank, {when}")
        draw_bank(row[1], pair.synthesis_matrix().T, f"Synthesis bank, {when}")
    return figure


def animation(moments: Sequence[Moment], grid: Array) -> tuple[str, str]:
    """The frequencies finding their places: an animated PNG, and its last picture, as `data:` URIs.

    Across: the frequency; up: how far above the nearest line of the grid it lies. Frames are left out until the
    picture has less than 0.9 MB.

    Args:
        moments: in order, at least one.
        grid: radians per sample, at least one line.
    """
    frames = moment_frames(moments, grid)
    return _uri(moving.at_most(MOST_BYTES, frames, _apng)), _uri(moving.still(frames[-1]))


def banks_animation(moments: Sequence[Moment]) -> tuple[str, str]:
    """A corner of both banks as heat maps on their way: an animated GIF, and its last picture, as `data:` URIs.

    The corner is small enough for the GIF to have less than 0.9 MB; frames are left out until it has.

    Args:
        moments: in order, at least one.
    """
    style.require_extra()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=(9.6, 2.9), layout="constrained", facecolor="white")
    canvas: Any = FigureCanvasAgg(figure)
    moving_parts = []
    for axes, name in zip(figure.subplots(1, 2), ("Analysis", "Synthesis"), strict=True):
        end = _corner(moments[-1][3], name)
        axes.set(xlim=(-0.5, end.shape[1] - 0.5), ylim=(end.shape[0] - 0.5, -0.5))
        style.finish(axes, " ", "sample", "coefficient")
        axes.grid(False)
        extent = (-0.5, end.shape[1] - 0.5, end.shape[0] - 0.5, -0.5)
        image = axes.imshow(end, aspect="auto", cmap="RdBu_r", extent=extent, animated=True)
        moving_parts.append((axes, name, image))
    canvas.draw()
    ground = canvas.copy_from_bbox(figure.bbox)  # images and titles move, the rest is drawn once
    pictures = []
    for step, _, snr_db, pair in _spread(moments, BANK_FRAMES):
        canvas.restore_region(ground)
        reached = f", SNR {decimal(snr_db, 1)} dB" if np.isfinite(snr_db) else ""
        for axes, name, image in moving_parts:
            bank = _corner(pair, name)
            limit = float(np.abs(bank).max()) or 1.0
            image.set_data(bank)
            image.set_clim(-limit, limit)
            axes.draw_artist(image)
            title = axes.set_title(f"{name} bank, step {step}{reached}", color=style.LETTERS, fontsize=9, loc="left")
            axes.draw_artist(title)
        pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba()).copy(), "RGBA").convert("RGB"))
    return _uri(moving.at_most(MOST_BYTES, pictures, moving.gif), "gif"), _uri(moving.still(pictures[-1]))


def _corner(pair: CosineParameters, name: str) -> Array:
    bank = pair.analysis_matrix() if name == "Analysis" else pair.synthesis_matrix().T
    return np.asarray(bank[:CORNER_ROWS, :CORNER_SAMPLES])


def moment_frames(moments: Sequence[Moment], grid: Array) -> list[Any]:
    """Pictures (pillow's, RGBA) of at most 48 of the moments, the first and the last among them.

    Args:
        moments: in order, at least one.
        grid: radians per sample, at least one line.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    chosen = _spread(moments, FRAMES)
    lines = grid * chosen[0][3].frame / np.pi
    places = [
        [(bins, grid_distance(bins, lines, 2 * pair.frame)) for bins, _, _ in _banks(pair)] for *_, pair in chosen
    ]
    highest = 1.08 * max(0.1, max(float(np.abs(off).max()) for place in places for _, off in place))
    figure, (axes,) = _rows(1, 2.4)
    style.finish(axes, " ", "frequency (bins)", "above the grid (bins)")
    axes.set(xlim=(-0.01 * chosen[0][3].frame, 1.01 * chosen[0][3].frame), ylim=(-highest, highest))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", MINUS))
    drawn = [
        axes.plot([], [], "o", markersize=size, color=colour, label=bank)[0]
        for (_, colour, bank), size in zip(_banks(chosen[0][3]), SIZES, strict=False)
    ]
    style.legend(axes)
    figure.patch.set_alpha(0.0)
    axes.patch.set_alpha(0.0)
    title = axes.set_title("", color=style.LETTERS, fontsize=9, loc="left")
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    ground = canvas.copy_from_bbox(figure.bbox)  # dots and title move, the rest is drawn once
    pictures = []
    for (step, taper, snr_db, _), place in zip(chosen, places, strict=True):
        canvas.restore_region(ground)
        window = f", n0 = {taper:.3g}" if np.isfinite(taper) else ""
        reached = f", SNR {decimal(snr_db, 1)} dB" if np.isfinite(snr_db) else ""
        title.set_text(f"Step {step}{window}{reached}")
        axes.draw_artist(title)
        for dots, (bins, off) in zip(drawn, place, strict=True):
            dots.set_data(bins, off)
            axes.draw_artist(dots)
        pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba()).copy(), "RGBA"))
    return pictures


def _spread(moments: Sequence[Moment], most: int) -> list[Moment]:
    """At most so many, evenly spread, the first and the last among them."""
    return [moments[i] for i in np.unique(np.linspace(0, len(moments) - 1, min(len(moments), most)).astype(int))]


def _apng(frames: Sequence[Any]) -> bytes:
    file = io.BytesIO()
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS]
    frames[0].save(
        file, format="PNG", save_all=True, append_images=frames[1:], duration=durations, loop=0, blend=0, disposal=0
    )
    return file.getvalue()


def _uri(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64," + base64.b64encode(content).decode("ascii")


def _banks(pair: CosineParameters) -> list[tuple[Array, str, str]]:
    """Frequencies in bins where they are heard, from 0 to N, with colour and name; one bank where they are shared."""
    listed = [(pair.analysis_frequencies, style.INPUT, "analysis")]
    if pair.tied:
        listed = [(pair.analysis_frequencies, style.INPUT, "both banks")]
    else:
        listed += [(pair.synthesis_frequencies, style.RESIDUAL, "synthesis")]
    return [
        (np.abs(np.remainder(w + np.pi, 2 * np.pi) - np.pi) * pair.frame / np.pi, colour, name)
        for w, colour, name in listed
    ]


def _rows(count: int, height: float, *, sharex: bool = False) -> tuple[Figure, list[Any]]:
    style.require_extra()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, count * (height + 0.6)), layout="constrained")
    return figure, list(figure.subplots(count, 1, squeeze=False, sharex=sharex)[:, 0])
