"""What the study of the landscape draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from audiocos import cosines
from audiocos.report import learning, moving, style
from audiocos.report.words import MINUS, at_most, decimal, scientific
from audiocos.studies.drawing import COLOURS, legend, plain_numbers, plots
from audiocos.studies.landscape.curves import WINDOWS
from audiocos.studies.landscape.descents import WAYS
from audiocos.studies.study import Picture

LABELS = {"w": "analysis frequency", "v": "synthesis frequency", "both": "both together"}


def cuts_picture(cuts: dict[str, Any]) -> Picture:
    """The loss along one frequency, around the exact pair and around a random start."""
    figure, axes = plots(1, 2, height=3.4)
    for ax, place in zip(axes, ("exact", "random"), strict=True):
        for colour, (bank, label) in zip(COLOURS, LABELS.items(), strict=False):
            losses = cuts["loss"].get(f"{place}, {bank}")
            if losses is not None:
                # Around the exact pair the loss along both is the same: one shows on both sides of the other.
                wide, faint = (4.0, 0.45) if bank == "w" else (1.4, 1.0)
                ax.plot(cuts["bins"], losses, color=colour, linewidth=wide, alpha=faint, label=label)
        title = "around the exact pair" if place == "exact" else "around a random start"
        style.finish(ax, f"Loss, one frequency moved {title}", "moved by (bins)", "||I \N{MINUS SIGN} W2 W1||\u00b2")
        legend(ax)
    count = cuts["minima"]
    apart = float(np.abs(np.subtract(cuts["loss"]["exact, w"], cuts["loss"]["exact, v"])).max())
    caption = (
        f"N = M = {cuts['frame']}. Around the exact pair the loss along an analysis and a synthesis frequency is the "
        f"same but for {scientific(apart)}. Within 8 bins it has {count['exact, w']} minima there and "
        f"{count['random, w']} around the random start (analysis frequency)."
    )
    return Picture("landscape-cuts", caption, figure)


def bowls_picture(bowls: dict[str, Any]) -> Picture:
    """How wide the bowl is, over the length of the window."""
    figure, (ax,) = plots(height=3.4)
    lengths = np.array(bowls["lengths"])
    labels = {"Gaussian": "Gaussian window, n0", "cut off": "frame cut off after n samples"}
    for colour, window in zip(COLOURS, WINDOWS, strict=False):
        ax.plot(
            lengths, bowls["half"][window], "o-", color=colour, markersize=4, label=f"{labels[window]}: half height"
        )
        reach = np.array([np.nan if each is None else each for each in bowls["reach"][window]])
        if np.isfinite(reach).any():
            ax.plot(lengths, reach, "s--", color=colour, markersize=4, label=f"{labels[window]}: first maximum")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    ax.set_xticks(lengths)
    plain_numbers(ax.xaxis)
    plain_numbers(ax.yaxis)
    style.finish(
        ax, f"How far the bowl reaches, N = M = {bowls['frame']}", "length of the window (samples)", "distance (bins)"
    )
    legend(ax)
    slope = np.polyfit(np.log2(lengths), np.log2(bowls["half"]["Gaussian"]), 1)[0]
    smooth = [n for n, each in zip(bowls["lengths"], bowls["reach"]["Gaussian"], strict=True) if each is None]
    caption = (
        f"Twice the window makes the bowl {decimal(2 ** float(slope), 2)} times as wide. Through the Gaussian the loss "
        f"rises as far as it was looked at, the lesser of 4N/n0 and N/2 {MINUS} 1 bins, for n0 = "
        f"{', '.join(map(str, smooth)) or 'none of them'}."
    )
    return Picture("landscape-bowls", caption, figure)


def descents_picture(descents: dict[str, Any]) -> Picture:
    """SNR over each run, on whole frames and with a growing window; a line a start."""
    figure, axes = plots(1, 2, height=3.6)
    for colour, way in zip(COLOURS, WAYS, strict=False):
        ax = axes["grows" in way]
        for index, run in enumerate(descents["snr_db"][way]):
            along = np.linspace(0, 100, len(run))
            ax.plot(along, run, color=colour, linewidth=1, alpha=0.75, label=way if index == 0 else None)
    for ax, title in zip(axes, ("Whole frames", "A window that grows"), strict=True):
        style.finish(ax, title, "% of the steps", "SNR (dB)")
        legend(ax, loc="best")
    ends = descents["ends"]
    best = max((way for way in WAYS if "grows" not in way), key=lambda way: ends[way]["most"])
    caption = (
        f"On whole frames none ends above {at_most(ends[best]['most'], 1)} dB ({best}); with a growing window the "
        f"medians are {decimal(ends['Adam, window grows']['median'], 1)} dB (Adam) and "
        f"{decimal(ends['Gauss-Newton, window grows']['median'], 1)} dB (Gauss-Newton)."
    )
    return Picture("landscape-descents", caption, figure)


def journey_picture(moments: list[learning.Moment]) -> Picture:
    """The frequencies finding the grid, as an animation."""
    frame = moments[0][3].frame
    grid = cosines.orthogonal(frame).analysis_frequencies
    frames = [moving.on_white(picture) for picture in learning.moment_frames(moments, grid)]
    caption = (
        f"Window growth on N = M = {frame}: each dot a frequency, its height the distance to the nearest line of "
        f"the grid; {moments[-1][0]} steps, SNR from {decimal(moments[0][2], 1)} to {decimal(moments[-1][2], 1)} dB."
    )
    return Picture("landscape-journey", caption, frames)
