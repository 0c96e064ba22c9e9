"""A command that an alarm sets off, run beside the monitoring and never in its way."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable

from audiocos.audio.names import shown
from audiocos.errors import UsageError
from audiocos.live.alarmstate import AlarmEvent

EVERY_S = 10.0
LONGEST_S = 60.0
VARIABLE = "AUDIOCOS_ALARM"

_LEAVE_S = 5.0
_TICK_S = 0.1
_SAID = 2000  # bytes of its error output that are looked at


def parse(text: str) -> list[str]:
    """Program and arguments of a command, cut as a shell would cut them; nothing else of a shell is done.

    Raises:
        UsageError: an open quotation, nothing, or a program that is not there or cannot be executed.
    """
    try:
        arguments = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--on-alarm {shown(text)}: {str(error).lower()}. Check the quotes.") from error
    if not arguments or not arguments[0]:
        raise UsageError("--on-alarm: names no command. Give a program and its arguments.")
    if shutil.which(arguments[0]) is None:
        raise UsageError(f"--on-alarm {shown(arguments[0])}: {_why_not(arguments[0])}")
    return arguments


def _why_not(program: str) -> str:
    """Why a program cannot be run, and what to do. A name without a folder is looked for in PATH only."""
    if os.path.dirname(program) and os.path.isdir(program):
        return "is a folder. Give the path of a program in it."
    if os.path.dirname(program) and os.path.exists(program):
        return "is not executable. Allow it with chmod +x, or name the program that runs it, too."
    return "no such program. Give its path; for pipes and the like, write: sh -c '...'."


class AlarmCommand:
    """Run a command when an alarm begins: without a shell, one at a time, at most once in ten seconds.

    Where sound goes by faster than the clock, those are seconds of sound, and an alarm waits for the command that runs.

    It gets the alarm as JSON in the environment (`AUDIOCOS_ALARM`), no input, and its output goes nowhere. When it
    fails, `say` gets a line with the last it wrote to its error output. After a minute it is ended, with what it
    started. Else `change` only leaves word with a thread.

    Args:
        command: as a shell would cut it.
        say: called with a line for people, from the thread that runs the command.
        every_s: seconds from one start to the next, at least; alarms in between do not run it.
        longest_s: seconds it may take.
        fast: sound goes by faster than the clock.

    Raises:
        UsageError: as `parse`.
    """

    def __init__(
        self,
        command: str,
        *,
        say: Callable[[str], None],
        every_s: float = EVERY_S,
        longest_s: float = LONGEST_S,
        fast: bool = False,
    ) -> None:
        self._arguments, self._name = parse(command), f"The alarm command {shown(command)}"
        self._say, self._every_s, self._longest_s, self._fast = say, every_s, longest_s, fast
        self._started = -float("inf")
        self._left_out = 0
        self._queue: queue.Queue[AlarmEvent | None] = queue.Queue()
        self._idle = threading.Event()
        self._idle.set()
        self._hurried = False
        self._thread = threading.Thread(target=self._run_all, name="audiocos-alarm-command", daemon=True)
        self._thread.start()

    def change(self, event: AlarmEvent) -> None:
        """An alarm begins or ends."""
        if not event.active:
            return
        now = event.time_s if self._fast else time.monotonic()
        soon = now - self._started < self._every_s
        if self._fast and not soon:
            self._wait()
        if soon or self.busy:
            self._left_out += 1
            return
        self._started = now
        self._idle.clear()
        self._queue.put(event)

    def _wait(self) -> None:
        end = time.monotonic() + self._longest_s + _LEAVE_S
        while self.busy and not self._hurried and time.monotonic() < end:
            self._idle.wait(_TICK_S)

    def hurry(self) -> None:
        """Wait for the command no more: monitoring is to end. From any thread."""
        self._hurried = True

    @property
    def busy(self) -> bool:
        """Whether the command runs, so that an alarm would not run it."""
        return not self._idle.is_set()

    def close(self) -> None:
        """Wait up to five seconds for a command that runs; then leave it to itself."""
        self._queue.put(None)
        self._thread.join(_LEAVE_S)
        if self._left_out:
            alarms = "1 alarm" if self._left_out == 1 else f"{self._left_out} alarms"
            when = f"within {self._every_s:g} s of {'sound of ' if self._fast else ''}another, or it was running"
            self._say(f"{self._name} was not run for {alarms}: {when}.")
        if self._thread.is_alive():
            self._say(f"{self._name} is still running and goes on without us.")

    def _run_all(self) -> None:
        while (event := self._queue.get()) is not None:
            try:
                self._run(event)
            except OSError as error:
                self._say(f"{self._name} cannot be run: {error.strerror}.")
            finally:
                self._idle.set()

    def _run(self, event: AlarmEvent) -> None:
        environment = os.environ | {VARIABLE: json.dumps(event.row(), allow_nan=False)}
        with tempfile.TemporaryFile() as errors:  # not a pipe: what the command leaves behind may keep that open
            process = subprocess.Popen(
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=environment,
                start_new_session=True,  # Ctrl-C is meant for us
            )
            try:
                code = process.wait(self._longest_s)
            except subprocess.TimeoutExpired:
                _end(process)
                self._say(f"{self._name} took longer than {self._longest_s:g} s and was ended.")
                return
            if code:
                errors.seek(max(0, errors.seek(0, os.SEEK_END) - _SAID))
                lines = errors.read().decode(errors="backslashreplace").strip().splitlines()
                how = f"exit code {code}" if code > 0 else f"signal {-code}"
                self._say(f"{self._name} failed, {how}{': ' + shown(lines[-1]).rstrip('.') if lines else ''}.")


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
