"""The folders of alarms: one for all, made if need be, and a new one in it for each recording."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from pathlib import Path

from audiocos.audio.names import shown
from audiocos.errors import AudioFileError


def make_folder(folder: Path) -> None:
    """Make a folder for recordings, unless it is there.

    Raises:
        AudioFileError: it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise AudioFileError(f"{shown(folder)}: is a file; alarms are recorded into a folder. Name another.") from None
    except OSError as error:
        raise AudioFileError(f"{shown(folder)}: cannot be made: {error.strerror}. Choose another place.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise AudioFileError(f"{shown(folder)}: cannot be written to. Choose another place, or allow it.")


def new_folder(parent: Path, began: float) -> Path:
    """A folder that was not there before, named by the time."""
    stem = datetime.fromtimestamp(began).strftime("alarm-%Y%m%d-%H%M%S")
    number = 1
    while True:
        folder = parent / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def remove_if_empty(folder: Path) -> None:
    """One in which nothing came to be."""
    with contextlib.suppress(OSError):
        folder.rmdir()
