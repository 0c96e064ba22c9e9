"""The page that links to the studies of a folder: what each was run with, and which of them failed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audiocos.audio.names import shown
from audiocos.report.html import rendered
from audiocos.studies import STUDIES
from audiocos.studies.files import write_together
from audiocos.studies.page import data_uri

INDEX = "index.html"
SUBTITLE = "The questions audiocos began with, each answered by an experiment that can be run again."


_MARKS = '<meta name="generator" content="audiocos ', SUBTITLE
_HEAD = 2**16  # bytes: the style, and what comes before the studies


@dataclass(frozen=True)
class _Told:
    """What a study left in its folder."""

    answer: str
    uri: str
    run: str


def write_index(folder: Path, failed: Mapping[str, str] | None = None, *, replace: bool = False) -> Path | None:
    """Write a page that shows the studies below a folder and links to theirs; None where there is none.

    What cannot be read is said on the page, and the rest is shown.

    Args:
        folder: holds NAME/NAME.json and the rest for each study, as `write_answer` leaves them.
        failed: of the studies that have failed this time, why.
        replace: an index may be there.

    Raises:
        AudiocosError: matplotlib or jinja2 is missing, or the page cannot be written or is there already.
    """
    failed = failed or {}
    entries, runs = [], set()
    for name, question in STUDIES.items():
        told = _told(folder, name)
        if isinstance(told, _Told):
            runs.add(told.run)
        if told is not None or name in failed:
            entries.append({"name": name, "question": question, "told": told, "failed": failed.get(name)})
    if not runs:
        return None
    mixed = len(runs) > 1
    parts = {"title": "Studies", "subtitle": SUBTITLE, "facts": [], "studies": entries, "mixed": mixed}
    write_together(folder, {INDEX: b"".join(rendered("studies.html.j2", **parts))}, replace=replace)
    return folder / INDEX


def renew_index(folder: Path, name: str) -> Path | None:
    """Write the index beside a study's folder anew; None where there is none that `write_index` wrote.

    Args:
        folder: of a study, as `write_answer` leaves it.
        name: of the study; the index knows it only in a folder of this name.

    Raises:
        AudiocosError: the page cannot be written.
    """
    place = Path(os.path.abspath(folder))
    if place.name != name or not _is_ours(place.parent / INDEX):
        return None
    return write_index(place.parent, replace=True)


def _is_ours(index: Path) -> bool:
    try:
        with index.open("rb") as file:
            head = file.read(_HEAD).decode(errors="replace")
    except OSError:  # mostly: there is none
        return False
    return all(mark in head for mark in _MARKS)


def _told(folder: Path, name: str) -> _Told | str | None:
    """What a study left; a text where that is broken, None where it left nothing."""
    record = folder / name / f"{name}.json"
    try:
        if not (record.exists() and record.with_suffix(".html").exists()):
            return None
        told = json.loads(record.read_text(encoding="utf-8"))
        picture = record.parent / f"{Path(told['pictures'][0]).name}.png"
        extent = "quick" if told["quick"] else "full"
        run = f"{extent}, seed {told['seed']}, on {told['device']}, audiocos {told['audiocos']}"
        return _Told(str(told["answer"]), data_uri(picture.read_bytes(), "png"), run)
    except OSError as error:  # the page may travel: it names no place above its own
        return f"{name}/{shown(Path(error.filename or record).name)}: cannot be read: {error.strerror}."
    except (ValueError, LookupError, TypeError, RecursionError):
        return f"{name}/{record.name}: is not the record of a study."
