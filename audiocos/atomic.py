"""Files that appear under their name when they are complete, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def replace_file(path: Path, parts: Iterable[bytes], temporary: str) -> None:
    """Write beside the file, sync, rename over it, sync the folder: a crash leaves the old file or the new one.

    Args:
        path: the file; one that is there is replaced.
        parts: its content, in order.
        temporary: name to write under until then, in the same folder.

    Raises:
        OSError: it cannot be written; the old file is as it was.
    """
    with _written(path.parent / temporary, parts) as beside:
        os.replace(beside, path)


def add_file(path: Path, parts: Iterable[bytes], temporary: str) -> Path:
    """The same, but a file that is there stays: then the new one gets a free name, see `give_free_name`.

    Returns:
        The name it got.

    Raises:
        OSError: it cannot be written.
    """
    with _written(path.parent / temporary, parts) as beside:
        return Path(give_free_name(str(beside), str(path)))


@contextmanager
def _written(beside: Path, parts: Iterable[bytes]) -> Iterator[Path]:
    """A file with its content on the disk, to be renamed; gone where it was not."""
    try:
        with open(beside, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        yield beside
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(beside.parent)


def give_name(temporary: str, path: str, *, replace: bool) -> None:
    """Rename a file within its folder; again after an interruption, this does what is left to do.

    Args:
        temporary: its name until now.
        path: its name to be.
        replace: a file that has the name loses it. Else none does, whenever it appeared; where there can be no hard
            links, that is looked at just before.

    Raises:
        FileExistsError: there is a file of that name, and none is to be replaced.
        OSError: it cannot have that name.
    """
    if replace:
        os.replace(temporary, path)
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        if not _are_one(temporary, path):
            raise _exists(path) from None
    except FileNotFoundError:  # it has its name already, or its folder has gone
        raise
    except OSError:  # a file system without links, or without room for one
        if os.path.lexists(path):
            raise _exists(path) from None
        os.replace(temporary, path)
        return
    os.unlink(temporary)


def give_free_name(temporary: str, path: str) -> str:
    """Rename a file, to the first of `take.wav`, `take-2.wav`, `take-3.wav` and so on that none has; gives that.

    Raises:
        OSError: it cannot have one.
    """
    (stem, ending), number, name = os.path.splitext(path), 1, path
    while True:
        try:
            give_name(temporary, name, replace=False)
            return name
        except FileExistsError:
            number += 1
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG or number == 1 or not os.path.basename(stem):
                raise
            stem = stem[:-1]
        name = f"{stem}-{number}{ending}"


def _are_one(temporary: str, path: str) -> bool:
    """Whether a file has both names; the other one, if it is another's, may go at any moment."""
    try:
        return os.path.samestat(os.lstat(temporary), os.lstat(path))
    except FileNotFoundError:
        return False


def _exists(path: str) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)


def is_full(error: OSError) -> bool:
    """Whether room is what is missing."""
    return error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


def remedy(error: OSError) -> str:
    """What to do about a file that cannot be written.

    >>> remedy(OSError(errno.ENOSPC, "")), remedy(OSError(errno.EACCES, ""))
    ('Make room, or choose another place.', 'Choose another place.')
    """
    return "Make room, or choose another place." if is_full(error) else "Choose another place."


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last through a power failure."""
    if os.name == "nt":  # Windows opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
