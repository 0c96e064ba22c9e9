"""Pictures of sound and of what is lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiocos.report import style
from audiocos.report.banks import bank_figure
from audiocos.report.spectra import Spectrogram, spectrogram

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

__all__ = ["bank_figure", "error_figure", "spectrogram_figure", "waveform_figure"]

FLOOR_DBFS = -150.0
RANGE_DB = 100.0
"""How far below its loudest point a spectrogram reaches."""

LEFT, RIGHT = 0.075, 0.985
"""Where every time axis begins and ends, as parts of the figure's width."""

COLUMNS = 1000
"""Longer curves and waveforms are drawn as this many columns."""

ZERO = "the residual is zero"


Stretch = tuple[float, float]
"""From when to when, in seconds."""


def waveform_figure(
    input_sound: Array, output_sound: Array, sample_rate: int, start_s: float = 0.0, *, marks: Sequence[Stretch] = ()
) -> Figure:
    """The input with the residual on the same axis, and below it the residual magnified.

    Args:
        input_sound: finite.
        output_sound: finite.
        sample_rate: Hz.
        start_s: the time of the first sample.
        marks: alarms, from when to when, in seconds.

    Shape:
        - input_sound, output_sound: `[channels, samples]`, at least one sample
    """
    residual = input_sound - output_sound
    exact = not residual.any()
    figure, rows = _figure_of_rows(1 if exact else 2)
    stop_s = start_s + input_sound.shape[1] / sample_rate
    half = _half_range(input_sound, residual)
    _draw_sound(rows[0], input_sound, sample_rate, start_s, style.INPUT, "input")
    _draw_sound(rows[0], residual, sample_rate, start_s, style.RESIDUAL, "residual")
    title = f"Input and residual; {ZERO}" if exact else "Input and residual"
    style.finish(rows[0], title, "", "amplitude")
    rows[0].set(ylim=(-half, half), xlim=(start_s, stop_s))
    style.mark(rows[0], marks, label="alarm")
    style.legend(rows[0])
    if not exact:
        small = _half_range(residual)
        _draw_sound(rows[1], residual, sample_rate, start_s, style.RESIDUAL, "residual")
        style.finish(
            rows[1],
            f"Residual magnified {_factor(half / small)} times, its peak is {_peak(residual)}",
            "",
            "amplitude",
        )
        rows[1].set_ylim(-small, small)
        style.mark(rows[1], marks)
    for row in rows:
        row.yaxis.set_major_formatter(lambda value, _: f"{value:.3g}".replace("-", "\N{MINUS SIGN}"))
    rows[-1].set_xlabel("time (s)")
    return figure


def spectrogram_figure(
    input_sound: Array, output_sound: Array, sample_rate: int, start_s: float = 0.0, *, marks: Sequence[Stretch] = ()
) -> Figure:
    """Spectrograms of input, output and residual on one scale in dB; 0 dB is a sine at full scale.

    The frequency axis is mel: even below 1 kHz, logarithmic above. Channels are averaged in power.

    Args:
        input_sound: finite.
        output_sound: finite.
        sample_rate: Hz.
        start_s: the time of the first sample.
        marks: alarms, from when to when, in seconds.

    Shape:
        - input_sound, output_sound: `[channels, samples]`, at least one sample
    """
    import librosa.display
    import matplotlib
    from matplotlib import ticker

    sounds = {"Input": input_sound, "Output": output_sound, "Residual": input_sound - output_sound}
    spectra = {name: spectrogram(sound, sample_rate, start_s) for name, sound in sounds.items()}
    loudest = max(float(s.level_db.max()) for s in spectra.values())
    top = 0.0 if loudest <= FLOOR_DBFS else 5.0 * np.ceil(loudest / 5.0)
    colours = matplotlib.colormaps["magma"].resampled(64)  # few colours make small files
    figure, rows = _figure_of_rows(3, below=0.55)
    for row, (name, s) in zip(rows, spectra.items(), strict=True):
        mesh = librosa.display.specshow(
            np.maximum(s.level_db, top - RANGE_DB),
            x_coords=s.time_edges_s,
            y_coords=s.frequency_edges_hz,
            x_axis="s",
            y_axis="mel",
            ax=row,
            cmap=colours,
            vmin=top - RANGE_DB,
            vmax=top,
        )
        style.finish(row, _spectrogram_title(name, s, sounds[name]), "", "Hz")
        row.set(ylim=(0, sample_rate / 2), xlim=(start_s, start_s + input_sound.shape[1] / sample_rate))
        row.grid(False)
        style.mark(row, marks, shaded=False)
        row.xaxis.set_major_locator(ticker.AutoLocator())
        row.xaxis.set_major_formatter(ticker.ScalarFormatter(useOffset=False))
    rows[-1].set_xlabel("time (s)", color=style.LETTERS)
    height = figure.get_figheight()
    bar_axes = figure.add_axes((LEFT, 0.36 / height, RIGHT - LEFT, 0.09 / height))
    bar = figure.colorbar(mesh, cax=bar_axes, orientation="horizontal")
    bar.set_label("dB, 0 is a sine at full scale", color=style.LETTERS, fontsize=8, labelpad=1)
    bar.ax.tick_params(colors=style.LETTERS, labelsize=8)
    bar.ax.set_frame_on(False)
    return figure


def error_figure(
    times_s: ArrayLike, input_dbfs: ArrayLike, residual_dbfs: ArrayLike, *, marks: Sequence[Stretch] = ()
) -> Figure:
    """Levels of input and residual over time, and the SNR where both are above -150 dBFS.

    Long curves are drawn as means (of power) over equal stretches.

    Args:
        times_s: rising.
        input_dbfs: finite, at least -150.
        residual_dbfs: finite, at least -150.
        marks: alarms, from when to when, in seconds.

    Shape:
        - times_s, input_dbfs, residual_dbfs: `[points]`, at least one
    """
    times, levels, stretch = _thinned(times_s, input_dbfs, residual_dbfs)
    heard = (levels > FLOOR_DBFS).all(axis=0)
    snr_db = np.where(heard, levels[0] - levels[1], np.nan)
    figure, rows = _figure_of_rows(2 if heard.any() else 1)
    marker = "." if times.size < 40 else ""
    for level, colour, name in zip(levels, (style.INPUT, style.RESIDUAL), ("input", "residual"), strict=True):
        rows[0].plot(times, level, color=colour, linewidth=1.1, marker=marker, label=name, clip_on=False)
    inaudible = bool((levels[1] <= FLOOR_DBFS).all())
    style.finish(
        rows[0], "Level; the residual never passes \N{MINUS SIGN}150 dBFS" if inaudible else "Level", "", "dBFS"
    )
    lowest = 10 * np.floor(levels.min() / 10) - 5
    rows[0].set_ylim(max(FLOOR_DBFS, lowest), max(0.0, 10 * np.ceil(levels.max() / 10)))
    rows[0].set_xlim(*_padded(times))
    style.mark(rows[0], marks, label="alarm")
    style.legend(rows[0])
    if heard.any():
        rows[1].plot(times, snr_db, color=style.OUTPUT, linewidth=1.1, marker="." if heard.sum() < 40 else "")
        style.finish(rows[1], "Signal over residual; gaps where one of them is silent", "", "SNR (dB)")
        low, high = float(np.nanmin(snr_db)), float(np.nanmax(snr_db))
        margin = max(1.0, 0.06 * (high - low))
        rows[1].set_ylim(min(0.0, low) - margin, max(0.0, high) + margin)
        style.mark(rows[1], marks)
    rows[-1].set_xlabel(
        "time (s)" + (f"; each point is the mean of {stretch}" if stretch > 1 else ""), color=style.LETTERS
    )
    return figure


def _figure_of_rows(count: int, below: float = 0.0) -> tuple[Figure, list[Any]]:
    """A figure of rows over one time axis; all such figures have the same margins, so their times line up."""
    style.require_extra()
    from matplotlib.figure import Figure

    row, gap, bottom, top = 1.35, 0.34, 0.45 + below, 0.3
    height = count * row + (count - 1) * gap + bottom + top
    figure = Figure(figsize=(9.6, height))
    figure.subplots_adjust(LEFT, bottom / height, RIGHT, 1 - top / height, hspace=gap / row)
    return figure, list(figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0])


def _draw_sound(axes: Any, sound: Array, sample_rate: int, start_s: float, colour: str, label: str) -> None:
    samples = sound.shape[1]
    if samples <= COLUMNS:
        times = start_s + np.arange(samples) / sample_rate
        for channel, one in enumerate(sound):
            marker = "." if samples <= 60 else ""
            axes.plot(
                times,
                one,
                color=colour,
                linewidth=1,
                marker=marker,
                clip_on=not marker,
                label="_" if channel else label,
            )
        return
    edges = np.linspace(0, samples, COLUMNS + 1).astype(np.int64)[:-1]
    low = np.minimum.reduceat(sound.min(axis=0), edges)
    high = np.maximum.reduceat(sound.max(axis=0), edges)
    times = start_s + edges / sample_rate
    axes.fill_between(times, low, high, color=colour, linewidth=0.6, step="post", label=label)


def _spectrogram_title(name: str, s: Spectrogram, sound: Array) -> str:
    if name == "Residual" and not sound.any():
        return f"Residual; {ZERO}"
    peak = float(s.level_db.max())
    return f"{name}, peak {peak:.0f} dB".replace("-", "\N{MINUS SIGN}") if peak > FLOOR_DBFS else f"{name}, silent"


def _thinned(times_s: ArrayLike, *levels_dbfs: ArrayLike) -> tuple[Array, Array, int]:
    times = np.asarray(times_s, dtype=np.float64)
    levels = np.maximum(np.asarray(levels_dbfs, dtype=np.float64), FLOOR_DBFS)
    stretch = -(-times.size // COLUMNS)
    if stretch == 1:
        return times, levels, 1
    starts = np.arange(0, times.size, stretch)
    counts = np.diff(np.append(starts, times.size))
    power = np.where(levels > FLOOR_DBFS, 10 ** (levels / 10), 0.0)
    mean = np.add.reduceat(power, starts, axis=1) / counts
    floor = 10 ** (FLOOR_DBFS / 10)
    return np.add.reduceat(times, starts) / counts, 10 * np.log10(np.maximum(mean, floor)), stretch


def _padded(times: Array) -> tuple[float, float]:
    low, high = float(times.min()), float(times.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _half_range(*sounds: Array) -> float:
    peak = max(float(np.abs(sound).max()) for sound in sounds)
    return 1.05 * max(peak, 1e-30) if peak > 0.0 else 1.0


def _factor(ratio: float) -> str:
    return f"{ratio:.3g}" if ratio < 1e4 else f"{ratio:.2g}"


def _peak(sound: Array) -> str:
    peak = float(np.abs(sound).max())
    return f"{peak:.3g} ({20 * np.log10(peak):.1f} dBFS)".replace("-", "\N{MINUS SIGN}")
