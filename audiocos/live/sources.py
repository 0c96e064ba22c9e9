"""Where the sound comes from, other than a microphone: a file, standard input, a synthetic signal."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from audiocos.audio.formats import compute_dtype
from audiocos.audio.names import shown
from audiocos.audio.reader import Reader
from audiocos.counting import counted
from audiocos.errors import AudioFileError, UsageError
from audiocos.signals import SIGNALS

Array = NDArray[Any]

SEGMENT_S = 10
"""A synthetic signal that never ends is made of segments this long; tones and impulses go on across them."""


class Source(Protocol):
    """Sound that comes when it is asked for.

    The reconstruction of a file is measured in its `subtype`, as `reconstruct` does it; others have none.
    """

    @property
    def name(self) -> str:
        """For messages."""

    @property
    def sample_rate(self) -> int:
        """Hz."""

    @property
    def channels(self) -> int:
        """How many."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64: what it is to be computed in."""

    @property
    def subtype(self) -> str | None:
        """The sample type of a file."""

    @property
    def endless(self) -> bool:
        """Whether it goes on until someone stops it."""

    @property
    def piped(self) -> bool:
        """Whether it comes from another program, which may be recording it just now."""

    @property
    def sanitized(self) -> int:
        """Values that were no sound and became silence."""

    def blocks(self, size: int) -> Iterator[Array]:
        """Blocks of at most `size` samples, `[channels, samples]`."""

    def close(self) -> None:
        """Let go of the file; more than once does no harm."""


class FileSource:
    """A file, or standard input.

    Args:
        path: the file's name, "-" for standard input.
        loop: begin again at the end, without a gap; not for standard input.

    Raises:
        AudioFileError: the file cannot be read; the text names it and the remedy.
        UsageError: standard input cannot be looped.
    """

    def __init__(self, path: str, *, loop: bool = False) -> None:
        if loop and path == "-":
            raise UsageError("--loop: standard input comes only once. Give a file.")
        self._path, self.endless = path, loop
        self._reader = Reader(path, sanitize=True)
        self.name = self._reader.name
        self.sample_rate, self.channels = self._reader.sample_rate, self._reader.channels
        self.subtype: str | None = self._reader.subtype
        self.dtype = np.dtype(compute_dtype(self._reader.subtype))
        self.frames = None if loop else self._reader.frames
        self.piped = self._reader.piped
        self._earlier = 0
        self._seen: list[str] = []  # warnings

    @property
    def sanitized(self) -> int:
        """Values that were no sound and became silence."""
        return self._earlier + self._reader.sanitized

    @property
    def warnings(self) -> list[str]:
        """What was found wrong with the file so far, each once; what is found later is added at the end."""
        return [*dict.fromkeys([*self._seen, *self._reader.warnings])]

    def blocks(self, size: int) -> Iterator[Array]:
        """See `Source`.

        Raises:
            AudioFileError: the file cannot be read any more, or is one of another rate, channels or sample type by now.
        """
        from audiocos.audio.reconstruct import as_float

        while True:
            for samples in self._reader.blocks(size):
                yield as_float(samples, self.dtype)
            if not self.endless:
                return
            self._earlier += self._reader.sanitized
            self._seen = self.warnings
            self._reader.close()
            self._begin_again()

    def _begin_again(self) -> None:
        """Open the file anew; all that takes its sound was made for the one that it was."""
        was = _kind(self._reader)
        self._reader = Reader(self._path, sanitize=True)
        if (now := _kind(self._reader)) != was:
            raise AudioFileError(
                f"{self.name}: changed while it was looped: was {was}, is now {now}. Start again to monitor what it is "
                "now, or loop a copy."
            )

    def close(self) -> None:
        """See `Source`."""
        self._reader.close()


def _kind(reader: Reader) -> str:
    return f"{reader.sample_rate} Hz, {counted(reader.channels, 'channel')}, {reader.subtype}"


class SynthSource:
    """One of the synthetic signals, the same in each channel, for ever.

    Args:
        name: one of `signals.SIGNALS`.
        sample_rate: Hz.
        channels: C.

    Raises:
        UsageError: no such signal.
    """

    subtype = None
    endless = True
    piped = False
    sanitized = 0

    def __init__(self, name: str, sample_rate: int = 48000, channels: int = 1) -> None:
        if name not in SIGNALS:
            raise UsageError(f"synth:{shown(name)}: no such signal; choose one of {', '.join(SIGNALS)}.")
        self.name, self.sample_rate, self.channels = f"synth:{name}", sample_rate, channels
        self._signal = name
        self.dtype = np.dtype(np.float32)

    def blocks(self, size: int) -> Iterator[Array]:
        """See `Source`; segments of signals with chance in them differ."""
        make: Any = SIGNALS[self._signal]
        seeded = "seed" in make.__kwdefaults__ if make.__kwdefaults__ else False
        for number in itertools.count():
            seed = {"seed": number} if seeded else {}
            segment = make(SEGMENT_S * self.sample_rate, self.sample_rate, **seed).astype(self.dtype)
            for start in range(0, segment.size, size):
                block = segment[start : start + size]
                yield np.ascontiguousarray(np.broadcast_to(block, (self.channels, block.size)))

    def close(self) -> None:
        """See `Source`."""
