"""What a session is made of, put together from what was asked for; the session itself runs it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from audiocos.live.counters import Counters, HopTimes, Latency
from audiocos.live.engine import Worker
from audiocos.live.feeder import Feeder
from audiocos.live.link import Link
from audiocos.live.log import Journal, Log
from audiocos.live.measure import Judge, Measure, Tap
from audiocos.live.pipeline import Pipeline, make_pipeline
from audiocos.live.ports import Microphone, Speakers, settings_for
from audiocos.live.sinks import FileSink
from audiocos.live.sources import Source
from audiocos.live.wires import Choice, Wires, make_wires
from audiocos.model import Model

if TYPE_CHECKING:
    from audiocos.audio.aligned import Converter

_HIGH_S = 0.02  # added by --latency high
_COUNTED_S = 5.0


@dataclass(frozen=True)
class Asked:
    """How a session is to run; see `Session` for each."""

    block: int
    latency: str
    overload: str
    realtime: bool
    seconds: float | None
    device: str


@dataclass(frozen=True, eq=False)
class Parts:
    """The threads' work and what connects it.

    Args:
        pipeline: the model as it runs.
        wires: the rings between the threads.
        counters: what went wrong.
        hop_times: how long it took.
        journal: what happened.
        worker: runs the model.
        measure: figures, taps, the file.
        feeder: brings a source that is no device, or None.
        link: the device, or None.
        live: whether that records.
        own_latency: of the model, samples at the monitored rate.
        held_back: by conversions of a sound that is played and not recorded, samples at the monitored rate.
        sample_rate: Hz.
    """

    pipeline: Pipeline
    wires: Wires
    counters: Counters
    hop_times: HopTimes
    journal: Journal
    worker: Worker
    measure: Measure
    feeder: Feeder | None
    link: Link | None
    live: bool
    own_latency: int
    held_back: int
    sample_rate: int

    def latency(self) -> Latency:
        """By how much the output lags now; the device's part is known when it is open.

        Without a device only the model's, one frame at a time: nothing else keeps a file or a meter waiting.
        """
        link, play, pipeline = self.link, self.wires.play, self.pipeline
        if link is None:
            return Latency(self.own_latency, 0, 0, 0, self.sample_rate)
        algorithmic, resampling = pipeline.algorithmic, pipeline.resampling if self.live else self.held_back
        rate, device_rate = self.sample_rate, link.settings.sample_rate
        device = round(link.latency * rate / device_rate)
        if play is None or self.live:
            buffering = 0 if play is None else link.prefill - algorithmic - resampling
            return Latency(algorithmic, resampling, buffering, device, rate)
        return Latency(algorithmic, resampling, 0, device, rate, ahead=round(play.capacity * rate / device_rate))


def make_parts(
    model: Model,
    source: Microphone | Source,
    sink: Speakers | FileSink | None,
    asked: Asked,
    choice: Choice,
    judges: Sequence[Judge],
    taps: Sequence[Tap],
    *,
    stop: threading.Event,
    done: threading.Event,
) -> Parts:
    """Put a session together.

    Args:
        model: the model.
        source: where the sound comes from.
        sink: where it goes, or None.
        asked: how.
        choice: what the user may change meanwhile.
        judges: fed with input and reconstruction before it is rounded.
        taps: fed with input and reconstruction.
        stop: set when all is to end.
        done: set when the worker is done.

    Raises:
        SoundDeviceError: a device cannot be had as asked for.
    """
    rate, channels, block, live = source.sample_rate, source.channels, asked.block, isinstance(source, Microphone)
    pipeline = make_pipeline(
        model,
        rate,
        channels,
        dtype=np.dtype(np.float32) if isinstance(source, Microphone) else source.dtype,
        device=asked.device,
        block=block,
        fast=not asked.realtime and not isinstance(sink, Speakers),
        soon=live,
    )
    play_rate = sink.sample_rate if isinstance(sink, Speakers) else None
    slack = -(-int(_HIGH_S * (play_rate or rate)) // block) * block if asked.latency == "high" else 0
    piped = not isinstance(source, Microphone) and source.piped
    hasty = piped and asked.realtime
    wires = make_wires(pipeline, block, rate, play_rate=play_rate, live=live, piped=hasty, slack=slack)
    settings = settings_for(source, sink, channels, block, asked.latency)
    logs = Log(rate), Log(rate if settings is None else settings.sample_rate)
    counters, hop_times = Counters(), HopTimes(pipeline.chunk / rate)
    worker = Worker(
        pipeline,
        wires,
        choice,
        counters,
        hop_times,
        logs[0],
        stop,
        lossless=not live,
        piped=piped,
        limit=None if asked.seconds is None else round(asked.seconds * rate),
        overload=asked.overload,
        block=block,
        converter=_converter(source, sink, wires),
    )
    measure = Measure(
        wires.pairs,
        wires.unmetered,
        wires.paired,
        wires.wake,
        done,
        sample_rate=rate,
        subtype=None if isinstance(source, Microphone) else source.subtype,
        sink=sink if isinstance(sink, FileSink) else None,
        choice=choice,
        taps=taps,
        judges=judges,
    )
    link = None
    held_back = 0
    if settings is not None:
        if not live and (play_rate != rate or model.sample_rate not in (None, rate)):
            held_back = _held_back(
                pipeline, _converter(source, sink, wires), (model.sample_rate or rate, rate, settings.sample_rate)
            )
        link = Link(
            settings,
            wires,
            counters,
            logs[1],
            done,
            live=live,
            prefill=lambda period: pipeline.prefill(block, period) + slack if live else 0,
            inside=lambda: worker.taken - worker.given,
        )
    return Parts(
        pipeline,
        wires,
        counters,
        hop_times,
        Journal(logs, lambda: measure.samples / rate),
        worker,
        measure,
        None if isinstance(source, Microphone) else _feeder(source, pipeline, wires, stop, asked),
        link,
        live,
        round(model.framing.latency() * rate / (model.sample_rate or rate)),
        held_back,
        rate,
    )


def _feeder(source: Source, pipeline: Pipeline, wires: Wires, stop: threading.Event, asked: Asked) -> Feeder:
    block = asked.block
    if not asked.realtime:
        block = max(block, min(pipeline.chunk, wires.inlet.capacity // 2))
    return Feeder(
        source,
        wires.inlet,
        wires.closed,
        wires.wake,
        wires.taken,
        stop,
        block=block,
        paced=asked.realtime and wires.play is None,
    )


def _converter(source: Microphone | Source, sink: Speakers | FileSink | None, wires: Wires) -> Converter | None:
    if not isinstance(sink, Speakers) or sink.sample_rate == source.sample_rate:
        return None
    from audiocos.audio.aligned import Resampler

    return Resampler(source.sample_rate, sink.sample_rate, source.channels, wires.inlet.dtype.name)


def _held_back(pipeline: Pipeline, converter: Converter | None, rates: tuple[int, int, int]) -> int:
    """Samples that conversions hold back, beyond what the model itself does; counted on silence, before any sound.

    Args:
        pipeline: the model, which begins anew afterwards.
        converter: a fresh one to the speakers' rate, or None.
        rates: the model's, the monitored and the speakers'.
    """
    stream, chunk, (model_rate, rate, device_rate) = pipeline.stream, pipeline.chunk, rates
    silence, given = np.zeros((stream.channels, chunk), stream.dtype), 0
    lags: list[float] = []
    for chunks in range(1, 2 + int(_COUNTED_S * rate) // chunk):
        y = pipeline.feed(silence)
        given += (y if converter is None else converter.convert(y)).shape[1]
        lags.append(chunks * chunk - given * rate / device_rate)
    pipeline.restart()
    framing = stream.framing
    # What the model keeps: right after a hop its history; behind a conversion it gives as many samples as it takes.
    kept = framing.frame - framing.hop if model_rate == rate else pipeline.algorithmic
    return max(0, round(min(lags[len(lags) // 2 :]) - kept))
