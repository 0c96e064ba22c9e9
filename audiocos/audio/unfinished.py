"""Files in the making: under a temporary name until they are whole, and gone if they never will be."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from audiocos.atomic import give_free_name, give_name

_names: set[str] = set()
_folders: list[str] = []
_lock = threading.RLock()  # the main thread may hold it when a signal makes it call `remove_all`


class Unfinished:
    """A file that libsndfile writes through Python, so that no error of the operating system is lost.

    Some of libsndfile's encoders (FLAC, Vorbis, ALAC) take no notice of a failed write: a full disk would pass for
    a whole file. `error` keeps the first failure.

    Args:
        path: the name that the file will get; its folder is made if need be.
        replace: it takes that from a file that has it then; else none loses its name to it.
        beside: where another has the name then and keeps it, it gets a free one: what is in it cannot be had again.
        reserve: bytes to keep free for its end.

    Raises:
        OSError: the folder cannot be made or written to, or the name cannot be.
    """

    def __init__(self, path: str, *, replace: bool = False, beside: bool = False, reserve: int = 0) -> None:
        self._path, self._replace, self._beside = path, replace, beside
        self.error: OSError | None = None
        self.full: OSError | None = None
        self._end: int | None = None
        folder = os.path.dirname(path) or "."
        os.makedirs(folder, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.lstat(path)  # says early that a name is too long
        # A short name of its own: the file's may be as long as the file system allows.
        self._temporary = os.path.join(folder, f".audiocos-{secrets.token_hex(6)}.part")
        with _lock:
            _names.add(self._temporary)  # before the file is there: an interruption may come in between
            self._file = open(self._temporary, "x+b", buffering=0)  # noqa: SIM115
        self._reserve: IO[bytes] | None = None
        if reserve:
            self._keep_free(folder, reserve)

    @property
    def path(self) -> str:
        """The name that it will get, and what it got in the end."""
        return self._path

    @property
    def size(self) -> int:
        """Bytes so far."""
        return os.fstat(self._file.fileno()).st_size

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written: at most the name is missing."""
        return self._file.closed

    def write(self, content: bytes) -> int:
        """Write all of it, or keep the error and write nothing more."""
        rest = memoryview(content)
        if self._end is not None:
            rest = rest[: max(self._end - self._file.tell(), 0)]
        while rest and self.error is None:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as error:
                self.full = self.full or error
                if self._reserve is None:
                    self.error = error
                self._give_up_reserve()
        return len(content) - len(rest)

    def cut(self, size: int) -> None:
        """After an error: leave out what came after so many bytes; those there are may be written over, no more."""
        self._file.truncate(size)
        self._file.seek(size)
        self.error, self._end = None, size

    def read(self, count: int) -> bytes:
        """As files do."""
        return self._file.read(count) or b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As files do."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As files do."""
        return self._file.tell()

    def publish(self) -> None:
        """Give the file its name, once its content is on the disk.

        Raises:
            FileExistsError: another has it by now.
            OSError: something of it could not be written.
        """
        self.complete()
        with _lock:
            self._rename()

    def complete(self) -> None:
        """Put the content on the disk; nothing more is written.

        Raises:
            OSError: something of it could not be written.
        """
        if self.error is not None:
            raise self.error
        self._give_up_reserve()
        os.fsync(self._file.fileno())
        self._file.close()

    def _keep_free(self, folder: str, size: int) -> None:
        try:
            self._reserve = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
            rest = memoryview(bytes(size))
            while rest:
                rest = rest[self._reserve.write(rest) :]
        except OSError:
            self.remove()
            raise

    def _give_up_reserve(self) -> None:
        if self._reserve is not None:
            self._reserve.close()  # it has no name: its room is free
            self._reserve = None

    def _look(self) -> None:
        if os.path.isdir(self._path) and not os.path.islink(self._path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self._path)
        if not self._replace and os.path.lexists(self._path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self._path)

    def _rename(self) -> None:
        if self._temporary in _names:
            if self._beside and not self._replace:
                self._path = give_free_name(self._temporary, self._path)
            else:
                give_name(self._temporary, self._path, replace=self._replace)
            _names.discard(self._temporary)

    def leave(self) -> None:
        """Give the file its name with what is in it, whole or not; who is still at it changes only the content."""
        with _lock:
            self._rename()

    def remove(self) -> None:
        """Forget the file; after `publish` this does nothing but give up the reserve."""
        self._file.close()
        self._give_up_reserve()
        with _lock:
            if self._temporary in _names:
                with contextlib.suppress(OSError):
                    os.unlink(self._temporary)
                _names.discard(self._temporary)


def publish_together(files: Sequence[Unfinished]) -> None:
    """Give files their names, once the content of every one is on the disk; an interruption comes before or after.

    Args:
        files: none published before, and none to go beside another.

    Raises:
        FileExistsError: one is there; none has its name, unless it appeared while they were getting them.
        OSError: something could not be written, and none has its name; or one could not get its name.
    """
    for file in files:
        file.complete()
    with _lock:
        for file in files:
            file._look()
        try:
            for file in files:
                file._rename()
        except (KeyboardInterrupt, SystemExit):  # signals that end us raise these, once
            for file in files:
                with contextlib.suppress(FileNotFoundError):  # renamed, and interrupted before that was noted
                    file._rename()
            raise


def make_folder(path: Path) -> None:
    """Make a folder and those above it that are not there; they go again if nothing gets into them.

    Raises:
        OSError: one cannot be made.
    """
    missing = []
    while not os.path.lexists(path):
        missing.append(path)
        path = path.parent
    with _lock:
        for folder in reversed(missing):
            _folders.append(str(folder))
            folder.mkdir(exist_ok=True)


def remove_empty_folders() -> None:
    """Remove the folders that `make_folder` made and nothing got into."""
    with _lock:
        for folder in reversed(_folders):
            with contextlib.suppress(OSError):  # it is not empty: its files have their names
                os.rmdir(folder)
        _folders.clear()


def remove_all() -> None:
    """Remove every unfinished file, and the folders made for them.

    For a process about to end: it keeps the lock, so that no thread begins another.
    """
    _lock.acquire()
    for name in _names:
        with contextlib.suppress(OSError):
            os.unlink(name)
    remove_empty_folders()
