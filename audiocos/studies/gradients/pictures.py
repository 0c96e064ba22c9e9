"""What the study of gradients draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from audiocos import cosines
from audiocos.cosines import CosineParameters, Float64
from audiocos.report import style
from audiocos.report.words import decimal, scientific
from audiocos.studies.drawing import COLOURS, colour_bar, legend, plots
from audiocos.studies.gradients.sizes import FORMULAS, GROUPS, SECOND_A4_FORMULA, gram
from audiocos.studies.study import Picture, Table


def violins(shapes: dict[str, Any]) -> Picture:
    """Sizes of the gradients at all starts, above as they are, below balanced."""
    figure, axes = plots(2, len(shapes), height=2.5)
    for column, (title, each) in enumerate(shapes.items()):
        for row, balanced in enumerate((False, True)):
            ax = axes[row * len(shapes) + column]
            logs = [
                np.log10(np.maximum(each["sizes"][name], 1e-300)) + (np.log10(each["factor"][name]) if balanced else 0)
                for name in GROUPS
            ]
            drawn = ax.violinplot(logs, showmedians=True, showextrema=False, widths=0.85)
            for body, colour in zip(drawn["bodies"], COLOURS, strict=True):
                body.set(facecolor=colour, alpha=0.65)
            drawn["cmedians"].set(color=style.LETTERS, linewidth=1.4)
            ax.set_xticks(range(1, 7), GROUPS)
            size = "|d loss|, times its factor" if balanced else "|d loss|"
            style.finish(ax, f"{title}, {'balanced' if balanced else 'as they are'}", "", size)
            ax.yaxis.set_major_formatter(lambda value, _: f"$10^{{{value:g}}}$")
            ax.yaxis.get_major_locator().set_params(integer=True, nbins=8)
    spans = [(each["spread"], each["spread_after"]) for each in shapes.values()]
    before, after = zip(*spans, strict=True)
    caption = (
        f"Size of the gradients, each violin all starts with its median. The medians span factors of "
        f"{_range(before)} as they are and {_range(after)} balanced."
    )
    return Picture("gradients-sizes", caption, figure)


def ratios_table(each: dict[str, Any]) -> Table:
    """Medians, ratios to a2's and factors of one shape."""
    rows: list[list[str | float]] = [
        [
            name,
            each["median"][name],
            each["ratio_to_a2"][name],
            FORMULAS[name],
            each["factor"][name],
            each["ratio_to_a2_after"][name],
        ]
        for name in GROUPS
    ]
    second = each["second_a4_factor"]
    other = each["ratio_to_a2_after"]["a4"] * second / each["factor"]["a4"]
    rows.insert(4, ["a4, the other way", "", "", SECOND_A4_FORMULA, second, other])
    return Table(
        f"N = {each['frame']}, M = {each['coefficients']}: median of the gradients' sizes over {each['starts']} "
        "starts, its ratio to a2's, the notebook's factor, and the ratio to a2's after it.",
        ["group", "median", "ratio to a2", "factor", "is", "ratio after"],
        rows,
    )


def gram_picture(bank: CosineParameters) -> Picture:
    """The Gram matrix of a random bank, and of the orthogonal start, as heat maps."""
    figure, axes = plots(1, 2, height=4.2)
    both = (("random start", bank), ("orthogonal start", cosines.orthogonal(bank.frame)))
    for ax, (name, pair) in zip(axes, both, strict=True):
        products = gram(pair)
        limit = float(np.abs(products).max())
        image = ax.imshow(products, cmap="RdBu_r", vmin=-limit, vmax=limit)
        style.finish(ax, f"W1 W1\N{MODIFIER LETTER CAPITAL T}, {name}", "coefficient", "coefficient")
        ax.grid(False)
        colour_bar(figure, image, ax, "entry", shrink=0.8)
    gaps = np.diff(bank.analysis_frequencies) * bank.frame / np.pi
    caption = (
        f"N = M = {bank.frame}. Random frequencies lie {scientific(float(gaps.min()))} to "
        f"{scientific(float(gaps.max()))} bins apart, those of the orthogonal start 1."
    )
    return Picture("gradients-gram", caption, figure)


def training_picture(training: dict[str, Any]) -> Picture:
    """SNR over steps, for each way to train; a thin line for each start, broader ones for the median."""
    figure, axes = plots(1, 2, height=3.6)
    panels = dict(zip(("SGD", "Adam"), axes, strict=True))
    for way in training["ways"].values():
        ax = panels[way["optimizer"]]
        colour, line = COLOURS[2 if way["growth"] else 1], "--" if way["balanced"] else "-"
        curves = _curves(way)
        if len(curves) > 1:
            ax.plot(way["steps"], curves.T, line, color=colour, linewidth=0.5, alpha=0.5)
        wide, faint = (1.4, 1.0) if way["balanced"] else (4.0, 0.5)  # where both lie on each other, both are seen
        label = ("window grows" if way["growth"] else "whole frames") + (", balanced" if way["balanced"] else "")
        ax.plot(way["steps"], np.median(curves, axis=0), line, color=colour, linewidth=wide, alpha=faint, label=label)
    low = min(ax.get_ylim()[0] for ax in axes)
    for optimizer, ax in panels.items():
        style.finish(ax, f"{optimizer}, N = M = {training['frame']}", "step", "SNR (dB)")
        ax.set_ylim(max(low, -15), max(each.get_ylim()[1] for each in axes))
        legend(ax, loc="upper left")
    growth = max(way["end_db"] for way in training["ways"].values() if way["growth"])
    whole = max(way["end_db"] for way in training["ways"].values() if not way["growth"])
    several = len(next(iter(training["ways"].values()))["snr_db"]) > 1
    lines = "Thin lines are single starts, the others medians: broad" if several else "Broad"
    what = "medians of the two" if several else "two"
    ends = "medians end" if several else "runs end"
    caption = (
        f"The best {ends} at {decimal(growth, 1)} dB with a growing window and at {decimal(whole, 1)} dB on whole "
        f"frames. {lines} and faint as it is, dashed balanced; under Adam the {what} come up to "
        f"{decimal(_apart(training['ways']), 1)} dB apart."
    )
    return Picture("gradients-training", caption, figure)


def _curves(way: dict[str, Any]) -> Float64:
    return np.array([[np.nan if level is None else level for level in run] for run in way["snr_db"]])


def _apart(ways: dict[str, Any]) -> float:
    """How far medians under Adam come from each other with and without the balance, in dB."""
    medians = {
        (way["growth"], way["balanced"]): np.median(_curves(way), axis=0)
        for way in ways.values()
        if way["optimizer"] == "Adam"
    }
    gaps = [np.abs(medians[growth, True] - medians[growth, False]) for growth in (False, True)]
    return float(np.nanmax(gaps))


def _range(values: tuple[float, ...]) -> str:
    return f"{scientific(min(values))} to {scientific(max(values))}"
