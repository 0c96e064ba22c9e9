"""Whether something can be written at a place: asked before any work, for at the end it would be lost."""

from __future__ import annotations

import os
from pathlib import Path

from audiocos.audio.names import shown
from audiocos.errors import AudiocosError


def in_the_way(path: str, *, force: bool, option: str | None = None) -> str | None:
    """What keeps a file from getting a name, as the rest of a sentence that begins with the name; None: nothing.

    Args:
        path: where the file would go.
        force: a file that is there may be replaced; a folder or a device never is.
        option: that names the file, for the remedy.
    """
    where = f" with {option}" if option else ""
    if os.path.isdir(path):
        return f"is a folder. Choose another name{where}."
    if os.path.exists(path) and not os.path.isfile(path):
        return f"is a device or a pipe. Choose a file{where}{'; -o - is standard output' if option == '-o' else ''}."
    if os.path.lexists(path) and not force:
        return f"exists already. Pass --force to replace it{', or choose another place' + where if where else ''}."
    return None


def check_writable(name: str, folder: Path) -> None:
    """Insist that a folder can be made and written to, as far as the nearest one that exists tells.

    Args:
        name: what to call it in the error.
        folder: need not be there.

    Raises:
        AudiocosError: it cannot.
    """
    while not os.path.lexists(folder):
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        reason = "is a file" if folder.exists() else "is a link that leads nowhere"
        reason = "is not writable" if folder.is_dir() else reason
        raise AudiocosError(f"{name}: cannot be written: {shown(folder)} {reason}. Choose another place.")
