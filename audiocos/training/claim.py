"""Whose run a folder holds, and that one process at a time writes there: `run.json`, locked while the run lasts.

The lock is advisory and the kernel's: it goes with the process, however that ends. Windows has none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from audiocos.atomic import remedy
from audiocos.audio.names import shown
from audiocos.errors import AudiocosError

NAME = "run.json"
CHECKPOINT = "checkpoint.safetensors"

_held: set[int] = set()  # descriptors


def _let_go_in_child() -> None:
    """A forked process shares its parent's lock and would keep it when the parent has been killed."""
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_child)


class Claim:
    """The folder of a run, for the model it makes: `check`, then `take`, and `release` at the end.

    Args:
        folder: of log and checkpoints.
        model: folder of the model to be.
    """

    def __init__(self, folder: Path, model: Path) -> None:
        self._folder = folder
        real, place = os.path.realpath(model), os.path.realpath(folder)
        try:
            self._model = os.path.relpath(real, place)  # holds where both move together
        except ValueError:  # two drives
            self._model = real
        self._descriptor: int | None = None
        self._made = False

    def check(self) -> None:
        """Insist that nothing is there but a run of this model.

        Raises:
            AudiocosError: something else is there, and would be lost or mixed with the run.
        """
        with contextlib.suppress(FileNotFoundError):
            others = sorted(set(os.listdir(self._folder)) - {NAME})
            owner = self._read().get("model")
            if owner == self._model or not (others or owner):
                return
            if owner is None:
                what = f"{shown(others[0])}, which is no part of a run of this model"
            else:
                what = f"the run of another model, {shown(os.path.normpath(os.path.join(self._folder, owner)))}"
            raise AudiocosError(
                f"--run {shown(self._folder)}: holds {what}. Choose another folder, or pass --force to write there."
            )

    def take(self, *, resume: bool, restart: str | None = None) -> bool:
        """Be the only one who writes there; gives whether to carry on from the checkpoint.

        Args:
            resume: that was asked for.
            restart: the job's name where torchrun starts a run again, as it does when a worker has died: what was saved
                since the job's first start is carried on from unasked.

        Raises:
            AudiocosError: another process writes there, or nothing can be written.
        """
        try:
            self._descriptor = self._locked()
            checkpoint = _digest(self._folder / CHECKPOINT)
            before = self._read()
            if restart is not None and before.get("job") == restart and before.get("model") == self._model:
                return resume or checkpoint not in (None, before.get("before"))
            job = os.environ.get("TORCHELASTIC_RUN_ID", "")
            text = json.dumps({"model": self._model, "job": job, "before": checkpoint}).encode() + b"\n"
            there = os.fstat(self._descriptor).st_size
            os.pwrite(self._descriptor, text.ljust(there), 0)  # JSON all the time, should it be killed here
            os.ftruncate(self._descriptor, len(text))
        except OSError as error:
            self.release()
            reason = error.strerror or error
            raise AudiocosError(f"{shown(self._folder)}: no run can be kept here: {reason}. {remedy(error)}") from error
        return resume

    def release(self) -> None:
        """Let others write there; a folder in which nothing was written goes again."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            if os.listdir(self._folder) == [NAME]:
                (self._folder / NAME).unlink()
                if self._made:
                    self._folder.rmdir()
        _held.discard(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None

    def _locked(self) -> int:
        path = self._folder / NAME
        while True:
            if not self._folder.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                self._made = True
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
            if not _lock(descriptor):
                os.close(descriptor)
                raise AudiocosError(
                    f"{shown(self._folder)}: another train is writing here. Wait for it, or choose other folders with "
                    "-o and --run."
                )
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                    _held.add(descriptor)
                    return descriptor
            os.close(descriptor)  # who had it has removed it meanwhile

    def _read(self) -> dict[str, Any]:
        """What the folder says of its run; nothing where it does not."""
        try:
            told = json.loads((self._folder / NAME).read_bytes())
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) and isinstance(told.get("model"), str) else {}


def _lock(descriptor: int) -> bool:
    """Whether the lock is had, or there are none here."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _digest(path: Path) -> str | None:
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except FileNotFoundError:
        return None
