"""What `audiocos monitor` refuses, repairs or waits for, and how it says so."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import soundfile
from conftest import rows
from recordings import make, voice

import audiocos
from audiocos.audio.reader import Reader
from audiocos.errors import UsageError
from audiocos.live.session import Session
from audiocos.live.sources import FileSource, SynthSource

WRONG = {
    "mic --speed max": "--speed max: a microphone gives sound at its own pace. Leave it out, or monitor a file.",
    "mic --output speakers": (
        "--output: speakers next to a microphone howl: it hears what it has just played, again and again, louder each "
        "time. Put headphones on and pass --allow-feedback."
    ),
    "mic:": "mic: names no device after the colon. Give its name or index, or mic for the default one.",
    "synth:noise --speed max": "--speed max: this sound never ends. Say how much with --seconds.",
    "synth:song": (
        "synth:song: no such signal; choose one of noise, pink, tone, chirp, harmonic, impulse, speech-like, silence."
    ),
    "a.wav --reconnect": "--reconnect: there is no device, neither a microphone nor speakers. Leave it out.",
    "synth:noise --latency high": "--latency: there is no device, neither a microphone nor speakers. Leave it out.",
    "- --on-overload fail": "--on-overload: there is no device, neither a microphone nor speakers. Leave it out.",
    "a.wav -o speakers --on-overload bypass": (
        "--on-overload bypass: a file waits for the model, only a microphone does not. Leave it out."
    ),
    "synth:noise --loop": "--loop: only a file can begin again.",
    "- --loop": "--loop: standard input comes only once. Give a file.",
    "a.wav --rate 8000": "--rate, --channels: a file has its own. Leave them out.",
    "synth:noise -o - --json": ("--json and the sound cannot both go to standard output. Choose a file with --output."),
    "synth:noise --seconds 0": "--seconds 0: give a number above zero.",
    "synth:noise --seconds nan": "--seconds nan: give a number above zero.",
    "synth:noise --keep 1000": '--keep 1000: the model "exact" has 512 coefficients.',
    "synth:noise --seconds 1 --speed max -o speakers": (
        "--speed max: speakers play at their own pace. Choose --output none or a file."
    ),
}


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_usage_is_one_line(monitor, arguments):
    assert monitor(*arguments.split(), code=2).err == f"audiocos: {WRONG[arguments]}\n"


def test_files_that_cannot_be_had(monitor):
    assert monitor("none.wav", code=1).err == "audiocos: none.wav: no such file. Check the path.\n"
    make("in.wav")
    assert "in.wav: is the input itself" in monitor("in.wav", "-o", "in.wav", code=1).err
    make("out.wav")
    assert "out.wav: exists already. Pass --force" in monitor("in.wav", "-o", "out.wav", code=1).err


def test_a_rate_unlike_the_models_is_said_and_converted(monitor):
    make("in.wav", voice(0.5, 16000), 16000)
    done = monitor("in.wav", "--model", "speech-8k", "--speed", "max")
    assert "in.wav: 16000 Hz, converted to the model's 8000 Hz and back." in done.err
    done = monitor("synth:noise", "--rate", "16000", "--model", "speech-8k", "--speed", "max", "--seconds", "0.5")
    assert "synth:noise: 16000 Hz, converted to the model's 8000 Hz and back." in done.err
    assert "converted" not in monitor("synth:noise", "-m", "speech-8k", "--speed", "max", "--seconds", "0.5").err


def test_samples_that_are_no_sound_are_counted_and_silent(monitor):
    x = voice(0.5, 16000)
    x[1000], x[2000], x[3000] = np.nan, np.inf, 1e12
    make("in.wav", x, subtype="FLOAT")
    done = monitor("in.wav", "--speed", "max", "-o", "o.wav", "--json")
    assert [row["sanitized_samples"] for row in rows(done)] == [3, 3]  # of what there is of a second, and in all
    heard = soundfile.read("o.wav")[0]
    assert np.isfinite(heard).all()
    assert np.abs(heard[[1000, 2000, 3000]]).max() < 1e-6


def test_an_input_100_db_too_loud_is_clipped_and_counted(monitor):
    make("in.wav", 1e5 * voice(0.5, 16000), subtype="FLOAT")
    done = monitor("in.wav", "--speed", "max", "-o", "o.flac", "--json")
    assert rows(done)[-1]["clipped_samples"] > 1000
    assert np.abs(soundfile.read("o.flac")[0]).max() <= 1.0


BECAME = {
    "48000 Hz, 1 channel, PCM_16": {"rate": 48000},
    "16000 Hz, 2 channels, PCM_16": {"samples": voice(0.5, 16000, 2)},
    "16000 Hz, 1 channel, FLOAT": {"subtype": "FLOAT"},
}


@pytest.mark.parametrize("now", BECAME)
def test_a_looped_file_that_becomes_another_ends_it_with_what_it_was_and_is(monitor, monkeypatch, now):
    make("in.wav")
    close, passes = Reader.close, itertools.count(1)

    def close_and_replace(reader):
        close(reader)
        if next(passes) == 40:
            make("in.wav", **BECAME[now])

    monkeypatch.setattr(Reader, "close", close_and_replace)
    done = monitor("in.wav", "--loop", "--speed", "max", "--seconds", "60", "-o", "o.wav", code=1)
    assert done.err.splitlines()[-1] == (
        f"audiocos: in.wav: changed while it was looped: was 16000 Hz, 1 channel, PCM_16, is now {now}. Start again to "
        "monitor what it is now, or loop a copy."
    )
    assert "s monitored, SNR exact" in done.out
    heard, rate = soundfile.read("o.wav")
    assert rate == 16000 and 0 < heard.size <= 40 * 8000


@pytest.mark.parametrize("begun", [b"RIFF", b"RIFF\x24\x7d\x00\x00WAVEfmt \x10\x00\x00\x00", b".snd\x00\x00"])
def test_who_waits_for_the_rest_of_a_header_can_be_interrupted(monkeypatch, begun):
    reader, writer = os.pipe()
    os.write(writer, begun)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    late = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    never = threading.Timer(5.0, os.close, (writer,))
    with os.fdopen(reader) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        began = time.monotonic()
        try:
            late.start()
            never.start()
            with pytest.raises(KeyboardInterrupt):
                Reader("-")
            assert time.monotonic() - began < 2
        finally:
            late.join()
            signal.signal(signal.SIGINT, before)
            never.cancel()
            os.close(writer)


def test_standard_input_that_stalls_before_its_header_is_whole_is_told(tmp_path):
    source = make(str(tmp_path / "in.au"), voice(1.0, 16000), 16000)
    with open(source, "rb") as file:
        data = file.read()
    child = subprocess.Popen(
        [sys.executable, "-m", "audiocos", "monitor", "-", "--speed", "max", "--json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    child.stdin.write(data[:10])
    child.stdin.flush()
    told = child.stderr.readline()
    assert told.startswith(b"standard input: no sound can be read from it yet, after 2 s; waiting. AU and WAV")
    out, err = child.communicate(data[10:], timeout=30)
    assert (child.returncode, err) == (0, b"")
    assert json.loads(out.splitlines()[-1])["frames"] == 16000


def test_standard_input_that_stalls_is_told_and_one_that_closes_ends_it(tmp_path):
    source = make(str(tmp_path / "in.au"), voice(2.0, 16000), 16000)
    with open(source, "rb") as file:
        data = file.read()
    child = subprocess.Popen(
        [sys.executable, "-m", "audiocos", "monitor", "-"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    child.stdin.write(data[:40000])
    child.stdin.flush()
    told = iter(child.stderr.readline, b"")
    assert any(b"standard input: nothing has come for 2 s; waiting" in line for line in told)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 0
    assert b"1.25 s monitored, SNR exact" in out  # what there was of it
    assert b"cut off" in err


@pytest.mark.parametrize(
    ("stdin", "why"),
    [("<&-", "closed"), ("0>other", "cannot be read: Bad file descriptor"), ("</dev/null", "empty, 0 bytes")],
)
def test_a_standard_input_that_gives_nothing_is_named(tmp_path, stdin, why):
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m audiocos monitor - {stdin}'], capture_output=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"audiocos: standard input: {why}. Feed it a recording".encode())
    assert b"reconstruct" not in done.stderr


def test_what_python_is_told():
    with pytest.raises(UsageError, match="synth:song: no such signal"):
        SynthSource("song")
    with pytest.raises(ValueError, match="overload 'panic'"):
        Session(audiocos.load("exact"), SynthSource("noise"), overload="panic")
    with pytest.raises(UsageError, match="comes only once"):
        FileSource("-", loop=True)


def test_alarm_and_keep_do_not_go_together(monitor):
    done = monitor("synth:noise", "--model", "speech-8k", "--alarm", "--keep", "3", code=2)
    assert "--keep with --alarm" in done.err
