"""A picture of a model: its banks, frequencies and windows, and what it does to a tone of each frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audiocos import framing as framings
from audiocos.cosines import CosineParameters
from audiocos.framing import Framing
from audiocos.report import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

ROWS = 32
"""Cosines drawn of each bank: the first ones. The whole bank would only show the picture's own raster."""

CELLS = 128
FLOOR_DB = -80.0
TONE_FLOOR_DB = -120.0
TONES = 512


def bank_figure(parameters: CosineParameters, framing: Framing | None = None) -> Figure:
    """Draw a pair and its framing.

    Both banks, synthesis times analysis in dB, the frequencies in bins (1 bin = pi / N radians per sample), the
    windows, and what becomes of a steady tone: how loud it comes out and how loud its residual is.

    Args:
        parameters: the pair.
        framing: its framing; block framing when None.

    Raises:
        ValueError: framing and pair have different frames.
    """
    style.require_extra()
    from matplotlib.figure import Figure

    framing = framings.block(parameters.frame) if framing is None else framing
    if framing.frame != parameters.frame:
        raise ValueError(f"framing: frame {framing.frame}, the pair has {parameters.frame}.")
    figure = Figure(figsize=(12, 6.4), layout="constrained")
    axes = figure.subplots(2, 3)
    analysis, synthesis = parameters.analysis_matrix(), parameters.synthesis_matrix()
    draw_bank(axes[0, 0], analysis, "Analysis bank W1")
    draw_bank(axes[0, 1], synthesis.T, "Synthesis bank W2, transposed")
    _draw_product(figure, axes[0, 2], np.abs(synthesis @ analysis))
    _draw_frequencies(axes[1, 0], parameters)
    _draw_windows(axes[1, 1], framing)
    _draw_tones(axes[1, 2], parameters, framing)
    return figure


def tone_response(parameters: CosineParameters, framing: Framing, frequencies: Array) -> tuple[Array, Array]:
    """What becomes of steady complex tones of power 1.

    Framing and pair repeat with every hop, so the output of exp(i w n) is a tone exp(i w n) again times gains that
    have the hop as their period; their mean is the tone's own gain, everything else is distortion and alias.

    Args:
        parameters: the pair.
        framing: its framing.
        frequencies: radians per sample.

    Returns:
        The power of the tone in the output, and the power of the residual, 0 or more.

    Shape:
        - frequencies: `[F]`
        - output: `[F]` each
    """
    frame, hop = framing.frame, framing.hop
    tones = np.exp(1j * np.outer(np.arange(frame), frequencies))
    parts = framing.analysis_window[:, None] * np.hstack([tones.real, tones.imag])  # real products are twice as fast
    parts = parameters.synthesis_matrix() @ (parameters.analysis_matrix() @ parts)
    frames = framing.synthesis_window[:, None] * (parts[:, : frequencies.size] + 1j * parts[:, frequencies.size :])
    output = np.zeros((hop, frequencies.size), dtype=np.complex128)
    for r in range(framing.overlap):  # the frame that began r hops earlier
        output += frames[r * hop : (r + 1) * hop] * np.exp(-1j * frequencies * r * hop)
    gain = np.mean(output * tones[:hop].conj(), axis=0)
    return np.abs(gain) ** 2, np.mean(np.abs(tones[:hop] - output) ** 2, axis=0)


def draw_bank(axes: Any, bank: Array, title: str) -> None:
    """Draw the first rows of a bank `[coefficients, samples]`, zero in the middle of the colours."""
    shown = bank[:ROWS]
    limit = float(np.abs(shown).max()) or 1.0
    extent = (-0.5, bank.shape[1] - 0.5, len(shown) - 0.5, -0.5)
    axes.imshow(shown, aspect="auto", cmap="RdBu_r", vmin=-limit, vmax=limit, extent=extent)
    part = f", the first {len(shown)} of {len(bank)}" if len(shown) < len(bank) else ""
    style.finish(axes, title + part, "sample", "coefficient")
    axes.grid(False)


def _draw_product(figure: Figure, axes: Any, product: Array) -> None:
    size = len(product)
    starts = np.unique(np.linspace(0, size, min(size, CELLS) + 1).astype(np.int64)[:-1])
    largest = np.maximum.reduceat(np.maximum.reduceat(product, starts, axis=0), starts, axis=1)
    level = 20 * np.log10(np.maximum(largest, 10 ** (FLOOR_DB / 20)))
    extent = (-0.5, size - 0.5, size - 0.5, -0.5)
    image = axes.imshow(level, cmap="magma", vmin=FLOOR_DB, vmax=max(6.0, float(level.max())), extent=extent)
    style.finish(axes, "|W2 W1| on one frame, dB", "sample in", "sample out")
    axes.grid(False)
    bar = figure.colorbar(image, ax=axes)
    bar.ax.tick_params(colors=style.LETTERS, labelsize=8)


def _draw_frequencies(axes: Any, parameters: CosineParameters) -> None:
    bins = parameters.frame / np.pi
    index = np.arange(parameters.coefficients)
    size = 4 if index.size <= 64 else 2
    axes.plot(
        index,
        parameters.analysis_frequencies * bins,
        "o",
        color=style.INPUT,
        markersize=size + 2,
        label="analysis",
    )
    axes.plot(
        index,
        parameters.synthesis_frequencies * bins,
        "o",
        color=style.RESIDUAL,
        markersize=size,
        label="synthesis",
    )
    style.finish(axes, "Frequencies", "coefficient", "bins of \N{GREEK SMALL LETTER PI}/N")
    _legend(axes)


def _draw_windows(axes: Any, framing: Framing) -> None:
    samples = np.arange(framing.frame)
    marker = "." if framing.frame <= 32 else ""
    axes.plot(samples, framing.analysis_window, color=style.INPUT, linewidth=2.4, marker=marker, label="analysis")
    axes.plot(samples, framing.synthesis_window, color=style.RESIDUAL, linewidth=1, marker=marker, label="synthesis")
    if framing.hop < framing.frame:
        axes.axvline(framing.hop, color=style.LETTERS, linewidth=1, linestyle=":")
    style.finish(axes, f"Windows ({framing.kind}, {framing.window}), hop {framing.hop}", "sample", "")
    axes.set_ylim(0.0 if framing.analysis_window.min() >= 0.0 <= framing.synthesis_window.min() else None, None)
    _legend(axes)


def _draw_tones(axes: Any, parameters: CosineParameters, framing: Framing) -> None:
    parts = (np.arange(TONES) + 0.5) / TONES
    powers = tone_response(parameters, framing, parts * np.pi)
    floor = 10 ** (TONE_FLOOR_DB / 10)
    for power, colour, label in zip(powers, (style.INPUT, style.RESIDUAL), ("tone", "residual"), strict=True):
        level = 10 * np.log10(np.maximum(power.reshape(-1, 2).mean(axis=1), floor))  # between neighbours it ripples
        axes.plot(parts.reshape(-1, 2).mean(axis=1), level, color=colour, linewidth=1.2, label=label)
    style.finish(axes, "A tone of 0 dB comes out as", "frequency, 1 is half the sample rate", "dB")
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=TONE_FLOOR_DB - 3 if axes.get_ylim()[0] < TONE_FLOOR_DB else None)
    _legend(axes)


def _legend(axes: Any) -> None:
    axes.legend(loc="best", framealpha=0.0, labelcolor=style.LETTERS, fontsize=8)
