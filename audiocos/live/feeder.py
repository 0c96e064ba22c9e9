"""The thread that brings a file, standard input or a synthetic signal to the worker, at the pace that is wanted."""

from __future__ import annotations

import threading
import time

from audiocos.live.ring import Ring, Signal
from audiocos.live.sources import Source

_TICK_S = 0.1

_PIPE_PACE = 1.02
"""Sound from another program is taken faster than it sounds, by so much: what has come while this program started is
made up for, and a recorder whose clock is faster than this machine's never waits for room in the pipe, and so loses
nothing. It gives no more than it has."""


class Feeder:
    """Runs in a thread of its own: `run`, until the source ends or `stop` is set.

    Args:
        source: where the sound comes from.
        inlet: where it goes.
        closed: set after the last sample.
        wake: set when there is more.
        taken: set by the worker when it has taken some.
        stop: ends it early.
        block: samples at a time.
        paced: as fast as the sound is; else as fast as it is taken.
    """

    def __init__(
        self,
        source: Source,
        inlet: Ring,
        closed: threading.Event,
        wake: Signal,
        taken: Signal,
        stop: threading.Event,
        *,
        block: int,
        paced: bool,
    ) -> None:
        self._source, self._inlet, self._closed = source, inlet, closed
        self._wake, self._taken, self._stop = wake, taken, stop
        self._block, self._paced = block, paced
        self.waiting_since: float | None = None
        """Since when, by the monotonic clock, the source has given nothing; None while it need not."""

    def run(self) -> None:
        """Until the end."""
        blocks = self._source.blocks(self._block)
        began, fed = time.monotonic(), 0
        pace = self._source.sample_rate * (_PIPE_PACE if self._source.piped else 1.0)
        try:
            while not self._stop.is_set():
                self.waiting_since = time.monotonic()
                block = next(blocks, None)
                waited, self.waiting_since = time.monotonic() - self.waiting_since, None
                if block is None:
                    return
                if waited > _TICK_S:
                    began += waited  # the source has stalled: go on from here, not in a rush
                if self._source.piped:  # waiting for a recorder saves up no rush for later
                    began = max(began, time.monotonic() - fed / pace - _TICK_S)
                fed += block.shape[1]
                while self._inlet.room < block.shape[1] and not self._stop.is_set():
                    self._taken.wait(_TICK_S)
                if self._paced:
                    self._stop.wait(max(0.0, began + fed / pace - time.monotonic()))
                self._inlet.write(block)
                self._wake.set()
        finally:
            self._closed.set()
            self._wake.set()
