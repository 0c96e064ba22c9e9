"""Where `audiocos train` writes: what cannot be written to is an error before any sound is heard."""

from __future__ import annotations

import os
from pathlib import Path

from audiocos.audio.names import shown
from audiocos.cli.learning import CHECKPOINT
from audiocos.errors import AudiocosError, CheckpointError, UsageError
from audiocos.modelfolder import check_replaceable


def check_places(output: str, run: Path, *, force: bool, resume: bool) -> None:
    """Fail early.

    Args:
        output: folder of the model to be.
        run: folder of log and checkpoints.
        force: what a finished or interrupted run left may be replaced.
        resume: the run in `run` is carried on.

    Raises:
        AudiocosError: the model or the run cannot be written there, or is there already.
        UsageError: the two are in each other's way.
    """
    if os.path.lexists(output) and not force:
        raise AudiocosError(f"{shown(output)}: exists already. Choose another name or pass --force to replace it.")
    model, log = Path(os.path.realpath(output)), Path(os.path.realpath(run))
    if log == model or model in log.parents:
        raise UsageError(f"--run {shown(run)}: is where the model goes (-o {shown(output)}). Choose another folder.")
    if model.exists():
        check_replaceable(model)
    if log.exists() and not log.is_dir():
        raise AudiocosError(f"--run {shown(run)}: is a file, and a run is kept in a folder. Choose another name.")
    for text, place in ((output, model.parent), (run, log)):
        check_writable(shown(text), place)
    # torchrun starts the same command again when a worker has died.
    restarted = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"
    if (log / CHECKPOINT).exists() and not (resume or force or restarted):
        raise CheckpointError(
            f"{shown(run)}: holds the checkpoint of a run that was interrupted. "
            "Pass --resume to carry on, or --force to begin anew."
        )


def check_writable(name: str, folder: Path) -> None:
    """Insist that a folder can be made and written to, as far as the nearest one that exists tells.

    Args:
        name: what to call it in the error.
        folder: need not be there.

    Raises:
        AudiocosError: it cannot.
    """
    while not os.path.lexists(folder):
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        reason = "is not writable" if folder.is_dir() else "is a file"
        raise AudiocosError(f"{name}: cannot be written: {shown(folder)} {reason}. Choose another place.")
