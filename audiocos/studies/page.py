"""From an answer to files: one self-contained HTML page, a PNG or GIF for each picture, a JSON of every figure."""

from __future__ import annotations

import base64
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import audiocos
from audiocos.report import moving, style
from audiocos.report.html import rendered
from audiocos.report.words import duration, scientific
from audiocos.studies import STUDIES
from audiocos.studies.files import write_together
from audiocos.studies.study import Answer, Picture, Setting, Table


@dataclass(frozen=True)
class _Drawn:
    """A picture as files: what to show, and instead of it where nothing may move."""

    name: str
    caption: str
    png: bytes
    gif: bytes | None

    def files(self) -> dict[str, bytes]:
        return {f"{self.name}.png": self.png} | ({f"{self.name}.gif": self.gif} if self.gif is not None else {})

    def on_page(self) -> dict[str, str]:
        still = data_uri(self.png, "png")
        moving_uri = None if self.gif is None else data_uri(self.gif, "gif")
        return {"uri": moving_uri or still, "still": still if moving_uri else "", "caption": self.caption}


def write_answer(folder: Path, name: str, setting: Setting, answer: Answer, *, replace: bool = False) -> Path:
    """Write a study's files; all appear together, or none.

    Args:
        folder: made if it is not there.
        name: of the study.
        setting: it was run with.
        answer: what it found.
        replace: files of the same names may be there.

    Returns:
        The page.

    Raises:
        AudiocosError: matplotlib or jinja2 is missing, or a file cannot be written or is there already.
        ValueError: a figure is NaN or infinite.
    """
    style.require_extra()
    drawn = {picture.name: _draw(picture) for picture in answer.pictures()}
    if len(drawn) != len(answer.pictures()):
        raise ValueError(f"{name}: two pictures have one name.")
    contents = {file: content for each in drawn.values() for file, content in each.files().items()}
    contents[f"{name}.json"] = json.dumps(_record(name, setting, answer), indent=1, allow_nan=False).encode()
    contents[f"{name}.html"] = b"".join(rendered("study.html.j2", **_parts(name, setting, answer, drawn)))
    write_together(folder, contents, replace=replace)
    return folder / f"{name}.html"


def versions(answer: Answer) -> dict[str, str]:
    """Python's version and those of the packages that an answer was computed with."""
    return {"Python": platform.python_version(), **{name: metadata.version(name) for name in answer.packages}}


def cell_text(cell: str | float) -> str:
    """A cell of a table as text."""
    return cell if isinstance(cell, str) else scientific(cell)


def _record(name: str, setting: Setting, answer: Answer) -> dict[str, Any]:
    return {
        "study": name,
        "question": STUDIES[name],
        "answer": answer.text,
        "audiocos": audiocos.__version__,
        "quick": setting.quick,
        "device": setting.device,
        "seed": setting.seed,
        "versions": versions(answer),
        "settings": answer.settings,
        "figures": answer.figures,
        "timings": answer.timings,
        "pictures": [picture.name for picture in answer.pictures()],
    }


def _parts(name: str, setting: Setting, answer: Answer, drawn: dict[str, _Drawn]) -> dict[str, object]:
    facts = [("Study", name), ("Run", "quick" if setting.quick else "full"), ("Device", setting.device)]
    facts += [("Seed", str(setting.seed))]
    facts += [("With", ", ".join(f"{package} {version}" for package, version in versions(answer).items()))]
    if "seconds" in answer.timings:
        facts += [("Took", duration(answer.timings["seconds"]))]
    sections = [
        {
            "title": section.title,
            "paragraphs": _paragraphs(section.text),
            "pictures": [drawn[picture.name].on_page() for picture in section.pictures],
            "tables": [_rows(table) for table in section.tables],
        }
        for section in answer.sections
    ]
    return {
        "title": STUDIES[name],
        "subtitle": f"An experiment of audiocos: audiocos study {name}",
        "facts": facts,
        "sections": sections,
        "settings": [(key, _setting_text(value)) for key, value in answer.settings.items()],
        "answer": answer.text,
        "table": _rows(answer.table),
        "record": f"{name}.json",
    }


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _rows(table: Table) -> dict[str, Any]:
    return {
        "caption": table.caption,
        "columns": table.columns,
        "rows": [[cell_text(cell) for cell in row] for row in table.rows],
    }


def _setting_text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_setting_text(each) for each in value)
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_setting_text(each)}" for key, each in value.items())
    return scientific(value) if isinstance(value, float) else str(value)


def _draw(picture: Picture) -> _Drawn:
    if isinstance(picture.figure, Sequence):
        last = moving.still(picture.figure[-1])
        return _Drawn(picture.name, picture.caption, last, moving.gif(picture.figure))
    return _Drawn(picture.name, picture.caption, style.png(picture.figure), None)


def data_uri(content: bytes, kind: str) -> str:
    """A picture, "png" or "gif", as a `data:` URI."""
    return f"data:image/{kind};base64," + base64.b64encode(content).decode("ascii")
