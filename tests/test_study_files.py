"""What a study leaves on the disk where something comes in between: all of its files or none."""

import os
import signal
import subprocess
import sys

import pytest
import smallstudy
from oddfiles import leftovers
from smallstudy import FILES, put, small_answer

from audiocos.audio import unfinished
from audiocos.cli.main import say
from audiocos.errors import AudiocosError
from audiocos.studies import files


@pytest.fixture
def study(audiocos_command, monkeypatch, tmp_path):
    """Run `audiocos study exactness -o out/new ARGUMENTS...` in tmp_path, with a study that takes no time."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, meanwhile=lambda: None):
        put(monkeypatch, exactness=lambda setting: (meanwhile(), small_answer())[1])
        return audiocos_command("study", "exactness", "-o", "out/new", *arguments)

    return run


def held(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("force, moment", [(False, 1), (True, len(FILES))])
def test_a_signal_while_files_are_written_leaves_the_folder_as_it_was(tmp_path, force, moment):
    out = tmp_path / "out" / "new"
    if force:
        out.mkdir(parents=True)
        for name in ("exactness.html", "still.png", "mine.txt"):
            (out / name).write_text("old")
    arguments = [str(moment), "study", "exactness", "-o", "out/new"] + ["--force"] * force
    command = [sys.executable, smallstudy.__file__, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    expected = "Terminated; nothing half-written is left.\n"
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGTERM, "", expected)
    if force:
        assert held(out) == {name: b"old" for name in ("exactness.html", "still.png", "mine.txt")}
    assert os.listdir(tmp_path) == (["out"] if force else [])


@pytest.mark.parametrize("call", ["link", "unlink", "replace"])
@pytest.mark.parametrize("renamed", [1, 3])
def test_an_interruption_among_the_renames_comes_after_all_of_them(study, tmp_path, monkeypatch, renamed, call):
    rename, left, there = getattr(os, call), iter(range(renamed - 1, -1, -1)), tmp_path / "out" / "new"

    def interrupted(old, *new):
        rename(old, *new)
        if there.is_dir() and FILES & set(os.listdir(there)) and next(left, None) == 0:
            raise KeyboardInterrupt

    def leave(code, text):
        say(text)
        sys.exit(code)

    monkeypatch.setattr(os, call, interrupted)
    monkeypatch.setattr("audiocos.cli.main._leave", leave)  # which ends the process
    done = study(*["--force"] * (call == "replace"))
    assert (done.code, done.err.strip()) == (130, "Interrupted; nothing half-written is left.")
    assert set(held(there)) == FILES and not leftovers(tmp_path)


@pytest.mark.parametrize("force", [False, True])
def test_a_full_disk_leaves_the_folder_as_it_was_and_asks_for_room(audiocos_command, monkeypatch, small_disk, force):
    disk = small_disk("size=64k")
    put(monkeypatch, exactness=lambda setting: small_answer(figures={"many": [0.125] * 20000}))
    out = disk / "new"
    if force:
        out.mkdir()
        (out / "exactness.html").write_text("old")
    done = audiocos_command("study", "exactness", "-o", out, *["--force"] * force)
    assert done.code == 1
    told = "cannot be written: No space left on device. Make room, or choose another place."
    assert done.err.endswith(f"{told}\n") and str(out) in done.err
    assert held(out) == {"exactness.html": b"old"} if force else not list(disk.iterdir())
    assert not leftovers(disk)


def test_a_write_that_fails_leaves_nothing(study, tmp_path, monkeypatch):
    complete = unfinished.Unfinished.complete

    def fails(file):
        if file._path.endswith(".json"):
            raise OSError(5, os.strerror(5))
        complete(file)

    monkeypatch.setattr(unfinished.Unfinished, "complete", fails)
    done = study()
    assert done.code == 1 and "cannot be written: Input/output error. Choose another place." in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["still.png", "exactness.html"])
def test_what_appears_meanwhile_is_not_replaced_without_force(study, tmp_path, name):
    def appear():
        (tmp_path / "out" / "new").mkdir(parents=True)
        (tmp_path / "out" / "new" / name).write_text("mine")

    done = study(meanwhile=appear)
    told = f"audiocos: out/new/{name}: exists already, since this run began; nothing was replaced."
    assert (done.code, done.err) == (1, f"{told} Choose another folder or pass --force.\n")
    assert held(tmp_path / "out" / "new") == {name: b"mine"}
    assert study("--force").code == 0
    assert set(held(tmp_path / "out" / "new")) == FILES


def test_a_folder_that_appears_where_a_file_goes_leaves_all_as_it_was(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").mkdir()
    with pytest.raises(AudiocosError, match="b: cannot be written: Is a directory. Choose another place."):
        files.write_together(tmp_path, {"a": b"new", "b": b"new"}, replace=True)
    assert held(tmp_path) == {"a": b"old"} and not leftovers(tmp_path)
