"""What several test files share."""

import os
import shutil
from typing import NamedTuple

import pytest


def needs(program):
    """Skip where `program` is not installed; in CI, where it must be, let the test run and fail."""
    missing = shutil.which(program) is None and os.environ.get("CI") != "true"
    return pytest.mark.skipif(missing, reason=f"{program} is not installed")


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def audiocos_command(capfd):
    """Run `audiocos ARGUMENTS...` in this process; gives its exit code and what it printed."""

    def run(*arguments):
        from audiocos.cli.main import main

        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        return Done(end.value.code, *capfd.readouterr())

    return run


@pytest.fixture
def reconstruct(audiocos_command, tmp_path, monkeypatch):
    """Run `audiocos reconstruct ARGUMENTS...` in tmp_path; the exit code must be as given."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, code=0):
        done = audiocos_command("reconstruct", *arguments)
        assert done.code == code, done.err
        return done

    return run
