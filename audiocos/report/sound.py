"""Sound inside a page: 16-bit FLAC as data: URIs, levelled so that each can be heard without clipping."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LONGEST_S = 20.0
SHORTEST_S = 0.1
"""Players hold at least this much; shorter sound is followed by silence, for browsers skip shorter files."""

BYTES_FOR_ALL = 870_000
"""What the players of one item may weigh together, before base64 adds a third."""

PEAK = 10 ** (-1 / 20)
"""Residuals are brought up (or down) to -1 dBFS or a little less: whole decibels."""

BROWSER_RATES = (8000, 48000)
"""Sound outside this range is resampled for the players: browsers refuse some of it and nobody hears the rest."""


@dataclass(frozen=True)
class Player:
    """One audio element.

    Args:
        label: what it plays and at which gain, such as "residual (+42 dB)".
        uri: the sound, `data:audio/flac;base64,...`.
    """

    label: str
    uri: str


def players(input_sound: Array, output_sound: Array, sample_rate: int) -> tuple[list[Player], str]:
    """Players for the input, the output and the residual, and a sentence on what was done to the sound.

    An exact copy has no residual to play. Input and output have one gain, 0 dB unless one of them
    passes full scale.

    Args:
        input_sound: finite.
        output_sound: finite.
        sample_rate: Hz.

    Shape:
        - input_sound, output_sound: `[channels, samples]`, at least one sample
    """
    residual = input_sound - output_sound
    sounds = {"input": input_sound, "output": output_sound}
    if residual.any():
        sounds["residual"] = residual
    remarks = []
    longest = math.ceil(LONGEST_S * sample_rate)
    sounds = {name: sound[:, :longest] for name, sound in sounds.items()}
    channels = input_sound.shape[0]
    if channels > 2:
        sounds = {name: sound.mean(axis=0, keepdims=True) for name, sound in sounds.items()}
        remarks.append(f"the {channels} channels mixed down to one")
    rate = min(max(sample_rate, BROWSER_RATES[0]), BROWSER_RATES[1])
    if rate != sample_rate:
        sounds = {name: _resampled(sound, sample_rate, rate) for name, sound in sounds.items()}
        remarks.append(f"resampled to {rate} Hz")
    gains = _gains_db(sounds)
    files = {name: flac(sound * 10 ** (gains[name] / 20), rate) for name, sound in sounds.items()}
    kept = sounds["input"].shape[1]
    while (total := sum(map(len, files.values()))) > BYTES_FOR_ALL:
        kept = int(0.97 * kept * BYTES_FOR_ALL / total)
        files = {name: flac(sound[:, :kept] * 10 ** (gains[name] / 20), rate) for name, sound in sounds.items()}
    if kept < round(input_sound.shape[1] * rate / sample_rate):
        remarks.insert(0, f"the first {kept / rate:.1f} s")
    made = [Player(_label(name, gains[name]), _data_uri("audio/flac", file)) for name, file in files.items()]
    return made, ", ".join(remarks)


def flac(sound: Array, sample_rate: int) -> bytes:
    """A 16-bit FLAC file. Samples past full scale are clipped.

    Shape:
        - sound: `[channels, samples]`, 1 or 2 channels
    """
    import soundfile

    missing = math.ceil(SHORTEST_S * sample_rate) - sound.shape[1]
    if missing > 0:
        sound = np.pad(sound, ((0, 0), (0, missing)))
    whole = np.clip(np.rint(sound * 32768.0), -32768, 32767).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, whole.T, sample_rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def _gains_db(sounds: dict[str, Array]) -> dict[str, int]:
    peaks = {name: float(np.abs(sound).max()) for name, sound in sounds.items()}
    loudest = max(peaks["input"], peaks["output"])
    shared = math.floor(-20 * math.log10(loudest)) if loudest > 1.0 else 0
    residual_peak = peaks.get("residual", 0.0)
    residual = math.floor(20 * math.log10(PEAK / residual_peak)) if residual_peak > 0.0 else 0
    return {"input": shared, "output": shared, "residual": residual}


def _label(name: str, gain_db: int) -> str:
    return f"{name} ({gain_db:+d} dB)".replace("-", "\N{MINUS SIGN}") if gain_db else name


def _resampled(sound: Array, sample_rate: int, rate: int) -> Array:
    import soxr

    # soxr's best filters grow with the ratio; at absurd rates a plain one will do to listen to.
    quality = "HQ" if max(sample_rate, rate) <= 32 * min(sample_rate, rate) else "QQ"
    return np.asarray(soxr.resample(sound.T, sample_rate, rate, quality), dtype=np.float64).T


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
