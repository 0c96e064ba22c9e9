"""The end of the meter thread, which alone writes the file: waited for, or left behind with what was written."""

from __future__ import annotations

import time
from collections.abc import Callable

from audiocos.errors import AudioFileError, UnreadError
from audiocos.live.sinks import FileSink
from audiocos.live.threads import Threads

JOIN_S = 5.0
_TICK_S = 0.05


def end_meter(threads: Threads, sink: FileSink | None, measured: Callable[[], int], cut: Callable[[], bool]) -> None:
    """Wait for the file to be whole: an unfinished one is only removed where its thread has ended, and failed.

    Args:
        threads: of the session, told to stop; what goes wrong is theirs.
        sink: the file or the pipe that is written, or None.
        measured: samples so far.
        cut: as in `Session.stop`.
    """
    try:
        _wait(threads, sink is not None and sink.is_pipe, measured, cut)
    finally:  # Ctrl-C is no reason to lose a file
        if sink is not None:
            if not threads.alive("meter"):
                sink.abort()  # does nothing to one that is whole
            else:
                _leave(threads, sink)


def _leave(threads: Threads, sink: FileSink) -> None:
    try:
        if said := sink.leave():
            threads.fail(AudioFileError(said))
    except AudioFileError as error:
        threads.fail(error)


def _wait(threads: Threads, into_pipe: bool, measured: Callable[[], int], cut: Callable[[], bool]) -> None:
    samples, since = -1, time.monotonic()
    while threads.alive("meter"):
        threads.join("meter", _TICK_S)
        if into_pipe and samples != measured():
            samples, since = measured(), time.monotonic()
        elif time.monotonic() - since > JOIN_S:
            if into_pipe:
                threads.fail(UnreadError("standard output: its reader takes nothing."))
                return
            if cut():
                return
