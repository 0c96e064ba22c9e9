"""What a study is run with and what it gives: plain data, nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Cell = str | float


def _no_progress(what: str, done: int, total: int) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Setting:
    """What a study is run with.

    Args:
        quick: under 20 s; otherwise under 5 minutes on two cores.
        device: "cpu" or "cuda".
        seed: of everything that is drawn.
        step: called as (what, done, total) while it runs; done rises to total over the whole study.
    """

    quick: bool = False
    device: str = "cpu"
    seed: int = 0
    step: Callable[[str, int, int], None] = _no_progress


@dataclass
class Picture:
    """A picture of a page, and a file beside it.

    Args:
        name: file stem: NAME.png; for an animation NAME.gif, with its last frame as NAME.png.
        caption: what is to be seen, from this run's figures.
        figure: matplotlib's, in the style of the reports (`report.style`), or an animation's frames: pillow's RGB
            images, as `report.moving.frames` makes them.
    """

    name: str
    caption: str
    figure: Figure | Sequence[Any]


@dataclass
class Table:
    """A table; numbers are shown with four digits, text as it is. The first column names the row."""

    caption: str
    columns: list[str]
    rows: list[list[Cell]]


@dataclass
class Section:
    """A part of a page; an empty line in the text begins a new paragraph."""

    title: str
    text: str
    pictures: list[Picture] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


@dataclass
class Answer:
    """What a study found.

    Args:
        text: the answer in two sentences, formatted from `figures`.
        table: that goes with it.
        sections: of the page; the first picture of the first one stands for the study in lists.
        settings: exact settings, as JSON can hold them.
        figures: every figure, as JSON can hold it: no NaN, no infinity; the same on a second run.
        timings: seconds and such, which differ from run to run.
        packages: beside audiocos, those on whose versions the figures' last digits depend.
    """

    text: str
    table: Table
    sections: list[Section]
    settings: dict[str, Any]
    figures: dict[str, Any]
    timings: dict[str, Any] = field(default_factory=dict)
    packages: tuple[str, ...] = ("numpy", "scipy", "torch")

    def pictures(self) -> list[Picture]:
        """All of the page, in order."""
        return [picture for section in self.sections for picture in section.pictures]
