"""Files in the making: under a temporary name until they are whole, and gone if they never will be."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import threading
from collections.abc import Sequence
from pathlib import Path

_names: set[str] = set()
_folders: list[str] = []
_lock = threading.RLock()  # the main thread may hold it when a signal makes it call `remove_all`


class Unfinished:
    """A file that libsndfile writes through Python, so that no error of the operating system is lost.

    Some of libsndfile's encoders (FLAC, Vorbis, ALAC) take no notice of a failed write: a full disk would pass for
    a whole file. `error` keeps the first failure.

    Args:
        path: the name that the file will get; its folder is made if need be.

    Raises:
        OSError: the folder cannot be made or written to, or the name cannot be.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.error: OSError | None = None
        folder = os.path.dirname(path) or "."
        os.makedirs(folder, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.lstat(path)  # says early that a name is too long
        # A short name of its own: the file's may be as long as the file system allows.
        self._temporary = os.path.join(folder, f".audiocos-{secrets.token_hex(6)}.part")
        with _lock:
            _names.add(self._temporary)  # before the file is there: an interruption may come in between
            self._file = open(self._temporary, "x+b", buffering=0)  # noqa: SIM115

    def write(self, content: bytes) -> int:
        """Write all of it, or keep the error and write nothing more."""
        rest = memoryview(content)
        try:
            while rest and self.error is None:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self.error = error
        return len(content) - len(rest)

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
        os.fsync(self._file.fileno())
        self._file.close()

    def _look(self, replace: bool) -> None:
        if os.path.isdir(self._path) and not os.path.islink(self._path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self._path)
        if not replace and os.path.lexists(self._path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self._path)

    def _rename(self) -> None:
        if self._temporary in _names:
            os.replace(self._temporary, self._path)
            _names.discard(self._temporary)

    def remove(self) -> None:
        """Forget the file; after `publish` this does nothing."""
        self._file.close()
        with _lock:
            if self._temporary in _names:
                with contextlib.suppress(OSError):
                    os.unlink(self._temporary)
                _names.discard(self._temporary)


def publish_together(files: Sequence[Unfinished], *, replace: bool) -> None:
    """Give files their names, once the content of every one is on the disk; an interruption comes before or after.

    Args:
        files: none published before.
        replace: files of these names may be there.

    Raises:
        FileExistsError: one is there; none has its name.
        OSError: something could not be written, and none has its name; or one could not get its name.
    """
    for file in files:
        file.complete()
    with _lock:
        for file in files:
            file._look(replace)
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
