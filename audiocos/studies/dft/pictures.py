"""What the study of the dense layer draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocos.report import moving, style
from audiocos.report.words import MINUS, decimal, scientific
from audiocos.studies.dft.training import fourier
from audiocos.studies.drawing import COLOURS, colour_bar, legend, plots, whole_numbers
from audiocos.studies.study import Picture

Array = NDArray[Any]

LEAST = 1e-34
"""Losses below are drawn as that; float64 has nothing there."""

FAINTEST_DB = -380.0
SHOWN_DB = 40.0


def heat_picture(learned: Array, size: int, snr_db: float | None) -> Picture:
    """Learned weights, the transform, and what is between them in dB."""
    figure, axes = plots(1, 3, height=3.4)
    truth = fourier(size)
    for ax, weights, title in ((axes[0], learned, "Learned weights"), (axes[1], truth, "The Fourier transform")):
        shown = _weights(ax, weights, title)
    colour_bar(figure, shown, axes[:2], "weight", shrink=0.7)
    colour_bar(figure, _errors(axes[2], learned - truth), axes[2], "error (dB)", shrink=0.7)
    caption = (
        f"N = {size}: real inputs left, imaginary ones right; real outputs above, imaginary ones below. The learned "
        f"layer gives numpy's FFT with {decimal(snr_db, 0)} dB; on the right its errors, in dB relative to 1."
    )
    return Picture("dft-weights", caption, figure)


def moving_picture(moments: Sequence[tuple[int, Array]], run: dict[str, Any], size: int) -> Picture:
    """The weights over the run of the puzzle, and their errors."""
    figure, axes = plots(1, 2, height=4.2)
    truth = fourier(size)
    weights = _weights(axes[0], moments[0][1], " ")
    errors = _errors(axes[1], moments[0][1] - truth, -150.0)
    colour_bar(figure, weights, axes[0], "weight", shrink=0.8)
    colour_bar(figure, errors, axes[1], "error (dB)", shrink=0.8)

    def draw(index: int) -> None:
        if index:
            figure.set_layout_engine("none")  # it stays as it was found for the first frame
        step, learned = moments[index]
        weights.set_data(learned)
        errors.set_data(_level(learned - truth))
        axes[0].set_title(f"Weights after {step} steps", color=style.LETTERS, fontsize=9, loc="left")

    end = (
        f"they are best at step {run['lowest_at']} and worse again at the end"
        if run["rose"]
        else "they get better until the end"
    )
    caption = f"Adam as it comes. Left the weights, right their errors in dB relative to 1: {end}."
    return Picture("dft-learning", caption, moving.frames(figure, draw, len(moments), dpi=90))


def puzzle_picture(runs: dict[str, dict[str, Any]], names: dict[str, str]) -> Picture:
    """Loss over steps, and below it what Adam's rate has become, for runs that differ in one thing each."""
    figure, axes = plots(2, 1, height=3.0)
    limit = runs["puzzle"]["edge"]
    for colour, (key, name) in zip(COLOURS, names.items(), strict=False):
        run = runs[key]
        _loss(axes[0], run, colour, name, _line(key))
        if key != "expected":  # its edge is another one
            axes[1].plot(run["curve"]["step"], run["curve"]["reach"], _line(key), color=colour, linewidth=1.3)
    axes[1].axhline(limit, color=style.LETTERS, linewidth=1.0, linestyle="--")
    axes[0].axhline(runs["puzzle"]["floor_by_theory"], color=style.LETTERS, linewidth=1.0, linestyle="--")
    axes[1].set_yscale("log")
    style.finish(axes[0], "Loss; dashed: the floor that theory gives for Adam as it comes", "", "mean squared error")
    title = f"Effective rate times curvature; dashed: the edge of stability, {limit:.3g}"
    style.finish(axes[1], title, "step", "rate \N{MULTIPLICATION SIGN} curvature")
    legend(axes[0], loc="lower left", bbox_to_anchor=(1.0, 0.0))
    puzzle = runs["puzzle"]
    caption = (
        f"Adam as it comes: its effective rate meets the edge at step {puzzle['met_edge_at'] or MINUS}, the loss rises "
        f"at step {puzzle['rose_at'] or MINUS}. Theory gives a floor of {scientific(puzzle['floor_by_theory'])}; the "
        f"run ends at {scientific(puzzle['end_loss'])}. The run without batches has another edge, "
        f"{decimal(runs['expected']['edge'], 0)}, and is not drawn below."
    )
    return Picture("dft-puzzle", caption, figure)


def remedies_picture(runs: dict[str, dict[str, Any]], names: dict[str, str]) -> Picture:
    """Loss over steps of what is said to help, all in float32."""
    figure, (ax,) = plots(height=3.8)
    _loss(ax, runs["puzzle"], style.LETTERS, "Adam as it comes")
    for colour, (key, name) in zip(COLOURS, names.items(), strict=False):
        _loss(ax, runs[key], colour, name, _line(key))
    ax.set_xscale("log")
    style.finish(ax, "Loss, in float32", "step", "mean squared error")
    legend(ax, loc="lower left", bbox_to_anchor=(1.0, 0.0))
    rising = [name for key, name in names.items() if runs[key]["rose"]]
    tells = (
        "None of the others rises within its steps." if not rising else f"{', '.join(rising)}: the loss still rises."
    )
    return Picture("dft-remedies", tells, figure)


def magnitudes_picture(found: Sequence[dict[str, Any]], constant_db: float, size: int) -> Picture:
    """SNR of ReLU networks over their size."""
    figure, (ax,) = plots(height=3.2)
    units = [row["units_per_output"] for row in found]
    ax.plot(units, [row["snr_db"] for row in found], "o-", color=style.INPUT, label="ReLU network")
    ax.axhline(constant_db, color=style.LETTERS, linestyle="--", linewidth=1.0, label="the best constant")
    ax.set_xscale("log", base=2)
    ax.set_xticks(units)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
    ax.xaxis.set_minor_formatter(lambda value, _: "")
    style.finish(ax, f"Magnitudes of N = {size} coefficients", "ReLUs for each coefficient", "SNR (dB)")
    legend(ax)
    first, last = found[0], found[-1]
    caption = (
        f"{first['weights']} weights reach {decimal(first['snr_db'], 1)} dB, {last['weights']} reach "
        f"{decimal(last['snr_db'], 1)} dB; a constant, which says nothing, reaches {decimal(constant_db, 1)} dB."
    )
    return Picture("dft-magnitudes", caption, figure)


def _line(key: str) -> str:
    """Dashed where a run lies on another one for a while, so that both are seen."""
    return "--" if key in ("float64", "epsilon") else "-"


def _loss(ax: Any, run: dict[str, Any], colour: str, name: str, line: str = "-") -> None:
    curve = run["curve"]
    ax.plot(curve["step"], np.maximum(curve["loss"], LEAST), line, color=colour, linewidth=1.3, label=name)
    ax.set_yscale("log")


def _weights(ax: Any, weights: Array, title: str) -> Any:
    image = ax.imshow(weights, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    style.finish(ax, title, "input", "output")
    whole_numbers(ax)
    ax.grid(False)
    return image


def _errors(ax: Any, errors: Array, least: float | None = None) -> Any:
    level = _level(errors)
    most = float(level.max()) if least is None else 0.0
    vmin = most - SHOWN_DB if least is None else least
    image = ax.imshow(level, cmap="magma", vmin=vmin, vmax=most, interpolation="nearest")
    style.finish(ax, "Errors of the weights", "input", "output")
    whole_numbers(ax)
    ax.grid(False)
    return image


def _level(errors: Array) -> Array:
    return 20 * np.log10(np.maximum(np.abs(errors), 10 ** (FAINTEST_DB / 20)))
