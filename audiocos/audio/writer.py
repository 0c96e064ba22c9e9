"""Writing audio files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from audiocos.audio.formats import LIMIT_BYTES, bytes_per_sample, container_for, fits
from audiocos.audio.names import shown
from audiocos.errors import AudioFileError

Array = NDArray[Any]


# Read once, at import: setting it is the only way to read it, and threads share it.
_UMASK = os.umask(0)
os.umask(_UMASK)


class _Sequential(sf.SoundFile):  # type: ignore[misc]
    """soundfile seeks after every block of a seekable file; a writer that only appends need not."""

    def seekable(self) -> bool:
        return False


@dataclass
class Writer:
    """An audio file in the making, under a temporary name beside its own until `commit`.

    Use as a context manager: leaving it without `commit` removes what was written.

    Args:
        path: the file's name, or "-" for standard output.
        format: the container, as libsndfile names it; a WAV that could not hold `frames` becomes RF64.
        subtype: the sample type.
        sample_rate: Hz.
        channels: at least 1.
        frames: how many are expected; None when unknown.
        endian: as soundfile names it.
        tags: title, artist and so on.

    Raises:
        AudioFileError: the file cannot be made; the text names it and the remedy.
    """

    path: str
    format: str
    subtype: str
    sample_rate: int
    channels: int
    frames: int | None = None
    endian: str = "FILE"
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = "standard output" if self.path == "-" else shown(self.path)
        self.container = container_for(self.format, self.subtype, self.channels, self.frames)
        self._written = 0
        self._temporary: str | None = None
        if not fits(self.container, self.subtype, self.channels, self.frames):
            raise self._too_long()
        if not sf.check_format(self.container, self.subtype):
            subtypes = ", ".join(sorted(name.lower() for name in sf.available_subtypes(self.container)))
            raise AudioFileError(
                f"{self.name}: {self.container} cannot hold {self.subtype}. Choose --subtype from {subtypes}."
            )
        descriptor = self._open()
        try:
            self._file = _Sequential(
                descriptor,
                "w",
                samplerate=self.sample_rate,
                channels=self.channels,
                format=self.container,
                subtype=self.subtype,
                endian=self.endian if sf.check_format(self.container, self.subtype, self.endian) else "FILE",
            )
            self._set_tags()
        except (sf.LibsndfileError, ValueError) as error:
            with contextlib.suppress(OSError):
                os.close(descriptor)
            self._remove()
            raise AudioFileError(
                f"{self.name}: {self.container} cannot hold {self.channels} channels of {self.subtype} at "
                f"{self.sample_rate} Hz. Choose another --format, for example wav."
            ) from error

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.abort()

    def write(self, block: Array) -> None:
        """Append native samples, `[samples, channels]`.

        Raises:
            AudioFileError: the disk is full, the container is, or the reader of a pipe has gone.
        """
        self._written += len(block)
        if not fits(self.container, self.subtype, self.channels, self._written):
            raise self._too_long()
        try:
            self._file.write(block)
        except (sf.LibsndfileError, AssertionError, OSError) as error:
            raise AudioFileError(f"{self.name}: cannot be written: {self._why(block.nbytes)}.") from error

    def commit(self) -> None:
        """Finish the file and give it its name."""
        try:
            self._file.flush()
            self._file.close()
            if self._temporary is not None:
                with open(self._temporary, "rb+") as file:
                    os.fsync(file.fileno())
                os.replace(self._temporary, self.path)
                self._temporary = None
        except (sf.LibsndfileError, OSError) as error:
            raise AudioFileError(f"{self.name}: cannot be finished: {self._why(1)}.") from error

    def abort(self) -> None:
        """Forget the file; after `commit` this does nothing."""
        if hasattr(self, "_file") and not self._file.closed:
            with contextlib.suppress(sf.LibsndfileError, OSError):
                self._file.close()
        self._remove()

    def _open(self) -> int:
        if self.path == "-":
            return os.dup(sys.stdout.fileno())
        folder = os.path.dirname(self.path) or "."
        try:
            os.makedirs(folder, exist_ok=True)
            # A short name of its own: the file's may be as long as the file system allows.
            descriptor, self._temporary = tempfile.mkstemp(prefix=".audiocos-", suffix=".part", dir=folder)
            os.chmod(self._temporary, 0o666 & ~_UMASK)
        except OSError as error:
            raise AudioFileError(
                f"{self.name}: its folder cannot be written to: {error.strerror}. Choose another place with -o."
            ) from error
        return descriptor

    def _set_tags(self) -> None:
        for tag, value in self.tags.items():
            with contextlib.suppress(sf.LibsndfileError, AttributeError):  # not every container has every tag
                setattr(self._file, tag, value)

    def _remove(self) -> None:
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)
            self._temporary = None

    def _too_long(self) -> AudioFileError:
        most = LIMIT_BYTES // (self.channels * bytes_per_sample(self.subtype) * self.sample_rate)
        return AudioFileError(
            f"{self.name}: {self.container} holds at most 4 GiB, here {most} s. Pass --format rf64, w64 or caf."
        )

    def _why(self, wanted: int) -> str:
        """Ask the operating system what libsndfile does not tell."""
        if self.path == "-":
            return "its reader has gone"
        folder = os.path.dirname(self.path) or "."
        try:
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(np.ones(max(wanted, 2**16), np.uint8).tobytes())
                probe.flush()
        except OSError as error:
            return f"{error.strerror}; free some space or choose another place with -o"
        return "the disk may be full; free some space or choose another place with -o"
