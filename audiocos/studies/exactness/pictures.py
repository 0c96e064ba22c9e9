"""What the study of exactness draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from audiocos.report import style
from audiocos.report.words import decimal, scientific
from audiocos.studies.drawing import COLOURS, legend, plain_numbers, plots
from audiocos.studies.exactness import ARITHMETICS, DETUNINGS, SCIPY32, SCIPY64
from audiocos.studies.study import Picture, Table


def sizes_picture(by_size: dict[str, Any]) -> Picture:
    """SNR of reconstruction and coefficients over N, for each arithmetic."""
    figure, axes = plots(1, 2, height=3.6)
    frames = [int(frame) for frame in by_size]
    keys = (("snr_db", "Reconstruction"), ("coefficients_snr_db", "Coefficients, against scipy's DCT in float64"))
    for ax, (key, title) in zip(axes, keys, strict=True):
        for colour, name in zip(COLOURS, ARITHMETICS, strict=False):
            levels = _levels(by_size, name, key)
            wide = 3.5 if name == "float32, float32" else 1.3  # the next one lies on it
            ax.plot(frames, levels, "o-", color=colour, markersize=3.5, linewidth=wide, label=name)
        for name, line in ((SCIPY32, ":"), (SCIPY64, "--")):
            if key == "snr_db" or name == SCIPY32:  # the other is what the coefficients are held against
                levels = _levels(by_size, name, key)
                ax.plot(frames, levels, line, color=style.LETTERS, linewidth=1.2, label=name)
        ax.set_xscale("log", base=2)
        ax.set_xticks(frames)
        plain_numbers(ax.xaxis)
        style.finish(ax, title, "N = M", "SNR (dB)")
        ax.tick_params(axis="x", labelrotation=45)
    legend(
        axes[0],
        title="angles, matrices",
        title_fontproperties={"size": 8},
        loc="center",
        bbox_to_anchor=(0.5, 0.5),
        ncols=2,
    )
    axes[0].get_legend().get_title().set_color(style.LETTERS)
    slope = _lost_per_octave(frames, _levels(by_size, "float32, float32", "snr_db"))
    caption = f"With float32 angles {decimal(slope, 1)} dB are lost with every doubling of N; higher is better."
    return Picture("exactness-sizes", caption, figure)


def notebook_table(notebook: dict[str, Any]) -> Table:
    """Mean squared errors at the notebook's size."""
    power = 1 / 3
    rows: list[list[str | float]] = [
        ["reported by the notebook", "", notebook["reported_mse"], "", _db(power, notebook["reported_mse"])]
    ]
    for name, errors in notebook["mse"].items():
        median = float(np.median(errors))
        label = {"float32, float32": "the notebook's: float32, float32"}.get(name, name)
        rows.append([label, min(errors), median, max(errors), _db(power, median)])
    return Table(
        f"Mean squared error of single frames of N = {notebook['frame']}; x is uniform in [-1, 1), so its power is "
        "1/3. Angles, then matrices; SNR at the median.",
        ["arithmetic", "least", "median", "most", "SNR (dB)"],
        rows,
    )


def detuning_picture(detuning: dict[str, Any]) -> Picture:
    """SNR over the distance off the grid."""
    figure, (ax,) = plots(height=3.6)
    for colour, (name, meaning) in zip(COLOURS, DETUNINGS.items(), strict=False):
        wide, faint = (
            (4.0, 0.5) if name == "both, apart" else (1.4, 1.0)
        )  # small moves apart and together cost the same
        levels = detuning["snr_db"][name]
        ax.plot(
            detuning["bins"], levels, "o-", color=colour, markersize=3.5, linewidth=wide, alpha=faint, label=meaning
        )
    ax.plot(detuning["bins"], detuning["law_db"], ":", color=style.LETTERS, label="one bank, small moves")
    ax.axhline(0, color=style.LETTERS, linewidth=0.6)
    ax.set_xscale("log")
    plain_numbers(ax.xaxis)
    style.finish(ax, "SNR on white sound of a pair off the grid", "off the grid (bins)", "SNR (dB)")
    legend(ax)
    ends = {name: levels[-1] for name, levels in detuning["snr_db"].items()}
    best = max(ends, key=lambda name: ends[name])
    caption = f"A whole bin off, what is left is {decimal(ends[best], 1)} dB at best ({DETUNINGS[best]})."
    return Picture("exactness-detuning", caption, figure)


def _levels(by_size: dict[str, Any], name: str, key: str) -> list[float]:
    """SNR at each size; not drawn where there is no error."""
    return [np.nan if row[name][key] is None else row[name][key] for row in by_size.values()]


def _lost_per_octave(frames: list[int], levels: list[float]) -> float:
    return float(-np.polyfit(np.log2(frames), levels, 1)[0])


def _db(power: float, mse: float) -> str:
    return decimal(10 * float(np.log10(power / mse)), 1) if mse > 0 else scientific(0.0)
