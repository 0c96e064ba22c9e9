"""The page: sections of tables, the aims with what was measured, the machine, kept as JSON and written as Markdown."""

from __future__ import annotations

import datetime
import json
import os
import platform
import time
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ["numpy", "scipy", "torch", "soundfile", "soxr", "librosa", "threadpoolctl"]
PACKAGES += ["asteroid-filterbanks", "nnAudio", "torch-dct"]
BUSY = 0.1


@dataclass(frozen=True)
class Aim:
    """One aim: met when `measured` is at most `limit`. `unit` follows both numbers."""

    text: str
    measured: float
    limit: float
    unit: str
    why: str = ""

    @property
    def met(self) -> bool:
        """Whether the limit holds."""
        return self.measured <= self.limit

    def row(self) -> list[str]:
        """aim, measured, verdict, why."""
        if self.limit == 0:
            verdict = "met" if self.met else "**missed**"
        else:
            share = abs(self.measured / self.limit - 1)
            verdict = f"met, {share:.0%} to spare" if self.met else f"**missed by {share:.0%}**"
        return [self.text, number(self.measured) + self.unit, verdict, self.why]


class AtLeast(Aim):
    """An aim in dB that is met when `measured` is at least `limit`."""

    @property
    def met(self) -> bool:
        """Whether the limit is reached."""
        return self.measured >= self.limit

    def row(self) -> list[str]:
        """aim, measured, verdict, why."""
        off = f"{abs(self.measured - self.limit):.2f}{self.unit}"
        verdict = f"met, {off} to spare" if self.met else f"**missed by {off}**"
        return [self.text, f"{self.measured:.2f}{self.unit}", verdict, self.why]


@dataclass
class Section:
    """A heading, a few sentences, one or more tables, and the aims that belong to them."""

    title: str
    text: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def decibels(value: float | None) -> str:
    """An SNR for a table."""
    return "exact copy" if value is None else f"{value:.0f}"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


@dataclass(frozen=True)
class Page:
    """A Markdown page and, beside it, the JSON file of what was measured: a row measured anew leaves the others.

    Args:
        path: of the page; the JSON file has the same name and the extension .json.
        title: of the page.
        how: how it came to be, in a few sentences.
        order: names of the rows, in the order of the page.
    """

    path: Path
    title: str
    how: str
    order: tuple[str, ...]

    def put(self, name: str, section: Section, taken_under: dict[str, Any]) -> None:
        """Keep what a row measured, under what conditions, and write the page anew."""
        kept = self._load()
        kept[name] = {
            "title": section.title,
            "text": section.text,
            "header": section.header,
            "rows": section.rows,
            "aims": [{"row": aim.row(), "met": bool(aim.met)} for aim in section.aims],
            "conditions": taken_under,
        }
        kept = {name: kept[name] for name in self.order if name in kept}
        self.path.with_suffix(".json").write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
        self.path.write_text(self._markdown(kept), "utf-8")

    def _load(self) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = json.loads(self.path.with_suffix(".json").read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return kept

    def _markdown(self, kept: dict[str, Any]) -> str:
        aims = [aim for row in kept.values() for aim in row["aims"]]
        conditions = [row["conditions"] for row in kept.values()]
        parts = [f"# {self.title}", self.how]
        spoiled = [
            row["title"]
            for row in kept.values()
            if row["conditions"]["quick"] or (row["conditions"]["busy"] or 0) > BUSY
        ]
        if spoiled:
            parts.append(f"**Not for quoting, because quick or measured on a busy machine: {', '.join(spoiled)}.**")
        parts += [
            f"## Aims: {sum(aim['met'] for aim in aims)} of {len(aims)} met",
            table(["aim", "measured", "", "remark"], [aim["row"] for aim in aims]),
            "## Machine",
            "Busy is the share of the processors that other programs took in the two seconds before the row began.",
        ]
        heading = ["", "date", "machine", "busy", "quick"]
        cells = [[r["title"], *(_shown(r["conditions"][k]) for k in heading[1:])] for r in kept.values()]
        parts += [table(heading, cells)]
        parts += sorted({f"Versions: {each['versions']}." for each in conditions})
        for row in kept.values():
            parts += [f"## {row['title']}", row["text"]]
            if row["rows"]:
                parts.append(table(row["header"], row["rows"]))
        return "\n\n".join(parts) + "\n"


def conditions(quick: bool) -> dict[str, Any]:
    """The machine, the versions of everything, how busy others keep it, and whether the run is a quick one."""
    import audiocos

    versions = [f"Python {platform.python_version()}", f"audiocos {audiocos.__version__}"]
    for name in PACKAGES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{name} not installed")
    processor = _proc("/proc/cpuinfo", "model name") or platform.processor()
    return {
        "date": datetime.date.today().isoformat(),
        "machine": f"{processor}, {os.cpu_count()} cores, {_memory()}, {platform.system()} {platform.release()}",
        "versions": ", ".join(versions),
        "busy": _busy(),
        "quick": quick,
    }


def _busy(seconds: float = 2.0) -> float | None:
    """Share of all processors' time that is not idle while we sleep; None where the system does not say."""

    def read() -> list[int]:
        return [int(ticks) for ticks in Path("/proc/stat").read_text("utf-8").split("\n", 1)[0].split()[1:]]

    try:
        before = read()
        time.sleep(seconds)
        spent = [b - a for a, b in zip(before, read(), strict=True)]
    except OSError:
        return None
    return 1 - (spent[3] + spent[4]) / sum(spent)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "not told"
    return f"{value:.0%}" if isinstance(value, float) else str(value)


def _memory() -> str:
    total = _proc("/proc/meminfo", "MemTotal")
    return f"{int(total.split()[0]) / 2**20:.0f} GiB" if total else "unknown"


def _proc(path: str, key: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")
