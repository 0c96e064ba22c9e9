"""What `audiocos train` does, step by step: gather, hear, bound, learn, judge."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from audiocos.audio.reconstruct import Settings
from audiocos.cli.console import FileProgress
from audiocos.cli.learning import grid_of, learn
from audiocos.cli.main import say
from audiocos.cosines import CosineParameters
from audiocos.errors import CorpusError
from audiocos.framing import Framing, lapped
from audiocos.model import Model, load
from audiocos.ranks import Ranks
from audiocos.training import bounds
from audiocos.training.corpus import Corpus, File, gather
from audiocos.training.growth import NoiseWindows, WhiteSound, Windows, default_batch, white_snr_db
from audiocos.training.heard import Heard, Listening
from audiocos.training.history import Snapshot
from audiocos.training.judge import Verdict, judge
from audiocos.training.listen import listen
from audiocos.training.partial import default_cache
from audiocos.training.plan import TrainingConfig, make_start, stages
from audiocos.training.run import Run
from audiocos.training.sound import RecordedWindows, Sound, sound_of, white
from audiocos.training.statistics import Moment

_ONE_THREAD_FRAME = 256


@dataclass(frozen=True)
class TrainingRequest:
    """What was asked on the command line; see `audiocos train --help`."""

    inputs: tuple[str, ...]
    config: TrainingConfig
    holdout: float = 0.1
    channels: str = "each"
    sample_rate: int | None = None
    stationary: bool | None = None
    max_bad: float = 0.1
    cache: bool = True
    base: str | None = None
    run: Path | None = None
    resume: bool = False


@dataclass
class Session:
    """One training: call `prepare`, then `learn`.

    Args:
        request: what was asked.
        synthetic: learn from white noise, not from recordings.
        ranks: the processes that hear the recordings together.
    """

    request: TrainingRequest
    synthetic: bool
    ranks: Ranks = field(default_factory=Ranks)
    bounds: dict[str, float] = field(default_factory=dict)
    results: dict[str, float] = field(default_factory=dict)
    corpus: Corpus | None = None
    history: list[Snapshot] = field(default_factory=list)

    def prepare(self) -> None:
        """Gather and hear the recordings; say what can be won.

        Raises:
            CorpusError: there is nothing to learn from.
        """
        config = self.request.config
        config.check()
        self.framing = config.framing()
        self.base = None if self.request.base is None else self._load_base(self.request.base)
        if self.synthetic:
            self.train = self.judge = white(self.framing)
            return
        r = self.request
        self.corpus = corpus = self.ranks.lead(
            lambda: gather(
                r.inputs,
                holdout=r.holdout,
                seed=config.seed,
                sample_rate=r.sample_rate,
                max_bad=r.max_bad,
                channels=r.channels,
            )
        )
        for note in [*corpus.notes, *(f"{bad.name}: left out: {bad.reason}" for bad in corpus.refused)]:
            self._say(note)
        if corpus.duplicates:
            self._say(f"{len(corpus.duplicates)} files have the same bytes as another and count once.")
        self.listening = Listening(corpus.sample_rate, corpus.channels)
        heard = self._hear(corpus.train, "Hearing what to learn from")
        heard.demand_sound()
        self.judged = heard
        self.train = sound_of(heard.moment, self.framing, r.stationary)
        self._check_enough(heard)
        self.judge = self.train
        if corpus.held_out:
            other = self._hear(corpus.held_out, "Hearing what to judge by")
            if other.files:
                self.judge, self.judged = Sound(self.framing, other.moment.full()), other
            else:
                self._say("No held-out file can be used, so figures are of the training sound.")
        if self.train.stationary and r.stationary is None:
            self._say("The corpus is short: every sample offset counts as a frame (--every-hop counts only hops).")
        self.bounds = self._bounds()

    def learn(self, name: str) -> Model:
        """Learn, judge, and give the model."""
        config = self.request.config
        start = make_start(config, self.train, self.synthetic) if self.base is None else self.base
        windows = self._windows() if config.first_order or config.grows(self.synthetic) else None
        run = Run(start, stages(config, self.train, windows, self.synthetic))
        folder = self.request.run if self.ranks.leads else None
        grid = grid_of(config.frame, config.kind == "lapped")
        began = time.perf_counter()
        # Small products are done before a second thread has woken up.
        threads = 1 if config.first_order and config.frame <= _ONE_THREAD_FRAME else None
        with threadpool_limits(threads):
            log, _ = learn(run, folder, self._settings(), grid, resume=self.request.resume)
        if log is not None:
            self.history = [*log.history]
        seconds = time.perf_counter() - began
        pair = run.parameters
        self.results = {"start": self.judge.snr_db(start), "learned": self.judge.snr_db(pair), **self.bounds}
        model = Model(
            pair,
            self.framing,
            name=name,
            sample_rate=None if self.corpus is None else self.corpus.sample_rate,
            description=self._description(),
            training=self._training(run, seconds),
            figures={f"{key} (dB)": round(value, 3) for key, value in self.results.items()},
        )
        self._judge(model)
        return model

    def _judge(self, model: Model) -> None:
        """Run the model over the held-out files (all files, where none are held out): what is normal for it."""
        if self.corpus is None or not self.ranks.leads:
            return
        paths = [file.path for file in self.corpus.held_out or self.corpus.train]
        progress = FileProgress(paths)
        verdict = Verdict()
        with progress.shown("Judging by files that are held out"):
            settings = Settings(device="cpu", sanitize=True, resample=True)
            for outcome in judge(paths, model, settings, jobs=os.cpu_count() or 1, progress=progress.update):
                verdict.add(outcome)
        model.normal = verdict.normal()
        if model.normal is None:
            self._say("Too little held-out sound to say what normal residuals look like: 3 s are needed.")

    def _load_base(self, base: str) -> CosineParameters:
        config, model = self.request.config, load(base)
        sizes = (model.numbers.frame, model.numbers.coefficients, model.framing.kind)
        if sizes != (config.frame, config.m, config.kind):
            raise CorpusError(
                f"--init {base}: has frame {sizes[0]}, {sizes[1]} coefficients, {sizes[2]} framing. Ask for the same."
            )
        return model.numbers.with_phases() if config.phased else model.numbers

    def _windows(self) -> Windows:
        config = self.request.config
        first_order = config.first_order
        count = config.batch or (max(64, config.frame // 2) if first_order else default_batch(config.frame))
        if self.corpus is not None:
            pool_count = config.batch or max(count, config.frame)
            return RecordedWindows(self.corpus.train, self.listening, pool_count, config.seed, config.frame)
        seed = config.seed + 7919 * self.ranks.rank  # other batches on other ranks
        return NoiseWindows(count, seed) if first_order or not config.expected else WhiteSound()

    def _hear(self, files: tuple[File, ...], what: str) -> Heard:
        cache = default_cache() if self.request.cache else None
        with _pass_bar(what) as progress:
            mine = self.ranks.share(files, [file.size for file in files])
            heard = self._together(listen(mine, self.framing, self.listening, cache=cache, progress=progress))
        for note in [*heard.notes, *heard.warnings, *(f"{bad.name}: left out: {bad.reason}" for bad in heard.refused)]:
            self._say(note)
        if heard.silent:
            self._say(f"{len(heard.silent)} files are silent and do not count.")
        self._say(
            f"{what}: {heard.files} files, {heard.seconds / 3600:.2f} h, {heard.hours_per_second:.2f} h a second."
        )
        return heard

    def _together(self, mine: Heard) -> Heard:
        """What all ranks heard."""
        if self.ranks.count == 1:
            return mine
        m = mine.moment
        sums = self.ranks.sum(np.concatenate([m.blocks.ravel(), m.autocorrelation, [m.hops, m.samples]]))
        cut = m.blocks.size
        moment = Moment(m.hop, m.reach, sums[:cut].reshape(m.blocks.shape), sums[cut:-2], int(sums[-2]), int(sums[-1]))
        mine.moment = Moment.of(self.framing)  # travels no further
        every = self.ranks.collect(mine)
        return Heard(
            moment,
            sum(one.files for one in every),
            sum(one.seconds for one in every),
            max(one.elapsed for one in every),
            [name for one in every for name in one.silent],
            [bad for one in every for bad in one.refused],
            [text for one in every for text in one.warnings],
            [text for one in every for text in one.notes],
            sum(one.cached for one in every),
        )

    def _say(self, text: str) -> None:
        if self.ranks.leads:
            say(text)

    def _check_enough(self, heard: Heard) -> None:
        samples, n = heard.moment.samples, self.framing.frame
        if samples < n:
            raise CorpusError(
                f"{samples} samples are fewer than a frame of {n}: {n - samples} more are needed. "
                "Add recordings, or take a smaller --frame."
            )
        if heard.moment.hops < n and not self.train.stationary:
            self._say(f"{heard.moment.hops} frames for {n} samples each: {n - heard.moment.hops} more would settle it.")

    def _bounds(self) -> dict[str, float]:
        n, m = self.framing.hop if self.framing.kind == "lapped" else self.framing.frame, self.request.config.m
        if self.framing.kind == "overlap" or m > n:
            return {}
        train, held = self.train.second_moment, self.judge.second_moment
        found = {
            "first M of the DCT": bounds.dct_db(train, held, n, m, best=False),
            "best M of the DCT": bounds.dct_db(train, held, n, m, best=True),
        }
        if self.framing.kind == "lapped":
            frames: Framing = lapped(2 * n, self.framing.window)
            found["first M of the MDCT"] = bounds.mdct_db(train, held, frames, m, best=False)
            found["best M of the MDCT"] = bounds.mdct_db(train, held, frames, m, best=True)
            found["bound of every linear scheme"] = bounds.dynamic_pca_db(self.judged.moment, n, m)
        found["KLT of the training sound"] = bounds.klt_db(train, held, n, m)
        return found

    def _settings(self) -> dict[str, Any]:
        """What a resumed run must share with the one that it carries on."""
        r = self.request
        corpus = "synth:noise" if self.corpus is None else self.corpus.digest
        return {**asdict(r.config), "corpus": corpus, "stationary": self.train.stationary, "init": r.base}

    def _description(self) -> str:
        if self.corpus is None:
            return f"Learned from white noise, start: {self.request.config.start}."
        kept = self.request.config.m / self.framing.hop
        return f"Learned from {len(self.corpus.train)} recordings at {self.corpus.sample_rate} Hz; keeps {kept:.3g}."

    def _training(self, run: Run, seconds: float) -> dict[str, Any]:
        config = self.request.config
        told = {"start": config.start, "optimizer": config.optimizer, "seed": config.seed, "learned in (s)": seconds}
        if self.corpus is not None:
            told |= {
                "files": len(self.corpus.train),
                "held-out files": len(self.corpus.held_out),
                "hours": self.corpus.seconds / 3600,
                "corpus": self.corpus.digest,
                "second moment": "every sample offset" if self.train.stationary else "every hop",
            }
        else:
            told["white SNR (dB)"] = white_snr_db(run.parameters) if self.framing.kind == "block" else None
        return told


@contextlib.contextmanager
def _pass_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = [TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("ETA")]
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
