"""Signals while files are finished: they wait, but for a Ctrl-C of someone who was told what it cuts short."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from audiocos.cli.main import ENDING, say


class Unhurried:
    """Use as a context manager, meanwhile signals that end us are dropped; who began it is told why it takes long.

    A closed terminal, or `timeout`, may send several at once, so that the second alone says nothing.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._told = self._cut = False

    def __enter__(self) -> Unhurried:
        if threading.current_thread() is threading.main_thread():  # others get no signals
            for number in ENDING:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def cut(self) -> bool:
        """Whether it is to end now, whole or not; says first how to have that."""
        if not self._told:
            told = "Still finishing what was monitored: a slow disk, or the command of an alarm. Ctrl-C cuts it short."
            threading.Thread(target=say, args=(told,), daemon=True).start()  # who reads it may take nothing
            self._told = True
        return self._cut

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._cut = self._cut or (self._told and number == signal.SIGINT)
