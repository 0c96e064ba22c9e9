"""TensorBoard events of a run, in TensorBoard's own records: torch's writer takes seconds to import.

TensorBoard's writer of files is not used either: it writes in a thread, whose errors come late, with a traceback.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_VERSION = "brain.Event:2"
_FLUSH_SECONDS = 10.0
_OURS = ".audiocos"  # at the end of a file's name: those of other programs stay


class Events:
    """Scalars over steps, in a new event file.

    Args:
        folder: where the file goes; it is there already.
        step: what older files of the folder hold from this step on is hidden by TensorBoard.

    Raises:
        ImportError: TensorBoard is not installed; see `available`.
        OSError: the folder cannot be written to.
    """

    def __init__(self, folder: Path, step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._event: Any = Event
        self._summary: Any = Summary
        # TensorBoard reads files in the order of their names.
        path = folder / f"events.out.tfevents.{time.time():017.6f}.{socket.gethostname()}.{os.getpid()}{_OURS}"
        self._file = path.open("xb")
        self._records: Any = RecordWriter(self._file)
        try:
            # Steps from a START on are purged only in files of a known version: TensorBoard's reader wants to be told.
            for told in ({"file_version": _VERSION}, {"session_log": SessionLog(status=SessionLog.START)}):
                self._write(step, **told)
            self._file.flush()
        except OSError:
            self.close()
            path.unlink()
            raise
        self._flushed = time.monotonic()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Write the values of a step, each under its tag.

        Raises:
            OSError: they cannot be written, or those before them.
        """
        self._write(
            step,
            summary=self._summary(value=[self._summary.Value(tag=tag, simple_value=v) for tag, v in values.items()]),
        )
        if time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self._file.flush()
            self._flushed = time.monotonic()

    def _write(self, step: int, **told: Any) -> None:
        self._records.write(self._event(wall_time=time.time(), step=step, **told).SerializeToString())

    def close(self) -> None:
        """Write what is left; what no longer can be is left out: the log has the same figures."""
        with contextlib.suppress(OSError):
            self._file.close()


def available() -> bool:
    """Whether TensorBoard is installed."""
    return importlib.util.find_spec("tensorboard") is not None


def remove_events(folder: Path) -> None:
    """Remove what older runs wrote, and nothing else: their curves would lie over those of the run that begins."""
    for path in folder.glob(f"events.out.tfevents.*{_OURS}"):
        if path.is_file() or path.is_symlink():
            path.unlink()
