"""What `audiocos train` does, step by step: gather, hear, bound, learn, judge."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from audiocos.audio.names import shown
from audiocos.audio.reconstruct import Settings
from audiocos.cli.console import FileProgress
from audiocos.cli.hearing import Hearing
from audiocos.cli.learning import Diary, grid_of, learn
from audiocos.cli.main import say
from audiocos.errors import CorpusError
from audiocos.framing import Framing, lapped
from audiocos.model import Model, load
from audiocos.ranks import Ranks
from audiocos.training import bounds
from audiocos.training.corpus import Corpus, gather
from audiocos.training.goingon import check_rate, start_from
from audiocos.training.growth import Windows, white_snr_db
from audiocos.training.heard import Heard, Listening
from audiocos.training.history import Snapshot
from audiocos.training.judge import Verdict, judge
from audiocos.training.partial import default_cache
from audiocos.training.plan import make_start, noise_windows, recorded_windows, stages
from audiocos.training.refused import check_share
from audiocos.training.run import Run
from audiocos.training.settings import TrainingConfig
from audiocos.training.sound import Sound, is_short, sound_of, white

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
    save_every: float = 10.0


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
    log_note: str | None = None

    def prepare(self) -> None:
        """Gather and hear the recordings; say what can be won.

        Raises:
            CorpusError: there is nothing to learn from.
        """
        r = self.request
        r.config.check()
        self.config = config = r.config.decided(self.synthetic)
        self.framing = config.framing()
        for note in config.doubts(r.config.optimizer):
            self._say(note)
        base = None if r.base is None else load(r.base)
        self.base = None if r.base is None or base is None else start_from(base, r.base, config)
        if self.synthetic:
            self.train = self.judge = white(self.framing)
            return
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
        if base is not None and r.base is not None:
            check_rate(base, r.base, corpus.sample_rate)
        for note in [*corpus.notes, *(f"{bad.name}: left out: {bad.reason}" for bad in corpus.refused)]:
            self._say(note)
        if corpus.duplicates:
            self._say(f"{len(corpus.duplicates)} files have the same bytes as another and count once.")
        self.listening = Listening(corpus.sample_rate, corpus.channels)
        self._hear(corpus)
        if self.train.stationary and r.stationary is None:
            self._say("The corpus is short: every sample offset counts as a frame (--every-hop counts only hops).")
        self.bounds = self._bounds()

    def learn(self, name: str) -> Model:
        """Learn, judge, and give the model."""
        config = self.config
        start = make_start(config, self.train, self.synthetic) if self.base is None else self.base
        windows = self._windows() if config.first_order or config.growth else None
        run = Run(start, stages(config, self.train, windows, self.synthetic))
        diary, saved = self._diary(), None
        if diary is not None:  # ranks descend together; in closed form rank 0 learns alone
            saved = self.ranks.lead(diary.restored) if config.first_order else diary.restored()
        # Small products are done before a second thread has woken up.
        threads = 1 if config.first_order and config.frame <= _ONE_THREAD_FRAME else None
        with threadpool_limits(threads):
            learned = learn(run, diary if self.ranks.leads else None, saved)
        self.history, self.log_note = [*learned.history], learned.note
        pair = run.parameters
        self.results = {"start": self.judge.snr_db(start), "learned": self.judge.snr_db(pair), **self.bounds}
        model = Model(
            pair,
            self.framing,
            name=name,
            sample_rate=None if self.corpus is None else self.corpus.sample_rate,
            description=self._description(),
            training=self._training(run, learned.seconds),
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

    def finish(self) -> None:
        """The model is written: nothing is left to resume."""
        diary = self._diary()
        if diary is not None and self.ranks.leads:
            diary.forget()

    def _hear(self, corpus: Corpus) -> None:
        """Hear what to learn from, then what to judge by."""
        cache = default_cache() if self.request.cache else None
        listening = replace(self.listening, offsets=self._needs_offsets(corpus))
        hearing = Hearing(self.ranks, self.framing, listening, cache, self.request.save_every)
        heard = hearing.hear(corpus.train, "Hearing what to learn from")
        self.ranks.lead(lambda: self._check_heard(corpus, heard))
        self.judged = heard
        stationary = self.request.stationary if listening.offsets else False
        self.train = self.judge = sound_of(heard.moment, self.framing, stationary)
        self.ranks.lead(lambda: self._check_enough(heard))
        if not corpus.held_out:
            return
        hearing = replace(hearing, listening=replace(listening, offsets=self.framing.kind == "lapped"))
        other = hearing.hear(corpus.held_out, "Hearing what to judge by")
        self.ranks.lead(lambda: self._check_heard(corpus, heard, other))
        if other.files:
            self.judge, self.judged = Sound(self.framing, other.moment.full()), other
        else:
            self._say("No held-out file can be used, so figures are of the training sound.")

    def _needs_offsets(self, corpus: Corpus) -> bool:
        """Whether every sample offset is to be counted: when asked for, or when the corpus is short by its headers."""
        if self.framing.kind == "lapped":  # for the bound on linear schemes
            return True
        if self.request.stationary is not None:
            return self.request.stationary
        signals = [1 if self.listening.channels == "mix" else file.channels for file in corpus.train]
        seconds = sum(count * file.seconds for count, file in zip(signals, corpus.train, strict=True))
        return is_short(seconds * self.listening.sample_rate / self.framing.hop, self.framing)

    def _check_heard(self, corpus: Corpus, heard: Heard, other: Heard | None = None) -> None:
        """Files that turned out bad only when they were heard count as bad, too."""
        heard.demand_sound()
        refused = [*corpus.refused, *heard.refused, *(other.refused if other else ())]
        where = ", ".join(shown(text) for text in self.request.inputs)
        check_share(where, refused, len(corpus.files) + len(corpus.refused), self.request.max_bad)

    def _windows(self) -> Windows:
        if self.corpus is None:
            return noise_windows(self.config, self.ranks)
        return recorded_windows(self.config, self.corpus.train, self.listening, self.ranks)

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
        n, m = self.framing.hop if self.framing.kind == "lapped" else self.framing.frame, self.config.m
        if self.framing.kind == "overlap" or m >= n:  # as many coefficients as samples keep everything
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

    def _diary(self) -> Diary | None:
        r, config = self.request, self.config
        if r.run is None:
            return None
        corpus = "synth:noise" if self.corpus is None else self.corpus.digest
        settings = {**asdict(config), "corpus": corpus, "stationary": self.train.stationary, "init": r.base}
        return Diary(r.run, settings, grid_of(config.frame, config.kind == "lapped"), r.save_every, r.resume)

    @property
    def _start(self) -> str:
        return self.config.start if self.request.base is None else f"the model {self.request.base}"

    def _description(self) -> str:
        if self.corpus is None:
            return f"Learned from white noise, start: {self._start}."
        kept = self.config.m / self.framing.hop
        heard = f"{len(self.corpus.train)} recordings at {self.corpus.sample_rate} Hz"
        return f"Learned from {heard}; keeps {kept:.3g} coefficients a sample."

    def _training(self, run: Run, seconds: float) -> dict[str, Any]:
        config = self.config
        told: dict[str, Any] = {"start": self._start, "optimizer": config.optimizer}
        if config.growth or config.first_order:
            told["polish"] = config.polish
        if config.first_order:
            told["device"] = config.stochastic.device
        told |= {"window growth": "yes" if config.growth else "no", "seed": config.seed, "learned in (s)": seconds}
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
