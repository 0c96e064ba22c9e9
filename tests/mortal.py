"""The command line in children that are killed; a process that tests talk to by lines of JSON (see `Mortal`).

Modules are imported once and each life is a fork, so that a test has time for fifty.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

DISK = ("fsync", "replace", "rename", "unlink")


class Mortal:
    """Lives of `audiocos ARGUMENTS`, one after another."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.communicate()

    def live(self, folder, *arguments, until="", seconds=None, with_signal=signal.SIGKILL, call=0):
        """One life in a folder; gives its exit code, None where it was killed, and what it said on stderr.

        until, seconds: kill it so long after it has said so; `call`: just before its n-th call that touches a disk.
        """
        request = [str(folder), list(map(str, arguments)), until, seconds, with_signal, call]
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return tuple(json.loads(self._process.stdout.readline()))


def live(folder, arguments, until, seconds, with_signal, call):
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            be_born(folder, arguments, said, call)
        end = os.waitpid(child, 0)[1] if seconds is None else kill(child, until, seconds, with_signal, said)
        said.seek(0)
        return os.WEXITSTATUS(end) if os.WIFEXITED(end) else None, said.read().decode()


def be_born(folder, arguments, said, call):
    from audiocos.cli.main import main

    os.chdir(folder)
    os.environ["XDG_CACHE_HOME"] = os.path.join(folder, "cache")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(said.fileno(), 2)
    die_at(call)
    try:
        main(arguments)
    except SystemExit as end:
        os._exit(end.code or 0)
    os._exit(99)


def kill(child, until, seconds, with_signal, said):
    """Wait for the text and then so long; gives how it ended, which may have been before."""
    deadline = None if until else time.monotonic() + seconds
    while deadline is None or time.monotonic() < deadline:
        pid, end = os.waitpid(child, os.WNOHANG)
        if pid:
            return end
        if deadline is None and until in os.pread(said.fileno(), 10_000, 0).decode():
            deadline = time.monotonic() + seconds
        time.sleep(0.0005)
    os.kill(child, with_signal)
    return os.waitpid(child, 0)[1]


def die_at(number):
    """Let the n-th call that touches a disk be one that this process does not live to make."""
    left = [number]

    def fatal(function):
        def call(*arguments, **keywords):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **keywords)

        return call

    if number:
        for name in DISK:
            setattr(os, name, fatal(getattr(os, name)))


if __name__ == "__main__":
    import soxr  # noqa: F401
    import torch

    import audiocos.cli.train
    import audiocos.cli.training
    import audiocos.training.listen as listening
    import audiocos.training.stochastic  # noqa: F401

    with contextlib.suppress(ImportError):
        import torch.utils.tensorboard  # noqa: F401
    torch.optim.Adam([torch.zeros(1)])  # which imports for seconds, once
    # So that even the pass over a small corpus has sums to save before it ends.
    listening._HOPS_A_BATCH, listening._SAMPLES_A_BATCH = 1, 4000
    for line in sys.stdin:
        print(json.dumps(live(*json.loads(line))), flush=True)
