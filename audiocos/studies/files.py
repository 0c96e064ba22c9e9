"""A study's files: all of them appear under their names together, or none does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from audiocos.atomic import remedy, sync_folder
from audiocos.audio.names import shown
from audiocos.audio.unfinished import Unfinished, make_folder, publish_together, remove_empty_folders
from audiocos.errors import AudiocosError


def write_together(folder: Path, contents: Mapping[str, bytes], *, replace: bool) -> None:
    """Write files under temporary names and rename them once all are on the disk.

    A failure or an interruption before that leaves the folder as it was, or gone where it was not there.

    Args:
        folder: made if it is not there.
        contents: of each file, by its name, in the order they are renamed.
        replace: files of these names may be there already.

    Raises:
        AudiocosError: one cannot be written, or is there already.
    """
    files: list[Unfinished] = []
    place = folder
    try:
        make_folder(folder)
        for name, content in contents.items():
            place = folder / name
            files.append(_written(place, content, replace=replace))
        publish_together(files)
        sync_folder(folder)
    except FileExistsError as error:
        raise AudiocosError(
            f"{shown(error.filename)}: exists already, since this run began; nothing was replaced. "
            "Choose another folder or pass --force."
        ) from error
    except OSError as error:
        raise _unwritable(Path(error.filename or place), error) from error
    finally:
        for file in files:
            file.remove()  # nothing, where it has its name
        remove_empty_folders()


def try_writing(folder: Path) -> None:
    """Insist that a folder can be made and written to, by doing it; nothing of it is left.

    Raises:
        AudiocosError: it cannot.
    """
    file = None
    try:
        make_folder(folder)
        file = _written(folder / "trial", bytes(4096))
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        if file is not None:
            file.remove()
        remove_empty_folders()


def _written(path: Path, content: bytes, *, replace: bool = False) -> Unfinished:
    file = Unfinished(str(path), replace=replace)
    file.write(content)
    if file.error is not None:
        file.remove()
        raise file.error
    return file


def _unwritable(path: Path, error: OSError) -> AudiocosError:
    return AudiocosError(f"{shown(path)}: cannot be written: {error.strerror or error}. {remedy(error)}")
