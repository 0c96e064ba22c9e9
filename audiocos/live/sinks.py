"""Where the sound goes, other than to speakers: a file, standard output."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from audiocos.audio.formats import EXTENSION_SUBTYPE, extension_of, format_of, from_float, subtype_in
from audiocos.audio.writer import Writer

Array = NDArray[Any]


class FileSink:
    """A file that appears when the session ends, whole; or standard output, as AU.

    Args:
        path: the file's name, "-" for standard output.
        sample_rate: Hz.
        channels: C.
        subtype: the source's sample type; None for a microphone's or a synthetic signal's floats.
        frames: how many will come at most; None when nobody knows.

    Raises:
        UsageError: an extension without a format.
        AudioFileError: the file cannot be made.
    """

    def __init__(
        self, path: str, sample_rate: int, channels: int, subtype: str | None = None, frames: int | None = None
    ) -> None:
        container = "AU" if path == "-" else format_of(path)
        self.subtype = EXTENSION_SUBTYPE.get(extension_of(path)) or subtype_in(container, subtype or "FLOAT")
        if frames is None and container in ("WAV", "WAVEX"):
            frames = 2**40  # it must be able to pass 4 GiB
        self._writer = Writer(path, container, self.subtype, sample_rate, channels, frames=frames)
        self.clipped = 0

    def write(self, y: Array) -> None:
        """Append `[channels, samples]`.

        Raises:
            AudioFileError: it cannot be written.
        """
        native, clipped = from_float(y, self.subtype)
        self.clipped += clipped
        self._writer.write(native)

    def commit(self) -> None:
        """Finish the file and give it its name.

        Raises:
            AudioFileError: it cannot be written.
        """
        self._writer.commit()

    def abort(self) -> None:
        """Forget the file; after `commit` this does nothing."""
        self._writer.abort()
