"""Where the sound goes, other than to speakers: a file, standard output."""

from __future__ import annotations

import threading
from typing import Any

from numpy.typing import NDArray

from audiocos.audio.formats import EXTENSION_SUBTYPE, extension_of, format_of, from_float, subtype_in
from audiocos.audio.writer import Writer
from audiocos.errors import AudioFileError

Array = NDArray[Any]

_LOCK_S = 1.0


class FileSink:
    """A file that appears when the session ends, or when no more gets into it, with all until then; or an AU pipe.

    Where another file has its name by then and may not be replaced, it gets a free one, and that is said.

    `write` and `commit` belong to one thread, which may be slow; `leave` and `abort` to any other.

    Args:
        path: the file's name, "-" for standard output.
        sample_rate: Hz.
        channels: C.
        subtype: the source's sample type; None for a microphone's or a synthetic signal's floats.
        frames: how many will come at most; None when nobody knows.
        replace: a file of that name may be replaced.

    Raises:
        UsageError: an extension without a format.
        AudioFileError: the file cannot be made.
    """

    def __init__(
        self,
        path: str,
        sample_rate: int,
        channels: int,
        subtype: str | None = None,
        frames: int | None = None,
        *,
        replace: bool = False,
    ) -> None:
        container = "AU" if path == "-" else format_of(path)
        self.subtype = EXTENSION_SUBTYPE.get(extension_of(path)) or subtype_in(container, subtype or "FLOAT")
        if frames is None and container in ("WAV", "WAVEX"):
            frames = 2**40  # it must be able to pass 4 GiB
        self.is_pipe = path == "-"
        self._writer = Writer(
            path, container, self.subtype, sample_rate, channels, frames=frames, live=True, replace=replace
        )
        self.clipped = 0
        self._over = False
        self._lock = threading.Lock()

    def write(self, y: Array) -> None:
        """Append `[channels, samples]`.

        Raises:
            AudioFileError: it cannot be written; what was written before is kept under its name, and that is said.
        """
        native, clipped = from_float(y, self.subtype)
        with self._lock:
            if self._over:
                return
            self.clipped += clipped
            try:
                self._writer.write(native)
            except AudioFileError as error:
                raise self._kept(error) from error

    def commit(self) -> None:
        """Finish the file and give it its name; nothing more can be written.

        Raises:
            AudioFileError: it cannot be written; as above.
        """
        with self._lock:
            self._commit()

    def leave(self) -> str:
        """Finish the file without the thread that writes, which takes too long; what to say of it, "" for a pipe.

        Raises:
            AudioFileError: as `commit`.
        """
        if self.is_pipe:
            return ""
        if not self._lock.acquire(timeout=_LOCK_S):  # it waits for the disk, and may do so for ever
            self._writer.leave()
            return f"{self._writer.found}: left while the disk was still writing; it may be short."
        try:
            self._commit()
        finally:
            self._lock.release()
        return f"{self._writer.found}: ends before the sound did, which was not waited for."

    def _commit(self) -> None:
        if self._over:
            return
        try:
            self._writer.commit()
        except AudioFileError as error:
            raise self._kept(error) from error
        self._over = True

    def _kept(self, error: AudioFileError) -> AudioFileError:
        self._over = True
        seconds = self._writer.keep()
        where = "it" if self._writer.found == self._writer.name else self._writer.found
        return AudioFileError(f"{error} The {seconds:.1f} s before that are in {where}.") if seconds else error

    def abort(self) -> None:
        """Forget the file; one that has its name stays."""
        self._writer.abort()
