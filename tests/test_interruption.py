"""Signals, full disks and refused outputs: nothing half-written is left, and what was there before stays."""

import os
import resource
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile as sf
from oddfiles import RATE, command, leftovers, poll, run, sound

from audiocos.audio.formats import LIMIT_BYTES, container_for
from audiocos.audio.writer import Writer

TEXT = {signal.SIGINT: "Interrupted", signal.SIGTERM: "Terminated"}
GIB = 2**30


@pytest.fixture
def audiocos(audiocos_command, tmp_path, monkeypatch):
    """The command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return audiocos_command


def start(folder, *arguments, stdin=subprocess.DEVNULL):
    """Start `audiocos reconstruct ARGUMENTS` with SIGINT as a terminal leaves it, however the tests were started."""
    return subprocess.Popen(
        command("reconstruct", *arguments),
        cwd=folder,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def begun(folder, count=1):
    """Paths of the temporary outputs, once there are `count` with something in them."""

    def look():
        paths = [path for path in folder.rglob("*.part") if path.stat().st_size > 44]
        return paths if len(paths) >= count else None

    return poll(look)


def ends(child, number):
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out) == (128 + number, b"")
    assert err.decode().strip() == f"{TEXT[number]}; nothing half-written is left."


def sparse(path, size):
    """A W64 file of silence that takes no room on the disk."""
    with sf.SoundFile(path, "w", RATE, 1, "PCM_16", format="W64") as file:
        file.write(np.zeros(4, np.int16))
    content = bytearray(path.read_bytes())
    head = (
        content.index(b"data\xf3\xac\xd3\x11") + 24
    )  # the chunk's 16-byte name and 8-byte size come before its content
    content[16:24] = size.to_bytes(8, "little")
    content[head - 8 : head] = (size - head + 24).to_bytes(8, "little")
    path.write_bytes(content[:head])
    os.truncate(path, size)
    return path


@pytest.mark.parametrize("number", TEXT)
@pytest.mark.parametrize("force", [False, True])
def test_a_signal_in_mid_file_leaves_nothing_half_written(tmp_path, number, force):
    """The input is a pipe that falls silent after some minutes of sound: the middle of the file lasts for ever."""
    sound(tmp_path / "in.au", frames=3_000_000)
    if force:
        (tmp_path / "out.au").write_bytes(b"old")
    reader, writer = os.pipe()
    with subprocess.Popen(["cat", "in.au"], cwd=tmp_path, stdout=writer):
        child = start(tmp_path, "-", "-o", "out.au", *["--force"] * force, stdin=reader)
        os.close(reader)
        begun(tmp_path)
        child.send_signal(number)
        ends(child, number)
        os.close(writer)
    assert not leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == (["in.au", "out.au"] if force else ["in.au"])
    assert not force or (tmp_path / "out.au").read_bytes() == b"old"


def test_ctrl_c_while_the_program_loads_is_no_traceback(monkeypatch):
    from audiocos.__main__ import main

    class Interrupted:
        def find_spec(self, name, path, target=None):
            if name == "audiocos.cli.main":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "audiocos.cli.main", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 130


@pytest.mark.parametrize("number", TEXT)
def test_a_signal_with_several_jobs_keeps_what_is_whole_and_nothing_else(tmp_path, number):
    sound(tmp_path / "0.wav")
    for index in (1, 2, 3):
        sparse(tmp_path / f"{index}.w64", 3 * GIB)
    child = start(tmp_path, ".", "-o", "out", "--jobs", "2")
    poll((tmp_path / "out" / "0.wav").exists)
    begun(tmp_path, 2)
    child.send_signal(number)
    ends(child, number)
    assert os.listdir(tmp_path / "out") == ["0.wav"]
    assert sf.info(tmp_path / "out" / "0.wav").frames == 4000


def test_more_signals_change_nothing(tmp_path):
    sparse(tmp_path / "in.w64", 3 * GIB)
    child = start(tmp_path, "in.w64")
    begun(tmp_path)
    deadline = time.monotonic() + 30
    while child.poll() is None and time.monotonic() < deadline:
        child.send_signal(signal.SIGINT)
    _, err = child.communicate()
    assert child.returncode == 130 and err.strip().count(b"\n") == 0
    assert os.listdir(tmp_path) == ["in.w64"]


def test_an_output_past_4_gib_is_rf64_from_its_first_byte(tmp_path):
    sparse(tmp_path / "in.w64", 4 * GIB + 10_000)
    child = start(tmp_path, "in.w64", "-o", "out.wav")
    (temporary,) = begun(tmp_path)
    poll(lambda: temporary.stat().st_size > 2**20)  # sound is in it
    with open(temporary, "rb") as file:
        assert file.read(4) == b"RF64"
    child.send_signal(signal.SIGTERM)
    ends(child, signal.SIGTERM)
    assert os.listdir(tmp_path) == ["in.w64"]


def test_the_container_is_chosen_by_the_length():
    assert container_for("WAV", "PCM_16", 1, LIMIT_BYTES // 2) == "WAV"
    assert container_for("WAV", "PCM_16", 1, LIMIT_BYTES // 2 + 1) == "RF64"
    assert container_for("WAVEX", "PCM_24", 2, LIMIT_BYTES // 6 + 1) == "RF64"
    assert container_for("WAV", "DOUBLE", 64, None) == "WAV"
    assert container_for("W64", "PCM_16", 1, 2**40) == "W64"


def test_an_aiff_past_4_gib_is_refused_before_any_work(audiocos, tmp_path):
    sparse(tmp_path / "in.w64", 4 * GIB + 10_000)
    code, _, err = audiocos("reconstruct", "in.w64", "-o", "out.aiff")
    assert code == 1
    assert err == "Error: out.aiff: AIFF holds at most 4 GiB, here 268431 s. Pass --format rf64, w64 or caf.\n"
    assert os.listdir() == ["in.w64"]


def test_a_full_disk_fails_that_file_and_leaves_the_old_output(audiocos, tmp_path, small_disk):
    folder = small_disk("size=64k")
    sound(tmp_path / "a.wav", frames=100_000)
    sound(tmp_path / "b.wav", frames=1000)
    (folder / "a.wav").write_bytes(b"old")
    code, _, err = audiocos("reconstruct", "a.wav", "b.wav", "-o", "disk", "--force", "--jobs", "1")
    text = "cannot be written: No space left on device. Free some space or choose another place with -o."
    assert (code, err) == (1, f"Error: disk/a.wav: {text}\n")
    assert (folder / "a.wav").read_bytes() == b"old"
    assert sorted(os.listdir(folder)) == ["a.wav", "b.wav"] and sf.info(folder / "b.wav").frames == 1000


def test_a_full_disk_fails_an_encoder_that_writes_all_at_its_end(audiocos, tmp_path, small_disk):
    small_disk("size=64k")
    sound(tmp_path / "in.caf", frames=100_000, subtype="ALAC_16")
    code, _, err = audiocos("reconstruct", "in.caf", "-o", "disk/out.caf")
    assert code == 1 and err.startswith("Error: disk/out.caf: cannot be finished: No space left on device. Free")
    assert os.listdir("disk") == []


@pytest.mark.parametrize("extension", ["wav", "flac", "aiff", "w64", "au", "mp3"])
def test_a_file_size_limit_fails_the_file_and_leaves_the_old_output(tmp_path, extension):
    """A real write that fails wherever the tests run, root or not."""
    sound(tmp_path / "in.wav", frames=100_000)
    (tmp_path / f"out.{extension}").write_bytes(b"old")
    limit = 2**14
    done = run(
        *("reconstruct", "in.wav", "-o", f"out.{extension}", "--force"),
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    text = "cannot be (written|finished): File too large. Free some space or choose another place with -o."
    assert done.code == 1
    assert done.err in [
        f"Error: out.{extension}: {text.replace('(written|finished)', x)}\n" for x in ("written", "finished")
    ]
    assert (tmp_path / f"out.{extension}").read_bytes() == b"old"
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("name, subtype", [("o.flac", "PCM_16"), ("o.ogg", "VORBIS")])
def test_a_write_that_only_fails_while_closing_is_noticed(tmp_path, name, subtype):
    """These encoders ignore failed writes; every size limit below the whole file must give an error."""
    source = sound(tmp_path / "in.wav", frames=30_000)
    script = f"""
import resource, soundfile as sf, sys
from audiocos.audio.writer import Writer
from audiocos.errors import AudioFileError
samples = sf.read({str(source)!r}, dtype={"float32" if subtype == "VORBIS" else "int16"!r})[0]
def write():
    with Writer({name!r}, {name[2:].upper()!r}, {subtype!r}, 8000, 1) as writer:
        writer.write(samples[:, None])
        writer.commit()
write()
import os
size = os.path.getsize({name!r})
missed = []
for less in (1, 100, 1000, 3000, 6000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size - less, resource.RLIM_INFINITY))
    try:
        write()
        missed.append(less)
    except AudioFileError as error:
        assert "File too large" in str(error), error
assert not missed, missed
assert os.path.getsize({name!r}) == size
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not leftovers(tmp_path)


def test_an_output_folder_that_cannot_be_written_to_is_named(audiocos, tmp_path, small_disk):
    sound(tmp_path / "in.wav")
    (tmp_path / "file").write_bytes(b"")
    code, _, err = audiocos("reconstruct", "in.wav", "-o", "file/below/out.wav")
    remedy = "Choose another place or name with -o.\n"
    assert (code, err) == (1, f"Error: file/below/out.wav: cannot be made: Not a directory. {remedy}")
    small_disk("ro")
    code, _, err = audiocos("reconstruct", "in.wav", "-o", "disk/out.wav")
    assert (code, err) == (1, f"Error: disk/out.wav: cannot be made: Read-only file system. {remedy}")


def test_a_writer_left_without_commit_leaves_nothing(tmp_path):
    with Writer(str(tmp_path / "out.flac"), "FLAC", "PCM_16", RATE, 1) as writer:
        writer.write(np.zeros((9000, 1), np.int16))
        assert len(leftovers(tmp_path)) == 1
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_a_reader_that_leaves_early_gives_one_line(tmp_path, subtype):
    sound(tmp_path / "in.wav", frames=2_000_000, subtype=subtype)
    shell = shlex.join(command("reconstruct", "in.wav", "-o", "-")) + " | head -c 100"
    done = subprocess.run(["sh", "-c", shell], cwd=tmp_path, capture_output=True, timeout=60)
    assert len(done.stdout) == 100
    assert done.stderr.decode() == (
        "Error: standard output: cannot be written: its reader has gone, or the disk is full.\n"
    )
