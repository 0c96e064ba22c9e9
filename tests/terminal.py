"""A program in a pseudo-terminal, with an emulator that says what is on its screen."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import pyte

LATEST_S = 30.0


class Terminal:
    """Use as a context manager; the program is killed at the end if it still runs.

    Args:
        arguments: the program and its arguments.
        size: columns and lines.
        stdin: a descriptor to put in the place of its standard input.
        environment: added to ours.
    """

    def __init__(self, arguments, size=(80, 24), stdin=None, environment=None):
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        self.status = None
        # The other end stays open here, so that the terminal's settings can be looked at when the program has ended.
        self.descriptor, self._inside = pty.openpty()
        self._resize(size)
        self.pid = os.fork()
        if self.pid == 0:
            os.login_tty(self._inside)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where the tests themselves run in the background
            if stdin is not None:
                os.dup2(stdin, 0)
            colours = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": ""}
            os.execvpe(arguments[0], arguments, os.environ | colours | (environment or {}))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.descriptor)
        os.close(self._inside)

    @property
    def rows(self):
        return list(self._screen.display)

    @property
    def text(self):
        return "\n".join(self.rows)

    def type(self, keys):
        os.write(self.descriptor, keys.encode())

    def resize(self, columns, lines):
        self._screen.resize(lines, columns)
        self._resize((columns, lines))

    def settings(self):
        """Those of the terminal."""
        return termios.tcgetattr(self._inside)

    def look(self, seconds=0.2):
        """Take in what the program writes meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self.descriptor], [], [], left)[0]:
                came = os.read(self.descriptor, 65536)
                self.raw += came
                self._stream.feed(came)

    def wait_for(self, *words):
        """Until all of them are on the screen."""
        self.wait_until(lambda: all(word in self.text for word in words), words)

    def wait_for_clock(self, seconds):
        """Until the clock at the end of the first line shows so much, or more: a second may go by undrawn."""

        def shown():
            found = re.search(r"(\d+):(\d\d)\s*$", self.rows[0])
            return found and 60 * int(found[1]) + int(found[2]) >= seconds

        self.wait_until(shown, f"{seconds} s")

    def wait_until(self, condition, told="what was waited for"):
        """Until it holds."""
        until = time.monotonic() + LATEST_S
        while not condition():
            assert time.monotonic() < until, f"{told} did not come:\n{self.text}"
            self.look(0.05)

    def wait(self, options=0):
        """Until the program ends (or stops, with os.WUNTRACED); its status."""
        until = time.monotonic() + LATEST_S
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG | options)
            self.look(0.05)
            if pid:
                if not os.WIFSTOPPED(status):
                    self.status = status
                return status
            assert time.monotonic() < until, f"it neither ended nor stopped:\n{self.text}"

    def _resize(self, size):
        columns, lines = size
        fcntl.ioctl(self._inside, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
