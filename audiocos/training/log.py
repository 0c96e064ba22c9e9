"""The log of a run: one JSON object a line, the same figures as TensorBoard events, and the way it took.

A run carried on appends to its log; what was logged after the checkpoint is cut off first, so the file is that of an
unbroken run. TensorBoard is optional: without it `RunLog.note` says how to get its events.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any

import numpy as np

from audiocos.atomic import remedy
from audiocos.cosines import Float64, grid_distance
from audiocos.errors import AudiocosError
from audiocos.training import events
from audiocos.training.history import History, Snapshot
from audiocos.training.layout import Layout

NAME = "log.jsonl"
NOTE = (
    f'No TensorBoard events are written, only {NAME} with the same figures. For events: pip install "audiocos'
    '[tensorboard]"'
)


@dataclass(frozen=True)
class Record:
    """One logged step.

    Args:
        step: steps taken so far.
        seconds: the run lasted so far, pauses between its parts left out.
        loss: relative to the signal's energy, under the window of the step.
        snr_db: of the same; or of the whole frame, where the caller measured it.
        taper: n0 of the window, in samples; None without window.
        drift_bins_mean: distance of the frequencies from their start, 1 bin = pi/N.
        drift_bins_max: likewise, the largest.
        grid_bins_mean: distance of the frequencies from the nearest line of the grid.
        grid_bins_max: likewise, the largest.
        crossings: neighbours out of order, in both banks together.
        a1: amplitude; so are the next three.
    """

    step: int
    seconds: float
    loss: float | None
    snr_db: float | None
    taper: float | None
    drift_bins_mean: float
    drift_bins_max: float
    grid_bins_mean: float | None
    grid_bins_max: float | None
    crossings: int
    a1: float
    a2: float
    a3: float
    a4: float


class RunLog:
    """Writes a run's log; one thread, one process (rank 0).

    Args:
        folder: where `log.jsonl` and the events go; made when it is not there.
        layout: of the parameter vectors.
        start: the vector before the first step.
        grid: frequencies that the learned ones are held against, radians per sample; may be empty.
        resumed: what `state` gave when the checkpoint was saved; None for a new run, whose log begins anew.

    Shape:
        - grid: `[G]`

    Raises:
        AudiocosError: the folder cannot be written to.
    """

    def __init__(
        self, folder: Path, layout: Layout, start: Float64, grid: Float64, resumed: dict[str, Any] | None = None
    ) -> None:
        self._layout, self._start = layout, start.copy()
        self._grid = np.sort(grid) / layout.bin
        self._path = folder / NAME
        self.history = History()
        self._last, self._before = -1, 0.0
        if resumed is not None:
            self._start = np.array(resumed["start"])
            self._last, self._before = int(resumed["last"]), float(resumed["seconds"])
            self.history.load_state(resumed["history"])
        else:
            self.history.add(Snapshot(0, math.nan, math.nan, start))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if resumed is None:
                events.remove_events(folder)
            self._file = _cut_after(self._path, self._last)
            try:
                self._events = events.Events(folder, self._last + 1) if events.available() else None
            except OSError:
                self._file.close()
                raise
        except OSError as error:
            raise self._failure(error) from error
        self._since = time.perf_counter()  # what it takes to import TensorBoard is not the run's

    @property
    def seconds(self) -> float:
        """The run lasted so far, pauses between its parts left out."""
        return self._before + time.perf_counter() - self._since

    @property
    def note(self) -> str | None:
        """What is missing and how to get it; None when nothing is."""
        return NOTE if self._events is None else None

    def record(
        self, step: int, theta: Float64, loss: float, taper: float = math.inf, snr_db: float | None = None
    ) -> Record:
        """Log a step.

        Args:
            step: steps taken so far.
            theta: the parameters after them.
            loss: relative to the signal's energy.
            taper: n0 of the step's window, in samples.
            snr_db: as measured on whole frames; that of the loss when None.
        """
        if snr_db is None and loss > 0:
            snr_db = -10 * math.log10(loss)
        self.history.add(Snapshot(step, taper, math.nan if snr_db is None else snr_db, theta))
        banks, starts = self._frequencies_bins(theta), self._frequencies_bins(self._start)
        drift = np.abs(np.concatenate(banks) - np.concatenate(starts))
        off = grid_distance(np.concatenate(banks), self._grid, 2 * self._layout.frame)
        line = Record(
            step,
            round(self.seconds, 3),
            _finite(loss),
            _finite(snr_db),
            _finite(taper),
            float(drift.mean()),
            float(drift.max()),
            float(np.abs(off).mean()) if off.size else None,
            float(np.abs(off).max()) if off.size else None,
            sum(int((np.diff(bank) < 0).sum()) for bank in banks),
            *(float(a) for a in theta[:4]),
        )
        try:
            self._file.write(json.dumps(asdict(line), allow_nan=False) + "\n")
            self._file.flush()
            if self._events is not None:
                self._events.add(line.step, _scalars(line))
        except OSError as error:
            raise self._failure(error) from error
        self._last = step
        return line

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs, so that the log can be carried on."""
        return {
            "last": self._last,
            "seconds": self.seconds,
            "start": self._start.copy(),
            "history": self.history.state(),
        }

    def close(self) -> None:
        """End it; each line was written when it was recorded, and what could not be has been said."""
        with contextlib.suppress(OSError):
            self._file.close()
        if self._events is not None:
            self._events.close()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _frequencies_bins(self, theta: Float64) -> list[Float64]:
        """The frequencies of each bank; of one, where both share theirs."""
        m, half = self._layout.coefficients, self._layout.half
        first = theta[4 : 4 + m]
        return [first] if self._layout.tied else [first, theta[4 + half : 4 + half + m]]

    def _failure(self, error: OSError) -> AudiocosError:
        return AudiocosError(f"{self._path}: the log cannot be written: {error.strerror or error}. {remedy(error)}")


def read(folder: Path) -> list[Record]:
    """The lines of a log, in order; a last one that a kill cut short is left out.

    Raises:
        AudiocosError: there is no log.
    """
    try:
        content = (folder / NAME).read_bytes()
    except OSError as error:
        raise AudiocosError(f"{folder / NAME}: the log cannot be read: {error.strerror}.") from error
    records = (_parsed(line) for line in content.splitlines(keepends=True))
    return [record for record in records if record is not None]


def _cut_after(path: Path, last: int) -> IO[str]:
    """Open a log to append to, without the lines past a step."""
    kept = 0
    if last >= 0 and path.exists():
        for line in path.read_bytes().splitlines(keepends=True):
            record = _parsed(line)
            if record is None or record.step > last:
                break
            kept += len(line)
    if last < 0:  # a link to somewhere else, symbolic or hard, goes: what it leads to stays
        path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    os.ftruncate(descriptor, kept)
    file = open(descriptor, "w", encoding="utf-8", newline="\n")  # noqa: SIM115 (the caller closes it)
    file.seek(0, os.SEEK_END)
    return file


def _parsed(line: bytes) -> Record | None:
    """A line as it was written, or None where it is cut short or foreign."""
    if not line.endswith(b"\n"):
        return None
    try:
        values = json.loads(line)
        return Record(**{field.name: values[field.name] for field in fields(Record)})
    except (ValueError, KeyError, TypeError):
        return None


def _scalars(line: Record) -> dict[str, float]:
    amplitudes = ("a1", "a2", "a3", "a4")
    values = {name: value for name, value in asdict(line).items() if name != "step" and value is not None}
    return {f"{'amplitudes' if name in amplitudes else 'training'}/{name}": value for name, value in values.items()}


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
