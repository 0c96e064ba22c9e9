"""One file through a model: read ahead, transform, measure, write behind, in constant memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocos.audio.aligned import AlignedStream, Pending
from audiocos.audio.background import ReadAhead, WriteBehind
from audiocos.audio.excerpt import Observer
from audiocos.audio.formats import (
    EXTENSION_SUBTYPE,
    compute_dtype,
    extension_of,
    from_float,
    lossy,
    subtype_in,
    to_float,
)
from audiocos.audio.reader import Reader
from audiocos.audio.writer import Writer
from audiocos.errors import AudioFileError
from audiocos.metrics import Figures, RunningFigures, segment_length
from audiocos.model import Model
from audiocos.whole import best_group

Array = NDArray[Any]


@dataclass(frozen=True)
class Settings:
    """How files are to be reconstructed.

    Args:
        device: "auto", "cpu", "cuda" or "mps".
        dtype: "float32" or "float64"; by the sample type when None.
        subtype: of the outputs; as the input's when None.
        strict: damage is an error.
        sanitize: replace NaN, infinity and absurd samples by silence.
        resample: convert files whose rate is not the model's, both ways.
        observe: collect what a report shows.
    """

    device: str = "auto"
    dtype: str | None = None
    subtype: str | None = None
    strict: bool = False
    sanitize: bool = False
    resample: bool = False
    observe: bool = False


@dataclass(frozen=True)
class Task:
    """One input and where its outputs go.

    Args:
        input: a path, or "-".
        output: a path, or "-".
        format: the output's container.
        residual: a path for x - y, or None.
        residual_format: its container.
        force: files that are there then are replaced.
    """

    input: str
    output: str
    format: str | None = None
    residual: str | None = None
    residual_format: str = "WAV"
    force: bool = False


@dataclass
class Result:
    """What came of a file."""

    task: Task
    figures: Figures
    channels: int
    sample_rate: int
    subtype: str
    model: str
    clipped: int
    sanitized: int
    latency: int
    seconds: float
    lossy: bool = False
    warnings: list[str] = field(default_factory=list)
    observer: Observer | None = None

    def row(self) -> dict[str, Any]:
        """The figures as `--json` prints them."""
        figures = self.figures
        return {
            "input": self.task.input,
            "output": self.task.output,
            "frames": figures.samples,
            "channels": self.channels,
            "sample_rate": self.sample_rate,
            "subtype": self.subtype,
            "model": self.model,
            "snr_db": figures.snr_db,
            "segmental_snr_db": figures.segmental_snr_db,
            "mse": figures.mse,
            "max_abs_error": figures.max_abs_error,
            "log_spectral_distance_db": figures.log_spectral_distance_db,
            "clipped_samples": self.clipped,
            "sanitized_samples": self.sanitized,
            "latency_samples": self.latency,
            "seconds": self.seconds,
            "realtime_factor": figures.samples / self.sample_rate / self.seconds,
        }


def reconstruct_file(
    task: Task,
    model: Model,
    settings: Settings,
    *,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Result:
    """Reconstruct one file: the outputs are there and whole when this returns, and not there when it raises.

    Args:
        task: input and outputs.
        model: the model.
        settings: how.
        progress: called with the frames read so far and how many there are, None when unknown.

    Raises:
        AudioFileError: the input cannot be read or an output not written; the text names it and the remedy.
    """
    began = time.perf_counter()
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(Reader(task.input, strict=settings.strict, sanitize=settings.sanitize))
        rate = model_rate(reader, model, settings)
        output_format = task.format or reader.format
        codec = EXTENSION_SUBTYPE.get(extension_of(task.output)) if task.format else None
        subtype = settings.subtype or codec or subtype_in(output_format, reader.subtype)
        dtype = np.dtype(settings.dtype or compute_dtype(reader.subtype))
        group = best_group(model.framing, reader.channels)
        stream = model.stream(reader.channels, dtype=dtype, device=settings.device, group=group)
        aligned = AlignedStream(stream, reader.sample_rate, rate)
        block = max(group * model.framing.hop, 1024)

        def writer(path: str, format_name: str, kind: str, place: str) -> Writer:
            return stack.enter_context(
                Writer(
                    path,
                    format_name,
                    kind,
                    reader.sample_rate,
                    reader.channels,
                    frames=reader.frames,
                    endian=reader.endian if format_name == reader.format else "FILE",
                    tags=reader.tags,
                    option="--format",
                    place=place,
                    replace=task.force,
                )
            )

        outputs = [writer(task.output, output_format, subtype, "-o")]
        if task.residual is not None:
            wide = "DOUBLE" if dtype == np.float64 else "FLOAT"
            kind = subtype_in(task.residual_format, wide)
            outputs.append(writer(task.residual, task.residual_format, kind, "--residual"))
        figures = RunningFigures(reader.channels, segment_length(reader.sample_rate))
        observer = Observer(reader.sample_rate) if settings.observe else None
        work = _Work(aligned, outputs, figures, observer, dtype)
        blocks = stack.enter_context(ReadAhead((samples, as_float(samples, dtype)) for samples in reader.blocks(block)))
        work.sink = stack.enter_context(WriteBehind(work.measure_and_write))
        for samples, x in blocks:
            work.take(samples, x)
            progress(reader.read, reader.frames)
        work.finish()
        for output in outputs:
            output.commit()
    return Result(
        task,
        figures.figures(),
        reader.channels,
        reader.sample_rate,
        subtype,
        model.name,
        work.clipped,
        reader.sanitized,
        model.framing.latency(),
        time.perf_counter() - began,
        lossy(subtype, reader.subtype),
        reader.warnings,
        observer,
    )


class _Work:
    """What happens to each block: to floats in the reader's thread, transformed here, the rest in the sink's."""

    sink: WriteBehind[tuple[Array, Array]]

    def __init__(
        self,
        aligned: AlignedStream,
        outputs: list[Writer],
        figures: RunningFigures,
        observer: Observer | None,
        dtype: np.dtype[Any],
    ) -> None:
        self._aligned, self._outputs, self._figures = aligned, outputs, figures
        self._observer, self._dtype = observer, dtype
        self._pending = Pending(axis=0)
        self._left = 0  # frames taken whose reconstruction has not come yet
        self.clipped = 0

    def take(self, samples: Array, x: Array) -> None:
        y = self._aligned.feed(x)
        self._left += len(samples) - y.shape[1]
        self.sink.put((samples, y))

    def finish(self) -> None:
        tail = self._aligned.finish(self._left)
        self.sink.put((np.empty((0, tail.shape[0]), np.int16), tail))
        self.sink.finish()

    def measure_and_write(self, item: tuple[Array, Array]) -> None:
        samples, y = item
        self._pending.push(samples)
        if not y.shape[1]:
            return
        source = self._pending.pop(y.shape[1])
        native, clipped = from_float(y, self._outputs[0].subtype)
        self.clipped += clipped
        x, written = as_written(source, native, self._dtype)
        self._figures.update(x, written)
        if self._observer is not None:
            self._observer.update(x, written)
        self._outputs[0].write(native)
        if len(self._outputs) > 1:
            self._outputs[1].write(from_float(x - written, self._outputs[1].subtype)[0])


def as_float(samples: Array, dtype: np.dtype[Any]) -> Array:
    """Native samples `[samples, channels]` as floats `[channels, samples]`."""
    x = np.empty(samples.shape[::-1], dtype)
    to_float(samples, x)
    return x


def as_written(source: Array, native: Array, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """What is compared: the input, and what a reader of the output gets; one and the same array where equal.

    Args:
        source: samples of the input, `[samples, channels]`.
        native: samples of the output.
        dtype: to compare in.
    """
    x = as_float(source, dtype)
    exact = source.dtype == native.dtype and np.array_equal(source, native)
    return x, (x if exact else as_float(native, dtype))


def model_rate(reader: Reader, model: Model, settings: Settings) -> int | None:
    """The rate to convert a file to on the way, None where none is needed.

    Raises:
        AudioFileError: one is needed and `settings` do not allow it.
    """
    rate = model.sample_rate
    if rate is None or rate == reader.sample_rate:
        return None
    if not settings.resample:
        raise AudioFileError(
            f'{reader.name}: {reader.sample_rate} Hz, the model "{model.name}" was made for {rate} Hz. '
            "Pass --resample to convert on the way."
        )
    return rate
