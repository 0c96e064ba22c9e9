"""Reading audio files in blocks, and saying what is wrong with them.

libsndfile reads many damaged files silently short. Nothing here is allocated from what a header claims, and the
claim is compared with what was read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from audiocos.audio import caf, ogg
from audiocos.audio.background import aside
from audiocos.audio.claims import broken_claim, claims_nothing, ends_at_header, looks_like
from audiocos.audio.formats import bytes_per_sample, extension_of, native_dtype
from audiocos.audio.names import shown
from audiocos.audio.peek import peek
from audiocos.audio.stdin import seekable_or_plain
from audiocos.errors import AudioFileError

Array = NDArray[Any]

UNKNOWN_FRAMES = 2**40
"""Headers that claim this many frames or more do not know their length (an unfinished FLAC, a pipe)."""

_UNKNOWN_BYTES = 2**31 - 2**16
"""Who writes a WAV into a pipe cannot know its length and says 2 or 4 GiB, less a little."""

IMPLAUSIBLE = 1e10
"""Float samples beyond this are damage, not sound: the largest integer scale in use is 2^31."""

_HEADERLESS = {"raw", "pcm", "s16", "s16le"}

_CODED = {"FLAC", "OGG", "MP3"}
_CODED_STEP = 4096  # a decoding error costs the block it falls in: one FLAC frame


class _Sequential(sf.SoundFile):  # type: ignore[misc]
    """soundfile seeks after every block of a seekable file, which costs time and fails on cut FLACs."""

    def seekable(self) -> bool:
        return False


@dataclass
class Reader:
    """An open audio file. Use as a context manager; iterate with `blocks`.

    Args:
        path: a file's name, or "-" for standard input.
        strict: damage is an error, not a warning.
        sanitize: replace samples that are not finite or implausible by 0, and count them.

    Raises:
        AudioFileError: the file cannot be read; the text names it and the remedy.
    """

    path: str
    strict: bool = False
    sanitize: bool = False
    warnings: list[str] = field(default_factory=list)
    sanitized: int = 0
    first_sanitized: int | None = None
    """The frame of the first sample replaced."""
    read: int = 0

    def __post_init__(self) -> None:
        self.name = "standard input" if self.path == "-" else shown(self.path)
        self._descriptor = self._open()
        try:
            self._file = self._decoder()
            self.format: str = self._file.format
            self.subtype: str = self._file.subtype
            self.endian: str = self._file.endian
            self.channels: int = self._file.channels
            self.sample_rate: int = self._file.samplerate
            self.frames: int | None = self._claimed_frames()
            self._check_header()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; more than once does no harm."""
        if hasattr(self, "_file"):
            self._file.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def piped(self) -> bool:
        """Whether it comes from another program, which may be recording it just now."""
        return self._size() is None

    @property
    def tags(self) -> dict[str, str]:
        """Title, artist and so on."""
        found: dict[str, str] = self._file.copy_metadata()
        return found

    def skip_to(self, frame: int) -> None:
        """Go on with a frame, counted from the beginning; before the first block, in files that can be searched.

        Raises:
            AudioFileError: the file ends before, or is damaged there.
        """
        try:
            self.read = int(self._file.seek(frame))
        except sf.LibsndfileError as error:
            raise AudioFileError(
                f"{self.name}: nothing can be read at {self._seconds(frame)}{_plain(error)}. "
                "Get it from its source again, or leave it out."
            ) from error

    def blocks(self, size: int) -> Iterator[Array]:
        """Blocks of at most `size` frames, `[samples, channels]` in the subtype's native dtype.

        Raises:
            AudioFileError: not a single frame can be read, or damage under `strict` or without `sanitize`.
        """
        dtype = native_dtype(self.subtype)
        step = _CODED_STEP if self.format in _CODED else size
        spare = np.empty((step if step != size else 0, self.channels), dtype)
        held, ended = spare[:0], False  # what is decoded already: what damage costs does not depend on `size`
        while True:
            block = np.empty((size, self.channels), dtype)
            filled = 0
            while filled < size and (len(held) or not ended):
                room = block[filled:]
                if not len(held) and len(room) >= step:
                    got = self._read(room[:step], self.read + filled)
                    ended = got < step
                elif not len(held):
                    held = spare[: self._read(spare, self.read + filled)]
                    got, ended = 0, len(held) < step
                else:
                    got = min(len(held), len(room))
                    room[:got], held = held[:got], held[got:]
                filled += got
            self.read += filled
            block = block[:filled]
            if filled:
                self._check_samples(block)
                yield block
            if ended and not len(held):
                break
        self._check_end()

    def _read(self, out: Array, position: int) -> int:
        try:
            return len(self._file.read(len(out), dtype=out.dtype.name, always_2d=True, out=out))
        except sf.LibsndfileError as error:
            rest = f" of {self._seconds(self.frames)}, the rest is lost" if self.frames else ""
            self._damaged(f"damaged at {self._seconds(position)}{rest}{_plain(error)}")
            return 0

    def _check_samples(self, block: Array) -> None:
        if block.dtype.kind != "f":
            return
        low, high = block.min(), block.max()
        if low >= -IMPLAUSIBLE and high <= IMPLAUSIBLE:  # false for NaN too
            return
        bad = ~(np.abs(block) <= IMPLAUSIBLE)
        where = int(np.flatnonzero(bad.any(axis=1))[0]) + self.read - len(block)
        if not self.sanitize:
            value = block[bad][0]
            raise AudioFileError(
                f"{self.name}: sample {where} is {value:g}, which no sound is. Pass --sanitize to replace such "
                "samples by silence."
            )
        if self.first_sanitized is None:
            self.first_sanitized = where
        self.sanitized += int(bad.sum())
        block[bad] = 0

    def _claimed_frames(self) -> int | None:
        claimed: int = self._file.frames
        piped = self.path == "-" and claimed * self.channels * bytes_per_sample(self.subtype) >= _UNKNOWN_BYTES
        return claimed if 0 < claimed < UNKNOWN_FRAMES and not piped else None

    def _check_header(self) -> None:
        """Compare the header's sizes with the file's, as libsndfile's log tells them."""
        if self.sample_rate < 1:
            raise AudioFileError(f"{self.name}: its header says {self.sample_rate} Hz. Repair the header.")
        log = self._file.extra_info
        if self._file.frames == 0 and self.format != "OGG":
            self._no_sound(log)
        if claim := broken_claim(log):
            self._cut_off(claim.promised, claim.there)

    def _no_sound(self, log: str) -> None:
        size = self._size()
        if claims_nothing(log) and size is not None and size > 64:
            raise AudioFileError(
                f"{self.name}: its header says 0 bytes of sound, but the file has {size} bytes: a recording that was "
                "not finished. Repair the header, for example: ffmpeg -ignore_length 1 -i IN.wav OUT.wav"
            )
        if claims_nothing(log) and size is None:
            raise AudioFileError(
                f"{self.name}: its header says 0 bytes of sound, as one does who cannot go back in a pipe. Make it AU "
                "on the way, for example: ffmpeg -ignore_length 1 -i - -f au -"
            )
        why = "cut off right after its header" if ends_at_header(log) else "its header counts 0 frames"
        raise AudioFileError(f"{self.name}: holds no sound: {why}. Get it from its source again, or leave it out.")

    def _check_end(self) -> None:
        if self.read == 0:
            raise AudioFileError(
                f"{self.name}: no sound in it can be decoded. Get it from its source again; ffmpeg may save a part."
            )
        if self.warnings:
            return
        if self.frames is not None and self.read < self.frames:
            self._cut_off(self._seconds(self.frames), self._seconds(self.read))
        elif self.format == "OGG" and self._size() and not ogg.is_whole(self._descriptor):
            self._damaged(f"cut off: its last page is missing; {self._seconds(self.read)} are there")
        elif self.frames is None and self.format in _CODED and self.path != "-":
            self._damaged(f"unfinished: its header has no length; {self._seconds(self.read)} are there")

    def _cut_off(self, promised: str, there: str) -> None:
        self._damaged(f"cut off: its header promises {promised}, {there} are there")

    def _damaged(self, what: str) -> None:
        if self.strict:
            raise AudioFileError(f"{self.name}: {what}. Leave out --strict to process what is there.")
        self.warnings.append(f"{self.name}: {what}. Processing what is there; --strict refuses it.")

    def _seconds(self, frames: int) -> str:
        return f"{frames / self.sample_rate:.2f} s"

    def _open(self) -> int:
        if self.path == "-":
            return seekable_or_plain()
        try:
            # Not to wait for the writer of a named pipe.
            flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
            descriptor = os.open(self.path, flags)
        except FileNotFoundError as error:
            link = " (the link leads nowhere)" if os.path.islink(self.path) else ""
            raise AudioFileError(f"{self.name}: no such file{link}. Check the path.") from error
        except OSError as error:
            raise AudioFileError(
                f"{self.name}: cannot be opened: {error.strerror}. Check the path and its permissions."
            ) from error
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            return descriptor
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise AudioFileError(f"{self.name}: a folder, not a file. Give one of its files.")
        if stat.S_ISFIFO(mode):
            raise AudioFileError(f"{self.name}: a pipe, not a file. Feed it in by standard input (- < PIPE).")
        raise AudioFileError(f"{self.name}: a device, not a file. Give a recording.")

    def _decoder(self) -> _Sequential:
        source: int | caf.Mended = self._descriptor
        cut = caf.find_cut(self._descriptor) if self._size() else None
        if cut is not None:
            self._cut_off(f"{cut.claimed} bytes of sound", str(cut.there))
            source = caf.Mended(self._descriptor, cut)
        make = partial(_Sequential, source, closefd=False)
        try:
            return make() if self._size() is not None else aside(make)
        except sf.LibsndfileError as error:
            raise AudioFileError(self._why_not(error)) from error
        except BaseException:  # a signal: the thread still waits for the header, and keeps the descriptor
            self._descriptor = -1
            raise

    def _size(self) -> int | None:
        """Bytes of the file, None for a pipe."""
        status = os.fstat(self._descriptor)
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def _why_not(self, error: Exception) -> str:
        if self._size() == 0:
            remedy = "Feed it a recording" if self.path == "-" else "Get it from its source again, or leave it out"
            return f"{self.name}: empty, 0 bytes. {remedy}."
        if "recognised" in str(error) or "unknown format" in str(error).lower():
            if extension_of(self.path) in _HEADERLESS:
                return (
                    f"{self.name}: raw samples without a header. Give it one, for example: "
                    "ffmpeg -f s16le -ar RATE -ac CHANNELS -i IN.raw OUT.wav"
                )
            return f"{self.name}: not audio that can be read{self._looks_like()}. Convert it to WAV, or leave it out."
        return (
            f"{self.name}: its header is damaged or cut off{_plain(error)}. "
            "Get it from its source again, or convert it with another tool first."
        )

    def _looks_like(self) -> str:
        return "" if self._size() is None else looks_like(peek(self._descriptor, 512, 0))


def _plain(error: Exception) -> str:
    """Libsndfile's own words in brackets; nothing where they would mislead."""
    text = str(getattr(error, "error_string", error)).rstrip(".").removeprefix("Error : ")
    if "unimplemented" in text or "possibly a pipe" in text:
        return ""
    return f" ({text.replace('Internal psf_fseek() failed', 'data is missing')})"
