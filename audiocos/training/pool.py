"""Stretches of recordings in memory, from which windows are drawn."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from audiocos.cosines import Float64
from audiocos.errors import AudioFileError
from audiocos.training.corpus import File
from audiocos.training.decode import Decoder
from audiocos.training.heard import Listening

SAMPLES = 2**24
"""What a pool holds at most, 64 MiB; a shorter corpus is held as a whole."""

_STRETCH = 2**14


@dataclass(frozen=True)
class _Stretch:
    """A part of a file: from `first`, `length` frames, both at the file's own rate."""

    file: File
    first: int
    length: int


_Signal = np.ndarray[tuple[int], np.dtype[np.float32]]


class Pool:
    """Signals side by side, `samples` `[S]` in float32; every channel is one of its own.

    Args:
        signals: of any length; where one is shorter than `frame`, zeros follow.
        frame: N, the longest window.

    Shape:
        - signals: `[length]` each
    """

    def __init__(self, signals: Sequence[_Signal], frame: int) -> None:
        padded = [np.pad(signal, (0, max(0, frame - len(signal)))) for signal in signals] or [
            np.zeros(frame, np.float32)
        ]
        self.samples = np.concatenate(padded)
        self._lengths = np.array([len(signal) for signal in padded])
        self._starts = np.cumsum(self._lengths) - self._lengths

    def draw(self, rng: np.random.Generator, length: int, count: int) -> Float64:
        """Windows `[count, length]` from anywhere, each within one signal."""
        places = self._lengths - length + 1
        last = np.cumsum(places)
        drawn = rng.integers(0, last[-1], count)
        signal = np.searchsorted(last, drawn, side="right")
        first = self._starts[signal] + drawn - (last - places)[signal]
        return np.asarray(self.samples[first[:, None] + np.arange(length)], dtype=np.float64)


def pool_of(files: Iterable[File], listening: Listening, frame: int, seed: int, most: int = SAMPLES) -> Pool:
    """Sound from everywhere in the files: all of it, or stretches drawn by lot, in proportion to length.

    What cannot be read is left out: the pass over the recordings has named it.

    Args:
        files: recordings.
        listening: rate and channels.
        frame: N, the longest window.
        seed: of the lot.
        most: samples to hold.
    """
    signals: list[_Signal] = []
    for stretch in _choose(list(files), listening, frame, seed, most):
        with contextlib.suppress(AudioFileError):  # beyond where a file is cut off
            signals += _read(stretch, listening)
    return Pool(signals, frame)


def _choose(files: list[File], listening: Listening, frame: int, seed: int, most: int) -> list[_Stretch]:
    """Stretches in the order of the files and of time; equally long ones, but for the last of each file."""
    weights = np.array([_signals(file, listening) * listening.sample_rate / file.sample_rate for file in files])
    frames = np.array([_frames(file) for file in files], dtype=np.int64)
    total = float(weights @ frames)
    if total <= most:
        return [_Stretch(file, 0, int(length)) for file, length in zip(files, frames, strict=True)]
    own = [_at_rate(max(_STRETCH, 4 * frame), file, listening) for file in files]
    counts = -(-frames // np.array(own))
    last = np.cumsum(counts)
    rng = np.random.default_rng([seed, most])
    lots = rng.choice(int(last[-1]), max(1, int(last[-1] * most / total)), replace=False)
    chosen: list[tuple[int, _Stretch]] = []
    held = 0.0
    for lot in lots:
        index = int(np.searchsorted(last, lot, side="right"))
        first = int(lot - last[index] + counts[index]) * own[index]
        stretch = _Stretch(files[index], first, min(own[index], int(frames[index]) - first))
        held += float(weights[index]) * stretch.length
        if held > most and chosen:
            break
        chosen.append((index, stretch))
    return [stretch for _, stretch in sorted(chosen, key=lambda pair: (pair[0], pair[1].first))]


def _read(stretch: _Stretch, listening: Listening) -> list[_Signal]:
    """The stretch's signals."""
    left = -(-stretch.length * listening.sample_rate // stretch.file.sample_rate)
    parts = []
    for block in Decoder(stretch.file, listening.sample_rate, listening.channels, first=stretch.first).blocks():
        parts.append(block[:, :left].astype(np.float32))
        left -= block.shape[1]
        if left <= 0:
            break
    return list(np.concatenate(parts, axis=1)) if parts else []


def _signals(file: File, listening: Listening) -> int:
    return 1 if listening.channels == "mix" else file.channels


def _frames(file: File) -> int:
    """Its length; where the header does not know, about that (a byte a sample)."""
    return file.frames or max(1, file.size // file.channels)


def _at_rate(samples: int, file: File, listening: Listening) -> int:
    return -(-samples * file.sample_rate // listening.sample_rate)
