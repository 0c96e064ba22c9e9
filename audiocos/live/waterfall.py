"""The coefficients over time: what the model makes of the input, in bands of its own frequencies."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audiocos.cosines import Float64
from audiocos.execution import make_execution
from audiocos.metrics import Array
from audiocos.residuals import band_edges

if TYPE_CHECKING:
    from audiocos.model import Model

BANDS = 64

FLOOR_DB = -150.0

STEP_S = 0.2
"""About how much sound a row stands for."""

ROWS = 600

MOST_PRODUCTS = 2**26
"""A pair off the fast grid takes N M products a frame; beyond this it could not keep up beside the stream."""

_GROUP_S = 0.05  # computed at once: little enough that the worker is never kept waiting


class Waterfall:
    """Feed the input in blocks of any size; the same bits come out for every chunking.

    Args:
        sample_rate: Hz, of what is fed.
        channels: C; more than two should be mixed to one before.
        model: whose coefficients; sound at another rate than the model's is converted on the way (soxr).
    """

    def __init__(self, sample_rate: int, channels: int, model: Model) -> None:
        rate = model.sample_rate or sample_rate
        self._convert: Any = None
        if rate != sample_rate:
            import soxr

            # Good enough to look at: its delay is a few samples, its ripple far below a colour's step.
            self._convert = soxr.ResampleStream(sample_rate, rate, channels, "float32", quality="LQ")
        pair, framing = model.parameters, model.framing
        group = max(1, round(_GROUP_S * rate / framing.hop))
        self._execution = make_execution(
            "cpu", pair, framing, channels=channels, group=group, dtype=np.float32, coefficients=True
        )
        self._fresh = self._execution.input[:, framing.frame - framing.hop :]
        self._groups_in_row = max(1, round(STEP_S * rate / (group * framing.hop)))
        self.step_s = self._groups_in_row * group * framing.hop / rate
        frequencies = pair.analysis_frequencies * rate / (2 * np.pi)
        self._order = np.argsort(frequencies)
        edges = band_edges(rate, BANDS)
        self._spans = _spans(frequencies[self._order], edges, rate / (2 * framing.hop))
        self._power = np.zeros(frequencies.size + 1)  # the last one stays zero
        self.frequencies_hz: Float64 = (edges[:-1] + edges[1:]) / 2
        # What a sine at full scale gives in the coefficient of its frequency is 0 dB, however a model shares its
        # gain between analysis and synthesis.
        gain = 0.5 * abs(float(pair.analysis_amplitudes @ framing.analysis_window))
        self._scale = 1.0 / gain**2 if gain > 0.0 else 0.0
        self._rows: deque[Float64] = deque(maxlen=ROWS)
        self.reset()

    @staticmethod
    def can_show(model: Model) -> bool:
        """Whether the coefficients can be computed a second time, beside the stream."""
        from audiocos.execution import choose_way

        products = model.parameters.frame * model.parameters.coefficients
        return products <= MOST_PRODUCTS or choose_way(model.parameters, model.framing, True) == "fast"

    def reset(self) -> None:
        """Begin anew."""
        self._execution.reset()
        if self._convert is not None:
            self._convert.clear()
        self._fill = 0
        self._row = np.zeros(BANDS)
        self._groups = 0
        self._rows.clear()
        self.count = 0
        """Rows since the reset."""

    def feed(self, x: Array) -> None:
        """Take the next block, `[channels, samples]`."""
        if self._convert is not None:
            x = self._convert.resample_chunk(np.ascontiguousarray(x.T, np.float32)).T
        position = 0
        while position < x.shape[1]:
            taken = min(self._fresh.shape[1] - self._fill, x.shape[1] - position)
            self._fresh[:, self._fill : self._fill + taken] = x[:, position : position + taken]
            self._fill += taken
            position += taken
            if self._fill == self._fresh.shape[1]:
                self._analyze()

    def rows_db(self) -> tuple[Float64, ...]:
        """The loudest coefficient of each band in each row, oldest first; at least -150, `[bands]` each."""
        return tuple(self._rows)

    def _analyze(self) -> None:
        self._fill = 0
        self._execution.analyze()
        power = np.square(self._execution.coefficients).max(axis=1).mean(axis=0)
        self._power[:-1] = power[self._order]
        np.fmax(self._row, np.maximum.reduceat(self._power, self._spans)[::2], out=self._row)
        self._groups += 1
        if self._groups == self._groups_in_row:
            scaled = np.nan_to_num(self._row * self._scale, posinf=0.0)
            self._rows.append(10 * np.log10(np.maximum(scaled, 10 ** (FLOOR_DB / 10))))
            self.count += 1
            self._row = np.zeros(BANDS)
            self._groups = 0


def _spans(frequencies: Float64, edges: Float64, spacing_hz: float) -> NDArray[np.int64]:
    """Where each band's coefficients begin and end, for `reduceat`, `[2 bands]`.

    A band between two coefficients shows the nearer one; where the model has none for further than two lie apart, the
    band shows the zero behind the last.

    Args:
        frequencies: of the coefficients, rising.
        edges: of the bands, `[bands + 1]`.
        spacing_hz: how far apart coefficients lie where none is left out.
    """
    middles, halves = (edges[:-1] + edges[1:]) / 2, np.diff(edges) / 2
    starts, stops = np.searchsorted(frequencies, edges[:-1]), np.searchsorted(frequencies, edges[1:])
    right = np.minimum(starts, frequencies.size - 1)
    left = np.maximum(starts - 1, 0)
    nearest = np.where(np.abs(frequencies[left] - middles) < np.abs(frequencies[right] - middles), left, right)
    near = np.abs(frequencies[nearest] - middles) <= halves + spacing_hz
    alone = np.where(near, nearest, frequencies.size)
    empty = starts == stops
    spans = np.stack([np.where(empty, alone, starts), np.where(empty, alone + 1, stops)], axis=1).reshape(-1)
    return np.asarray(np.minimum(spans, frequencies.size))


def kept_hz(model: Model, sample_rate: int, keep: int | None) -> float:
    """The highest frequency among the lowest `keep` of a model's coefficients, infinity for all of them."""
    frequencies = model.parameters.analysis_frequencies
    if keep is None or keep >= frequencies.size:
        return math.inf
    rate = model.sample_rate or sample_rate
    return float(np.sort(frequencies)[max(keep, 1) - 1]) * rate / (2 * math.pi)
