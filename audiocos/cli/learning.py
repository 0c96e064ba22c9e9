"""The learning loop of `audiocos train`: a bar, a log, and checkpoints to carry on from."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audiocos.audio.names import shown
from audiocos.cli.main import say
from audiocos.cosines import Float64
from audiocos.training import checkpoint
from audiocos.training.claim import CHECKPOINT
from audiocos.training.history import Snapshot
from audiocos.training.log import RunLog
from audiocos.training.run import Progress, Run

_LOG_SECONDS = 0.05  # first-order steps are too many to log each of them


@dataclass(frozen=True)
class Diary:
    """Where a run is logged and saved.

    Args:
        folder: of log and checkpoint.
        settings: what a resumed run must share with the one before it.
        grid: frequencies that the log holds the learned ones against, radians per sample.
        save_every: seconds between checkpoints.
        resume: go on from the folder's checkpoint, if there is one.
    """

    folder: Path
    settings: dict[str, Any]
    grid: Float64
    save_every: float = 10.0
    resume: bool = False

    def restored(self) -> dict[str, Any] | None:
        """What was saved: the run's state and its log's; None where there is nothing to carry on.

        A run that was killed before its first checkpoint is carried on, too: from its start.

        Raises:
            CheckpointError: the checkpoint is damaged or of other settings.
        """
        if not self.resume:
            return None
        if not (self.folder / CHECKPOINT).exists():
            say(f"{shown(self.folder)}: no checkpoint yet; learning from the start.")
            return None
        state = checkpoint.resume(self.folder / CHECKPOINT, self.settings)
        say(f"{shown(self.folder)}: carrying on from its checkpoint.")
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Write the checkpoint.

        Raises:
            CheckpointError: it cannot be written; the one before it is as it was.
        """
        checkpoint.save(self.folder / CHECKPOINT, state, self.settings)

    def forget(self) -> None:
        """Remove the checkpoint: what the run made is in its place."""
        with contextlib.suppress(FileNotFoundError):
            (self.folder / CHECKPOINT).unlink()


@dataclass(frozen=True)
class Learned:
    """What is known of a run when it is through.

    Args:
        seconds: it lasted, without what was imported for it and without the pauses between its parts.
        history: snapshots of it; empty without diary.
        note: what the log is missing, if anything.
    """

    seconds: float
    history: tuple[Snapshot, ...] = ()
    note: str | None = None


def learn(run: Run, diary: Diary | None, saved: dict[str, Any] | None = None) -> Learned:
    """Take all steps of a run; saves a checkpoint now and then, when it is interrupted, and at its end.

    Args:
        run: at its start.
        diary: None keeps neither log nor checkpoint.
        saved: what `Diary.restored` gave, to carry on from.

    Raises:
        CheckpointError: see `Diary`.
    """
    if saved is not None:
        run.load_state(saved["run"])
    if diary is None:
        with learning_bar() as show:
            began = time.perf_counter()
            while not run.done:
                show(run.advance())
            return Learned(time.perf_counter() - began)
    with learning_bar() as show:
        return _learn_logged(run, diary, saved, show)


def _learn_logged(run: Run, diary: Diary, saved: dict[str, Any] | None, show: Callable[[Progress], None]) -> Learned:
    learner = run.learner
    log = RunLog(diary.folder, learner.layout, learner.theta, diary.grid, None if saved is None else saved["log"])
    step = run.step
    last: dict[str, Any] = {"run": run.state(), "log": log.state()}
    try:
        kept = logged = time.perf_counter()
        while not run.done:
            progress = run.advance()
            show(progress)
            now = time.perf_counter()
            if progress.steps is None or now - logged >= _LOG_SECONDS or run.done:
                taper = math.inf if progress.taper is None else progress.taper
                log.record(progress.step, progress.learner.theta, progress.loss, taper)
                # What an interruption saves: it may come in the middle of a step.
                step, last = progress.step, {"run": run.state(), "log": log.state()}
                logged = now
                if now - kept >= diary.save_every:
                    diary.save(last)
                    kept = now
        learned = Learned(log.seconds, tuple(log.history), log.note)
        diary.save(last)  # what follows, judging and writing the model, can be interrupted as well
    except (KeyboardInterrupt, SystemExit):
        diary.save(last)
        say(f"{shown(diary.folder)}: saved after step {step}; --resume carries on.")
        raise
    finally:
        log.close()
    return learned


def grid_of(frame: int, lapped: bool) -> Float64:
    """The frequencies of the exact pair, radians per sample."""
    lines = frame // 2 if lapped else frame
    return np.asarray((np.arange(lines) + 0.5) * np.pi / lines)


@contextlib.contextmanager
def learning_bar() -> Iterator[Callable[[Progress], None]]:
    """Show stage, step and SNR; nothing when stderr is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda progress: None
        return
    from rich.console import Console

    with Console(stderr=True).status("Learning") as status:

        def show(progress: Progress) -> None:
            snr = -10 * math.log10(max(progress.loss, 1e-32))
            steps = f"step {progress.step}" + (f" of {progress.steps}" if progress.steps else "")
            status.update(f"Learning, {progress.stage}: {steps}, {snr:.2f} dB")

        yield show
