"""`audiocos monitor` without a device: files, synthetic signals and pipes in, whole files out, switches meanwhile."""

import itertools
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from conftest import rows
from oddfiles import cut, garble, sound
from patience import wait_until
from recordings import make, voice

import audiocos
from audiocos.errors import AudioFileError, StreamError
from audiocos.live.session import Session
from audiocos.live.sources import FileSource, SynthSource


def test_real_time_takes_as_long_as_the_sound_and_max_does_not(monitor):
    took = {}
    for speed, seconds in (("realtime", 1.0), ("max", 60.0)):
        session = Session(audiocos.load("exact"), SynthSource("noise"), realtime=speed == "realtime", seconds=seconds)
        start = time.monotonic()
        session.run()
        took[speed] = time.monotonic() - start
        assert (session.time_s, session.ended) == (seconds, True)
    assert took["realtime"] > 0.9
    assert took["max"] < 30.0


def test_the_output_is_whole_and_aligned(monitor):
    make("in.wav", voice(1.7, 16000, 2), 16000)
    x = soundfile.read("in.wav")[0].T
    y = audiocos.load("lapped-quarter").reconstruct(x)
    for listen, expected in (("output", y), ("input", x), ("residual", x - y)):
        monitor(
            "in.wav", "-m", "lapped-quarter", "--speed", "max", "--listen", listen, "--output", "o.wav", "--force"
        )  # fmt: skip
        with soundfile.SoundFile("o.wav") as file:
            assert (file.samplerate, file.subtype, file.frames) == (16000, "PCM_16", x.shape[1])
            np.testing.assert_allclose(file.read().T, expected, atol=2**-15)


def test_keep_is_the_pair_of_the_lowest_coefficients(monitor):
    make("in.wav", voice(1.0, 16000), subtype="FLOAT")
    snr = [
        rows(monitor("in.wav", "-m", "exact-lapped", "--speed", "max", "--keep", keep, "--json"))[-1]["snr_db"]
        for keep in (16, 64, 200)
    ]
    assert snr[0] < snr[1] < snr[2] < 100
    expected = rows(monitor("in.wav", "-m", "lapped-quarter", "--speed", "max", "--json"))[-1]["snr_db"]
    assert snr[1] == pytest.approx(expected, abs=0.01)  # 64 of 256 is what that model is


def test_switches_act_while_it_runs():
    heard = []

    class Levels:
        def feed(self, x, y):
            heard.append((session.keep, float(np.square(x - y).mean())))

    session = Session(audiocos.load("exact-lapped"), SynthSource("noise"), taps=[Levels()])
    session.start()
    wait_until(lambda: heard and heard[-1][1] < 1e-9)
    session.keep, session.listen = 64, "residual"
    lost = 0.75 / 3  # three quarters of white noise
    wait_until(lambda: heard[-1][0] == 64 and heard[-1][1] == pytest.approx(lost, rel=0.1))
    session.keep = None
    wait_until(lambda: heard[-1][0] is None and heard[-1][1] < 1e-9)
    session.stop()
    with pytest.raises(StreamError, match=r'keep 257: the model "exact-lapped" has 256 coefficients; keep 1 to 256'):
        session.keep = 257
    with pytest.raises(ValueError, match="listen 'all'"):
        session.listen = "all"


def test_taps_get_all_of_it_in_order():
    seen = []

    class Tap:
        def feed(self, x, y):
            seen.append((x, y))

    Session(audiocos.load("exact"), SynthSource("chirp", 8000, 2), realtime=False, seconds=3, taps=[Tap()]).run()
    x, y = (np.concatenate(side, axis=1) for side in zip(*seen, strict=True))
    expected = audiocos.signals.chirp(80000, 8000)[:24000].astype(np.float32)
    np.testing.assert_array_equal(x, [expected, expected])
    np.testing.assert_allclose(y, x, atol=1e-5)


def test_a_tap_that_fails_ends_it_with_its_error():
    class Tap:
        def feed(self, x, y):
            raise AudioFileError("the disk is full")

    with pytest.raises(AudioFileError, match="the disk is full"):
        Session(audiocos.load("exact"), SynthSource("noise"), realtime=False, seconds=30, taps=[Tap()]).run()


def test_damage_is_told_when_it_is_found_and_once_however_often_it_is_looped(monitor, tmp_path):
    cut(sound(tmp_path / "in.wav"), 0.5)
    *lines, _ = rows(monitor("in.wav", "--loop", "--seconds", "0.6", "--json"))
    (event,) = (row for row in lines if "event" in row)
    assert (event["event"], event["state"]) == ("source", "damaged") and event["time_s"] < 0.4
    assert event["text"].startswith("in.wav: cut off: its header promises ")
    garble(sound(tmp_path / "in.flac", frames=40_000))
    source = FileSource("in.flac", loop=True)
    assert sum(1 for _ in itertools.islice(source.blocks(1000), 50)) == 50  # half of it is there: into the third pass
    assert [text.partition(" at ")[0] for text in source.warnings] == ["in.flac: damaged"]
    source.close()


@pytest.mark.parametrize("command", ["monitor in.wav --speed max", "calibrate speech-8k in.wav -o new"])
def test_where_it_is_computed_is_said(audiocos_command, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    make("in.wav", voice(0.5, 8000), 8000)
    assert "Computing on cpu." in audiocos_command(*command.split(), "--device", "cpu").err.splitlines()


def test_a_loop_goes_on_without_a_gap(monitor):
    x = voice(0.5, 16000)
    make("in.wav", x)
    monitor("in.wav", "--loop", "--seconds", "1.3", "--speed", "max", "-o", "o.wav")
    once = soundfile.read("in.wav")[0]
    np.testing.assert_array_equal(soundfile.read("o.wav")[0], np.tile(once, 3)[:20800])


def test_a_file_that_ends_ends_the_monitor(monitor):
    make("in.wav", voice(0.5, 16000))
    done = monitor("in.wav")
    assert "0.50 s monitored, SNR exact" in done.out
    assert "nothing late, dropped or clipped" in done.out or "late hops" in done.out


def test_standard_input_to_standard_output(tmp_path):
    source = make(str(tmp_path / "in.wav"), voice(1.0, 44100, 2), 44100)
    with open(source, "rb") as stdin:
        done = subprocess.run(
            [sys.executable, "-m", "audiocos", "monitor", "-", "-o", "-", "--speed", "max"],
            stdin=stdin, capture_output=True,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (tmp_path / "out.au").write_bytes(done.stdout)
    np.testing.assert_array_equal(soundfile.read(tmp_path / "out.au")[0], soundfile.read(source)[0])
    assert b"1.00 s monitored, SNR exact" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_whole_file_and_a_summary(number, tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-m", "audiocos", "monitor", "synth:tone", "-o", "out.wav", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    first = json.loads(child.stdout.readline())
    child.send_signal(number)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (128 + number, b"")
    summary = json.loads(out.splitlines()[-1])
    assert first["time_s"] == 1.0
    assert summary["summary"]
    heard = soundfile.read(tmp_path / "out.wav")[0]
    assert len(heard) == summary["frames"] >= 48000
    tone = audiocos.signals.tone(len(heard), 48000)
    np.testing.assert_allclose(heard, tone, atol=1e-5)
