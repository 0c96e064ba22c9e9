"""The one pass over a corpus: every file heard once, in constant memory, summed into a second moment.

Files are taken longest first, in *batches* of half a minute or more: a batch is the least that is dealt to a process,
added, saved and carried on from. What belongs to a batch follows from the files alone, each batch is summed for itself,
in one order, and the sum of batches does not depend on theirs (see `totals`): the bits of the result depend neither on
threads nor on how many processes hear together, nor on where a pass was killed.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import asdict, replace
from math import fsum
from pathlib import Path

from threadpoolctl import threadpool_limits

from audiocos.audio.names import shown
from audiocos.errors import AudioFileError
from audiocos.framing import Framing
from audiocos.ranks import Ranks
from audiocos.training.corpus import File
from audiocos.training.decode import Decoder
from audiocos.training.heard import Heard, Listening, Tally
from audiocos.training.partial import PartialSums
from audiocos.training.refused import Refused
from audiocos.training.statistics import Accumulator, Moment
from audiocos.training.totals import Total

SAVE_SECONDS = 30.0

_FORMAT = 2  # of the saved sums; another number when anything changes that they depend on
_HOPS_A_BATCH = 2048
_SAMPLES_A_BATCH = 2**19
_TICK_SECONDS = 0.1


def listen(
    files: Iterable[File],
    framing: Framing,
    settings: Listening,
    *,
    ranks: Ranks | None = None,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    save_every: float = SAVE_SECONDS,
) -> Heard:
    """Hear files and sum their second moment.

    Args:
        files: in any order; the same files always give the same bits.
        framing: of which hop and frame count.
        settings: rate and channels.
        ranks: who hears together, each its share; all must call this with the same files. None hears alone.
        cache: folder for partial and whole sums, such as `default_cache()`; None keeps none.
        progress: called now and then, in the caller's thread, with frames done and frames in all.
        save_every: seconds between partial sums in the cache.
    """
    mine = _Pass(files, framing, settings, ranks, cache, progress, save_every)
    mine.run()
    return mine.heard() if ranks is None or ranks.count == 1 else _together(mine, ranks)


def _together(mine: _Pass, ranks: Ranks) -> Heard:
    """What all ranks heard: sums one rank after another, so that memory does not grow with their number."""
    whole = Total(mine.total.hop, mine.total.reach)
    for sums in ranks.each(mine.total.sums):
        whole.add_sums(sums)
    tally, notes, cached = Tally(), list[str](), 0.0
    for hops, samples, other, said, known in ranks.collect(
        (mine.total.hops, mine.total.samples, mine.tally, mine.notes, mine.cached)
    ):
        whole.hops += hops
        whole.samples += samples
        tally.join(other)
        notes += said
        cached += known
    mine.total, mine.tally, mine.cached = whole, tally, cached
    return replace(mine.heard(), notes=notes)


class _Pass:
    """What one process does of a call of `listen`: after `run`, `total` and `tally` are of its batches."""

    def __init__(
        self,
        files: Iterable[File],
        framing: Framing,
        settings: Listening,
        ranks: Ranks | None = None,
        cache: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
        save_every: float = SAVE_SECONDS,
    ) -> None:
        self.settings = settings
        self.files = sorted(files, key=lambda file: (self.signals(file), -(file.frames or 2**62), file.digest))
        self.total = Total(framing.hop, settings.reach or 2 * framing.overlap - 1)
        self.batches = list(self.cut_into_batches(max(_SAMPLES_A_BATCH, _HOPS_A_BATCH * framing.hop)))
        if ranks is not None:
            self.batches = ranks.share(self.batches, [self.weight(batch) for batch in self.batches])
        self.tally = Tally()
        self.cached = 0.0
        self.sums = None if cache is None else PartialSums(cache, self.key())
        self.progress = progress
        self.save_every = save_every
        self.done = 0
        self.lock = threading.Lock()
        self.stop = threading.Event()

    def signals(self, file: File) -> int:
        return 1 if self.settings.channels == "mix" else file.channels

    def cut_into_batches(self, least: int) -> Iterator[range]:
        """Ranges of files with equally many signals and about `least` samples or more."""
        first, samples = 0, 0
        for index, file in enumerate(self.files):
            if index > first and self.signals(file) != self.signals(self.files[first]):
                yield range(first, index)
                first, samples = index, 0
            samples += self.signals(file) * file.frames if file.frames else least
            if samples >= least:
                yield range(first, index + 1)
                first, samples = index + 1, 0
        if first < len(self.files):
            yield range(first, len(self.files))

    def weight(self, batch: Sequence[int]) -> float:
        """Samples, or bytes where a header does not know them."""
        return float(sum(self.signals(file) * file.frames if file.frames else file.size for file in self.own(batch)))

    def own(self, batch: Iterable[int]) -> list[File]:
        return [self.files[index] for index in batch]

    def key(self) -> str:
        s, m = self.settings, self.total
        parts: list[object] = [_FORMAT, m.hop, m.reach, s.sample_rate, s.channels, s.strict, s.offsets]
        batches = [f"{batch.start} " + " ".join(file.digest for file in self.own(batch)) for batch in self.batches]
        return " ".join(map(str, parts)) + "\n" + "\n".join(batches)

    def run(self) -> None:
        self.restore()
        self.cached = fsum(self.tally.heard.values())
        if self.tally.batches < len(self.batches):
            self.hear()
        self.report_progress()

    def hear(self) -> None:
        began, before, saved = time.monotonic(), self.tally.elapsed, time.monotonic()
        threads = self.settings.threads
        # With one BLAS thread a product has the same bits wherever it is made; the files share the cores.
        with (
            threadpool_limits(1, "blas"),
            ThreadPoolExecutor(threads, "audiocos-product") as products,
            ThreadPoolExecutor(threads, "audiocos-decode") as decoders,
        ):
            waiting: deque[Future[tuple[Moment, Tally]]] = deque()
            left = iter(self.batches[self.tally.batches :])
            try:
                while self.tally.batches < len(self.batches):
                    while len(waiting) <= threads and (batch := next(left, None)) is not None:
                        waiting.append(decoders.submit(self.hear_batch, batch, products))
                    self.commit(*self.result(waiting.popleft()))
                    self.tally.elapsed = before + time.monotonic() - began
                    if time.monotonic() - saved >= self.save_every or self.tally.batches == len(self.batches):
                        self.save()
                        saved = time.monotonic()
            finally:
                self.stop.set()
                for future in waiting:
                    future.cancel()

    def result(self, future: Future[tuple[Moment, Tally]]) -> tuple[Moment, Tally]:
        while True:
            try:
                return future.result(_TICK_SECONDS)
            except NotYet:
                self.report_progress()

    def commit(self, moment: Moment, tally: Tally) -> None:
        self.total.add(moment)
        self.tally.add(tally)

    def hear_batch(self, batch: Sequence[int], products: Executor) -> tuple[Moment, Tally]:
        """Sum a batch; when a file turns out not to count, once more without it: its sums must not stay."""
        left_out = Tally()
        while True:
            moment, tally = Moment(self.total.hop, self.total.reach), Tally()
            counting = [i for i in batch if i not in left_out.refused and i not in left_out.silent]
            if counting:
                channels, offsets = self.signals(self.files[counting[0]]), self.settings.offsets
                accumulator = Accumulator(moment, channels, products, offsets=offsets)
                first = not (left_out.refused or left_out.silent)
                for index in counting:
                    self.hear_file(index, accumulator, tally, counts=first)
                accumulator.finish()
            if not (tally.refused or tally.silent):
                tally.silent, tally.refused = left_out.silent, left_out.refused
                return moment, tally
            left_out.add(tally)

    def hear_file(self, index: int, accumulator: Accumulator, tally: Tally, counts: bool) -> None:
        file = self.files[index]
        decoder = Decoder(file, self.settings.sample_rate, self.settings.channels, self.settings.strict)
        seen = 0
        try:
            for block in decoder.blocks():
                if self.stop.is_set():
                    raise _Stopped
                accumulator.add(block)
                if counts:
                    self.advance(decoder.frames - seen)
                    seen = decoder.frames
        except AudioFileError as error:
            tally.refused[index] = str(error).removeprefix(f"{shown(file.path)}: ")
        else:
            if decoder.silent:
                tally.silent.append(index)
            else:
                tally.heard[index] = decoder.frames / file.sample_rate
                tally.warnings += [(index, text.removeprefix(f"{shown(file.path)}: ")) for text in decoder.warnings]
        accumulator.end_signal()
        if counts:
            self.advance((file.frames or seen) - seen)

    def advance(self, frames: int) -> None:
        with self.lock:
            self.done += frames

    def report_progress(self) -> None:
        if self.progress is not None:
            whole = sum(file.frames or 0 for batch in self.batches for file in self.own(batch))
            self.progress(self.done, max(whole, self.done))

    def save(self) -> None:
        if self.sums is not None:
            counts = {"hops": self.total.hops, "samples": self.total.samples}
            self.sums.save({"sums": self.total.sums}, {**counts, "tally": asdict(self.tally)})

    def restore(self) -> None:
        found = None if self.sums is None else self.sums.load()
        if found is None:
            return
        arrays, account = found
        self.total = Total(self.total.hop, self.total.reach, arrays["sums"], account["hops"], account["samples"])
        self.tally = Tally.of_saved(account["tally"])
        known = self.batches[: self.tally.batches]
        self.done = sum(file.frames or 0 for batch in known for file in self.own(batch))

    @property
    def notes(self) -> list[str]:
        return [] if self.sums is None else list(self.sums.trouble)

    def heard(self) -> Heard:
        names = [shown(file.path) for file in self.files]
        tally = self.tally
        return Heard(
            self.total.moment(),
            files=len(tally.heard),
            seconds=fsum(tally.heard.values()),  # in any order
            elapsed=tally.elapsed,
            silent=sorted(names[i] for i in tally.silent),
            refused=sorted((Refused(names[i], why) for i, why in tally.refused.items()), key=lambda bad: bad.name),
            warnings=sorted(f"{names[i]}: {text}" for i, text in tally.warnings),
            notes=self.notes,
            cached=self.cached,
            used=sorted(self.files[i].digest for i in tally.heard),
        )


class _Stopped(Exception):
    """The pass was given up."""
