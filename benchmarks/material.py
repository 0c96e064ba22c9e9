"""The sound that is measured on: the recordings in samples/, one after the other, and a little noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
RATE = 48000

Sound = NDArray[np.float32]


def recordings(seconds: float) -> Sound:
    """Stereo at 48 kHz, `[2, samples]`: the recordings looped, each channel at its own offset, plus noise at -60 dB."""
    pieces = []
    for path in sorted(p for p in SAMPLES.iterdir() if p.suffix in (".wav", ".flac")):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        pieces.append(soxr.resample(samples[:, 0], rate, RATE))
    once = np.concatenate(pieces)
    length = round(seconds * RATE)
    noise = np.random.default_rng(0).standard_normal(length, dtype=np.float32)
    left, right = np.resize(once, length), np.resize(np.roll(once, RATE), length)
    return np.stack([left + 1e-3 * noise, right + 1e-3 * noise[::-1]]).clip(-1.0, 1.0)


def snr_db(x: Sound, y: Sound) -> float | None:
    """Signal over residual in dB, summed in float64; None for an exact copy."""
    signal = residual = 0.0
    for start in range(0, x.shape[1], RATE):
        a = x[:, start : start + RATE].astype(np.float64)
        b = y[:, start : start + RATE]
        signal += float(np.square(a).sum())
        residual += float(np.square(a - b).sum())
    return None if residual == 0.0 else float(10 * np.log10(signal / residual))
