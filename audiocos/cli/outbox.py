"""What is told, written by a thread of its own: who measures sound must not wait for whoever reads of it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial

from audiocos.counting import counted
from audiocos.errors import UnreadError

MOST_LINES = 10_000
"""Lines that wait for their reader; nearly three hours of one a second."""


class Outbox:
    """Lines wait here until they are written, in order. `close` it once.

    Args:
        waits: where it is full `put` waits, until `hurry`: sound that no clock paces can wait; else that line is left
            out, and counted.
        most: lines it holds.
    """

    def __init__(self, *, waits: bool = False, most: int = MOST_LINES) -> None:
        self._waits, self._most = waits, most
        self._lines: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._written = self._left_out = 0
        self._error: BaseException | None = None

    def put(self, write: Callable[[], None]) -> None:
        """Have `write` called, which writes a line. What an earlier one failed of is raised here: its reader has gone.

        Any thread may call this.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._waits or self._error or len(self._lines) < self._most)
            if self._error is not None:
                raise self._error
            if len(self._lines) >= self._most:
                self._left_out += 1
                return
            self._lines.append(write)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_all, name="audiocos-outbox", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def hurry(self) -> None:
        """Wait for room no more: it is to end."""
        with self._changed:
            self._waits = False
            self._changed.notify_all()

    def close(self, patience_s: float | None) -> None:
        """Wait until all is written.

        Args:
            patience_s: how long a reader may take nothing; None: as long as it likes.

        Raises:
            UnreadError: it took nothing for so long, or not all.
            OSError: it has gone.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            while self._lines and self._error is None:
                if not self._changed.wait_for(partial(self._has_gone_on, self._written), patience_s):
                    lines = counted(len(self._lines) + self._left_out, "line")
                    raise UnreadError(f"standard output: its reader takes nothing; not written: {lines}.")
            if self._error is not None:
                raise self._error
        if self._thread is not None:
            self._thread.join()
        if self._left_out:
            raise UnreadError(
                f"standard output: its reader was too slow; not written: {counted(self._left_out, 'line')}."
            )

    def _has_gone_on(self, written: int) -> bool:
        return self._error is not None or self._written != written

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._closed)
                if not self._lines:
                    return
                write = self._lines[0]
            try:
                write()
            except BaseException as error:  # told to whoever puts the next
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
                return
            with self._changed:
                self._lines.popleft()
                self._written += 1
                self._changed.notify_all()
