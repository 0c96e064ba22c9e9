"""What the study of inversion draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from audiocos.cosines import Float64
from audiocos.inversion import METHODS
from audiocos.report import style
from audiocos.report.spectra import spectrogram
from audiocos.report.words import decimal
from audiocos.studies.drawing import COLOURS, colour_bar, legend, plain_numbers, plots
from audiocos.studies.inversion import NAMES, RATE, Runs
from audiocos.studies.study import Picture

RANGE_DB = 80.0
CLOSE_UP_S = 0.05
TICKS_HZ = (0, 500, 1000, 2000)
WHEN = ("before", "during", "after")


def close_up(titles: dict[str, str], wanted: Float64, runs: Runs, shown: dict[str, str]) -> Picture:
    """A few periods from the middle of the signal, wanted and found, for each representation."""
    figure, axes = plots(len(titles), height=1.35)
    length = int(CLOSE_UP_S * RATE)
    first = (wanted.size - length) // 2
    times = 1000 * np.arange(first, first + length) / RATE
    for ax, (name, title) in zip(axes, titles.items(), strict=True):
        run = runs[name][shown[name]]
        found = run.signals[run.figures["iterations"]]
        found = found if found @ wanted >= 0 else -found
        ax.plot(times, wanted[first : first + length], color=style.INPUT, linewidth=1.4, label="wanted")
        ax.plot(times, found[first : first + length], color=style.RESIDUAL, linewidth=1.0, label="found")
        ax.set_xlim(times[0], times[-1])
        figures = run.figures["after"]
        style.finish(ax, f"From {title}: SNR {decimal(figures['snr_db'], 1)} dB", "", "amplitude")
    axes[-1].set_xlabel("time (ms)", color=style.LETTERS, fontsize=9)
    style.legend(axes[0])
    best = max(titles, key=lambda name: runs[name][shown[name]].figures["after"]["snr_db"] or np.inf)
    caption = f"A stretch from the middle; the waveform found from {titles[best]} is the nearest."
    return Picture("inversion-found", caption, figure)


def spectrograms(titles: dict[str, str], wanted: Float64, runs: Runs, shown: dict[str, str]) -> Picture:
    """Wanted, before, during and after, for each representation."""
    import matplotlib

    figure, axes = plots(len(titles), len(WHEN) + 1, height=1.7)
    goal = spectrogram(wanted[None], RATE)
    colours = matplotlib.colormaps["magma"].resampled(32)  # few colours make small files
    top = float(goal.level_db.max())
    heights = np.interp(TICKS_HZ, goal.frequency_edges_hz, np.linspace(0, 1, goal.frequency_edges_hz.size))
    for row, name in enumerate(titles):
        cells = axes[row * (len(WHEN) + 1) :]
        for ax, (label, sound) in zip(cells, _stages(name, wanted, runs, shown), strict=False):
            level = goal if sound is wanted else spectrogram(sound[None], RATE)
            image = ax.imshow(
                level.level_db - top,
                origin="lower",
                aspect="auto",
                interpolation="nearest",
                extent=(0, wanted.size / RATE, 0, 1),
                cmap=colours,
                vmin=-RANGE_DB,
                vmax=0,
            )
            ax.set_yticks(heights, [f"{hz:g}" for hz in TICKS_HZ])
            _cell(ax, label, row == len(titles) - 1)
            ax.set_ylabel("frequency (Hz)" if ax is cells[0] else "", color=style.LETTERS, fontsize=8)
            ax.grid(False)
            if ax is not cells[0]:
                ax.tick_params(labelleft=False)
    colour_bar(figure, image, axes, "level (dB); 0 is the loudest point of the signal wanted", aspect=60)
    return Picture("inversion-spectrograms", "Spectrograms, frequencies in mel; left what is wanted.", figure)


def waveforms(titles: dict[str, str], wanted: Float64, runs: Runs, shown: dict[str, str]) -> Picture:
    """Wanted, before, during and after, for each representation."""
    figure, axes = plots(len(titles), len(WHEN) + 1, height=1.2)
    times = np.arange(wanted.size) / RATE
    for row, name in enumerate(titles):
        cells = axes[row * (len(WHEN) + 1) :]
        for ax, (label, sound) in zip(cells, _stages(name, wanted, runs, shown), strict=False):
            colour = style.INPUT if sound is wanted else style.RESIDUAL
            ax.plot(times, sound, color=colour, linewidth=0.4)
            ax.set_xlim(0, times[-1])
            limit = 1.05 * max(1.0, float(np.abs(sound).max()))
            ax.set_ylim(-limit, limit)
            _cell(ax, label, row == len(titles) - 1)
            ax.set_ylabel("amplitude" if ax is cells[0] else "", color=style.LETTERS, fontsize=8)
    return Picture("inversion-waveforms", "Waveforms; left what is wanted.", figure)


def losses(titles: dict[str, str], runs: Runs) -> Picture:
    """The loss over iterations, by both methods."""
    figure, axes = plots(1, len(titles), height=2.9)
    for ax, (name, title) in zip(axes, titles.items(), strict=True):
        for colour, method in zip(COLOURS, METHODS, strict=False):
            ax.plot(100 * np.array(runs[name][method].figures["losses"]), color=colour, label=NAMES[method])
        ax.set_yscale("log")
        plain_numbers(ax.yaxis)
        style.finish(ax, _short(title), "iteration", "loss (% of the target's norm)" if ax is axes[0] else "")
    low = min(ax.get_ylim()[0] for ax in axes)
    high = max(ax.get_ylim()[1] for ax in axes)
    for ax in axes:
        ax.set_ylim(low, high)
    legend(axes[0])
    return Picture(
        "inversion-losses",
        "Each loss falls from its start in noise; the bold driver's flat stretches are steps undone.",
        figure,
    )


def sweep(kept: tuple[int, ...], rows: dict[str, list[dict[str, Any]]]) -> Picture:
    """SNR and log-spectral distance over how many coefficients are kept."""
    figure, axes = plots(1, 2, height=2.9)
    keys = (
        ("snr_db", "SNR, up to sign", "SNR (dB)"),
        ("log_spectral_distance_db", "Log-spectral distance", "distance (dB)"),
    )
    for ax, (key, title, unit) in zip(axes, keys, strict=True):
        for colour, name in zip(COLOURS, ("with signs", "without signs"), strict=False):
            ax.plot(
                kept, [_value(row["after"][key]) for row in rows[name]], "o-", color=colour, markersize=4, label=name
            )
        direct = [_value(row[key]) for row in rows["synthesized"]]
        ax.plot(kept, direct, ":", color=style.LETTERS, linewidth=1.4, label="synthesized, with signs")
        ax.set_xscale("log", base=2)
        ax.set_xticks(kept)
        plain_numbers(ax.xaxis)
        style.finish(ax, title, "coefficients kept of 512", unit)
    legend(axes[0])
    return Picture(
        "inversion-kept", "From the largest coefficients of each frame; left higher is better, right lower.", figure
    )


def _stages(name: str, wanted: Float64, runs: Runs, shown: dict[str, str]) -> list[tuple[str, Float64]]:
    run = runs[name][shown[name]]
    iterations = sorted(run.signals)
    chosen = [iterations[0], iterations[len(iterations) // 2], iterations[-1]]
    labels = [f"{name}, iteration {i}" for i in chosen]
    return [("wanted", wanted), *zip(labels, (run.signals[i] for i in chosen), strict=True)]


def _cell(ax: Any, title: str, last: bool) -> None:
    style.finish(ax, title, "time (s)" if last else "", "")
    ax.title.set_fontsize(8)
    ax.tick_params(labelsize=7, labelbottom=last)


def _short(title: str) -> str:
    return title.replace(" of cosine and sine", "").replace("wavelet ", "").replace(" coefficients", "")


def _value(level: float | None) -> float:
    return np.nan if level is None else level
