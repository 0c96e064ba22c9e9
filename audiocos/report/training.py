"""One HTML page on a run: what it reached beside what can be reached, and how its frequencies found their places."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiocos.cosines import CosineParameters
from audiocos.metrics import LOSSLESS_DB
from audiocos.report import learning, style
from audiocos.report.html import write_page
from audiocos.report.words import decimal

Array = NDArray[np.float64]
Facts = Sequence[tuple[str, str]]


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """What was reached when.

    Args:
        steps: rising.
        snr_db: relative to the signal, under the step's window; None and NaN where it was not measured.
        taper: n0 of the window in samples; None, NaN or infinity without window.

    Shape:
        - all: `[points]`

    Raises:
        ValueError: lengths that differ.
    """

    steps: ArrayLike
    snr_db: Sequence[float | None] | Array
    taper: Sequence[float | None] | Array

    def __post_init__(self) -> None:
        for name in ("steps", "snr_db", "taper"):
            values = np.array(getattr(self, name), dtype=np.float64)
            object.__setattr__(self, name, np.where(np.isfinite(values), values, np.nan))
        shapes = {name: np.asarray(getattr(self, name)).shape for name in ("steps", "snr_db", "taper")}
        if len(set(shapes.values())) > 1 or len(shapes["steps"]) != 1:
            listed = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
            raise ValueError(f"curve: {listed}; give equal [points].")


@dataclass(frozen=True, eq=False)
class Moment:
    """A pair on its way.

    Args:
        step: after so many steps.
        pair: as it was then.
        taper: n0 of the window then; infinity without.
        snr_db: NaN where it was not measured.
    """

    step: int
    pair: CosineParameters
    taper: float = np.inf
    snr_db: float = np.nan


def write_training_report(
    path: str | os.PathLike[str],
    moments: Sequence[Moment],
    curve: LearningCurve,
    grid: Array,
    *,
    title: str,
    subtitle: str = "",
    facts: Facts = (),
    held_out: Sequence[tuple[str, float | None]] = (),
    judged_on: str = "held-out files",
    settings: Facts = (),
    corpus: Facts = (),
    notes: Sequence[str] = (),
    replace: bool = True,
) -> None:
    """Write the page. It appears under its name when it is complete, or not at all.

    Args:
        path: the HTML file.
        moments: the way the run took, from its start to its end; at least one.
        curve: SNR and window over steps; no point: not drawn.
        grid: frequencies that the learned ones are held against, radians per sample, rising; may be empty.
        title: of the page.
        subtitle: one line below it.
        facts: names and values, shown on top.
        held_out: schemes and their SNR in dB (None: does not apply), the learned model first.
        judged_on: what those SNR are of.
        settings: of the run.
        corpus: what was learned from.
        notes: warnings.
        replace: a file that is there is replaced; else it stays, the page gets a free name, and the error says which.

    Shape:
        - grid: `[G]`

    Raises:
        AudiocosError: matplotlib or jinja2 is missing, or the file cannot be written, or not under its name.
        ValueError: no moments.
    """
    if not moments:
        raise ValueError("moments: none; give at least the learned pair.")
    style.require_extra()
    write_page(
        Path(path),
        "training.html.j2",
        replace=replace,
        title=title,
        subtitle=subtitle,
        facts=facts,
        notes=notes,
        held_out=_rows(held_out),
        judged_on=judged_on,
        sections=_sections(moments, curve, np.asarray(grid, dtype=np.float64)),
        tables=[(name, rows) for name, rows in (("Settings", settings), ("Corpus", corpus)) if rows],
    )


def _rows(held_out: Sequence[tuple[str, float | None]]) -> list[dict[str, Any]]:
    own = held_out[0][1] if held_out else None
    rows = []
    for index, (name, snr_db) in enumerate(held_out):
        exact = [value is not None and value >= LOSSLESS_DB for value in (own, snr_db)]
        gap = None if index == 0 or own is None or snr_db is None or any(exact) else round(snr_db - own, 2)
        sign = "+" if gap is not None and gap > 0 else ""
        rows.append({"name": name, "cells": ["exact" if exact[1] else decimal(snr_db, 2), sign + decimal(gap, 2)]})
    return rows


def _sections(moments: Sequence[Moment], curve: LearningCurve, grid: Array) -> Iterator[dict[str, str]]:
    start, end = moments[0].pair, moments[-1].pair
    steps, snr_db, taper = (np.asarray(values) for values in (curve.steps, curve.snr_db, curve.taper))
    if steps.size:
        yield {
            "id": "curve",
            "heading": "Learning",
            "alt": "SNR and window size over the steps of the run",
            "uri": style.png_uri(learning.curve_figure(steps, snr_db, taper)),
            "still": "",
            "caption": "While the window grows, the SNR is that of the samples it shows: a longer one is harder, "
            "so the curve falls at each new size and rises again."
            if np.isfinite(taper).any()
            else "SNR of the sound that each step was taken on.",
        }
    if grid.size and len(moments) > 1:
        uri, still = learning.animation([(m.step, m.taper, m.snr_db, m.pair) for m in moments], grid)
        yield {
            "id": "animation",
            "heading": "Frequencies finding their places",
            "alt": "Animation: each frequency and its distance from the nearest line of the grid, step by step",
            "uri": uri,
            "still": still,
            "caption": "A dot is a frequency; its height is the distance to the nearest line of the grid. "
            "1 bin is \N{GREEK SMALL LETTER PI}/N radians per sample.",
        }
    yield {
        "id": "frequencies",
        "heading": "Frequencies against the grid" if grid.size else "Frequencies",
        "alt": "Frequencies of both banks at start and end, and their distance from the grid",
        "uri": style.png_uri(learning.frequencies_figure(start, end, grid)),
        "still": "",
        "caption": "1 bin is \N{GREEK SMALL LETTER PI}/N radians per sample.",
    }
    yield {
        "id": "banks",
        "heading": "Banks at start and end",
        "alt": "Both banks as heat maps, at start and end",
        "uri": style.png_uri(learning.banks_figure(start, end)),
        "still": "",
        "caption": "Each row is a cosine: blue is negative, red positive.",
    }
    if len(moments) > 1:
        uri, still = learning.banks_animation([(m.step, m.taper, m.snr_db, m.pair) for m in moments])
        yield {
            "id": "banks-animation",
            "heading": "Banks on their way",
            "alt": "Animation: both banks as heat maps, step by step",
            "uri": uri,
            "still": still,
            "caption": "Over the run; "
            f"of each no more than {learning.CORNER_ROWS} rows and {learning.CORNER_SAMPLES} samples are shown.",
        }
