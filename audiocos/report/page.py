"""One HTML page that shows what a model keeps and what it loses: figures, pictures and sound in a single file.

The page needs no network and no other file. Items are drawn one at a time while the page is written, so a
long batch needs no more memory than its excerpts.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiocos.report import pictures, sound, style
from audiocos.report.html import write_page
from audiocos.report.words import MISSING, decimal, duration, number, scientific

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Excerpt:
    """A stretch of input and output, aligned; the residual is their difference.

    Args:
        start_s: where it begins in the whole.
        input: floating point, full scale 1.
        output: of the same shape.
        why: this stretch was chosen, in words that follow it; "" where it is the one with the largest error.

    Shape:
        - input, output: `[channels, samples]`

    Raises:
        ValueError: shapes that differ or are not `[channels, samples]`.
    """

    start_s: float
    input: Array
    output: Array
    why: str = ""

    def __post_init__(self) -> None:
        if self.input.ndim != 2 or self.input.shape != self.output.shape:
            shapes = f"input {list(self.input.shape)}, output {list(self.output.shape)}"
            raise ValueError(f"excerpt: {shapes}; give equal [channels, samples].")


@dataclass(frozen=True, eq=False)
class ErrorCurve:
    """Levels over the whole length.

    Args:
        times_s: rising, `[P]`.
        input_dbfs: `[P]`; anything below -150, and NaN, counts as -150.
        residual_dbfs: `[P]`, likewise.

    Raises:
        ValueError: lengths that differ.
    """

    times_s: ArrayLike
    input_dbfs: ArrayLike
    residual_dbfs: ArrayLike

    def __post_init__(self) -> None:
        times = np.asarray(self.times_s, dtype=np.float64)
        object.__setattr__(self, "times_s", times)
        for name in ("input_dbfs", "residual_dbfs"):
            level = np.nan_to_num(
                np.asarray(getattr(self, name), dtype=np.float64), nan=pictures.FLOOR_DBFS, posinf=0.0
            )
            if times.ndim != 1 or level.shape != times.shape:
                raise ValueError(f"curve: {name} {list(level.shape)}, times_s {list(times.shape)}; give equal [P].")
            object.__setattr__(self, name, np.maximum(level, pictures.FLOOR_DBFS))


@dataclass(frozen=True)
class Listing:
    """A small table of texts; the first column names the row.

    Args:
        title: heading.
        caption: a sentence below it.
        columns: headings.
        rows: of as many cells each.
    """

    title: str
    caption: str
    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, eq=False)
class ReportItem:
    """One recording on the page.

    Args:
        name: heading and first column of the summary, most often the file's name.
        sample_rate: Hz.
        figures: the row that `reconstruct --json` prints; what is missing is left out.
        excerpt: what is drawn and played; None or no samples: no pictures, no players.
        curve: the error over the whole length; None or no points: not drawn.
        notes: warnings, such as "truncated".
        failed: why there is no result, or None.
        alarms: from when to when, in seconds; marked in the pictures.
        listings: tables.
    """

    name: str
    sample_rate: int
    figures: dict[str, object] = field(default_factory=dict)
    excerpt: Excerpt | None = None
    curve: ErrorCurve | None = None
    notes: list[str] = field(default_factory=list)
    failed: str | None = None
    alarms: list[pictures.Stretch] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)


def write_report(
    path: str | os.PathLike[str],
    items: Sequence[ReportItem],
    *,
    title: str,
    subtitle: str = "",
    model_facts: Sequence[tuple[str, str]] = (),
    failures: Sequence[tuple[str, str]] = (),
    replace: bool = True,
) -> None:
    """Write the page. It appears under its name when it is complete, or not at all.

    Args:
        path: the HTML file.
        items: in the order of the page.
        title: of the page.
        subtitle: one line below it.
        model_facts: names and values, shown on top.
        failures: names and messages of what could not be processed.
        replace: a file that is there is replaced; else it stays, the page gets a free name, and the error says which.

    Raises:
        AudiocosError: matplotlib or jinja2 is missing, or the file cannot be written, or not under its name.
    """
    write_page(
        Path(path),
        "page.html.j2",
        replace=replace,
        title=title,
        subtitle=subtitle,
        facts=model_facts,
        failures=failures,
        summary=[_summary(item) for item in items],
        sections=(_section(item) for item in items),
    )


def _summary(item: ReportItem) -> dict[str, object]:
    figures = item.figures
    frames, peak = number(figures, "frames"), number(figures, "max_abs_error")
    peak_dbfs = 20 * math.log10(peak) if peak else None
    clipped = number(figures, "clipped_samples")
    return {
        "name": item.name,
        "failed": item.failed,
        "cells": [
            duration(frames / item.sample_rate) if frames is not None else MISSING,
            "exact" if _exact(item) else decimal(number(figures, "snr_db"), 2),
            decimal(number(figures, "segmental_snr_db"), 2),
            "none" if peak == 0.0 else decimal(peak_dbfs, 1),
            decimal(number(figures, "log_spectral_distance_db"), 2),
            decimal(clipped, 0),
            decimal(number(figures, "realtime_factor"), 1),
        ],
    }


def _section(item: ReportItem) -> dict[str, object]:
    section: dict[str, object] = {"name": item.name, "notes": list(item.notes), "failed": item.failed}
    section.update(facts=_facts(item), exact=_exact(item), pictures=[], players=[], heard="", shown="")
    section.update(listings=item.listings, marked=bool(item.alarms))
    if item.excerpt is not None and item.excerpt.input.size:
        section.update(_excerpt(item, item.excerpt))
    if item.curve is not None and np.size(item.curve.times_s):
        curve = item.curve
        figure = pictures.error_figure(curve.times_s, curve.input_dbfs, curve.residual_dbfs, marks=item.alarms)
        drawn = ("Error over time", f"Level of input and residual over time, and their ratio, of {item.name}")
        section["pictures"] = [*section["pictures"], (*drawn, style.png_uri(figure))]  # type: ignore[misc]
    return section


def _excerpt(item: ReportItem, excerpt: Excerpt) -> dict[str, object]:
    """The pictures and players of an excerpt; samples that are not numbers are shown as silence, and noted."""
    sounds = [np.asarray(sound, dtype=np.float64) for sound in (excerpt.input, excerpt.output)]
    odd = sum(int((~np.isfinite(one)).sum()) for one in sounds)
    x, y = (np.nan_to_num(one, nan=0.0, posinf=0.0, neginf=0.0) for one in sounds)
    notes = [*item.notes, f"{odd} samples are not finite numbers; shown as silence."] if odd else list(item.notes)
    rate, start, stop = item.sample_rate, excerpt.start_s, excerpt.start_s + x.shape[1] / item.sample_rate
    drawn = [
        (
            "Waveform",
            f"Waveform of {item.name} with the residual, and the residual magnified",
            style.png_uri(pictures.waveform_figure(x, y, rate, start, marks=item.alarms)),
        )
    ]
    if x.any() or y.any():
        uri = style.png_uri(pictures.spectrogram_figure(x, y, rate, start, marks=item.alarms))
        drawn.append(("Spectrograms", f"Spectrograms of input, output and residual of {item.name}", uri))
    else:
        notes.append("Silence: there is no spectrogram to draw.")
    players, heard = sound.players(x, y, rate)
    return {
        "notes": notes,
        "shown": f"{duration(start)} to {duration(stop)}"
        + (f", {excerpt.why}" if excerpt.why else "")
        + (", all channels together" if x.shape[0] > 1 else ""),
        "pictures": drawn,
        "players": players,
        "heard": heard,
    }


def _facts(item: ReportItem) -> list[tuple[str, str]]:
    """The figures that the summary leaves out, in words."""
    figures = item.figures
    latency = number(figures, "latency_samples")
    mse, peak, seconds = (number(figures, key) for key in ("mse", "max_abs_error", "seconds"))
    frames = number(figures, "frames")
    texts = [
        ("Input", figures.get("input")),
        ("Output", figures.get("output")),
        ("Model", figures.get("model")),
        ("Sample rate", f"{item.sample_rate} Hz"),
        ("Channels", figures.get("channels")),
        ("Encoding", figures.get("subtype")),
        ("Samples a channel", None if frames is None else f"{frames:.0f}"),
        ("Mean squared error", None if mse is None else scientific(mse)),
        ("Largest error", None if peak is None else scientific(peak)),
        (
            "Latency",
            None if latency is None else f"{latency:.0f} samples, {1000 * latency / item.sample_rate:.1f} ms",
        ),
        ("Alarms", figures.get("alarms")),
        ("Computed in", None if seconds is None else f"{seconds:.3g} s"),
    ]
    return [(name, str(value)) for name, value in texts if value is not None]


def _exact(item: ReportItem) -> bool:
    peak = number(item.figures, "max_abs_error")
    if peak is None and item.excerpt is not None and item.excerpt.input.size:
        return np.array_equal(item.excerpt.input, item.excerpt.output)
    return peak == 0.0
