"""`audiocos reconstruct` in a pipe and on a terminal."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from conftest import needs
from recordings import ints, make, voice

COMMAND = [sys.executable, "-m", "audiocos"]


# Pipes


def piped(arguments, data, cwd):
    done = subprocess.run([*COMMAND, "reconstruct", *arguments], input=data, capture_output=True, cwd=cwd)
    assert done.returncode == 0, done.stderr.decode()
    return done


@pytest.mark.parametrize(("format", "subtype"), [("WAV", "PCM_16"), ("AU", "PCM_24"), ("FLAC", "PCM_24")])
def test_standard_input_to_standard_output_as_au(format, subtype, tmp_path):
    source = make(str(tmp_path / "in"), voice(3.0, 44100, 2), 44100, subtype, format=format)
    with open(source, "rb") as file:
        done = piped(["-"], file.read(), tmp_path)
    (tmp_path / "out.au").write_bytes(done.stdout)
    with soundfile.SoundFile(tmp_path / "out.au") as after:
        assert (after.format, after.subtype, after.samplerate, after.channels) == ("AU", subtype, 44100, 2)
        np.testing.assert_array_equal(after.read(dtype="int32"), ints(source))
    assert done.stderr == b""


def test_standard_input_to_a_file(tmp_path):
    source = make(str(tmp_path / "in.wav"))
    with open(source, "rb") as file:
        done = piped(["-", "-o", "out.flac", "--residual", "lost.wav", "--json"], file.read(), tmp_path)
    np.testing.assert_array_equal(ints(tmp_path / "out.flac"), ints(source))
    row = json.loads(done.stdout)
    assert (row["input"], row["output"], row["frames"]) == ("-", "out.flac", 8000)
    assert len(ints(tmp_path / "lost.wav")) == 8000


def test_a_redirected_file_and_a_file_to_standard_output(tmp_path):
    source = make(str(tmp_path / "in.flac"))
    with open(source, "rb") as stdin, open(tmp_path / "a.au", "wb") as stdout:
        subprocess.run([*COMMAND, "reconstruct", "-"], stdin=stdin, stdout=stdout, check=True)
    with open(tmp_path / "b.wav", "wb") as stdout:
        subprocess.run(
            [*COMMAND, "reconstruct", source, "-o", "-", "--format", "wav"], stdout=stdout, check=True, cwd=tmp_path
        )
    np.testing.assert_array_equal(ints(tmp_path / "a.au"), ints(source))
    np.testing.assert_array_equal(ints(tmp_path / "b.wav"), ints(source))


@needs("ffmpeg")
def test_ffmpeg_at_both_ends(tmp_path):
    source = make(str(tmp_path / "in.wav"), voice(3.0, 48000, 2), 48000)
    command = (
        f'ffmpeg -v error -i in.wav -f wav - | "{sys.executable}" -m audiocos reconstruct - '
        "| ffmpeg -v error -i - -c:a flac out.flac"
    )
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, b"")
    np.testing.assert_array_equal(ints(tmp_path / "out.flac"), ints(source))


# Progress


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("terminal", [True, False])
def test_the_progress_bar_is_for_terminals(terminal, tmp_path):
    import pty

    make(str(tmp_path / "a.wav"), np.zeros(2_000_000), 48000)
    ours, theirs = pty.openpty() if terminal else os.pipe()
    with subprocess.Popen(
        [*COMMAND, "reconstruct", "a.wav", "-o", "b.wav"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:  # how Linux says that the other end of a terminal is closed
            pass
        finally:
            os.close(ours)
        out = process.stdout.read()
    assert process.returncode == 0
    assert b"b.wav" in out and b"\x1b" not in out
    if terminal:
        assert b"a.wav" in shown and b"ETA" in shown and b"%" in shown
    else:
        assert shown == b""


def test_ffmpeg_is_where_ci_needs_it():
    assert os.environ.get("CI") != "true" or (shutil.which("ffmpeg") and shutil.which("ffprobe"))


@pytest.mark.parametrize("claim", [0x7FFFF000, 0xFFFFFFFF - 36])
def test_a_wav_whose_writer_could_not_know_its_length_is_whole(claim, tmp_path):
    source = make(str(tmp_path / "in"), voice(1.0, 8000), 8000, "PCM_16", format="WAV")
    with open(source, "rb") as file:
        data = bytearray(file.read())
    at = data.index(b"data") + 4
    data[at : at + 4] = claim.to_bytes(4, "little")
    done = piped(["-", "-o", "out.wav", "--strict"], bytes(data), tmp_path)
    assert b"cut off" not in done.stderr and soundfile.info(tmp_path / "out.wav").frames == 8000


def test_a_wav_of_0_bytes_in_a_pipe_names_a_remedy(tmp_path):
    source = make(str(tmp_path / "in"), voice(1.0, 8000), 8000, "PCM_16", format="WAV")
    with open(source, "rb") as file:
        data = bytearray(file.read())
    at = data.index(b"data") + 4
    data[at : at + 4] = bytes(4)
    done = subprocess.run([*COMMAND, "reconstruct", "-"], input=bytes(data), capture_output=True, cwd=tmp_path)
    assert done.returncode == 1
    assert b"standard input: its header says 0 bytes of sound, as one does who cannot go back in a pipe." in done.stderr
    assert b"ffmpeg -ignore_length 1 -i - -f au -" in done.stderr


def test_a_container_that_needs_to_go_back_is_not_for_pipes(tmp_path):
    source = make(str(tmp_path / "in"), voice(0.1, 8000), 8000, "PCM_16", format="WAV")
    command = [*COMMAND, "reconstruct", source, "-o", "-", "--format", "wav"]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path)
    text = b"standard output: WAV cannot be written into a pipe. Choose --format au, or a file with -o."
    assert done.returncode == 1 and text in done.stderr and not done.stdout


def test_no_room_for_a_flac_from_a_pipe_is_said_and_the_rest_is_done(tmp_path):
    resource = pytest.importorskip("resource")
    noise = np.random.default_rng(0).uniform(-1, 1, 300_000)
    make(str(tmp_path / "big"), noise[:, None], 48000, "PCM_16", format="FLAC")
    make(str(tmp_path / "small.wav"), voice(0.1, 8000), 8000, "PCM_16", format="WAV")
    done = subprocess.run(
        [*COMMAND, "reconstruct", "-", "small.wav", "-o", "out/"],
        input=(tmp_path / "big").read_bytes(),
        capture_output=True,
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )
    assert done.returncode == 1
    assert b"standard input: cannot be kept in the temporary folder: File too large. Set TMPDIR to" in done.stderr
    assert soundfile.info(tmp_path / "out" / "small.wav").frames == 800


def test_a_synthetic_signal_goes_into_a_pipe(tmp_path):
    made = subprocess.run([*COMMAND, "synth", "tone", "-", "--seconds", "0.5"], capture_output=True, cwd=tmp_path)
    assert made.returncode == 0 and made.stdout[:4] == b".snd"
    piped(["-", "-o", "tone.wav"], made.stdout, tmp_path)
    assert soundfile.info(tmp_path / "tone.wav").frames == 24000
