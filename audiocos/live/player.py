"""What a device plays of the pairs: what is listened to, at the device's rate, within full scale."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from audiocos.live.counters import Counters
from audiocos.live.ring import Array
from audiocos.live.wires import Choice, Wires

if TYPE_CHECKING:
    from audiocos.audio.aligned import Converter

_TICK_S = 0.1
_RAMP = 256  # samples from one choice of what to hear to another, in longer chunks


class Player:
    """Fills the ring to the device, where there is one; called by the worker only.

    Args:
        wires: to the device.
        choice: what to listen to.
        counters: to count in: clipped samples.
        stop: set when nobody wants the rest.
        longest: samples a call, at most.
        lossless: wait where the ring is full.
        converter: to the rate of the device, where that is another.
        rest: called before each wait.
    """

    def __init__(
        self,
        wires: Wires,
        choice: Choice,
        counters: Counters,
        stop: threading.Event,
        longest: int,
        *,
        lossless: bool,
        converter: Converter | None,
        rest: Callable[[], None] = lambda: None,
    ) -> None:
        self._ring, self._wake = wires.play, wires.wake
        self._choice, self._counters, self._stop = choice, counters, stop
        self._lossless, self._converter, self._rest = lossless, converter, rest
        channels, dtype = wires.inlet.channels, wires.inlet.dtype
        self._heard = np.zeros((channels, longest), dtype)
        self._before = np.zeros((channels, longest), dtype)
        self._end = np.zeros((channels, 0), dtype)
        self._listened = choice.listen
        self.dropped = 0
        """Samples that found no room. Not in the common counter: the device's callback adds to that, at any moment."""

    def play(self, x: Array, y: Array) -> None:
        """Of input and reconstruction, aligned, `[channels, samples]` each: one of them, or their residual."""
        if self._ring is None:
            return
        heard, before = self._heard[:, : x.shape[1]], self._before[:, : x.shape[1]]
        listen = self._choice.listen
        select(listen, x, y, heard)
        if listen != self._listened:  # from one to the other in some milliseconds, not with a click
            select(self._listened, x, y, before)
            length = min(_RAMP, x.shape[1])
            heard[:, :length] -= before[:, :length]
            heard[:, :length] *= np.linspace(0, 1, length, dtype=heard.dtype)
            heard[:, :length] += before[:, :length]
            self._listened = listen
        self._convert(heard)

    def pass_by(self, x: Array) -> None:
        """Input that the model has not seen, `[channels, samples]`: it has no residual. It is changed in place."""
        if self._ring is None:
            return
        if self._choice.listen == "residual":
            x[:] = 0
        self._convert(x)

    def finish(self) -> None:
        """The sound is over: what a conversion has held back."""
        if self._ring is not None and self._converter is not None:
            self._write(self._converter.convert(self._end, last=True))

    def _convert(self, heard: Array) -> None:
        self._write(heard if self._converter is None else self._converter.convert(heard))

    def _write(self, heard: Array) -> None:
        """To the device, at its rate: a conversion goes beyond full scale where there was no more than that."""
        ring = self._ring
        if ring is None or not heard.size:
            return
        if heard.max() > 1 or heard.min() < -1:
            self._counters.clipped_samples += int(np.count_nonzero(np.abs(heard) > 1))
            np.clip(heard, -1, 1, out=heard)
        written = ring.write(heard)
        while self._lossless and written < heard.shape[1] and not self._stop.is_set():
            self._rest()
            self._wake.wait(_TICK_S)
            written += ring.write(heard[:, written:])
        if not self._stop.is_set():
            self.dropped += heard.shape[1] - written


def select(listen: str, x: Array, y: Array, out: Array) -> None:
    """What is to be heard of a pair: its output, input or residual, `[channels, samples]`."""
    if listen == "residual":
        np.subtract(x, y, out=out)
    else:
        np.copyto(out, x if listen == "input" else y)
