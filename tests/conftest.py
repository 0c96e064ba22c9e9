"""What several test files share."""

import json
import os
import shutil
import subprocess
from typing import NamedTuple

import jack_server
import pytest
import recordings
import somecorpus

from audiocos import signals
from audiocos.training import listen as listening


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


def runs(command):
    """A fixture that runs `audiocos COMMAND ARGUMENTS...` in tmp_path; the exit code must be as given."""

    @pytest.fixture
    def fixture(audiocos_command, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

        def run(*arguments, code=0):
            done = audiocos_command(command, *arguments)
            assert done.code == code, done.err
            return done

        return run

    return fixture


reconstruct = runs("reconstruct")
monitor = runs("monitor")


@pytest.fixture(scope="session")
def chord():
    """Meters that have heard a recorded chord through a lossy model; not to be fed or reset."""
    from monitored import metered, recording

    return metered(*recording("guitar-chord.flac", 12.0), "lapped-quarter")


def rows(done):
    """The objects that a command printed with --json."""
    return [json.loads(line) for line in done.out.splitlines()]


@pytest.fixture
def small_disk(tmp_path):
    """Mount a tmpfs of so many KiB; skip where that is not permitted, but in CI, where it must be, fail."""
    refused = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options):
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder], capture_output=True)
        if made.returncode:
            refused("mounting is not permitted")
        return folder

    can_mount = shutil.which("mount") and hasattr(os, "geteuid") and os.geteuid() == 0
    yield mount if can_mount else lambda *options: refused("only root mounts")
    while os.path.ismount(folder):
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def train(audiocos_command, tmp_path, monkeypatch):
    """Run `audiocos train ARGUMENTS... -o model` in tmp_path; the exit code must be as given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*arguments, code=0, output="model"):
        done = audiocos_command("train", *arguments, "-o", output)
        assert done.code == code, done.err
        assert (tmp_path / output).exists() == (code == 0 or "exists already" in done.err)
        return done

    return run


@pytest.fixture
def voices(tmp_path):
    for index in range(5):
        recordings.write(tmp_path / "voices" / f"{index}.wav", signals.speech_like(6000, 8000, seed=index))
    return tmp_path / "voices"


@pytest.fixture(scope="module")
def jackd():
    with jack_server.server() as running:
        yield running


@pytest.fixture
def lab(jackd, tmp_path):
    with jack_server.Lab(tmp_path) as running:
        yield running


@pytest.fixture
def small_batches(monkeypatch):
    """Batches of a few files, so that small files make many."""
    monkeypatch.setattr(listening, "_HOPS_A_BATCH", 1)
    monkeypatch.setattr(listening, "_SAMPLES_A_BATCH", 20_000)


@pytest.fixture
def corpus(tmp_path):
    place = tmp_path / "corpus"
    for index in range(12):
        somecorpus.write(place / f"{index:02d}.wav", somecorpus.noise(3000 + 997 * index, index), subtype="PCM_24")
    somecorpus.write(place / "stereo.flac", somecorpus.noise(9000, 50, 2))
    somecorpus.write(place / "trio.wav", somecorpus.noise(5000, 51, 3), subtype="FLOAT")
    somecorpus.write(place / "voice.ogg", signals.speech_like(20_000, 8000)[None])
    return place


@pytest.fixture
def interrupted(voices, train, monkeypatch):
    """A run that was ended after its last step: its checkpoint is there, its model is not."""
    with monkeypatch.context() as patch:
        patch.setattr("audiocos.model.Model.save", lambda *_, **__: None)
        patch.setattr("audiocos.cli.training.Session.finish", lambda _: None)
        patch.setattr("audiocos.cli.train.say", lambda _: None)
        with pytest.raises(AssertionError):  # the fixture misses the model
            train("voices", "--frame", 16)
    return voices.parent / "model.run" / "checkpoint.safetensors"
