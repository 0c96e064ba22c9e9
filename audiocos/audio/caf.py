"""CAF files that were cut off: libsndfile refuses them, though all that is there can be read."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass

from audiocos.audio.peek import peek

_HEADER = 8
_CHUNK = 12  # a chunk's type, 4 bytes, and its size, 8 bytes, big-endian


@dataclass(frozen=True)
class Cut:
    """A data chunk that claims more than is there: where its size is written, and both numbers in bytes."""

    position: int
    claimed: int
    there: int


def find_cut(descriptor: int) -> Cut | None:
    """Whether a regular file is a CAF whose sound was cut off."""
    size = os.fstat(descriptor).st_size
    at = _HEADER if peek(descriptor, 4, 0) == b"caff" else size
    while at + _CHUNK <= size:
        head = peek(descriptor, _CHUNK, at)
        claimed, there = int.from_bytes(head[4:], "big", signed=True), size - at - _CHUNK
        if head[:4] == b"data" and claimed > there:
            return Cut(at + 4, claimed, there)
        if claimed < 0:
            return None
        at += _CHUNK + claimed
    return None


class Mended(io.FileIO):
    """The file as if its header claimed what is there. Leaves the descriptor open."""

    def __init__(self, descriptor: int, cut: Cut) -> None:
        super().__init__(descriptor, "rb", closefd=False)
        self._cut = cut

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read bytes, those of the size field replaced."""
        start = self.tell()
        count = super().readinto(buffer)
        for index, byte in enumerate(self._cut.there.to_bytes(8, "big")):
            at = self._cut.position + index - start
            if 0 <= at < count:
                buffer[at : at + 1] = bytes([byte])
        return count
