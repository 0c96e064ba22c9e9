"""What the commands share on the terminal: progress on stderr, tables on stdout, figures as text."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal

import click

from audiocos.errors import DeviceError

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where to compute. auto takes an accelerator when there is one and the model has no fast transform.",
)


unwritten = threading.Event()
"""Set where JSON was to be printed and standard output is closed: for the exit code."""

_ENDLESS = 10_000
"""Characters a line of what is no terminal can have."""


class FileProgress:
    """A bar over several files, weighted by their sizes; nothing when stderr is no terminal."""

    def __init__(self, paths: list[str]) -> None:
        self._weights = [file_size(path) for path in paths]
        self._bar: Any = None
        self._task: Any = None
        self._lock = threading.Lock()
        self._done = [0.0] * len(paths)

    def update(self, index: int, done: int, total: int | None) -> None:
        """File `index` has come to `done` of `total` frames."""
        share = min(done / total, 1.0) if total else 0.0
        with self._lock:
            self._done[index] = share * self._weights[index]
            if self._bar is not None:
                self._bar.update(self._task, completed=sum(self._done))

    def finish(self, index: int) -> None:
        """File `index` is done, or has failed."""
        self.update(index, 1, 1)

    @contextlib.contextmanager
    def shown(self, what: str) -> Iterator[FileProgress]:
        """Show the bar meanwhile."""
        if sys.stderr is None or not sys.stderr.isatty():
            yield self
            return
        with _bar_with_eta() as self._bar:
            self._task = self._bar.add_task(what, total=max(sum(self._weights), 1))
            yield self
        self._bar = None


def _bar_with_eta() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = [TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()]
    return Progress(*columns, TextColumn("ETA"), Remaining(), console=Console(stderr=True), transient=True)


@contextlib.contextmanager
def step_bar(name: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for work that tells (what, done, total); nothing when stderr is no terminal.

    Args:
        name: shown before what is being done.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    with _bar_with_eta() as bar:
        task = bar.add_task(name, total=None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(task, description=f"{name}: {what}", completed=done, total=total)

        yield show


@contextlib.contextmanager
def progress_note(what: str) -> Iterator[None]:
    """A spinner for work whose length is not known; nothing when stderr is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


def print_json(row: dict[str, Any]) -> None:
    """One JSON object on one line of stdout; where that is closed the work goes on, and `unwritten` tells."""
    line = json.dumps(row, allow_nan=False)
    if sys.stdout is None:
        unwritten.set()
    else:
        print(line, flush=True)


def print_table(title: str, columns: list[tuple[str, str]], rows: list[list[str]]) -> None:
    """A table on stdout; columns are (heading, "left" or "right"), or "whole": left, and no cell is ever broken."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left")
    for heading, side in columns:
        justify: Literal["left", "right"] = "right" if side == "right" else "left"
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=side == "whole")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    width = None
    if sys.stdout is None or not sys.stdout.isatty():
        needed = Console(width=_ENDLESS).measure(table).minimum if any(side == "whole" for _, side in columns) else 0
        width = max(120, needed)
    if sys.stdout is not None:
        sys.stdout.flush()  # rich flushes, too, and where nobody reads it ends the process without a word
    console = Console(width=width)
    with console.capture() as text:
        console.print(table)
    print(text.get(), end="")


def snr_text(snr_db: float | None, max_abs_error: float) -> str:
    """An SNR for people: "exact" where nothing was lost."""
    if snr_db is None:
        return "exact" if max_abs_error == 0 else "-"
    return f"{snr_db:.2f} dB"


def moment_snr_text(snr_db: float) -> str:
    """An SNR that was reckoned on a second moment.

    >>> moment_snr_text(12.111), moment_snr_text(320.0)
    ('12.11 dB', 'exact')
    """
    from audiocos.metrics import LOSSLESS_DB

    return "exact" if snr_db >= LOSSLESS_DB else f"{snr_db:.2f} dB"


def level_text(amplitude: float) -> str:
    """An amplitude in dB of full scale."""
    return f"{20 * math.log10(amplitude):.1f} dBFS" if amplitude > 0 else "none"


def length_text(seconds: float) -> str:
    """A duration: 12.3 s, 4:05 or 3:00:00.

    >>> length_text(245.2)
    '4:05'
    """
    if seconds < 60:
        return f"{seconds:.2f} s"
    hours, rest = divmod(int(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def check_device(device: str, instead: str = "cpu or auto") -> None:
    """Fail early when an accelerator was asked for and is not there.

    Args:
        device: as asked for.
        instead: what can be asked for in its place.

    Raises:
        DeviceError: it is not.
    """
    if device in ("cuda", "mps"):
        from audiocos.execution import accelerator_present

        if accelerator_present() != device:
            raise DeviceError(f"device {device}: not available here. Use --device {instead}.")


def file_size(path: str) -> int:
    """Bytes of a file, 1 where that cannot be told: a weight for progress and for sharing work out."""
    try:
        return max(os.path.getsize(path), 1)
    except OSError:
        return 1
