"""Whose run a folder holds, and that one process at a time writes there: `run.json`, locked while the run lasts.

The lock is advisory and the kernel's: it goes with the process, however that ends. Windows has none.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any, NoReturn

from audiocos.atomic import remedy
from audiocos.audio.names import shown
from audiocos.errors import AudiocosError, CheckpointError
from audiocos.training.corpus import digest_of

NAME = "run.json"
CHECKPOINT = "checkpoint.safetensors"

_CAREFUL = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # neither through links nor into pipes

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
        self._made = self._created = False
        self._before = b""
        self._entries: dict[str, tuple[int, ...]] | None = None

    def check(self, *, force: bool = False, resume: bool = False, restart: str | None = None) -> None:
        """Insist that nothing is there that would be lost or mixed with the run.

        Args:
            force: whatever is there may be written over.
            resume: the run that is there is carried on.
            restart: the job's name where torchrun starts a run again; what this job has begun is carried on.

        Raises:
            AudiocosError: something else is there, or another process writes there.
            CheckpointError: the run there was interrupted, and nothing was said of it.
        """
        if force:
            return
        try:
            self._insist(resume, restart)
        except AudiocosError:
            if self._descriptor is None and self._busy():
                raise self._taken() from None
            raise

    def take(self, *, force: bool = False, resume: bool = False, restart: str | None = None) -> bool:
        """Check again and be the only one who writes there; gives whether to carry on from the checkpoint.

        Args:
            force: see `check`.
            resume: that was asked for.
            restart: see `check`: what was saved since the job's first start is carried on from unasked.

        Raises:
            AudiocosError: see `check`, or nothing can be written.
        """
        try:
            self._descriptor = self._locked()
            self.check(force=force, resume=resume, restart=restart)
            path = self._folder / CHECKPOINT
            checkpoint = digest_of(str(path)) if path.is_file() else None
            self._entries = self._others()
            self._before = self._content() or b""
            before = _told(self._before)
            if self._is_same(before, restart):
                return resume or checkpoint not in (None, before["before"])
            told = {"model": self._model, "job": job() or "", "before": checkpoint}
            self._write(json.dumps(told).encode() + b"\n")
        except OSError as error:
            self.release()
            reason = error.strerror or error
            raise AudiocosError(f"{shown(self._folder)}: no run can be kept here: {reason}. {remedy(error)}") from error
        except AudiocosError:
            self.release()
            raise
        return resume

    def release(self) -> None:
        """Let others write there; where nothing was written but the claim, all is as before."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            if self._entries in (None, self._others()):
                if self._created:
                    (self._folder / NAME).unlink()
                elif self._entries is not None:
                    self._write(self._before)
                if self._made:
                    self._folder.rmdir()
        _held.discard(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None

    def _insist(self, resume: bool, restart: str | None) -> None:
        """See `check`."""
        content, others = self._content(), sorted(self._others())
        before = _told(content or b"")
        interrupted = CHECKPOINT in others
        if content and not before:
            self._refuse(NAME, "which is no part of a run of this model")
        if others and not before:
            self._refuse(others[0], "which is no part of a run of this model")
        if resume and interrupted:  # whichever model's: its settings are compared
            return
        if before and before["model"] != self._model:
            self._refuse(
                "the run of another model", shown(os.path.normpath(os.path.join(self._folder, before["model"])))
            )
        if interrupted and not self._is_same(before, restart):
            raise CheckpointError(
                f"{shown(self._folder)}: holds the checkpoint of a run that was interrupted. "
                "Pass --resume to carry on, or --force to begin anew."
            )

    def _refuse(self, what: str, why: str) -> NoReturn:
        raise AudiocosError(
            f"--run {shown(self._folder)}: holds {shown(what)}, {why}. Choose another folder, or pass --force to write "
            "there."
        )

    def _is_same(self, before: dict[str, Any], restart: str | None) -> bool:
        """Whether the run that is there was begun by the job that is started again, for the same model."""
        return bool(restart and before and before["job"] == restart and before["model"] == self._model)

    def _others(self) -> dict[str, tuple[int, ...]]:
        """What else is in the folder, and what tells whether it has been written to."""
        found: dict[str, tuple[int, ...]] = {}
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name != NAME:
                    status = entry.stat(follow_symlinks=False)
                    found[entry.name] = (status.st_ino, status.st_size, status.st_mtime_ns)
        return found

    def _content(self) -> bytes | None:
        """Of `run.json`; None where there is none. What is no file (a pipe never ends) counts as something else."""
        try:
            descriptor = os.open(self._folder / NAME, os.O_RDONLY | _CAREFUL)
        except FileNotFoundError:
            return None
        except OSError:
            return b"?"
        with open(descriptor, "rb") as file:
            return file.read() if stat.S_ISREG(os.fstat(descriptor).st_mode) else b"?"

    def _write(self, content: bytes) -> None:
        """Put something into `run.json`: JSON all the time, should the process be killed here."""
        assert self._descriptor is not None
        there = os.fstat(self._descriptor).st_size
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, content.ljust(there))
        os.ftruncate(self._descriptor, len(content))

    def _taken(self) -> AudiocosError:
        return AudiocosError(
            f"{shown(self._folder)}: another train is writing here. Wait for it, or choose other folders with -o and "
            "--run."
        )

    def _busy(self) -> bool:
        """Whether another process has the lock."""
        try:
            descriptor = os.open(self._folder / NAME, os.O_RDWR | _CAREFUL)
        except OSError:
            return False
        try:
            return not _lock(descriptor)
        finally:
            os.close(descriptor)

    def _locked(self) -> int:
        path = self._folder / NAME
        while True:
            if not self._folder.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                self._made = True
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
                self._created = True
            except FileExistsError:
                self._created = False
                try:
                    descriptor = os.open(path, os.O_RDWR | _CAREFUL)
                except FileNotFoundError:
                    continue
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise AudiocosError(f"{shown(path)}: is no file, and one goes there. Choose another --run.")
            if not _lock(descriptor):
                os.close(descriptor)
                raise self._taken()
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                    _held.add(descriptor)
                    return descriptor
            os.close(descriptor)  # who had it has removed it meanwhile


def job() -> str | None:
    """What torchrun calls the job that this process belongs to; None where nothing tells it from others.

    Without --standalone and --rdzv-id every job of torchrun is called "none".
    """
    name = os.environ.get("TORCHELASTIC_RUN_ID", "")
    return None if name in ("", "none") else name


def _told(content: bytes) -> dict[str, Any]:
    """What a `run.json` says of its run; nothing where it is of something else."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    ours = isinstance(told, dict) and told.keys() == {"model", "job", "before"}
    return told if ours and isinstance(told["model"], str) and isinstance(told["job"], str) else {}


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
