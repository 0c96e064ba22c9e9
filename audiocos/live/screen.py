"""A terminal as a picture of lines: only what changed is written, all at once, so that nothing flickers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType, Segment

from audiocos.live.drawing import Line
from audiocos.live.keys import is_foreground

LEAST_WIDTH, LEAST_HEIGHT = 64, 18

_SAMPLE = "▀▁█⣿·┃"

# Terminals that know synchronized output (mode 2026) show a frame when it is whole; the others ignore it.
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"


def can_draw(file: TextIO | None) -> bool:
    """Whether a view can be drawn there: a terminal that is ours, can place its cursor and has room and characters."""
    return file is not None and file.isatty() and obstacle(file) is None


def obstacle(file: TextIO | None) -> str | None:
    """Why there is no view in a terminal, for who sits there; None where there is one, and for what is no terminal."""
    if file is None or not file.isatty():
        return None
    if os.environ.get("TERM") in ("dumb", "unknown"):
        return "The view needs a terminal that can place its cursor, which TERM denies"
    try:
        _SAMPLE.encode(file.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return f"The view needs characters that {file.encoding or 'ascii'} does not have; choose a UTF-8 locale"
    if not _is_ours(file):
        return (
            "The view needs the foreground of its terminal, and this is a job in the background "
            "(with `timeout`, pass --foreground to that)"
        )
    width, height = _size(file, Console(file=file))
    if width >= LEAST_WIDTH and height >= LEAST_HEIGHT:
        return None
    return f"The view needs {LEAST_WIDTH} x {LEAST_HEIGHT} cells, and this terminal has {width} x {height}"


class Screen:
    """The terminal's other screen, with the cursor hidden, between `enter` and `leave`.

    Use as a context manager, which leaves it at the end.

    Args:
        file: where to draw.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._console = Console(file=file, highlight=False, markup=False, emoji=False)
        self._shown: list[Line] = []
        self._size = (0, 0)
        self._entered = False

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.leave()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in cells, now."""
        return _size(self._file, self._console)

    @property
    def colours(self) -> bool:
        """Whether there are any."""
        return self._console.color_system is not None and not self._console.no_color

    def enter(self) -> None:
        """Begin to draw."""
        if self._entered:
            return
        self._entered = True
        self._size = (0, 0)
        self._console.set_alt_screen(True)
        self._console.show_cursor(False)

    def leave(self) -> None:
        """Give back the screen as it was."""
        if not self._entered:
            return
        self._entered = False
        with contextlib.suppress(OSError, ValueError):  # the terminal may have gone
            self._console.show_cursor(True)
            self._console.set_alt_screen(False)

    def draw(self, lines: list[Line]) -> None:
        """Show these lines, each as wide as the screen; as many as it is high."""
        if not self._entered:
            return
        size = self.size
        if size != self._size:
            self._size, self._shown = size, []
        self._console.print(_Changes(lines, self._shown, not self._console.legacy_windows), end="", crop=False)
        self._shown = lines


class _Changes:
    """What must be written to turn one picture into another."""

    def __init__(self, lines: list[Line], before: list[Line], synchronized: bool) -> None:
        self._lines, self._before, self._synchronized = lines, before, synchronized

    def __rich_console__(self, console: Console, options: object) -> Iterator[Segment | Control]:
        changed = [
            (row, line) for row, line in enumerate(self._lines) if row >= len(self._before) or line != self._before[row]
        ]
        if not changed:
            return
        if self._synchronized:
            yield _control(_BEGIN)
        if not self._before:
            yield Control.clear()
        for row, line in changed:
            yield Control.move_to(0, row)
            yield from line
        if self._synchronized:
            yield _control(_END)


def _is_ours(file: TextIO) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return is_foreground(file.fileno())
    return True


def _size(file: TextIO, console: Console) -> tuple[int, int]:
    """What the terminal says, not what COLUMNS and LINES said when the shell began; 80 x 25 where it says nothing."""
    with contextlib.suppress(OSError, ValueError):
        size = os.get_terminal_size(file.fileno())
        if size.columns and size.lines:
            return size.columns - console.legacy_windows, size.lines
    return 80, 25


def _control(sequence: str) -> Segment:
    return Segment(sequence, None, [(ControlType.HOME,)])  # marked as a control, so that it counts no cells
