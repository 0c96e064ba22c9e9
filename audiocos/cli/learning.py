"""The learning loop of `audiocos train`: a bar, a log, and checkpoints to carry on from."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from audiocos.cosines import Float64
from audiocos.training import checkpoint
from audiocos.training.log import RunLog
from audiocos.training.run import Progress, Run

CHECKPOINT = "checkpoint.safetensors"
CHECKPOINT_SECONDS = 10.0
_LOG_SECONDS = 0.05  # first-order steps are too many to log each of them


def learn(
    run: Run, folder: Path | None, settings: dict[str, Any], grid: Float64, *, resume: bool
) -> tuple[RunLog | None, int]:
    """Take all steps of a run; saves a checkpoint now and then, and when it is interrupted.

    Args:
        run: at its start.
        folder: of log and checkpoint; None keeps neither.
        settings: what a resumed run must share with the one before it.
        grid: frequencies that the log holds the learned ones against, radians per sample.
        resume: go on from the folder's checkpoint.

    Returns:
        The log, and how many steps were taken in all.

    Raises:
        CheckpointError: there is no checkpoint, or it is of other settings.
    """
    log_state = None
    if resume and folder is not None:
        state = checkpoint.resume(folder / CHECKPOINT, settings)
        run.load_state(state["run"])
        log_state = state["log"]
    learner = run.learner
    log = None if folder is None else RunLog(folder, learner.layout, learner.theta, grid, log_state)
    step = run.step
    if log is not None and folder is not None:
        last: dict[str, Any] = {"run": run.state(), "log": log.state()}
        try:
            with learning_bar() as show:
                saved = logged = time.perf_counter()
                while not run.done:
                    progress = run.advance()
                    step = progress.step
                    now = time.perf_counter()
                    if progress.steps is None or now - logged >= _LOG_SECONDS or run.done:
                        taper = math.inf if progress.taper is None else progress.taper
                        log.record(step, progress.learner.theta, progress.loss, taper)
                        logged = now
                    last = {"run": run.state(), "log": log.state()}
                    if now - saved >= CHECKPOINT_SECONDS:
                        checkpoint.save(folder / CHECKPOINT, last, settings)
                        saved = now
                    show(progress)
        except (KeyboardInterrupt, SystemExit):
            checkpoint.save(folder / CHECKPOINT, last, settings)
            raise
        finally:
            log.close()
        with contextlib.suppress(FileNotFoundError):
            (folder / CHECKPOINT).unlink()
        return log, step
    with learning_bar() as show:
        while not run.done:
            progress = run.advance()
            step = progress.step
            show(progress)
    return None, step


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
