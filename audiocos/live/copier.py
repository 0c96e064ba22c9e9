"""What a device's callback does with the sound: it copies, counts and zero-fills.

No arithmetic but a fade of a millisecond where silence begins or ends, no allocation, no lock, no logging.

The output keeps its place in time. Silence played for want of output, and input lost for want of room, shift what
comes after; the copier knows by how much (`owed`) and takes the shift back as soon as there is enough to take.
A file has no latency to come back to: where nothing is recorded, sound that is late waits, and none is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from audiocos.live.counters import Counters
from audiocos.live.gaps import Gaps
from audiocos.live.log import Log
from audiocos.live.ring import Array, Ring

FADE = 64
"""Samples of a fade."""

_SPOKEN_OF = 2**15
"""Samples within which a device's clock sizes what the device spoke of: two of the longest periods."""


class Copier:
    """Between a device's blocks and the rings; called by the device's callback only.

    Args:
        inlet: where the input goes, or None.
        play: where the output comes from, or None.
        block: samples of a device's block, at most.
        counters: to count in: overflows, underflows, dropped and zero-filled samples.
        log: to note what happened in.
        drained: whether the worker is done: no input is wanted, and `play` running dry is the end of the sound.
        owed: samples by which the output lags the latency that was promised; below zero, leads it.
        gaps: told where in the input samples are missing.
    """

    def __init__(
        self,
        inlet: Ring | None,
        play: Ring | None,
        block: int,
        counters: Counters,
        log: Log,
        *,
        drained: Callable[[], bool] = lambda: False,
        owed: int = 0,
        gaps: Gaps | None = None,
    ) -> None:
        self._inlet, self._play = inlet, play
        self._counters, self._log, self._drained = counters, log, drained
        self._mixed = np.zeros((play.channels if play else 1, block), np.float32)
        fade = np.linspace(1, 0, FADE + 2, dtype=np.float32)[1:-1]
        self._fade_out, self._fade_in = fade.copy(), fade[::-1].copy()
        self._tail = np.zeros(FADE, np.float32)
        self._last = np.zeros(self._mixed.shape[0], np.float32)
        self._left = self._last.copy()  # what the fade goes away from
        self._faded = FADE  # samples of the fade that are over
        self._sounding = False
        self._spoken = -math.inf  # where the device last spoke of a loss that has no size yet
        self._gaps, self._missing = gaps, 0  # samples lost since the last that was written
        self.owed = owed
        self.position = 0
        """Samples since the start, by the device's clock; the callback moves it on."""

    def take(self, indata: Array, overflow: bool, lost: int = 0) -> None:
        """Input, `[samples, channels]`; `overflow`: the device says that it lost some before; `lost`: how many it did.

        What a device loses it has not played either: the output needs no shift for that. How many is known a little
        later than that, which is the same loss and counts once.
        """
        inlet, counters = self._inlet, self._counters
        assert inlet is not None
        if self._drained():
            return
        if overflow or lost:
            counters.input_overflows += overflow or self.position - self._spoken > max(_SPOKEN_OF, 2 * len(indata))
            counters.dropped_samples += lost
            self._log.note("input_overflow", self.position, lost)
            self._spoken = -math.inf if lost else self.position
        self._missing += lost
        self.position += lost
        if self._missing and self._gaps is not None and inlet.room and self._gaps.note(inlet.written, self._missing):
            self._missing = 0
        lost = len(indata) - inlet.write(indata.T)
        self._missing += lost
        if lost:
            counters.input_overflows += 1
            counters.dropped_samples += lost
            self.owed -= lost
            self._log.note("input_overflow", self.position, lost)

    def give(self, outdata: Array, underflow: bool) -> None:
        """Fill `outdata`, `[samples, channels]`; `underflow`: the device says that it got some too late before."""
        play, counters, frames = self._play, self._counters, len(outdata)
        assert play is not None
        if underflow:
            counters.output_underflows += 1
            self._log.note("output_underflow", self.position, 0)
        mixed, start = self._mixed, 0
        if self.owed > 0:
            late = play.skip(min(self.owed, max(play.available - frames, 0)))
            counters.dropped_samples += late
            self.owed -= late
            if late:
                self._part()
        elif self.owed < 0:
            start = min(-self.owed, frames)
            mixed[:, :start] = 0
            self._fade(0, start, sounding=False)
            counters.zero_filled_samples += start
            self.owed += start
        got = play.read(mixed[:, start:frames])
        self._fade(start, start + got, sounding=True)
        if start + got < frames:
            mixed[:, start + got : frames] = 0
            self._fade(start + got, frames, sounding=False)
            if not self._drained():
                missing = frames - start - got
                counters.output_underflows += 1
                counters.zero_filled_samples += missing
                if self._inlet is not None:
                    self.owed += missing
                self._log.note("output_underflow", self.position, missing)
        outdata[:] = mixed[:, :frames].T

    def _part(self) -> None:
        """What comes next does not go on where the last sample was: fade over to it, from that sample."""
        self._left[:] = self._last
        self._faded = 0

    def _fade(self, start: int, stop: int, *, sounding: bool) -> None:
        """Fade to what comes, sound or silence; what does not fit into this block goes on in the next."""
        if start == stop:
            return
        if sounding != self._sounding:
            self._part()
            self._sounding = sounding
        length = min(FADE - self._faded, stop - start)
        if length:
            part, tail = slice(self._faded, self._faded + length), self._tail[:length]
            for samples, left in zip(self._mixed[:, start : start + length], self._left, strict=True):
                samples *= self._fade_in[part]
                np.multiply(self._fade_out[part], left, out=tail)
                samples += tail
            self._faded += length
        self._last[:] = self._mixed[:, stop - 1]
