"""A monitored stretch: source, model, sink, and what happened.

Threads, each with one job (the names are what a debugger shows):

- PortAudio's, where there is a device: `Duplex`, copies between device and rings;
- audiocos-feed, where the source is none: `Feeder`, brings a file or a signal;
- audiocos-hop: `Worker`, runs the model;
- audiocos-meter: `Measure`, figures, judges, taps, the file that is written;
- audiocos-watch: `Watch`, notices a device that goes away, a source that stalls, and the end.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from audiocos.errors import StreamError
from audiocos.live.counters import Absences, Counters, Event, Latency
from audiocos.live.ending import JOIN_S, end_meter
from audiocos.live.engine import check_choice
from audiocos.live.measure import Judge, Tap
from audiocos.live.parts import Asked, make_parts
from audiocos.live.ports import Microphone, Speakers
from audiocos.live.quiet import quiet
from audiocos.live.rehearsal import rehearse
from audiocos.live.sinks import FileSink
from audiocos.live.sources import Source
from audiocos.live.threads import Threads
from audiocos.live.watch import TICK_S, Watch
from audiocos.live.wires import Choice
from audiocos.metrics import Figures
from audiocos.model import Model


class Session:
    """Run a model on sound as it comes. `run` it, or `start` it, look at it, `stop` it; once.

    Args:
        model: the model.
        source: a `Microphone`, or a `Source`: a file, standard input, a synthetic signal.
        sink: `Speakers`, a `FileSink`, or None.
        listen: what the sink gets: "output", "input" or "residual". Settable while it runs.
        keep: coefficients kept, those of the lowest frequencies; None: all. Settable while it runs.
        block: samples that a device hands over at a time.
        latency: "low": the least that can work; "high": 20 ms more of it, and what the device calls high.
        overload: where the model cannot keep up with a device: "drop" sound, let it "bypass" the model, or "fail".
        realtime: take a source that is no device at its own pace; else as fast as it goes, and nothing is dropped.
        seconds: of sound to take; None: until the source ends.
        device: where to compute, "auto", "cpu", "cuda" or "mps".
        reconnect: wait for a device that has gone away.
        judges: fed with input and reconstruction as the model gives it, on the meter thread, before the taps.
        taps: fed with both, the reconstruction rounded to the sample type of a file that is monitored or written.

    Raises:
        SoundDeviceError: a device cannot be had as asked for.
        StreamError: settings that cannot be.
    """

    def __init__(
        self,
        model: Model,
        source: Microphone | Source,
        sink: Speakers | FileSink | None = None,
        *,
        listen: str = "output",
        keep: int | None = None,
        block: int = 256,
        latency: str = "low",
        overload: str = "drop",
        realtime: bool = True,
        seconds: float | None = None,
        device: str = "auto",
        reconnect: bool = False,
        judges: Sequence[Judge] = (),
        taps: Sequence[Tap] = (),
    ) -> None:
        check_choice(listen, overload)
        self.model, self.sample_rate, self.channels = model, source.sample_rate, source.channels
        self._source, self._sink, self._overload = source, sink, overload
        self._live = isinstance(source, Microphone)
        if self._live and not realtime:
            raise StreamError("A microphone gives sound at its own pace: it cannot go as fast as the machine can.")
        self._choice = Choice(listen)
        self._stop, self._done, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._threads = Threads(self._stop)
        self._block, self._realtime = block, realtime
        asked = Asked(block, latency, overload, realtime, seconds, device)
        parts = make_parts(model, source, sink, asked, self._choice, judges, taps, stop=self._stop, done=self._done)
        self._pipeline, self._wires, self._link = parts.pipeline, parts.wires, parts.link
        self._worker, self._measure, self._feeder = parts.worker, parts.measure, parts.feeder
        self._counters, self._journal, self._parts = parts.counters, parts.journal, parts
        self.hop_times, self.deadline_ms = parts.hop_times, 1e3 * parts.hop_times.deadline_s
        self.latency: Latency = parts.latency()
        self._watch = Watch(
            self._threads,
            self._journal,
            self._stop,
            self._done,
            source=source,
            sink=sink,
            link=self._link,
            feeder=self._feeder,
            play=self._wires.play,
            reconnect=reconnect,
            silent_s=lambda: self._measure.silent / self.sample_rate,
            back=self._opened,
            filled=self._filled,
        )
        self._quiet = contextlib.ExitStack()
        self.keep = keep

    @property
    def timed(self) -> str:
        """What `hop_times` are times of, in words: hops, groups of them, or blocks where rates are converted."""
        return self._pipeline.timed

    @property
    def timed_samples(self) -> int:
        """The same in samples; as sound they last `deadline_ms`."""
        return self._pipeline.chunk

    @property
    def listen(self) -> str:
        """What the sink gets: "output", "input" or "residual"."""
        return self._choice.listen

    @listen.setter
    def listen(self, what: str) -> None:
        check_choice(what, self._overload)
        self._choice.listen = what

    @property
    def keep(self) -> int | None:
        """How many coefficients are kept; None: all."""
        return self._choice.keep

    @keep.setter
    def keep(self, count: int | None) -> None:
        most = self.model.parameters.coefficients
        if count is not None and not 1 <= count <= most:
            raise StreamError(f'keep {count}: the model "{self.model.name}" has {most} coefficients; keep 1 to {most}.')
        self._choice.keep = count

    @property
    def counters(self) -> Counters:
        """What went wrong so far; a copy."""
        counted = replace(self._counters)
        counted.dropped_samples += self._worker.dropped
        if not isinstance(self._source, Microphone):
            counted.sanitized_samples += self._source.sanitized
        if isinstance(self._sink, FileSink):
            counted.clipped_samples += self._sink.clipped
        elif self._sink is None:  # what a file of its sample type would lose; speakers count what they lose themselves
            counted.clipped_samples += self._measure.clipped
        return counted

    @property
    def time_s(self) -> float:
        """Seconds of sound monitored so far."""
        return self._measure.samples / self.sample_rate

    @property
    def ended(self) -> bool:
        """Whether everything is over: the source, the worker, the meters, the device."""
        return self._ended.is_set()

    @property
    def events(self) -> list[Event]:
        """What happened so far, in the order of time."""
        return self._journal.by_time()

    @property
    def events_not_kept(self) -> int:
        """How many more happened than are told one by one."""
        return self._journal.missed

    @property
    def absences(self) -> Absences:
        """How often, and how long, the device was away."""
        return self._watch.absences

    @property
    def heard(self) -> bool:
        """Whether the input was anything but digital silence so far."""
        return self._measure.heard

    def note(self, kind: str, text: str, *, time_s: float | None = None, details: dict[str, Any] | None = None) -> None:
        """Add an event, from any thread; of now, where no time is given."""
        self._journal.note(kind, text, time_s=time_s, details=details)

    def events_since(self, told: int) -> list[Event]:
        """The events after the first `told`, in the order they were noticed."""
        return self._journal.since(told)

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended, at most so long; whether it has."""
        return self._ended.wait(seconds)

    @property
    def figures(self) -> Figures:
        """The figures of `reconstruct`, of what has been measured so far. Read it when the session has ended."""
        return self._measure.figures.figures()

    def run(self, look: Callable[[], Any] = lambda: None, every_s: float = 0.1) -> None:
        """From start to end; `look` is called now and then, in the caller's thread.

        Raises:
            AudiocosError: what went wrong; the threads have ended then.
        """
        self.start()
        try:
            while not self.wait(every_s):
                look()
        finally:
            self.stop()

    def start(self) -> None:
        """Warm up, open the device, begin; a file is played once its first sound is there.

        Raises:
            SoundDeviceError: the device cannot be opened.
        """
        self._quiet.enter_context(quiet())
        try:
            if self._realtime:
                rehearse(self._pipeline, self._block, self.sample_rate, self._measure.subtype)
            if self._link is not None:
                self._link.open()
                self._opened()
            self._threads.start("watch", self._run_watch)
            self._threads.start("meter", self._run_measure)
            self._threads.start("hop", self._run_worker)
            if self._feeder is not None:
                self._threads.start("feed", self._feeder.run)
            if self._live:
                self._watch.begin()
        except BaseException as error:
            self._threads.fail(error)
            self.stop()
            raise

    def stop(self, cut: Callable[[], bool] = lambda: False) -> None:
        """End it: what has come in is answered, files are whole, threads are joined, the device is closed.

        Args:
            cut: asked now and then where the meters, a slow disk or an alarm's command take longer than 5 s; once it
                says yes they are waited for no more, and the file ends with what was written.

        Raises:
            AudiocosError: what went wrong before, or now.
        """
        self._stop.set()
        for signal in (self._wires.wake, self._wires.taken, self._wires.paired):
            signal.set()
        sink = self._sink if isinstance(self._sink, FileSink) else None
        end_meter(self._threads, sink, lambda: self._measure.samples, cut)
        self._worker.abandoned = True
        self._threads.join("hop", JOIN_S)
        self._threads.join("watch", JOIN_S)
        self._threads.join("feed", TICK_S)  # it may wait for a silent pipe, for ever
        if self._link is not None:
            self._link.close()
        if not isinstance(self._source, Microphone) and not self._threads.alive("feed"):
            self._source.close()
        self._quiet.close()
        self._journal.collect()
        self._ended.set()
        if self._threads.error is not None:
            raise self._threads.error

    def _opened(self) -> None:
        """Take in what is known once the device is open, and when it has come back."""
        assert self._link is not None
        self.latency = self._parts.latency()
        self._worker.expect(self._link.period)

    def _filled(self) -> bool:
        """Whether a file's first sound is there for the device."""
        play = self._wires.play
        return play is None or self._done.is_set() or play.room < self._pipeline.chunk

    def _run_worker(self) -> None:
        try:
            self._worker.run()
        finally:
            self._done.set()
            self._wires.paired.set()

    def _run_measure(self) -> None:
        try:
            try:
                self._measure.run()
            finally:  # whatever went wrong, what was heard is not lost
                if isinstance(self._sink, FileSink):
                    self._sink.commit()
        finally:
            self._worker.abandoned = True

    def _run_watch(self) -> None:
        try:
            self._watch.run()
        finally:
            self._ended.set()
