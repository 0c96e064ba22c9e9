"""What a device's callback does with the sound: it copies, counts and zero-fills.

No arithmetic but a fade of a millisecond where silence begins or ends, no allocation, no lock, no logging.

The output keeps its place in time. Silence played for want of output, and input lost for want of room, shift what
comes after; the copier knows by how much (`owed`) and takes the shift back as soon as there is enough to take.
A file has no latency to come back to: where nothing is recorded, sound that is late waits, and none is dropped.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from audiocos.live.counters import Counters
from audiocos.live.gaps import Gaps
from audiocos.live.log import Log
from audiocos.live.ring import Array, Ring

FADE = 64
"""Samples of a fade."""


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
        self._last = np.zeros(self._mixed.shape[0], np.float32)
        self._fade_out = np.linspace(1, 0, FADE + 2, dtype=np.float32)[1:-1].copy()
        self._fade_in = self._fade_out[::-1].copy()
        self._tail = np.zeros(FADE, np.float32)
        self._seam = True  # what comes next does not go on where the last sample was
        self._gaps, self._missing = gaps, 0  # samples lost since the last that was written
        self.owed = owed
        self.position = 0
        """Samples since the start, by the device's clock; the callback moves it on."""

    def take(self, indata: Array, overflow: bool, lost: int = 0) -> None:
        """Input, `[samples, channels]`; `overflow`: the device says that it lost some before; `lost`: how many it did.

        What a device loses it has not played either: the output needs no shift for that.
        """
        inlet, counters = self._inlet, self._counters
        assert inlet is not None
        if self._drained():
            return
        if overflow or lost:
            counters.input_overflows += 1
            counters.dropped_samples += lost
            self._log.note("input_overflow", self.position, lost)
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
            self._seam = self._seam or late > 0
        elif self.owed < 0:
            start = min(-self.owed, frames)
            self._silence(0, start)
            counters.zero_filled_samples += start
            self.owed += start
        got = play.read(mixed[:, start:frames])
        if got:
            if self._seam:
                self._join(mixed[:, start : start + got])
            self._last[:] = mixed[:, start + got - 1]
        if start + got < frames:
            self._silence(start + got, frames)
            if not self._drained():
                missing = frames - start - got
                counters.output_underflows += 1
                counters.zero_filled_samples += missing
                if self._inlet is not None:
                    self.owed += missing
                self._log.note("output_underflow", self.position, missing)
        outdata[:] = mixed[:, :frames].T

    def _silence(self, start: int, stop: int) -> None:
        """Zeros; where sound has just been, the last sample fades out instead of jumping to zero."""
        length = min(FADE, stop - start)
        if not length:
            return
        fade = self._fade_out[:: FADE // length][:length]
        for samples, last in zip(self._mixed, self._last, strict=True):
            samples[start + length : stop] = 0
            np.multiply(fade, last, out=samples[start : start + length])
        self._last[:] = 0
        self._seam = True

    def _join(self, block: Array) -> None:
        """Fade in what comes, and out what was there before, which after silence is nothing."""
        length = min(FADE, block.shape[1])
        for samples, last in zip(block, self._last, strict=True):
            samples[:length] *= self._fade_in[:length]
            np.multiply(self._fade_out[:length], last, out=self._tail[:length])
            samples[:length] += self._tail[:length]
        self._seam = False
