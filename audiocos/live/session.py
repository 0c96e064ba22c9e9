"""A monitored stretch: source, model, sink, and what happened.

Threads, each with one job (the names are what a debugger shows):

- PortAudio's, where there is a device: `Duplex`, copies between device and rings;
- audiocos-feed, where the source is none: `Feeder`, brings a file or a signal;
- audiocos-hop: `Worker`, runs the model;
- audiocos-meter: `Measure`, figures, taps, the file that is written;
- audiocos-watch: here, sees to it that a device that goes away, a source that stalls or a thread that fails is noticed.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from audiocos.errors import SoundDeviceError, StreamError
from audiocos.live.counters import Counters, Event, HopTimes, Latency
from audiocos.live.duplex import Settings
from audiocos.live.engine import Worker, check_choice
from audiocos.live.feeder import Feeder
from audiocos.live.link import Link
from audiocos.live.log import Log
from audiocos.live.measure import Measure, Tap
from audiocos.live.pipeline import make_pipeline
from audiocos.live.ports import Microphone, Speakers, found_again, settings_for
from audiocos.live.quiet import quiet
from audiocos.live.rehearsal import rehearse
from audiocos.live.ring import Array
from audiocos.live.sinks import FileSink
from audiocos.live.sources import FileSource, Source
from audiocos.live.wires import Choice, make_wires
from audiocos.metrics import Figures
from audiocos.model import Model

MOST_EVENTS = 10_000
"""Events kept; what comes after is counted and no longer told one by one."""

_HIGH_S = 0.02  # added by --latency high
_WATCH_S = 0.05
_STALL_S = 2.0
_JOIN_S = 5.0


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
        taps: fed with input and reconstruction, on the meter thread.

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
        taps: Sequence[Tap] = (),
    ) -> None:
        check_choice(listen, overload)
        self.model, self.sample_rate, self.channels = model, source.sample_rate, source.channels
        self._source, self._sink, self._reconnect, self._overload = source, sink, reconnect, overload
        self._live = isinstance(source, Microphone)
        if self._live and not realtime:
            raise StreamError("A microphone gives sound at its own pace: it cannot go as fast as the machine can.")
        self._choice = Choice(listen)
        self._counters = Counters()
        self._kept_events: list[Event] = []
        self._stop, self._done, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._error: BaseException | None = None
        self._block, self._realtime = block, realtime
        dtype = np.dtype(np.float32) if isinstance(source, Microphone) else source.dtype
        self._pipeline = make_pipeline(
            model,
            self.sample_rate,
            self.channels,
            dtype=dtype,
            device=device,
            block=block,
            fast=not realtime and not isinstance(sink, Speakers),
        )
        chunk = self._pipeline.chunk
        self.deadline_ms = 1e3 * chunk / self.sample_rate
        self.hop_times = HopTimes(chunk / self.sample_rate)
        slack = -(-int(_HIGH_S * self.sample_rate) // block) * block if latency == "high" else 0
        play_rate = sink.sample_rate if isinstance(sink, Speakers) else None
        self._wires = make_wires(
            self._pipeline, block, self.sample_rate, play_rate=play_rate, live=self._live, slack=slack
        )
        self._logs = Log(self.sample_rate), Log(self.sample_rate)
        self._worker = Worker(
            self._pipeline,
            self._wires,
            self._choice,
            self._counters,
            self.hop_times,
            self._logs[0],
            self._stop,
            lossless=not self._live,
            limit=None if seconds is None else round(seconds * self.sample_rate),
            overload=overload,
            block=block,
            convert=self._converter(),
        )
        self._measure = Measure(
            self._wires.pairs,
            self._wires.paired,
            self._wires.wake,
            self._done,
            sample_rate=self.sample_rate,
            subtype=self._subtype,
            sink=sink if isinstance(sink, FileSink) else None,
            choice=self._choice,
            taps=taps,
        )
        self._feeder = None if isinstance(source, Microphone) else self._make_feeder(source)
        self._prefill = self._pipeline.prefill(block) + slack if self._live else 0
        settings = settings_for(source, sink, self.channels, block, latency)
        self._link = None if settings is None else self._make_link(settings)
        self._playing = False
        self.latency = self._latency()
        self._quiet = contextlib.ExitStack()
        self._threads: dict[str, threading.Thread] = {}
        self.keep = keep

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
        if not isinstance(self._source, Microphone):
            counted.sanitized_samples += self._source.sanitized
        counted.clipped_samples += self._sink.clipped if isinstance(self._sink, FileSink) else self._measure.clipped
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
        return sorted(self._kept_events, key=lambda event: event.time_s)

    def events_since(self, told: int) -> list[Event]:
        """The events after the first `told`, in the order they were noticed."""
        return self._kept_events[told:]

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
        """Warm up, open the device, begin.

        Raises:
            SoundDeviceError: the device cannot be opened.
        """
        self._quiet.enter_context(quiet())
        try:
            if self._realtime:
                rehearse(self._pipeline, self._block, self.sample_rate, self._subtype)
            if self._link is not None:
                self._link.open()
                self.latency = self._latency()
            self._start_thread("watch", self._watch)
            self._start_thread("meter", self._run_measure)
            self._start_thread("hop", self._run_worker)
            if self._feeder is not None:
                self._start_thread("feed", self._feeder.run)
            if self._link is not None:
                self._wait_until_filled()
                self._link.start()
                self._playing = True
        except BaseException as error:
            self._fail(error)
            self.stop()
            raise

    def stop(self) -> None:
        """End it: what has come in is answered, files are whole, threads are joined, the device is closed.

        Raises:
            AudiocosError: what went wrong before, or now.
        """
        self._stop.set()
        for signal in (self._wires.wake, self._wires.taken, self._wires.paired):
            signal.set()
        for name in ("hop", "meter", "watch", "feed"):
            if name in self._threads:
                # A feeder may wait for a silent pipe, and a meter write to one, for ever.
                self._threads[name].join(_JOIN_S if name != "feed" else _WATCH_S)
        if self._link is not None:
            self._link.close()
        if isinstance(self._sink, FileSink):
            self._sink.abort()  # does nothing to one that is whole
        if not isinstance(self._source, Microphone) and not self._alive("feed"):
            self._source.close()
        self._quiet.close()
        self._collect_events()
        self._ended.set()
        if self._error is not None:
            raise self._error

    @property
    def _subtype(self) -> str | None:
        return None if isinstance(self._source, Microphone) else self._source.subtype

    def _make_feeder(self, source: Source) -> Feeder:
        wires, block = self._wires, self._block
        if not self._realtime:
            block = max(block, min(self._pipeline.chunk, wires.inlet.capacity // 2))
        return Feeder(
            source,
            wires.inlet,
            wires.closed,
            wires.wake,
            wires.taken,
            self._stop,
            block=block,
            paced=self._realtime and wires.play is None,
        )

    def _make_link(self, settings: Settings) -> Link:
        return Link(
            settings,
            self._wires,
            self._counters,
            self._logs[1],
            self._done,
            live=self._live,
            prefill=self._prefill,
        )

    def _converter(self) -> Callable[[Array], Array] | None:
        sink = self._sink
        if not isinstance(sink, Speakers) or sink.sample_rate == self.sample_rate:
            return None
        from audiocos.audio.aligned import Resampler

        return Resampler(self.sample_rate, sink.sample_rate, self.channels, self._wires.inlet.dtype.name).convert

    def _latency(self) -> Latency:
        """Without a device only the model's, one frame at a time: nothing else keeps a file or a meter waiting."""
        if self._link is None:
            own = round(self.model.framing.latency() * self.sample_rate / (self.model.sample_rate or self.sample_rate))
            return Latency(own, 0, 0, 0, self.sample_rate)
        algorithmic, resampling, buffering = self._pipeline.algorithmic, self._pipeline.resampling, 0
        play = self._wires.play
        if play is not None:
            buffering = self._prefill - algorithmic - resampling if self._live else play.capacity
        return Latency(algorithmic, resampling, buffering, self._link.latency, self.sample_rate)

    def _wait_until_filled(self) -> None:
        """A file's first sound, before the device wants it."""
        play = self._wires.play
        while play is not None and not self._live and not self._stop.is_set():
            if self._done.is_set() or play.room < self._pipeline.chunk:
                return
            time.sleep(0.005)

    # Threads.

    def _start_thread(self, name: str, target: Callable[[], None]) -> None:
        def run() -> None:
            try:
                target()
            except BaseException as error:  # whatever it was, the owner is told
                self._fail(error)

        self._threads[name] = threading.Thread(target=run, name=f"audiocos-{name}", daemon=True)
        self._threads[name].start()

    def _alive(self, name: str) -> bool:
        return name in self._threads and self._threads[name].is_alive()

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        self._stop.set()

    def _run_worker(self) -> None:
        try:
            self._worker.run()
        finally:
            self._done.set()
            self._wires.paired.set()

    def _run_measure(self) -> None:
        try:
            self._measure.run()
            if isinstance(self._sink, FileSink):
                self._sink.commit()
        finally:
            self._worker.abandoned = True

    def _watch(self) -> None:
        """Until all is over: tell what happened, notice what does not."""
        stalled, link = False, self._link
        while self._alive("hop") or self._alive("meter") or not {"hop", "meter"} <= self._threads.keys():
            time.sleep(_WATCH_S)
            self._collect_events()
            if link is not None and self._playing and link.gone and not self._done.is_set() and not self._stop.is_set():
                self._lost_device(link)
            since = self._feeder.waiting_since if self._feeder is not None else None
            if since is not None and time.monotonic() - since > _STALL_S and not stalled:
                self._tell("source", f"{self._source_name()}: nothing has come for {_STALL_S:g} s; waiting")
            stalled = since is not None and time.monotonic() - since > _STALL_S
            if self._stop.is_set() and not self._threads.keys() >= {"hop", "meter"}:
                break
        if isinstance(self._source, FileSource):
            for warning in self._source.warnings:
                self._tell("source", warning.partition(". Processing")[0] + ".")
        play = self._wires.play
        while play is not None and play.available and not self._stop.is_set() and link is not None and not link.gone:
            time.sleep(_WATCH_S)
        if play is not None and not self._stop.is_set():
            time.sleep(self.latency.ms(self.latency.device) / 1e3)  # what the device has taken is still to be heard
        self._ended.set()

    def _lost_device(self, link: Link) -> None:
        names = link.settings.names
        self._tell("device", f"{names}: gone")
        link.close()
        if not self._reconnect:
            remedy = "Connect it again, or start its server; --reconnect waits for it"
            self._fail(SoundDeviceError(f"{names}: went away after {self.time_s:.1f} s. {remedy}."))
        elif link.wait_for_it(lambda old: found_again(old, self._source, self._sink), self._stop):
            self._tell("device", f"{names}: back")

    def _source_name(self) -> str:
        return str(self._source.device) if isinstance(self._source, Microphone) else self._source.name

    def _tell(self, kind: str, text: str) -> None:
        if len(self._kept_events) < MOST_EVENTS:
            self._kept_events.append(Event(self.time_s, kind, text))

    def _collect_events(self) -> None:
        for log in self._logs:
            self._kept_events += log.read()[: MOST_EVENTS - len(self._kept_events)]
