"""The key "record": what is listened to, into a file of its own."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from audiocos.audio.formats import fits, from_float
from audiocos.audio.names import shown
from audiocos.audio.writer import Writer
from audiocos.errors import AudiocosError
from audiocos.metrics import Array

_FORMAT, _SUBTYPE = "WAV", "FLOAT"  # the residual is often far below what 16 bits hold


class Capture:
    """Records between `start` and `stop`; a tap: `feed` runs on the meter thread, the rest on any other.

    The file appears under its name when it is whole, and never in the place of another. One that has grown to what
    its container holds (4 GiB) is finished, and the next begins.

    Args:
        sample_rate: Hz.
        channels: C.
        listening: says what is listened to: "output", "input" or "residual".
        folder: where the files go.
    """

    def __init__(self, sample_rate: int, channels: int, listening: Callable[[], str], folder: str = ".") -> None:
        self._rate, self._channels, self._listening, self._folder = sample_rate, channels, listening, folder
        self._lock = threading.Lock()
        self._writer: Writer | None = None
        self._samples = 0
        self._news: str | None = None
        self.failed: str | None = None
        """What the first recording that failed failed of."""

    @property
    def running(self) -> bool:
        """Whether it records."""
        return self._writer is not None

    @property
    def time_s(self) -> float:
        """How long the file has become, in seconds."""
        return self._samples / self._rate

    def news(self) -> str | None:
        """What went wrong since the last time, told once."""
        told, self._news = self._news, None
        return told

    def start(self) -> str:
        """Begin a file; its name.

        Raises:
            AudioFileError: it cannot be made.
        """
        with self._lock:
            if self._writer is None:
                try:
                    self._open()
                except AudiocosError as error:
                    self.failed = self.failed or str(error)
                    raise
            assert self._writer is not None
            return self._writer.name

    def stop(self) -> str | None:
        """Finish the file; its name, None where there is none.

        Raises:
            AudioFileError: it cannot be finished; the text names it and the remedy.
        """
        with self._lock:
            writer = self._taken()
        try:
            return _finished(writer)  # the disk may take its time, and `feed` does not wait for it
        except AudiocosError as error:
            self.failed = self.failed or str(error)
            raise

    def feed(self, x: Array, y: Array) -> None:
        """Take the next block of both, `[channels, samples]`; what fails is told by `news`, and ends the file."""
        with self._lock:
            if self._writer is None:
                return
            what = self._listening()
            try:
                samples, _ = from_float(x if what == "input" else y if what == "output" else x - y, _SUBTYPE)
                if not fits(_FORMAT, _SUBTYPE, self._channels, self._samples + len(samples)):
                    _finished(self._taken())
                    self._open()
                self._writer.write(samples)
                self._samples += len(samples)
            except AudiocosError as error:
                self._news = f"{error}{self._kept()}"
                self.failed = self.failed or self._news

    def _open(self) -> None:
        path = _new_name(self._folder)
        try:
            sound = _FORMAT, _SUBTYPE, self._rate, self._channels
            self._writer = Writer(path, *sound, place=None, live=True, replace=True)
        except AudiocosError:
            _remove_if_empty(path)
            raise
        self._samples = 0

    def _taken(self) -> Writer | None:
        """What was written to, and no longer is."""
        writer, self._writer = self._writer, None
        return writer

    def _kept(self) -> str:
        """End the file with what got into it; the sentence that says so."""
        writer = self._taken()
        seconds = 0.0 if writer is None else _keep(writer)
        return f" The {seconds:.1f} s before that are in it." if seconds else ""


def _finished(writer: Writer | None) -> str | None:
    """Give the file its name; that name."""
    if writer is None:
        return None
    try:
        writer.commit()
    except AudiocosError:
        _keep(writer)
        raise
    return writer.name


def _keep(writer: Writer) -> float:
    seconds = writer.keep()
    if not seconds:
        _remove_if_empty(writer.path)
    return seconds


def _new_name(folder: str) -> str:
    """A name that no file has, taken at once by an empty one: another monitor may record, too.

    Where the folder cannot be written to the name alone is given, and who opens it says why.
    """
    stem: Any = os.path.normpath(os.path.join(folder, time.strftime("audiocos-%Y%m%d-%H%M%S")))
    for number in range(1, 1000):
        path = f"{stem}{'' if number == 1 else f'-{number}'}.wav"
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue
        except OSError:
            return path
        return path
    raise AudiocosError(f"{shown(stem)}: a thousand files of this name are there. Move some away.")


def _remove_if_empty(path: str) -> None:
    with contextlib.suppress(OSError):
        if os.path.getsize(path) == 0:
            os.unlink(path)
