"""TensorBoard events of a run, written with TensorBoard's own writer: torch's takes seconds to import."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event: Any = Event
        self._summary: Any = Summary
        self._writer: Any = EventFileWriter(str(folder), flush_secs=10, filename_suffix=_OURS)
        # Steps from a START on are purged only in files of a known version: TensorBoard's reader wants to be told.
        self._writer.add_event(Event(wall_time=time.time(), step=step, file_version="brain.Event:2"))
        began = SessionLog(status=SessionLog.START)
        self._writer.add_event(Event(wall_time=time.time(), step=step, session_log=began))

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Write the values of a step, each under its tag."""
        summary = self._summary(value=[self._summary.Value(tag=tag, simple_value=v) for tag, v in values.items()])
        self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=summary))

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


def available() -> bool:
    """Whether TensorBoard is installed."""
    return importlib.util.find_spec("tensorboard") is not None


def remove_events(folder: Path) -> None:
    """Remove what older runs wrote, and nothing else: their curves would lie over those of the run that begins."""
    for path in folder.glob(f"events.out.tfevents.*{_OURS}"):
        if path.is_file() or path.is_symlink():
            path.unlink()
