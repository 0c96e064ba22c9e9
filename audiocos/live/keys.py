"""Single keys from the terminal, also where standard input is the sound; the terminal is put back on every exit."""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
import time
from types import TracebackType
from typing import Any

_SEQUENCE = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O[@-~])|\x1b|[^\x1b]")

_ARROWS = {b"A": "up", b"B": "down", b"C": "right", b"D": "left"}

_POLL_S = 0.02


class Keys:
    r"""Keys as they are pressed. Use as a context manager; `pause` and `resume` lend the terminal back meanwhile.

    Where there is no terminal to read from, or the process runs in its background, no key ever comes.
    Ctrl-C and Ctrl-Z keep their meaning; Ctrl-\ has none.
    """

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._own = False  # whether it was opened here, and not by whoever started us
        self._before: list[Any] | None = None
        self._rest = b""

    def __enter__(self) -> Keys:
        if os.name != "nt":
            self._open()
            self.resume()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.pause()
        if self._own and self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None

    @property
    def foreground(self) -> bool:
        """Whether the terminal is ours to draw on and read from: a job in the background would be stopped."""
        return self._descriptor is None or is_foreground(self._descriptor)

    def resume(self) -> None:
        """Have keys come one at a time and unseen, from now on."""
        if self._descriptor is None or self._before is not None or not self.foreground:
            return
        import termios

        try:
            self._before = termios.tcgetattr(self._descriptor)
            mode = termios.tcgetattr(self._descriptor)
            mode[3] &= ~(termios.ECHO | termios.ICANON)
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
            # Ctrl-\ would end the process at once and leave the terminal like this; no character is another on macOS.
            mode[6][termios.VQUIT] = bytes([os.fpathconf(self._descriptor, "PC_VDISABLE") & 0xFF])
            termios.tcsetattr(self._descriptor, termios.TCSANOW, mode)
        except (termios.error, OSError):
            self._before = None

    def pause(self) -> None:
        """Put the terminal back as it was found."""
        if self._before is None or self._descriptor is None:
            return
        import termios

        if self.foreground:  # in the background the shell has done it, and asking would stop us
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(self._descriptor, termios.TCSANOW, self._before)
        self._before = None

    def read(self, timeout_s: float) -> list[str]:
        """The keys that come within a time, as soon as there are some: characters, or "left", "right", "up", "down"."""
        if os.name == "nt":
            return _read_windows(timeout_s)
        if self._descriptor is None or self._before is None:
            time.sleep(timeout_s)
            return []
        ready, _, _ = select.select([self._descriptor], [], [], timeout_s)
        if not ready:
            self._rest = b""  # an escape that nothing followed was the key itself
            return []
        try:
            came = os.read(self._descriptor, 1024)
        except OSError:
            came = b""
        if not came:  # the terminal has gone
            self._before = None
            return []
        found = _SEQUENCE.findall(self._rest + came)
        self._rest = found.pop() if found and found[-1] == b"\x1b" else b""
        return [key for key in map(_name, found) if key]

    def _open(self) -> None:
        with contextlib.suppress(OSError):
            self._descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
            self._own = True
            return
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if sys.stdin.isatty():
                self._descriptor = sys.stdin.fileno()


def is_foreground(descriptor: int) -> bool:
    """Whether a terminal is ours to draw on and read from; where it controls no jobs, it is."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except (OSError, AttributeError):  # not the terminal that controls us; Windows, which has no jobs
        return True


def _name(sequence: bytes) -> str:
    if sequence[:1] == b"\x1b":
        return _ARROWS.get(sequence[-1:], "") if len(sequence) > 1 else ""
    return sequence.decode("ascii", "replace").lower()


def _read_windows(timeout_s: float) -> list[str]:
    import msvcrt

    console: Any = msvcrt  # its functions are known to type checkers on Windows only
    until = time.monotonic() + timeout_s
    keys: list[str] = []
    while not keys and time.monotonic() < until:
        while console.kbhit():
            character = console.getwch()
            if character in "\x00\xe0":
                keys.append({"H": "up", "P": "down", "M": "right", "K": "left"}.get(console.getwch(), ""))
            else:
                keys.append(character.lower())
        if not keys:
            time.sleep(min(_POLL_S, timeout_s))
    return [key for key in keys if key]
