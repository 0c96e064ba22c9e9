"""What the study of butterflies draws."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocos.report import style
from audiocos.report.words import scientific
from audiocos.studies.butterfly.network import bit_reversal
from audiocos.studies.drawing import COLOURS, colour_bar, legend, plain_numbers, plots, whole_numbers
from audiocos.studies.study import Picture

Array = NDArray[Any]


def learned_picture(rows: Sequence[dict[str, Any]], published: dict[str, float]) -> Picture:
    """Parameters and errors of each method over N."""
    figure, axes = plots(1, 2, height=3.6)
    methods = list(dict.fromkeys(row["method"] for row in rows))
    frames = sorted({row["frame"] for row in rows})
    for colour, method in zip(COLOURS, methods, strict=False):
        for kind, line in (("dct", "o-"), ("dft", "s:")):
            mine = [row for row in rows if (row["method"], row["transform"]) == (method, kind)]
            sizes = [row["frame"] for row in mine]
            if kind == "dct":
                axes[0].plot(sizes, [row["parameters"] for row in mine], line, color=colour, markersize=4, label=method)
            rmse = [row["rmse"] for row in mine]
            axes[1].plot(sizes, rmse, line, color=colour, markersize=4, label=f"{method}, {kind.upper()}")
    at = [int(frame) for frame in published if int(frame) in frames]
    axes[1].plot(at, [published[str(n)] for n in at], "^", color=style.LETTERS, label="published butterflies, DCT")
    for ax, title, unit in ((axes[0], "Parameters (DCT)", "parameters"), (axes[1], "Root mean squared error", "RMSE")):
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.set_xticks(frames)
        plain_numbers(ax.xaxis)
        style.finish(ax, title, "N", unit)
        legend(ax)
    worst = max(rows, key=lambda row: float(row["rmse"]))
    caption = (
        f"The largest error, {scientific(worst['rmse'])}, is that of the {worst['method']} on the "
        f"{worst['transform'].upper()} at N = {worst['frame']}."
    )
    return Picture("butterfly-learned", caption, figure)


def factors_picture(factors: Sequence[Array]) -> Picture:
    """Magnitudes of each learned factor as a matrix, and the real part of their product with its inputs in order."""
    frame = 2 * len(factors[0])
    figure, axes = plots(1, len(factors) + 1, height=2.6)
    matrices = balanced([dense_factor(factor, index) for index, factor in enumerate(factors)])
    sizes = np.concatenate([np.abs(matrix[matrix != 0]) for matrix in matrices])
    for index, (ax, matrix) in enumerate(zip(axes, matrices, strict=False)):
        shown = ax.imshow(np.abs(matrix), cmap="magma", vmin=0, vmax=1, interpolation="nearest")
        style.finish(ax, f"|factor {index + 1}|", "input", "" if index else "output")
        whole_numbers(ax, 4)
        ax.grid(False)
    colour_bar(figure, shown, axes[:-1], "magnitude", shrink=0.6, pad=0.01)
    product = functools.reduce(lambda before, factor: factor @ before, matrices)[:, np.argsort(bit_reversal(frame))]
    limit = float(np.abs(product).max())
    shown = axes[-1].imshow(product.real, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    style.finish(axes[-1], "Product, real part", "input", "")
    whole_numbers(axes[-1], 4)
    axes[-1].grid(False)
    colour_bar(figure, shown, axes[-1], "entry", shrink=0.6)
    caption = (
        f"The Fourier transform of N = {frame} as {len(factors)} learned factors with {sizes.size} complex numbers "
        f"other than zero in all. With rows scaled to norm 1 these have magnitudes from {sizes.min():.4f} to "
        f"{sizes.max():.4f}; those of Cooley and Tukey are 1/\N{SQUARE ROOT}2 = {0.5**0.5:.4f} each."
    )
    return Picture("butterfly-factors", caption, figure)


def balanced(matrices: Sequence[Array]) -> list[Array]:
    """Factors of the same product up to its rows' scale, each row of each factor with norm 1."""
    found = []
    scale = np.ones(len(matrices[0]))
    for matrix in matrices:
        scaled = matrix * scale
        scale = np.linalg.norm(scaled, axis=1)
        found.append(scaled / scale[:, None])
    return found


def dense_factor(factor: Array, index: int) -> Array:
    """One factor `[N/2, 2, 2]` as a matrix `[N, N]`."""
    count, half = len(factor), 2**index
    matrix = np.zeros((2 * count, 2 * count), factor.dtype)
    for number, entries in enumerate(factor):
        block, place = divmod(number, half)
        at = 2 * half * block + place + half * np.arange(2)
        matrix[np.ix_(at, at)] = entries
    return matrix


def trials_picture(descents: dict[str, list[dict[str, Any]]], recovered: float) -> Picture:
    """Where each start of gradient descent ended."""
    figure, (ax,) = plots(height=3.2)
    shifts = np.linspace(0.85, 1.18, len(descents))
    for colour, shift, (reading, found) in zip(COLOURS, shifts, descents.items(), strict=False):
        at = [each["frame"] * shift for each in found for _ in each["rmse"]]
        ax.plot(at, [rmse for each in found for rmse in each["rmse"]], "o", color=colour, markersize=3.5, label=reading)
    ax.axhline(recovered, color=style.LETTERS, linestyle="--", linewidth=1.0, label="counts as learned below")
    frames = sorted({each["frame"] for found in descents.values() for each in found})
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(frames)
    plain_numbers(ax.xaxis)
    ax.set_xlim(frames[0] / 1.5, frames[-1] * 1.5)
    style.finish(ax, "Butterflies under Adam, a dot for each start", "N", "RMSE")
    legend(ax, loc="lower left", bbox_to_anchor=(1.0, 0.0))
    least = min(rmse for found in descents.values() for each in found for rmse in each["rmse"])
    return Picture("butterfly-trials", f"The best of all starts ends at {scientific(least)}.", figure)
