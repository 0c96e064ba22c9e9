"""`audiocos monitor` without a device: files, synthetic signals, pipes; what it counts, writes and refuses."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from conftest import rows
from patience import wait_until
from recordings import make, voice

import audiocos
from audiocos.errors import AudioFileError, StreamError, UsageError
from audiocos.live.session import Session
from audiocos.live.sources import FileSource, SynthSource

SAMPLES = os.path.join(os.path.dirname(__file__), "..", "samples")
KEYS = [
    "time_s", "snr_db", "residual_dbfs", "input_dbfs", "output_dbfs", "hop_ms_p50", "hop_ms_p99", "hop_ms_max",
    "late_hops", "input_overflows", "output_underflows", "dropped_samples", "alarm",
]  # fmt: skip
COUNTERS = [
    "input_overflows", "output_underflows", "late_hops", "dropped_samples", "zero_filled_samples", "bypassed_samples",
    "clipped_samples", "sanitized_samples", "unmetered_samples",
]  # fmt: skip


def reconstructed(audiocos_command, path, *options):
    done = audiocos_command("reconstruct", path, "-o", "out.wav", "--force", "--json", *options)
    assert done.code == 0, done.err
    return json.loads(done.out)


# Figures


@pytest.mark.parametrize("speed", ["max", "realtime"])
@pytest.mark.parametrize(("model", "resampled"), [("lapped-quarter", False), ("speech-8k", True), ("exact", False)])
def test_a_file_has_the_figures_that_reconstruct_gives(monitor, audiocos_command, model, resampled, speed):
    make("in.wav", voice(2.3, 22050, 2), 22050)
    options = ["--resample"] if resampled else []
    expected = reconstructed(audiocos_command, "in.wav", "--model", model, *options)
    summary = rows(monitor("in.wav", "--model", model, "--speed", speed, "--json"))[-1]
    assert summary["frames"] == expected["frames"]
    for key in ("snr_db", "segmental_snr_db", "max_abs_error", "log_spectral_distance_db"):
        assert summary[key] == pytest.approx(expected[key], abs=1e-3), key
    assert model != "exact" or summary["snr_db"] is None


@pytest.mark.parametrize("name", ["speech-demo.wav", "cymbal-splash.flac", "piano-notes.wav"])
def test_samples_have_the_figures_that_reconstruct_gives(monitor, audiocos_command, name):
    path = os.path.join(SAMPLES, name)
    expected = reconstructed(audiocos_command, path, "--model", "lapped-quarter")
    assert rows(monitor(path, "--model", "lapped-quarter", "--speed", "max", "--json"))[-1]["snr_db"] == pytest.approx(
        expected["snr_db"], abs=0.01
    )


def test_a_line_a_second_and_a_summary(monitor):
    x = voice(3.4, 16000)
    make("in.wav", x, subtype="DOUBLE")
    *seconds, summary = rows(monitor("in.wav", "--model", "lapped-quarter", "--speed", "max", "--json"))
    assert [list(row) for row in seconds] == [KEYS] * 4
    assert [row["time_s"] for row in seconds] == [1.0, 2.0, 3.0, 3.4]
    signal_in = x.T[:, : 3 * 16000]
    y = audiocos.load("lapped-quarter").reconstruct(x.T)[:, : 3 * 16000]
    for i, row in enumerate(seconds[:3]):
        part = slice(i * 16000, (i + 1) * 16000)
        a, b = signal_in[:, part], y[:, part]
        for key, z in (("input_dbfs", a), ("output_dbfs", b), ("residual_dbfs", a - b)):
            assert row[key] == pytest.approx(10 * np.log10(np.mean(z**2)), abs=1e-3)
        assert row["snr_db"] == pytest.approx(row["input_dbfs"] - row["residual_dbfs"], abs=1e-9)
    assert summary["summary"] is True
    assert (summary["time_s"], summary["frames"], summary["model"]) == (3.4, 54400, "lapped-quarter")
    assert all(summary[name] == 0 for name in COUNTERS if name != "late_hops")
    assert summary["latency"]["total_samples"] == summary["latency"]["algorithmic_samples"] == 511
    assert summary["events"] == [] or {event["kind"] for event in summary["events"]} == {"late_hop"}


def test_silence_has_levels_and_no_snr(monitor):
    first = rows(monitor("synth:silence", "--seconds", "1", "--speed", "max", "--json"))[0]
    assert (first["snr_db"], first["input_dbfs"], first["output_dbfs"], first["residual_dbfs"]) == (None,) * 4


def test_levels_have_no_floor(monitor):
    """The exact pair in float64 loses less than -150 dBFS, and that is the figure; an exact copy has none."""
    x = 1e-3 * voice(1.0, 16000)
    make("in.wav", x, subtype="DOUBLE")
    first = rows(monitor("in.wav", "--speed", "max", "--json"))[0]
    y = audiocos.load("exact").reconstruct(x.T)
    assert first["residual_dbfs"] == pytest.approx(10 * np.log10(np.mean((x.T - y) ** 2)), abs=0.1)
    assert first["residual_dbfs"] < -300
    make("copy.wav", x, subtype="PCM_16")
    assert rows(monitor("copy.wav", "--speed", "max", "--json"))[0]["residual_dbfs"] is None


@pytest.mark.parametrize("output", ["out.flac", "out.ogg", "out.wav"])
@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_16", "PCM_24"])
def test_figures_are_of_what_is_written(monitor, audiocos_command, subtype, output):
    """As `reconstruct` measures, also where the output has another sample type."""
    make("in.wav", voice(1.0, 16000), subtype=subtype)
    done = audiocos_command("reconstruct", "in.wav", "-m", "exact-overlap", "-o", output, "--json")
    assert done.code == 0, done.err
    expected = json.loads(done.out)
    summary = rows(monitor("in.wav", "-m", "exact-overlap", "--speed", "max", "-o", output, "--force", "--json"))[-1]
    for key in ("snr_db", "max_abs_error"):
        assert summary[key] == pytest.approx(expected[key], abs=0.01), key


@pytest.mark.parametrize(
    ("arguments", "timed", "samples"),
    [
        ("synth:noise --seconds 0.5", "hops of 512 samples", 512),
        ("synth:noise --seconds 2 --speed max -m exact-overlap", "groups of 32 hops, 8192 samples", 8192),
        ("synth:noise --rate 16000 --seconds 0.5 -m speech-8k", "blocks of 256 samples, converted both ways", 256),
    ],
)
def test_it_is_said_what_is_timed_and_judged_against_its_own_length(monitor, arguments, timed, samples):
    rate = 16000 if "16000" in arguments else 48000
    summary = rows(monitor(*arguments.split(), "--json"))[-1]
    assert (summary["timed"], summary["timed_samples"]) == (timed, samples)
    assert summary["deadline_ms"] == pytest.approx(1e3 * samples / rate)
    assert f"{timed}: p50 " in monitor(*arguments.split()).out


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


# Sources and sinks


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


# Bad input


WRONG = {
    "mic --speed max": "--speed max: a microphone gives sound at its own pace. Leave it out, or monitor a file.",
    "mic --output speakers": (
        "--output: speakers next to a microphone howl: it hears what it has just played, again and again, louder each "
        "time. Put headphones on and pass --allow-feedback."
    ),
    "synth:noise --speed max": "--speed max: this sound never ends. Say how much with --seconds.",
    "synth:song": (
        "synth:song: no such signal; choose one of noise, pink, tone, chirp, harmonic, impulse, speech-like, silence."
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
    "synth:noise -o out/x.xyz": "out/x.xyz: no format is known by this extension. Try .wav or .flac.",
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
    assert rows(done)[-1]["sanitized_samples"] == 3
    heard = soundfile.read("o.wav")[0]
    assert np.isfinite(heard).all()
    assert np.abs(heard[[1000, 2000, 3000]]).max() < 1e-6


def test_an_input_100_db_too_loud_is_clipped_and_counted(monitor):
    make("in.wav", 1e5 * voice(0.5, 16000), subtype="FLOAT")
    done = monitor("in.wav", "--speed", "max", "-o", "o.flac", "--json")
    assert rows(done)[-1]["clipped_samples"] > 1000
    assert np.abs(soundfile.read("o.flac")[0]).max() <= 1.0


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
    assert told == b"standard input: no sound can be read from it yet, after 2 s; waiting.\n"
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


def test_a_closed_standard_input_is_named(tmp_path):
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m audiocos monitor - <&-'], capture_output=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert b"standard input" in done.stderr


def test_what_python_is_told():
    with pytest.raises(UsageError, match="synth:song: no such signal"):
        SynthSource("song")
    with pytest.raises(ValueError, match="overload 'panic'"):
        Session(audiocos.load("exact"), SynthSource("noise"), overload="panic")
    with pytest.raises(UsageError, match="comes only once"):
        FileSource("-", loop=True)


def test_the_summary_of_silence_claims_no_copy(monitor):
    soundfile.write("silent.wav", np.zeros(16000), 16000)
    assert "SNR -," in monitor("silent.wav", "--speed", "max").out


def test_alarm_and_keep_do_not_go_together(monitor):
    done = monitor("synth:noise", "--model", "speech-8k", "--alarm", "--keep", "3", code=2)
    assert "--keep with --alarm" in done.err


def test_events_that_are_not_kept_are_counted(monitor):
    from audiocos.live.log import MOST_EVENTS, Journal, Log

    log = Log(48000, capacity=8)
    journal = Journal([log], lambda: 0.0)
    for i in range(10):
        log.note("late_hop", i, 1)
    journal.collect()
    assert journal.missed == 2
    for _ in range(MOST_EVENTS):
        journal.note("alarm", "again")
    assert journal.missed == 2 + 8
    assert rows(monitor("synth:noise", "--speed", "max", "--seconds", "1", "--json"))[-1]["events_not_kept"] == 0
