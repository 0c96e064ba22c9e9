"""The worker: one thread that takes chunks from the input's ring, runs the model and hands the result on.

What it hands on are pairs of input and reconstruction, aligned, to the ring that meters and files read; and one of
them, or their difference, to the ring that the device plays.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from audiocos.audio.reader import IMPLAUSIBLE
from audiocos.live.backoff import Backoff
from audiocos.live.counters import Counters, HopTimes
from audiocos.live.log import Log
from audiocos.live.pipeline import Pipeline
from audiocos.live.player import Player
from audiocos.live.ring import Array, Ring
from audiocos.live.shortfall import Shortfall
from audiocos.live.wires import Choice, Wires, inside

if TYPE_CHECKING:
    from audiocos.audio.aligned import Converter

LISTEN = ("output", "input", "residual")
OVERLOAD = ("drop", "bypass", "fail")

_TICK_S = 0.1
_METER_S = 0.01  # of sound, at least, in a turn of the meters


class Worker:
    """Runs in a thread of its own: `run`, until the input ends, `stop` is set or it raises.

    Args:
        pipeline: the model.
        wires: to the others.
        choice: what to listen to, what to keep.
        counters: to count in: late hops, bypassed, clipped, sanitized and unmetered samples.
        times: to time the hops in.
        log: to note what happened in.
        stop: set to end as soon as what has been taken is answered.
        lossless: wait where a ring is full; else count what does not fit, for a device does not wait.
        piped: the source is a program that may be a recorder: what has come of it is answered when `stop` is set.
        limit: samples to take, or None.
        overload: "drop", "bypass" or "fail".
        block: samples that arrive at once.
        converter: to the rate of what plays, where that is another.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        wires: Wires,
        choice: Choice,
        counters: Counters,
        times: HopTimes,
        log: Log,
        stop: threading.Event,
        *,
        lossless: bool,
        piped: bool = False,
        limit: int | None,
        overload: str,
        block: int,
        converter: Converter | None = None,
    ) -> None:
        self._pipeline, self._wires, self._choice, self._stop = pipeline, wires, choice, stop
        self._counters, self._times, self._log = counters, times, log
        self._lossless, self._limit, self._overload = lossless, limit, overload
        self._disposable = lossless and not piped  # nobody wants the rest of a file when it is stopped
        channels, dtype, chunk = wires.inlet.channels, pipeline.stream.dtype, pipeline.chunk
        self._x = np.zeros((channels, chunk), dtype)
        longest = inside(pipeline, block)
        self._delay = Ring(channels, longest, dtype)  # input whose reconstruction has not come yet
        self._pair = np.zeros((2 * channels, longest), dtype)
        self._shortfall = Shortfall(wires.inlet, wires.play, times.deadline_s, live=not lossless)
        self._player = Player(
            wires, choice, counters, stop, longest, lossless=lossless, converter=converter, rest=self._shortfall.rest
        )
        self.expect(block)
        self._bypassing = False
        self._sample_s = times.deadline_s / chunk
        self._backoff = Backoff(times.deadline_s)
        self._handed_on = time.perf_counter()
        self.abandoned = False  # nobody reads the pairs any more
        self._gaps: deque[tuple[int, int]] = deque()  # in what has been taken: before which sample, how many
        self._lost = 0  # samples, in all gaps so far
        self._missing = 0  # samples that the pairs lack and that nobody has been told of yet
        self._told_at = -1  # where in the pairs samples were said to be missing last
        # Meters work in small turns right after a hop: in a longer one the next would have to share the interpreter.
        self._meter_every, self._metered = round(_METER_S / self._sample_s), 0
        self.taken = 0
        self.given = 0

    def expect(self, period: int) -> None:
        """Be told how many samples come in a burst, now that it is known: so many waiting is not being behind."""
        chunk = self._pipeline.chunk
        self._behind = chunk + 2 * max(period, chunk)  # in the inlet: more than jitter explains

    def run(self) -> None:
        """Until the end; then what is still inside comes out."""
        wires, chunk = self._wires, self._pipeline.chunk
        while not self._stop.is_set():
            there = wires.inlet.available
            self._meet_gaps(there)
            if self._limit is not None and self._limit - self.taken <= min(there, chunk - 1):
                break
            if there >= chunk:
                self._turn()
            elif wires.closed.is_set() and wires.inlet.available < chunk:  # looked at in this order: nothing is missed
                break
            else:
                self._shortfall.rest()
                wires.wake.wait(_TICK_S)
        self._finish()

    @property
    def dropped(self) -> int:
        """Samples that found no room on their way to the device."""
        return self._player.dropped

    def _turn(self) -> None:
        wires, pipeline = self._wires, self._pipeline
        x = self._x
        behind = self._overload == "bypass" and not self._lossless and self._is_behind()
        wires.inlet.read(x)
        wires.taken.set()
        began = time.perf_counter()
        self.taken += x.shape[1]
        self._sanitize(x)
        self._delay.write(x)
        self._shortfall.take()
        if self._overload == "fail":
            self._shortfall.check(self.taken)
        if behind:
            self._bypassing = True
            self._pass_by(x.shape[1])
            return
        if self._bypassing:
            # The model begins anew with this chunk; all before it passes by, so nothing is missing or late.
            self._bypassing = False
            pipeline.restart()
            self._pass_by(self._delay.available - x.shape[1])
        if pipeline.stream.keep != self._choice.keep:
            pipeline.stream.keep = self._choice.keep
        y = pipeline.feed(x)
        took = time.perf_counter() - began
        self._give(y)
        if not self._lossless:  # handing on counts where it does not wait
            took = self._handed_on - began
        if self._times.add(took, self._place * self._sample_s):
            self._counters.late_hops += 1
            self._log.note("late_hop", self._place, round(took * 1e6))

    def _is_behind(self) -> bool:
        """Whether more waits than jitter explains, or output has come too late for the device."""
        late = self._backoff.passes(self._counters.zero_filled_samples)
        return late or self._wires.inlet.available > self._behind

    def _finish(self) -> None:
        """The last samples, and the silence that pushes their reconstruction out."""
        wires, inlet = self._wires, self._wires.inlet
        self._meet_gaps(inlet.available)
        # Stopped: what has come is taken, for a recording is to be whole; but it may still be coming.
        waiting = inlet.available if self._limit is None else min(inlet.available, self._limit - self.taken)
        while waiting >= self._pipeline.chunk and not self._disposable:
            self._turn()
            waiting -= self._pipeline.chunk
        rest = self._x[:, : min(waiting, self._pipeline.chunk - 1)]
        if self._stop.is_set() and self._disposable:
            rest = rest[:, :0]
        inlet.read(rest)
        self._sanitize(rest)
        self._delay.write(rest)
        self.taken += rest.shape[1]
        if self._bypassing:
            self._pass_by(self._delay.available)
        if missing := self._delay.available:  # else nothing is awaited of the model any more
            tail = self._pipeline.finish(rest, missing)
            for start in range(0, missing, self._pair.shape[1]):
                self._give(tail[:, start : start + self._pair.shape[1]])
        self._player.finish()
        self._missing += sum(missing for _, missing in self._gaps)
        while not self._tell_missing() and not self.abandoned:
            wires.wake.wait(_TICK_S)

    def _meet_gaps(self, there: int) -> None:
        """Take over where sound is missing in what can be taken now; missing sound takes its time of the limit."""
        lost = self._wires.lost
        while (place := lost.next_place) is not None and place <= self.taken + there:
            count = lost.take()
            if self._limit is not None:
                count = min(count, max(self._limit - place, 0))
                self._limit -= count
            if count:
                self._gaps.append((place, count))
                self._lost += count

    @property
    def _place(self) -> int:
        """Up to where the sound has been taken, samples, what is missing in it included."""
        place = self.taken + self._lost
        for before, count in self._gaps:
            if before >= self.taken:  # still to come
                place -= count
        return place

    def _leave_out(self, count: int) -> None:
        """Meters and files get silence in the place of so many samples."""
        self._missing += count
        unmetered = self._wires.unmetered
        if self._told_at != self._wires.pairs.written or unmetered.next_place is None:  # else: together with the next
            self._tell_missing()

    def _tell_missing(self) -> bool:
        """Say where samples are missing; False when there is no room to say so, which is for later then."""
        wires = self._wires
        if self._missing and not wires.unmetered.note(wires.pairs.written, self._missing):
            return False
        if self._missing:
            self._missing, self._told_at = 0, wires.pairs.written
            if self._lossless:
                wires.paired.set()
        return True

    def _sanitize(self, x: Array) -> None:
        if not x.size or (x.min() >= -IMPLAUSIBLE and x.max() <= IMPLAUSIBLE):  # false for NaN
            return
        bad = ~(np.abs(x) <= IMPLAUSIBLE)
        x[bad] = 0
        self._counters.sanitized_samples += int(bad.sum())
        self._log.note("sanitized", self._place, int(bad.sum()))

    def _pass_by(self, count: int) -> None:
        """The oldest input, unprocessed, to the device; meters are not told that it was perfect."""
        if count:
            self._log.note("bypass", self._place, count)
        while count > 0:
            some = min(count, self._pair.shape[1])
            x = self._pair[: self._x.shape[0], :some]
            self._delay.read(x)
            self._leave_out(some + sum(missing for _, missing in self._gaps_within(some)))
            self._counters.bypassed_samples += some
            self._player.pass_by(x)
            self.given += some
            count -= some

    def _give(self, y: Array) -> None:
        count, wires = y.shape[1], self._wires
        self._handed_on = time.perf_counter()
        if not count:
            return
        channels = y.shape[0]
        pair = self._pair[:, :count]
        self._delay.read(pair[:channels])
        pair[channels:] = y
        gaps = self._gaps_within(count)
        self.given += count
        self._player.play(pair[:channels], pair[channels:])  # before anyone is woken: they would want the interpreter
        self._handed_on = time.perf_counter()
        while self._lossless and wires.pairs.room < count and not self.abandoned:
            self._shortfall.rest()
            wires.wake.wait(_TICK_S)
        if wires.pairs.room < count:
            if self.abandoned:  # of a file or a signal, that had waited
                return
            self._counters.unmetered_samples += count
            self._log.note("unmetered", self._place, count)
            self._leave_out(count + sum(missing for _, missing in gaps))
            return
        self._tell_missing()
        for offset, missing in gaps:
            if not wires.unmetered.note(wires.pairs.written + offset, missing):
                self._missing += missing
        wires.pairs.write(pair)
        if self._lossless or self.given >= self._metered + self._meter_every:
            self._metered = self.given
            wires.paired.set()

    def _gaps_within(self, count: int) -> list[tuple[int, int]]:
        """The gaps in the next `count` samples that are given: after how many of them, and how many are missing."""
        found = []
        while self._gaps and self._gaps[0][0] < self.given + count:
            place, missing = self._gaps.popleft()
            found.append((place - self.given, missing))
        return found


def check_choice(listen: str, overload: str) -> None:
    """Refuse what is neither; for callers from Python.

    Raises:
        ValueError: another word.
    """
    if listen not in LISTEN or overload not in OVERLOAD:
        raise ValueError(f"listen {listen!r}, overload {overload!r}: choose of {LISTEN} and {OVERLOAD}.")
