"""Where `audiocos train` writes: what cannot be written to is an error before any sound is heard."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from audiocos.audio.names import shown
from audiocos.errors import AudiocosError, CheckpointError, UsageError
from audiocos.modelfolder import check_replaceable
from audiocos.training import log
from audiocos.training.claim import CHECKPOINT, Claim


@dataclass(frozen=True)
class Places:
    """Where a training writes.

    Args:
        output: folder of the model to be.
        run: folder of log and checkpoints; None for MODEL.run beside the model.
    """

    output: str
    run: str | None = None

    @property
    def run_folder(self) -> Path:
        """Of log and checkpoints."""
        return Path(self.run or f"{self.output.rstrip('/')}.run")

    @property
    def claim(self) -> Claim:
        """On the run's folder, not yet taken."""
        return Claim(self.run_folder, Path(self.output))

    @property
    def restarted(self) -> bool:
        """Whether torchrun has started the same command before, and a worker has died."""
        return os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"

    def check(self, *, force: bool, resume: bool) -> None:
        """Fail early.

        Args:
            force: what a finished or interrupted run left may be replaced.
            resume: the run in `run` is carried on.

        Raises:
            AudiocosError: the model or the run cannot be written there, or something is there already.
            UsageError: the two are in each other's way.
        """
        output, run = self.output, self.run_folder
        if os.path.lexists(output) and not force:
            raise AudiocosError(f"{shown(output)}: exists already. Choose another name or pass --force to replace it.")
        model, log_folder = Path(os.path.realpath(output)), Path(os.path.realpath(run))
        if model.exists():
            check_replaceable(model)
        if log_folder == model or model in log_folder.parents:
            raise UsageError(
                f"--run {shown(run)}: is where the model goes (-o {shown(output)}). Choose another folder."
            )
        if log_folder.exists() and not log_folder.is_dir():
            raise AudiocosError(f"--run {shown(run)}: is a file, and a run is kept in a folder. Choose another name.")
        for text, place in ((output, model.parent), (run, log_folder)):
            check_writable(shown(text), place)
        for name in (log.NAME, CHECKPOINT):
            if (log_folder / name).is_dir():
                raise AudiocosError(f"{shown(run / name)}: is a folder, and a file goes there. Choose another --run.")
        interrupted = (log_folder / CHECKPOINT).exists()
        if not (force or (resume and interrupted)):
            self.claim.check()
        if interrupted and not (resume or force or self.restarted):
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
