"""What was lost because the worker came too late: what `--on-overload fail` ends a session for, and nothing else."""

from __future__ import annotations

import time

from audiocos.errors import OverloadError
from audiocos.live.ring import Ring


class Shortfall:
    """Input that found no room, and output that was not there when the device wanted it. Called by the worker only.

    What a device loses by itself is in neither. A microphone gives as much as its device plays, so all output that is
    missing is late. A pipe or a file may have stalled: what is missing then is late only where the worker, since it
    last had to wait, has taken longer than the sound it took.

    Args:
        inlet: where the input comes from.
        play: where the output goes, or None.
        chunk_s: seconds of what the worker takes at a time.
        live: the source is a microphone, which does not wait for room.
    """

    def __init__(self, inlet: Ring, play: Ring | None, chunk_s: float, *, live: bool) -> None:
        self._inlet, self._play, self._chunk_s, self._live = inlet, play, chunk_s, live
        self._seen = self._late = 0  # samples
        self._since = 0.0
        self._chunks = 0  # taken since then, without a wait

    def take(self) -> None:
        """A chunk has been taken."""
        self._look()
        if not self._chunks:
            self._since = time.perf_counter()
        self._chunks += 1

    def rest(self) -> None:
        """The worker waits for others."""
        self._look()
        self._chunks = 0

    def check(self, taken: int) -> None:
        """End it where something was lost.

        Args:
            taken: samples that the worker has taken so far.

        Raises:
            OverloadError: how much.
        """
        dropped = self._inlet.refused if self._live else 0
        if dropped or self._late:
            raise OverloadError(
                f"The model could not keep up: {dropped} samples dropped, {self._late} of silence, in {taken} samples. "
                "Choose a smaller model, a larger --block or --latency high; --on-overload drop goes on."
            )

    def _look(self) -> None:
        if self._play is None:
            return
        seen, self._seen = self._seen, self._play.short
        slow = self._chunks and time.perf_counter() - self._since > self._chunks * self._chunk_s
        if self._live or slow:
            self._late += self._seen - seen
