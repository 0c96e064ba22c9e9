"""Files that appear under their name when they are complete, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
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
    beside = path.parent / temporary
    try:
        with open(beside, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


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
