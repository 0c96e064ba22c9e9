"""A model on files it has not learned from, through the engine that runs everywhere: what is lost, what is normal."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import reduce
from operator import add

import numpy as np

from audiocos import framing
from audiocos.audio.aligned import AlignedStream, Pending
from audiocos.audio.background import ReadAhead
from audiocos.audio.formats import compute_dtype, from_float, subtype_in
from audiocos.audio.names import shown
from audiocos.audio.reader import Reader
from audiocos.audio.reconstruct import Settings, as_float, as_written, model_rate
from audiocos.errors import AudiocosError
from audiocos.metrics import Array, Figures, RunningFigures, Sums, segment_length
from audiocos.model import Model
from audiocos.normal import Normal, normal_of
from audiocos.residuals import BandLevels, Second
from audiocos.training.statistics import Accumulator, Moment
from audiocos.training.yardsticks import yardsticks
from audiocos.whole import best_group

_BLOCK = 2**16

Progress = Callable[[int, int, int | None], None]
"""Called with a file's index, the frames done and how many there are, None when unknown."""


@dataclass
class Judged:
    """What a model makes of one file.

    Args:
        path: the file.
        channels: its channels.
        sample_rate: its rate, Hz.
        model_rate: the rate at which the model ran.
        sums: what its figures are made of, against the samples as they would be written, as in reconstruct.
        rows: its whole seconds at the model's rate, before any rounding; about 1 MB an hour.
        seconds: how long it took.
        sanitized: samples that were no sound.
        warnings: what was wrong with the file.
    """

    path: str
    channels: int
    sample_rate: int
    model_rate: int
    sums: Sums
    rows: list[Second]
    seconds: float
    sanitized: int
    warnings: list[str]


@dataclass
class Failed:
    """A file that cannot be judged, and why."""

    path: str
    reason: str


@dataclass
class Verdict:
    """What a model makes of many files."""

    files: list[Judged] = field(default_factory=list)
    failures: list[Failed] = field(default_factory=list)

    def add(self, outcome: Judged | Failed) -> None:
        """Count one more file."""
        if isinstance(outcome, Judged):
            self.files.append(outcome)
        else:
            self.failures.append(outcome)

    def figures(self) -> Figures:
        """All files as if they were one: energies and segments add up, so long and loud ones weigh more."""
        return reduce(add, (file.sums for file in self.files), Sums()).figures()

    def normal(self) -> Normal | None:
        """What residuals look like on these files; of the rate with the most seconds, where rates differ.

        None where fewer than three seconds are not silent.
        """
        counts: Counter[int] = Counter()
        for file in self.files:
            counts[file.model_rate] += len(file.rows)
        if not counts:
            return None
        rate = max(counts, key=lambda each: (counts[each], each))
        return normal_of((row for file in self.files if file.model_rate == rate for row in file.rows), rate)


def judge(
    paths: Iterable[str],
    model: Model,
    settings: Settings,
    *,
    jobs: int = 1,
    progress: Progress = lambda index, done, total: None,
) -> Generator[Judged | Failed, None, None]:
    """Run a model over files, `jobs` at a time, each in constant memory. Close the generator to end the work early.

    Args:
        paths: the files.
        model: the model.
        settings: how to read and compute; nothing is written.
        jobs: threads.
        progress: called from the threads.

    Yields:
        What came of each file, in the order of `paths`.
    """
    paths = list(paths)
    stop = threading.Event()

    def work(index: int) -> Judged | Failed:
        path = paths[index]
        try:
            return judge_file(
                path, model, settings, progress=lambda done, total: progress(index, done, total), stop=stop
            )
        except AudiocosError as error:
            return Failed(path, str(error))
        except MemoryError:
            return Failed(path, f"{shown(path)}: not enough memory. Try --jobs 1.")
        finally:
            progress(index, 1, 1)

    pool = ThreadPoolExecutor(max(1, min(jobs, len(paths))))
    try:
        futures: list[Future[Judged | Failed]] = [pool.submit(work, index) for index in range(len(paths))]
        for future in futures:
            yield future.result()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def judge_file(
    path: str,
    model: Model,
    settings: Settings,
    *,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    stop: threading.Event | None = None,
) -> Judged:
    """Run a model over one file.

    Args:
        path: the file.
        model: the model.
        settings: how to read and compute; nothing is written.
        progress: called with the frames read so far and how many there are, None when unknown.
        stop: when set, the work ends with KeyboardInterrupt.

    Raises:
        AudioFileError: the file cannot be read or has a rate that the model does not take.
    """
    began = time.perf_counter()
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(Reader(path, strict=settings.strict, sanitize=settings.sanitize))
        rate = model_rate(reader, model, settings) or reader.sample_rate
        dtype = np.dtype(settings.dtype or compute_dtype(reader.subtype))
        subtype = subtype_in(reader.format, reader.subtype)
        group = best_group(model.framing, reader.channels)
        stream = model.stream(reader.channels, dtype=dtype, device=settings.device, group=group)
        levels, rows = BandLevels(rate, reader.channels), list[Second]()
        aligned = AlignedStream(stream, reader.sample_rate, rate, watch=lambda x, y: rows.extend(levels.feed(x, y)))
        figures = RunningFigures(reader.channels, segment_length(reader.sample_rate))
        waiting, left = Pending(axis=0), 0

        def compare(y: Array) -> None:
            if y.shape[1]:
                figures.update(*as_written(waiting.pop(y.shape[1]), from_float(y, subtype)[0], dtype))

        for samples in stack.enter_context(ReadAhead(reader.blocks(max(group * model.framing.hop, 1024)))):
            if stop is not None and stop.is_set():
                raise KeyboardInterrupt
            waiting.push(samples)
            y = aligned.feed(as_float(samples, dtype))
            left += len(samples) - y.shape[1]
            compare(y)
            progress(reader.read, reader.frames)
        compare(aligned.finish(left))
    return Judged(
        path,
        reader.channels,
        reader.sample_rate,
        rate,
        figures.sums(),
        rows,
        time.perf_counter() - began,
        reader.sanitized,
        reader.warnings,
    )


@dataclass(frozen=True)
class References:
    """SNR in dB of fixed transforms at M coefficients a hop of H samples, the best M chosen on the same sound.

    Args:
        first_dct_db: the lowest M of the H rows of the DCT-II, frames side by side.
        best_dct_db: the M with the most energy.
        first_mdct_db: the lowest M of the MDCT with hop H, sine window.
        best_mdct_db: the M with the most energy.
        klt_db: the best M of all linear combinations of the H samples.
    """

    first_dct_db: float
    best_dct_db: float
    first_mdct_db: float
    best_mdct_db: float
    klt_db: float


def references(moment: Moment, coefficients: int) -> References | None:
    """What fixed transforms keep of sound with this second moment; None for silence.

    Args:
        moment: from `second_moment`.
        coefficients: M, below the moment's hop.
    """
    c, h = moment.full(), moment.hop
    if not np.trace(c) > 0:
        return None
    measured = yardsticks(framing.block(h), coefficients, c, c, moment)
    return References(*measured.values())  # in the order of its fields


def second_moment(
    paths: Iterable[str],
    hop: int,
    settings: Settings,
    *,
    progress: Progress = lambda index, done, total: None,
) -> Moment:
    """The second moment of files at their own rates, every channel a signal, in frames of a lapped framing.

    Args:
        paths: the files.
        hop: H, from 2 to `yardsticks.LARGEST_HOP`.
        settings: how to read.
        progress: called as the files are read.

    Raises:
        AudioFileError: a file cannot be read.
    """
    total = Moment.of(framing.lapped(2 * hop))
    for index, path in enumerate(paths):
        with Reader(path, strict=settings.strict, sanitize=settings.sanitize) as reader:
            accumulators = [Accumulator(total, offsets=False) for _ in range(reader.channels)]
            with ReadAhead(reader.blocks(_BLOCK)) as blocks:
                for samples in blocks:
                    for accumulator, channel in zip(accumulators, as_float(samples, np.dtype(np.float64)), strict=True):
                        accumulator.add(channel)
                    progress(index, reader.read, reader.frames)
            for accumulator in accumulators:
                accumulator.finish()
    return total
