"""The meter thread: reads the pairs that the worker hands on, measures, writes the file, feeds judges and taps.

It is the only thread that they or a file see, and it may be slow: with a device the worker does not wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from audiocos.audio.formats import from_float
from audiocos.audio.reconstruct import as_written
from audiocos.live.gaps import Gaps
from audiocos.live.levels import decibels
from audiocos.live.player import select
from audiocos.live.ring import Array, Ring, Signal
from audiocos.live.sinks import FileSink
from audiocos.live.wires import Choice
from audiocos.metrics import RunningFigures, segment_length, snr_db

_TICK_S = 0.04


class Tap(Protocol):
    """Something that looks at what goes by, on the meter thread."""

    def feed(self, x: Array, y: Array) -> None:
        """Input and reconstruction, aligned, `[channels, samples]` each, in order; the residual is x - y."""


class Judge(Protocol):
    """Something that judges the model by what goes by, on the meter thread."""

    def feed(self, x: Array, y: Array) -> None:
        """As a tap, but the reconstruction is as the model gives it: what is normal was learned from no other."""

    def miss(self, count: int) -> None:
        """So many samples are missing here: they take their time, and the model has seen a splice."""


@dataclass(frozen=True)
class Second:
    """One second of sound; levels are mean power over all channels.

    Args:
        time_s: seconds of sound since the start, at its end.
        snr_db: signal over residual; None for silence or an exact copy.
        residual_dbfs: dB of full scale; None where there is none, as of an exact copy.
        input_dbfs: likewise; None for digital silence.
        output_dbfs: likewise; of what the model gives, before speakers clip what is above full scale.
    """

    time_s: float
    snr_db: float | None
    residual_dbfs: float | None
    input_dbfs: float | None
    output_dbfs: float | None


class Seconds:
    """A tap that sums each second of sound and hands it on.

    Args:
        sample_rate: Hz.
        tell: called with each second, and with what is left of one at the end.
    """

    def __init__(self, sample_rate: int, tell: Callable[[Second], None]) -> None:
        self._rate, self._tell = sample_rate, tell
        self._sums, self._samples, self._values, self._total = np.zeros(3), 0, 0, 0

    def feed(self, x: Array, y: Array) -> None:
        """See `Tap`."""
        start = 0
        while start < x.shape[1]:
            stop = min(start + self._rate - self._samples, x.shape[1])
            a, b = (z[:, start:stop].astype(np.float64) for z in (x, y))
            self._sums += [np.vdot(a, a), np.vdot(b, b), np.vdot(a - b, a - b)]
            self._samples += stop - start
            self._values += a.size
            if self._samples == self._rate:
                self.close()
            start = stop

    def close(self) -> None:
        """Hand on what there is of a second."""
        if not self._samples:
            return
        self._total += self._samples
        levels = [decibels(energy / self._values) for energy in self._sums]
        snr = snr_db(float(self._sums[0]), float(self._sums[2]))
        self._sums, self._samples, self._values = np.zeros(3), 0, 0
        self._tell(Second(self._total / self._rate, snr, levels[2], levels[0], levels[1]))


class Measure:
    """What happens to each pair. Runs in a thread of its own: `run`, until the worker is done and all is read.

    Args:
        pairs: input and reconstruction, `[2 C, capacity]`.
        unmetered: where in them samples are missing: silence for taps and files, nothing to measure or to judge.
        paired: set when there is more.
        read: to be set when some has been read.
        done: set after the last pair.
        sample_rate: Hz.
        subtype: of a file that is monitored: its reconstruction is measured as it is written, in the subtype of the
            sink, or as it would be written in its own, as `reconstruct` does; None elsewhere.
        sink: a file to write, or None.
        choice: what of the pair is written.
        taps: fed after the rest.
        judges: fed before the taps.
    """

    def __init__(
        self,
        pairs: Ring,
        unmetered: Gaps,
        paired: Signal,
        read: Signal,
        done: threading.Event,
        *,
        sample_rate: int,
        subtype: str | None,
        sink: FileSink | None,
        choice: Choice,
        taps: Sequence[Tap],
        judges: Sequence[Judge] = (),
    ) -> None:
        self._pairs, self._unmetered, self._paired, self._read, self._done = pairs, unmetered, paired, read, done
        self._taken = 0
        self.subtype, self._sink, self._choice, self._taps = subtype, sink, choice, taps
        self._judges = judges
        self._written = subtype if sink is None else sink.subtype
        channels = pairs.channels // 2
        self.figures = RunningFigures(channels, segment_length(sample_rate))
        self.samples = 0
        self.clipped = 0
        self.heard = False
        """Whether any input was not digital silence."""
        self.silent = 0
        """Samples of digital silence that the input ends with, to a piece."""
        self._most = min(max(4096, sample_rate // 10), sample_rate)  # whoever tells of a second tells its own state

    def run(self) -> None:
        """Until the end."""
        while True:
            done = self._done.is_set()
            count = min(self._pairs.available, self._most)
            place = self._unmetered.next_place  # looked at in this order: a gap is noted before what follows it
            if place is not None and place <= self._taken:
                self._leave_out(self._unmetered.take())
            elif count:
                self._take(count if place is None else min(count, place - self._taken))
            elif done:
                return
            else:
                self._paired.wait(_TICK_S)

    def _take(self, count: int) -> None:
        channels = self._pairs.channels // 2
        pair = np.empty((2 * channels, count), self._pairs.dtype)
        self._pairs.read(pair)
        self._taken += count
        self._read.set()
        given: Array = pair[:channels]
        output: Array = pair[channels:]
        x, y = given, output
        if self.subtype is not None:
            source, _ = from_float(x, self.subtype)
            native, clipped = from_float(y, self._written or self.subtype)
            self.clipped += clipped
            x, y = as_written(source, native, x.dtype)
        self.figures.update(x, y)
        sounds = bool(x.any())
        self.heard, self.silent = self.heard or sounds, 0 if sounds else self.silent + count
        self._write(x, y, output)
        for judge in self._judges:
            judge.feed(given, output)
        self._show(x, y)

    def _leave_out(self, count: int) -> None:
        channels = self._pairs.channels // 2
        silence = np.zeros((channels, min(count, self._most)), self._pairs.dtype)
        for start in range(0, count, self._most):
            piece = silence[:, : count - start]
            self._write(piece, piece, piece)
            for judge in self._judges:
                judge.miss(piece.shape[1])
            self._show(piece, piece)

    def _write(self, x: Array, y: Array, output: Array) -> None:
        """To the file, which rounds and clips the output itself and counts that."""
        heard: Any = output
        self.samples += x.shape[1]
        if self._sink is not None:
            if self._choice.listen != "output":
                heard = np.empty_like(x)
                select(self._choice.listen, x, y, heard)
            self._sink.write(heard)

    def _show(self, x: Array, y: Array) -> None:
        for tap in self._taps:
            tap.feed(x, y)
