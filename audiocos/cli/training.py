"""What `audiocos train` does, step by step: gather, hear, bound, learn, judge."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from audiocos.audio.names import shown
from audiocos.audio.reconstruct import Settings
from audiocos.cli.audition import Audition
from audiocos.cli.cards import description, training
from audiocos.cli.console import FileProgress
from audiocos.cli.hearing import Hearing
from audiocos.cli.learning import Diary, grid_of, learn
from audiocos.cli.main import say
from audiocos.cli.options import say_copies, say_links
from audiocos.counting import counted
from audiocos.errors import CorpusError
from audiocos.model import Model, load
from audiocos.ranks import Ranks
from audiocos.training import checkpoint, yardsticks
from audiocos.training.claim import CHECKPOINT
from audiocos.training.corpus import Corpus, gather
from audiocos.training.goingon import check_rate, start_from
from audiocos.training.growth import Windows
from audiocos.training.heard import Heard, Listening
from audiocos.training.history import Snapshot
from audiocos.training.judge import Verdict, judge
from audiocos.training.partial import default_cache
from audiocos.training.plan import make_start, noise_windows, recorded_windows, stages
from audiocos.training.products import on_threads, usable_cores
from audiocos.training.refused import Refused, check_share
from audiocos.training.run import Run
from audiocos.training.settings import TrainingConfig
from audiocos.training.sound import is_short, sound_of, white

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
        for note in config.doubts(r.config.optimizer, usable_cores()):
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
        if self.ranks.leads:
            say_links(corpus.links)
            say_copies(len(corpus.duplicates))
        for note in [*corpus.notes, *(f"{bad.name}: left out: {bad.reason}" for bad in corpus.refused)]:
            self._say(note)
        self.ranks.lead(self._check_resumed)
        self.listening = Listening(corpus.sample_rate, corpus.channels)
        with on_threads():  # the same bits on any number of threads: torchrun allows one
            self._hear(corpus)
            if self.train.stationary and r.stationary is None:
                self._say("The corpus is short: every sample offset counts as a frame (--every-hop counts only hops).")
            self.bounds = self._bounds()

    def learn(self, name: str) -> Model:
        """Learn, judge, and give the model."""
        with on_threads():
            return self._learn(name)

    def _learn(self, name: str) -> Model:
        config = self.config
        start = make_start(config, self.train, self.synthetic) if self.base is None else self.base
        windows = self._windows() if config.first_order or config.growth else None
        run = Run(start, stages(config, self.train, windows, self.synthetic))
        diary, saved = self._diary(), None
        if diary is not None:  # ranks descend together; in closed form rank 0 learns alone
            saved = self.ranks.lead(diary.restored) if config.first_order else diary.restored()
        # torch's small products are done before a second thread has woken up.
        threads = 1 if config.first_order and config.frame <= _ONE_THREAD_FRAME else None
        with threadpool_limits(threads), on_threads():
            learned = learn(run, diary if self.ranks.leads else None, saved)
        self.history, self.log_note = [*learned.history], learned.note
        pair = run.parameters
        self.results = {"start": self.judge.snr_db(start), "learned": self.judge.snr_db(pair), **self.bounds}
        model = Model(
            pair,
            self.framing,
            name=name,
            sample_rate=None if self.corpus is None else self.corpus.sample_rate,
            description=description(self),
            training=training(self, run, learned.seconds),
            figures={f"{key} (dB)": value for key, value in self.results.items()},
        )
        self._judge(model)
        return model

    def _judge(self, model: Model) -> None:
        """Run the model over the held-out files (all files, where none are held out): what is normal for it.

        Files that could not be heard do not count here either. Every channel is judged for itself, as it is when
        the model monitors, whether learning heard the channels or their mean.
        """
        if self.corpus is None or not self.ranks.leads:
            return
        paths = [file.path for file in self.corpus.held_out or self.corpus.train]
        progress = FileProgress(paths)
        verdict = Verdict()
        with progress.shown(f"Judging by the {self.judged_on}"):
            settings = Settings(device="cpu", resample=True)
            for outcome in judge(paths, model, settings, jobs=os.cpu_count() or 1, progress=progress.update):
                verdict.add(outcome)
        for failure in verdict.failures:
            self._say(f"{failure.reason} It does not count for what normal residuals look like.")
        model.normal = verdict.normal()
        if model.normal is None:
            self._say("Too little sound to judge by to say what normal residuals look like: 3 s are needed.")

    @property
    def judged_on(self) -> str:
        """What the figures are of."""
        return "white noise" if self.corpus is None else self.heeded.judged_on

    def finish(self) -> None:
        """The model is written: nothing is left to resume."""
        diary = self._diary()
        if diary is not None and self.ranks.leads:
            diary.forget()

    def _hear(self, corpus: Corpus) -> None:
        """Hear what to judge by and what to learn from."""
        cache = default_cache() if self.request.cache else None
        hearing = Hearing(self.ranks, self.framing, self.listening, cache, self.request.save_every)
        bad, total = corpus.refused, len(corpus.files) + len(corpus.refused)
        where = ", ".join(shown(text) for text in self.request.inputs)
        reach = yardsticks.reach(self.framing) if self.config.m < self.framing.hop else None

        def to_learn(now: Corpus) -> Hearing:
            offsets = self._needs_offsets(now)
            wide = None if now.held_out else reach  # what is learned from judges, too
            return replace(hearing, listening=replace(self.listening, offsets=offsets, reach=wide))

        def check(refused: list[Refused]) -> None:
            """Files that turned out bad only when they were heard count as bad, too."""
            self.ranks.lead(lambda: check_share(where, [*bad, *refused], total, self.request.max_bad))

        listening = replace(self.listening, offsets=self.framing.kind == "lapped", reach=reach)
        to_judge = replace(hearing, listening=listening)
        self.heeded = heeded = Audition(corpus, self.config.seed, to_learn, to_judge, check).run()
        self.corpus, heard = heeded.corpus, heeded.learned
        stationary = self.request.stationary if heard.moment.autocorrelation[0] else False
        self.train = self.judge = sound_of(heard.moment, self.framing, stationary)
        self.ranks.lead(lambda: self._check_enough(heard))
        if heeded.judging is not None:
            self.judge = sound_of(heeded.judging.moment, self.framing, False)

    def _needs_offsets(self, corpus: Corpus) -> bool:
        """Whether every sample offset is to be counted: when asked for, or when the corpus is short by its headers."""
        if self.framing.kind == "lapped":  # for the bound on linear schemes
            return True
        if self.request.stationary is not None:
            return self.request.stationary
        signals = [1 if self.listening.channels == "mix" else file.channels for file in corpus.train]
        seconds = sum(count * file.seconds for count, file in zip(signals, corpus.train, strict=True))
        return is_short(seconds * self.listening.sample_rate / self.framing.hop, self.framing)

    def _windows(self) -> Windows:
        if self.corpus is None or self.config.grows_on_white:
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
        if heard.moment.hops < n:
            few, more = counted(heard.moment.hops, "frame"), n - heard.moment.hops
            so = ", too few also where every sample offset counts" if self.train.stationary else ""
            self._say(f"{few} for {n} samples each{so}: {more} more would settle it.")

    def _bounds(self) -> dict[str, float]:
        """What can be won, before anything is learned."""
        n, m, heeded = self.framing.hop, self.config.m, self.heeded
        if m >= n:
            each = "sample" if n == 1 else f"{n} samples"
            kept = counted(m, "coefficient")
            self._say(f"{kept} for each {each}: the DCT, the MDCT and the KLT keep everything, too.")
            return {}
        train = self.train.second_moment
        judging = self.judge.second_moment
        moment = (heeded.judging or heeded.learned).moment
        if moment.span > len(judging):  # heard in longer runs, for the MDCT
            judging = moment.stationary() if heeded.judging is None and self.train.stationary else moment.full()
            train = judging if heeded.judging is None else train
        found = yardsticks.yardsticks(self.framing, m, train, judging, moment)
        if (hops := heeded.learned.moment.hops) < n:
            self._say(f"What can be won is fitted to {counted(hops, 'frame')} only: it says little of other sound.")
        if not any("MDCT" in name for name in found):
            self._say(f"The MDCT is left out: its hop would be above {yardsticks.LARGEST_HOP}.")
        return found

    def _diary(self) -> Diary | None:
        r, config = self.request, self.config
        if r.run is None:
            return None
        settings = {**self._settings(), "stationary": self.train.stationary}
        return Diary(r.run, settings, grid_of(config.frame, config.kind == "lapped"), r.save_every, r.resume)

    def _settings(self) -> dict[str, Any]:
        """What a resumed run must share with the one before it, as far as it is known before anything is heard."""
        r, corpus = self.request, self.corpus
        settings = {**asdict(self.config), "init": r.base}
        if corpus is None:
            return {**settings, "recordings": "synth:noise"}
        settings |= {"holdout": r.holdout, "channels": r.channels, "sample rate": corpus.sample_rate}
        if r.stationary is not None:
            settings["stationary"] = r.stationary
        return {**settings, "recordings": corpus.digest}

    def _check_resumed(self) -> None:
        """Say what differs from the run that is to be carried on, before its recordings are heard again."""
        path = None if self.request.run is None else self.request.run / CHECKPOINT
        if path is None or not self.request.resume or not path.exists():
            return
        settings = self._settings()
        digest = settings.pop("recordings")
        checkpoint.check(path, settings)  # these first: the digest is of some of them, too
        checkpoint.check(path, {"recordings": digest})
