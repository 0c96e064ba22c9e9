"""Writing audio files whole or not at all."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import soundfile as sf
from numpy.typing import NDArray

from audiocos.audio.formats import LIMIT_BYTES, bytes_per_sample, can_hold, container_for, fits
from audiocos.audio.names import shown
from audiocos.audio.riff import make_plain, may_stay_small
from audiocos.audio.unfinished import Unfinished
from audiocos.counting import counted
from audiocos.errors import AudioFileError

Array = NDArray[Any]

_SYSTEM_ERROR = 2  # libsndfile's code for what the operating system refused
_LAST_WORDS = 2**16  # bytes; what encoders hold back, and write at the end
_BLOCK_S = 0.25


class _Sequential(sf.SoundFile):  # type: ignore[misc]
    """soundfile seeks after every block of a seekable file; a writer that only appends need not."""

    def seekable(self) -> bool:
        return False


@dataclass
class Writer:
    """An audio file in the making, under a temporary name beside its own until `commit`.

    Use as a context manager: leaving it without `commit` or `keep` removes what was written.

    Args:
        path: the file's name, or "-" for standard output.
        format: the container, as libsndfile names it; a WAV that could not hold `frames` becomes RF64 if so many come.
        subtype: the sample type.
        sample_rate: Hz.
        channels: at least 1.
        frames: how many are expected; None when unknown.
        endian: as soundfile names it.
        tags: title, artist and so on.
        option: that chooses the container, for what may help; None where the extension of the name does.
        place: the option that says where the file goes, likewise; None where no option does.
        live: what is written cannot be had again: room is kept free with which `keep` can finish it on a full disk, and
            where another file has its name by then, it gets a free one.
        replace: it takes its name from a file that has it then; else none is replaced.

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
    option: str | None = None
    place: str | None = "-o"
    live: bool = False
    replace: bool = False

    def __post_init__(self) -> None:
        self.name = "standard output" if self.path == "-" else shown(self.path)
        self.container = container_for(self.format, self.subtype, self.channels, self.frames)
        self._written = 0
        self._whole = 0  # bytes of the file after the last block that got into it
        self._unfinished: Unfinished | None = None
        if not fits(self.container, self.subtype, self.channels, self.frames):
            raise self._too_long()
        if not can_hold(self.container, self.subtype):
            known = (name for name in sf.available_subtypes(self.container) if can_hold(self.container, name))
            subtypes = ", ".join(sorted(known)).lower()
            raise AudioFileError(
                f"{self.name}: {self.container} cannot hold {self.subtype}. Choose --subtype from {subtypes}."
            )
        target = self._open()
        try:
            self._file = _Sequential(
                target,
                "w",
                samplerate=self.sample_rate,
                channels=self.channels,
                format=self.container,
                subtype=self.subtype,
                endian=self.endian if sf.check_format(self.container, self.subtype, self.endian) else "FILE",
            )
            self._grows = self.live and self.container != self.format  # else its length is known
            if self._grows:
                may_stay_small(self._file)
            self._set_tags()
        except (sf.LibsndfileError, ValueError) as error:
            failure = self._cannot("written") if self._failed(error) else self._unfit()
            self.abort()
            raise failure from error

    @property
    def found(self) -> str:
        """What to look for: its own name, or the free one that it got."""
        return self.name if self._unfinished is None else shown(self._unfinished.path)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.abort()

    def write(self, block: Array) -> None:
        """Append native samples, `[samples, channels]`.

        Raises:
            AudioFileError: the disk is full, the container is, or the reader of a pipe has gone.
        """
        if not fits(self.container, self.subtype, self.channels, self._written + len(block)):
            raise self._too_long()
        try:
            self._file.write(block)
        except (sf.LibsndfileError, AssertionError, OSError) as error:
            raise self._cannot("written") from error
        if self._unfinished is None or self._unfinished.error is None:
            self._written += len(block)
            self._whole = 0 if self._unfinished is None else self._unfinished.size
        if self._failed():
            raise self._cannot("written")

    def commit(self) -> None:
        """Finish the file and give it its name.

        Raises:
            AudioFileError: it cannot be finished, or another file has the name by now.
        """
        try:
            self._file.flush()
            self._file.close()
            self._publish()
        except FileExistsError as error:
            raise AudioFileError(f"{self._taken} Pass --force to replace it, or choose another place.") from error
        except (sf.LibsndfileError, OSError) as error:
            raise self._cannot("finished", error) from error
        if self.found != self.name:
            raise AudioFileError(f"{self._taken} This is in {self.found}.")

    def keep(self) -> float:
        """After a failure, finish the file with what got into it and give it its name; seconds, 0: there is no file."""
        try:
            if self._unfinished is None or not self._written or self._unfinished.closed:
                return 0.0
            if self._unfinished.error is not None:
                self._unfinished.cut(self._whole)
            self._unfinished.full = None
            if not self._file.closed:
                self._file.close()
            if self._unfinished.error is not None:  # the encoder's last words are missing, and the rest can be read
                self._unfinished.cut(self._unfinished.size)
            self._publish()
            return self._written / self.sample_rate
        except (sf.LibsndfileError, OSError):
            return 0.0
        finally:
            self.abort()

    def leave(self) -> None:
        """Give the file its name as it is, while another thread is held up in writing or finishing it.

        Raises:
            AudioFileError: it cannot have it.
        """
        if self._unfinished is not None:
            try:
                self._unfinished.leave()
            except OSError as error:
                raise self._cannot("finished", error) from error

    def abort(self) -> None:
        """Forget the file; after `commit` this does nothing."""
        if hasattr(self, "_file") and not self._file.closed:
            with contextlib.suppress(sf.LibsndfileError, OSError):
                self._file.close()
        if self._unfinished is not None:
            self._unfinished.remove()

    @property
    def _taken(self) -> str:
        return f"{self.name}: appeared while this was being written, and was not replaced."

    def _publish(self) -> None:
        if self._unfinished is not None:
            if self._grows:
                make_plain(self._unfinished)
            self._unfinished.publish()

    def _open(self) -> int | Unfinished:
        if self.path == "-":
            if sys.stdout is None:
                raise AudioFileError(f"{self.name}: closed. Name a file with -o.")
            return os.dup(sys.stdout.fileno())
        try:
            reserve = self._room() if self.live else 0
            self._unfinished = Unfinished(self.path, replace=self.replace, beside=self.live, reserve=reserve)
        except OSError as error:
            raise AudioFileError(
                f"{self.name}: cannot be made: {error.strerror}. Choose another place or name{self._with_option}."
            ) from error
        return self._unfinished

    def _room(self) -> int:
        """Bytes that a block and what ends a file take."""
        second = self.channels * bytes_per_sample(self.subtype) * self.sample_rate
        return _LAST_WORDS + math.ceil(_BLOCK_S * second)

    def _set_tags(self) -> None:
        for tag, value in self.tags.items():
            with contextlib.suppress(sf.LibsndfileError, AttributeError):  # not every container has every tag
                setattr(self._file, tag, value)

    def _too_long(self) -> AudioFileError:
        most = LIMIT_BYTES // (self.channels * bytes_per_sample(self.subtype) * self.sample_rate)
        wide = f"Pass {self.option} rf64, w64 or caf" if self.option else "Choose .rf64, .w64 or .caf"
        return AudioFileError(f"{self.name}: {self.container} holds at most 4 GiB, here {most} s. {wide}.")

    def _unfit(self) -> AudioFileError:
        if self.path == "-" and self.container != "AU":
            return AudioFileError(
                f"{self.name}: {self.container} cannot be written into a pipe. Choose --format au, or a file with -o."
            )
        other = f"{self.option}, for example wav" if self.option else "extension, for example .wav"
        return AudioFileError(
            f"{self.name}: {self.container} cannot hold {counted(self.channels, 'channel')} of {self.subtype} at "
            f"{self.sample_rate} Hz. Choose another {other}."
        )

    def _failed(self, error: Exception | None = None) -> bool:
        """Whether the operating system refused something, and not libsndfile."""
        if self._unfinished is not None:
            return (self._unfinished.error or self._unfinished.full) is not None
        return getattr(error, "code", None) == _SYSTEM_ERROR

    def _cannot(self, what: str, error: Exception | None = None) -> AudioFileError:
        if self._unfinished is None:
            return AudioFileError(f"{self.name}: cannot be {what}: its reader has gone, or the disk is full.")
        cause = self._unfinished.error or self._unfinished.full or error
        why = getattr(cause, "strerror", None) or str(cause).rstrip(".")
        remedy = f"Free some space or choose another place{self._with_option}."
        return AudioFileError(f"{self.name}: cannot be {what}: {why}. {remedy}")

    @property
    def _with_option(self) -> str:
        return f" with {self.place}" if self.place else ""
