"""From one recording to blocks of signals: decoded, mixed, resampled, checked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from audiocos.audio.formats import to_float
from audiocos.audio.names import shown
from audiocos.audio.reader import Reader
from audiocos.cosines import Float64
from audiocos.errors import AudioFileError
from audiocos.training.corpus import File

BLOCK = 2**16

_SILENCE = 1e-6  # -120 dBFS: what codecs make of digital silence lies below


@dataclass
class Decoder:
    """One recording as blocks `[signals, samples]`, float64. Iterate once with `blocks`.

    Args:
        file: what to read.
        sample_rate: Hz, of the blocks.
        channels: "each" (a signal a channel) or "mix" (one, their mean).
        strict: damage is an error, not a warning.
        first: frames to leave out at the beginning, at the file's own rate.
    """

    file: File
    sample_rate: int
    channels: str
    strict: bool = False
    first: int = 0
    frames: int = 0
    """Frames decoded so far, at the file's own rate."""
    peak: float = 0.0
    warnings: list[str] = field(default_factory=list)

    @property
    def silent(self) -> bool:
        """Whether nothing heard so far rises above -120 dBFS."""
        return self.peak < _SILENCE

    def blocks(self) -> Iterator[Float64]:
        """The recording from `first` to its end.

        Raises:
            AudioFileError: it cannot be read, has changed, or holds samples that are no sound.
        """
        name = shown(self.file.path)
        with Reader(self.file.path, strict=self.strict, sanitize=True) as reader:
            if (reader.sample_rate, reader.channels, os.stat(self.file.path).st_size) != (
                self.file.sample_rate,
                self.file.channels,
                self.file.size,
            ):
                raise AudioFileError(f"{name}: has changed since the corpus was gathered. Start again.")
            if self.first:
                reader.skip_to(self.first)
            for block in self._converted(self._heard(reader, name)):
                if block.size:
                    self.peak = max(self.peak, float(block.max()), -float(block.min()))
                yield block
            self.warnings += [
                text.replace("Processing what is there; --strict refuses it.", "What is there counts.")
                for text in reader.warnings
            ]

    def _heard(self, reader: Reader, name: str) -> Iterator[Float64]:
        for block in reader.blocks(BLOCK):
            if reader.first_sanitized is not None:
                seconds = reader.first_sanitized / reader.sample_rate
                raise AudioFileError(
                    f"{name}: holds samples that no sound is (NaN, infinite or huge), first after {seconds:.3f} s. "
                    "Repair it, or leave it out."
                )
            self.frames += len(block)
            signals = np.empty(block.shape[::-1])
            to_float(block, signals)
            yield signals.mean(axis=0, keepdims=True) if self.channels == "mix" and len(signals) > 1 else signals

    def _converted(self, blocks: Iterator[Float64]) -> Iterator[Float64]:
        if self.file.sample_rate == self.sample_rate:
            yield from blocks
            return
        import soxr

        signals = 1 if self.channels == "mix" else self.file.channels
        stream = soxr.ResampleStream(self.file.sample_rate, self.sample_rate, signals, dtype="float64", quality="VHQ")
        # Blocks that grow on the way are cut, so that what comes out is no longer than what goes in.
        most = max(1, min(BLOCK, BLOCK * self.file.sample_rate // self.sample_rate))
        for block in blocks:
            for first in range(0, block.shape[1], most):
                yield np.asarray(stream.resample_chunk(np.ascontiguousarray(block[:, first : first + most].T))).T
        yield np.asarray(stream.resample_chunk(np.zeros((0, signals)), last=True)).T
