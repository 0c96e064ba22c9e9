"""Spectrograms small enough to draw: mel-spaced bands, some hundred columns, any length, any channel count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from audiocos.metrics import segment_length

Array = NDArray[np.float64]

BANDS = 160
COLUMNS = 500
FLOOR_POWER = 1e-15
"""-150 dB."""

_FRAMES_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class Spectrogram:
    """Levels of bands over time.

    Args:
        level_db: 0 is a sine at full scale, at least -150, `[bands, columns]`.
        time_edges_s: `[columns + 1]`.
        frequency_edges_hz: `[bands + 1]`, evenly spaced in mel from 0 to half the sample rate.
    """

    level_db: Array
    time_edges_s: Array
    frequency_edges_hz: Array


def spectrogram(sound: Array, sample_rate: int, start_s: float = 0.0) -> Spectrogram:
    """The loudest bin of each band (a tone keeps its level), the mean power of each column and of all channels.

    Args:
        sound: finite.
        sample_rate: Hz.
        start_s: the time of the first sample.

    Shape:
        - sound: `[channels, samples]`, at least one sample
    """
    import librosa

    samples = sound.shape[1]
    frame = 2 * segment_length(sample_rate)
    hop = frame // 4
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    window *= 2 / window.sum()
    frequency_edges = librosa.mel_frequencies(n_mels=BANDS + 1, fmin=0.0, fmax=sample_rate / 2)
    lowest_bin = np.minimum(frequency_edges[:-1] * frame / sample_rate, frame // 2).astype(np.int64)
    frames = 1 + (samples - 1) // hop
    per_column = -(-frames // COLUMNS)
    columns = -(-frames // per_column)
    power = np.zeros((columns, BANDS))
    step = max(1, _FRAMES_AT_ONCE // per_column)
    for channel in sound:
        padded = np.pad(channel, frame // 2 + frame)
        windows = np.lib.stride_tricks.sliding_window_view(padded[frame:], frame)[::hop][:frames]
        for first in range(0, columns, step):
            block = windows[first * per_column : (first + step) * per_column]
            bins = np.abs(scipy.fft.rfft(block * window)) ** 2
            bands = np.maximum.reduceat(bins, lowest_bin, axis=1)
            starts = np.arange(0, len(block), per_column)
            counts = np.diff(np.append(starts, len(block)))
            power[first : first + step] += np.add.reduceat(bands, starts, axis=0) / counts[:, None]
    edges = np.clip((np.arange(columns + 1) * per_column - 0.5) * hop, 0, samples)
    edges[-1] = samples
    level = 10 * np.log10(np.maximum(power.T / sound.shape[0], FLOOR_POWER))
    return Spectrogram(level, start_s + edges / sample_rate, frequency_edges)
