"""What there is to see of monitored sound: levels, SNR, spectra and coefficients, measured off the audio threads.

`feed` runs on the meter thread, `reading` and `reset` on any other. Sound is taken in small pieces, so that none of
them keeps the interpreter, or another thread, for long.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from audiocos.cosines import Float64
from audiocos.live.levels import CURVE_STEP_S, LONG_S, NOW_S, Level, Levels
from audiocos.live.spectra import Spectra
from audiocos.live.waterfall import Waterfall
from audiocos.metrics import Array

if TYPE_CHECKING:
    from audiocos.model import Model

PIECE = 4096
"""Samples taken at a time."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What the meters say at one moment. No figure is NaN: what has no value is None.

    Args:
        time_s: seconds of sound metered since the start.
        snr_db: of the last second; None for silence and for an exact copy.
        snr_now_db: of the last 0.3 s.
        snr_3s_db: of the last 3 s.
        snr_run_db: of everything since the start, or since the last reset.
        input_dbfs: mean square of the last second over all channels, dB of full scale; None for digital silence.
        output_dbfs: likewise; of what the model gives, before speakers clip what is above full scale.
        residual_dbfs: likewise; None for an exact copy.
        input, output, residual: levels and peaks, channel by channel.
        snr_curve: the SNR of every 0.2 s since the reset, at most the last five minutes, oldest first.
        curve_points: how many of these there have been, those that were dropped included.
        frequencies_hz: of the spectra, rising.
        spectrum_input_db: a sine at full scale is 0 dB; at least -150.
        spectrum_residual_db: likewise.
        waterfall: rows of `[bands]`, oldest first: the loudest coefficient in each band, dB, at least -150.
        waterfall_rows: how many there have been, those that were dropped included.
        waterfall_hz: the middles of its bands, rising; None where there is no waterfall.
        waterfall_step_s: how much sound a row stands for.
    """

    time_s: float
    snr_db: float | None
    snr_now_db: float | None
    snr_3s_db: float | None
    snr_run_db: float | None
    input_dbfs: float | None
    output_dbfs: float | None
    residual_dbfs: float | None
    input: Level
    output: Level
    residual: Level
    snr_curve: tuple[float | None, ...]
    curve_points: int
    frequencies_hz: Float64
    spectrum_input_db: Float64
    spectrum_residual_db: Float64
    waterfall: tuple[Float64, ...]
    waterfall_rows: int
    waterfall_hz: Float64 | None
    waterfall_step_s: float
    curve_step_s: float = CURVE_STEP_S


class Meters:
    """Feed aligned input and reconstruction, read what there is to see.

    Args:
        sample_rate: Hz.
        channels: C.
        model: whose coefficients the waterfall shows; None, or one too large to run twice: no waterfall.
    """

    def __init__(self, sample_rate: int, channels: int, *, model: Model | None = None) -> None:
        self._rate, self._channels = sample_rate, channels
        self._mixed = channels > 2  # levels are of every channel; pictures of many would only take longer
        drawn = 1 if self._mixed else channels
        self._lock = threading.Lock()
        self._samples = 0
        self._levels = Levels(sample_rate, channels)
        self._spectra = Spectra(sample_rate, drawn)
        can_show = model is not None and Waterfall.can_show(model)
        self._waterfall = Waterfall(sample_rate, drawn, model) if model is not None and can_show else None

    def feed(self, x: Array, y: Array) -> None:
        """Take the next block of both, `[channels, samples]`, any length, aligned in time.

        Raises:
            ValueError: shapes that differ from each other or from the channels.
        """
        if x.shape != y.shape or x.ndim != 2 or x.shape[0] != self._channels:
            raise ValueError(f"x {list(x.shape)}, y {list(y.shape)}: give equal [{self._channels}, samples].")
        for start in range(0, x.shape[1], PIECE):
            with self._lock, np.errstate(over="ignore", invalid="ignore"):  # of what is no sound
                self._take(x[:, start : start + PIECE], y[:, start : start + PIECE])

    def reading(self) -> Reading:
        """What there is to see now."""
        with self._lock, np.errstate(over="ignore", invalid="ignore"):
            levels, fall = self._levels, self._waterfall
            input_dbfs, output_dbfs, residual_dbfs = levels.dbfs(1.0)
            spectrum_input, spectrum_residual = self._spectra.levels_db()
            return Reading(
                self._samples / self._rate,
                levels.snr(1.0),
                levels.snr(NOW_S),
                levels.snr(LONG_S),
                levels.snr(),
                input_dbfs,
                output_dbfs,
                residual_dbfs,
                levels.level(0),
                levels.level(1),
                levels.level(2),
                levels.curve(),
                levels.points,
                self._spectra.frequencies_hz,
                spectrum_input,
                spectrum_residual,
                fall.rows_db() if fall is not None else (),
                fall.count if fall is not None else 0,
                fall.frequencies_hz if fall is not None else None,
                fall.step_s if fall is not None else 0.0,
            )

    def reset(self) -> None:
        """Begin all figures anew; the time goes on."""
        with self._lock:
            self._levels.reset()
            self._spectra.reset()
            if self._waterfall is not None:
                self._waterfall.reset()

    def _take(self, x: Array, y: Array) -> None:
        self._samples += x.shape[1]
        self._levels.feed(x, y)
        if self._mixed:
            x, y = x.mean(axis=0, keepdims=True), y.mean(axis=0, keepdims=True)
        self._spectra.feed(x, y)
        if self._waterfall is not None:
            self._waterfall.feed(x)
