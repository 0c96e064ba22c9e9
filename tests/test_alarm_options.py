"""The options of alarms on the command line, and `audiocos calibrate`."""

import json
import re
from dataclasses import replace

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from recordings import make, tree

import audiocos
from audiocos import cosines, framing, signals
from audiocos.cli.alarming import AlarmOptions, alarm_options, check_alarms, make_alarms
from audiocos.errors import AudioFileError, ModelError, UsageError
from audiocos.live import alarmcommand, recorder
from audiocos.model import Model

RATE = 8000


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("normal")
    for seed in range(3):
        make(str(folder / f"{seed}.wav"), signals.speech_like(20 * RATE, RATE, seed=seed), RATE)
    return folder


@pytest.fixture(scope="module")
def calibrated(recordings, tmp_path_factory):
    from audiocos.cli.main import cli

    out = tmp_path_factory.mktemp("models") / "calibrated"
    CliRunner().invoke(cli, ["calibrate", "speech-8k", str(recordings), "-o", str(out)], catch_exceptions=False)
    return out


# Options


@click.command()
@alarm_options
@click.option("--other", default=7)
def monitor(alarms, other):
    assert other == 7
    click.echo(repr(alarms))


def test_options_arrive_as_one():
    arguments = ["--alarm", "--false-alarms", "0.5", "--alarm-below", "-3", "--hysteresis", "2", "--hold", "4"]
    arguments += ["--record-alarms", "folder", "--on-alarm", "true"]
    done = CliRunner().invoke(monitor, arguments, catch_exceptions=False)
    assert done.output.strip() == repr(AlarmOptions(True, 0.5, -3.0, 2.0, 4.0, "folder", "true"))
    assert CliRunner().invoke(monitor, [], catch_exceptions=False).output.strip() == repr(AlarmOptions())


def test_help_tells_each_option():
    text = CliRunner().invoke(monitor, ["--help"]).output
    for name in ("alarm", "false-alarms", "alarm-below", "hysteresis", "hold", "record-alarms", "on-alarm"):
        assert f"--{name} " in text
    words = " ".join(text.split())
    assert f"{recorder.LONGEST_S / 60:.0f} minutes at most" in words
    assert f"ended after {alarmcommand.LONGEST_S:.0f} s" in words


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (AlarmOptions(false_alarms=1.0), "--false-alarms: is the rate of --alarm"),
        (AlarmOptions(false_alarms=1.0, alarm_below=3.0), "--false-alarms: is the rate of --alarm"),
        (AlarmOptions(hold=1.0), "--hold: there is no alarm"),
        (AlarmOptions(hysteresis=1.0), "--hysteresis: there is no alarm"),
        (AlarmOptions(record_alarms="x"), "--record-alarms: there is no alarm"),
        (AlarmOptions(on_alarm="true"), "--on-alarm: there is no alarm"),
        *(
            (AlarmOptions(alarm=True, false_alarms=rate), "must lie between 0 and 3600")
            for rate in (0.0, -1.0, 3600.0, float("nan"), float("inf"))
        ),
        *((AlarmOptions(alarm_below=level), "must be a finite number") for level in (float("nan"), float("-inf"))),
        *((AlarmOptions(alarm_below=1, hold=hold), "--hold .*0 s or more") for hold in (-1.0, float("nan"))),
        (AlarmOptions(alarm_below=1, hysteresis=-1.0), "--hysteresis -1: must be 0 dB or more"),
        (AlarmOptions(alarm_below=1, record_alarms=""), "--record-alarms: give the name"),
        (AlarmOptions(alarm_below=1, on_alarm="no-such-program"), "no such program"),
        (AlarmOptions(alarm_below=1, on_alarm="'"), "no closing quotation"),
    ],
)
def test_options_that_cannot_be_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        make_alarms(options, audiocos.load("speech-8k"), RATE, 1, say=print)


def test_a_model_that_does_not_know_what_is_normal_names_the_remedy(calibrated):
    with pytest.raises(ModelError, match="Run `audiocos calibrate MODEL FOLDER -o NEW`"):
        check_alarms(AlarmOptions(alarm=True), replace(audiocos.load("speech-8k"), normal=None))
    check_alarms(AlarmOptions(alarm_below=3.0), audiocos.load("speech-8k"))
    check_alarms(AlarmOptions(alarm=True), audiocos.load(calibrated))


def test_a_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").touch()
    options = AlarmOptions(alarm_below=3.0, record_alarms=str(tmp_path / "file"))
    with pytest.raises(AudioFileError, match="is a file"):
        make_alarms(options, audiocos.load("exact"), RATE, 1, say=print)


def test_nothing_asked_is_nothing_made():
    assert make_alarms(AlarmOptions(), audiocos.load("exact"), RATE, 1, say=print) is None


def test_what_a_long_frame_smears_of_a_loss_is_not_judged_either():
    model = Model(cosines.orthogonal(8192), framing.block(8192), name="long")  # two frames last 2.05 s
    detector = make_alarms(AlarmOptions(alarm_below=10.0), model, RATE, 1, say=print).detector
    x = signals.noise(RATE, RATE)[None]
    found = []
    for second in range(7):
        detector.feed(x[:, : RATE // 2], 0 * x[:, : RATE // 2])
        if second == 2:
            detector.miss(10)
        detector.feed(x[:, RATE // 2 :], 0 * x[:, RATE // 2 :])
        found.append(detector.state.snr_db)
    assert [snr is None for snr in found] == [False, False, True, True, True, False, False]


def test_an_extrapolated_threshold_is_said(calibrated):
    said, normal = [], audiocos.load(calibrated).normal
    make_alarms(AlarmOptions(alarm=True), audiocos.load(calibrated), RATE, 1, say=said.append).close()
    assert said == [
        "What is normal was learned from 60 seconds, which can vouch for 60 false alarms an hour "
        f"(score {normal.threshold(60):.1f}). The threshold for 1 ({normal.threshold(1):.1f}) is extrapolated: "
        "calibrate on 60 minutes or more to be sure, or pass --false-alarms 60."
    ]
    options = AlarmOptions(alarm=True, false_alarms=60.0)
    make_alarms(options, audiocos.load(calibrated), RATE, 1, say=said.append).close()
    assert len(said) == 1


def test_everything_together_on_sound(calibrated, tmp_path):
    model = audiocos.load(calibrated)
    x = signals.speech_like(30 * RATE, RATE, seed=9)[None]
    x[:, 15 * RATE : 16 * RATE] += 0.1 * signals.tone(RATE, RATE, frequency=2500)
    y = model.reconstruct(x)
    options = AlarmOptions(
        alarm=True,
        record_alarms=str(tmp_path / "alarms"),
        on_alarm=f"sh -c 'echo \"$AUDIOCOS_ALARM\" > {tmp_path}/told'",
    )
    said, events = [], []
    alarms = make_alarms(options, model, RATE, 1, say=said.append, wait_s=30)
    alarms.detector.on_change.append(events.append)
    alarms.feed(x, y)
    alarms.close()
    assert len(said) == 1  # that the threshold is extrapolated
    assert [(event.begin_s, event.active) for event in events] == [(15, True), (15, False)]
    assert json.loads((tmp_path / "told").read_text()) == events[0].row()
    (folder,) = (tmp_path / "alarms").iterdir()
    note = json.loads((folder / "alarm.json").read_text())
    assert (note["model"], note["start_s"]) == ("calibrated", 10)
    heard = soundfile.read(folder / "input.wav", dtype="float64")[0]
    np.testing.assert_allclose(heard, x[0, 10 * RATE :][: len(heard)], atol=1e-7)


# Calibrate


def test_the_copy_is_the_model_and_knows_what_is_normal(calibrated, recordings):
    from audiocos.audio.reconstruct import Settings
    from audiocos.training.judge import Verdict, judge

    model, given = audiocos.load(calibrated), audiocos.load("speech-8k")
    for name, array in given.numbers.arrays().items():
        assert np.array_equal(array, model.numbers.arrays()[name])
    assert (repr(model.framing), model.sample_rate) == (repr(given.framing), given.sample_rate)
    assert (model.training, model.figures) == (given.training, given.figures)
    assert given.normal.seconds != 60
    verdict = Verdict()
    for outcome in judge(sorted(map(str, recordings.iterdir())), given, Settings("cpu")):
        verdict.add(outcome)
    assert model.normal.seconds == 60
    np.testing.assert_allclose(model.normal.mean, verdict.normal().mean, atol=1e-9)
    np.testing.assert_allclose(model.normal.covariance, verdict.normal().covariance, atol=1e-9)


def test_what_it_says(audiocos_command, recordings, tmp_path):
    done = audiocos_command("calibrate", "speech-8k", recordings, "-o", tmp_path / "new", "--json")
    assert done.code == 0
    row = json.loads(done.out)
    assert (row["files"], row["failed_files"], row["seconds"], row["sample_rate"]) == (3, 0, 60, RATE)
    assert row["thresholds"]["0.1"] > row["thresholds"]["60"]
    assert "60 s of sound are few" in done.err
    done = audiocos_command("calibrate", "speech-8k", recordings, "-o", tmp_path / "two")
    assert "60 s at 8000 Hz" in done.out
    assert re.search(r"threshold for 1 false alarm an hour +│ +[0-9.]+ \(extrapolated\) │", done.out)
    assert re.search(r"threshold for 60 false alarms an hour +│ +[0-9.]+ │", done.out)
    assert f"Wrote {tmp_path / 'two'}." in done.err


def test_other_rates_are_converted(audiocos_command, tmp_path):
    make(str(tmp_path / "in" / "a.wav"), signals.speech_like(5 * 44100, 44100), 44100)
    assert audiocos_command("calibrate", "speech-8k", tmp_path / "in", "-o", tmp_path / "new").code == 0
    assert audiocos.load(tmp_path / "new").normal.sample_rate == RATE


def test_a_model_of_any_rate_is_calibrated_at_one(audiocos_command, recordings, tmp_path):
    done = audiocos_command("calibrate", "lapped-quarter", recordings, "-o", tmp_path / "new")
    assert done.code == 0
    model = audiocos.load(tmp_path / "new")
    assert model.sample_rate is None
    assert model.normal.sample_rate == RATE
    with pytest.raises(ModelError, match="normal at 8000 Hz, and the sound has 48000 Hz. Calibrate with --sample-rate"):
        make_alarms(AlarmOptions(alarm=True), model, 48000, 1, say=print)
    done = audiocos_command("calibrate", "lapped-quarter", recordings, "-o", tmp_path / "16k", "--sample-rate", 16000)
    assert audiocos.load(tmp_path / "16k").normal.sample_rate == 16000
    make(str(tmp_path / "more" / "b.wav"), rate=16000)
    done = audiocos_command("calibrate", "exact", recordings, tmp_path / "more", "-o", tmp_path / "x")
    assert done.code == 1
    assert "Pass --sample-rate 8000" in done.err


def test_bad_files_are_named_and_left_out(audiocos_command, recordings, tmp_path):
    bad = tmp_path / "in" / "bad.wav"
    bad.parent.mkdir()
    bad.write_bytes(b"RIFF of nothing")
    arguments = ["calibrate", "speech-8k", recordings, bad, "-o", tmp_path / "new"]
    done = audiocos_command(*arguments)
    assert done.code == 1
    assert str(bad) in done.err
    assert not (tmp_path / "new").exists()
    done = audiocos_command(*arguments, "--max-bad", "0.5")
    assert done.code == 1
    assert f"Error: {bad}: " in done.err
    assert audiocos.load(tmp_path / "new").normal.seconds == 60


def test_files_that_fail_late_count_as_bad(audiocos_command, recordings, tmp_path):
    samples = signals.speech_like(5 * RATE, RATE)
    samples[100] = np.nan
    make(str(tmp_path / "nan.wav"), samples, RATE, "FLOAT")
    arguments = ["calibrate", "speech-8k", recordings, tmp_path / "nan.wav", "-o", tmp_path / "new"]
    done = audiocos_command(*arguments)
    assert done.code == 1
    assert "1 of 4 files cannot be used" in done.err
    assert not (tmp_path / "new").exists()
    done = audiocos_command(*arguments, "--sanitize")
    assert done.code == 0
    assert "1 sample was not sound" in done.err
    assert audiocos.load(tmp_path / "new").normal.seconds == 65


def test_files_that_fail_early_and_late_count_together_as_bad(audiocos_command, tmp_path):
    for seed in range(18):
        make(str(tmp_path / "in" / f"{seed}.wav"), signals.speech_like(RATE, RATE, seed=seed), RATE)
    make(str(tmp_path / "in" / "nan.wav"), np.full(RATE, np.nan), RATE, "FLOAT")
    (tmp_path / "in" / "bad.wav").write_bytes(b"RIFF of nothing")
    arguments = ["calibrate", "speech-8k", tmp_path / "in", "-o", tmp_path / "new", "--max-bad"]
    done = audiocos_command(*arguments, 0.05)
    assert done.err.endswith(
        "audiocos: 2 of 20 files cannot be used, more than the share 0.05 that may be bad. "
        "Repair or remove them, or pass a larger --max-bad.\n"
    )
    assert not (tmp_path / "new").exists()
    audiocos_command(*arguments, 0.1)
    assert (tmp_path / "new").exists()


def test_too_little_sound_is_said(audiocos_command, tmp_path):
    make(str(tmp_path / "short.wav"), signals.speech_like(2 * RATE, RATE), RATE)
    done = audiocos_command("calibrate", "speech-8k", tmp_path / "short.wav", "-o", tmp_path / "new")
    assert done.code == 1
    assert "too little sound: 2 whole seconds that are not silent (0 are), and at least 3 are needed" in done.err
    make(str(tmp_path / "silent.wav"), np.zeros(9 * RATE), RATE)
    done = audiocos_command("calibrate", "speech-8k", tmp_path / "silent.wav", "-o", tmp_path / "new")
    assert "too little sound: 0 whole seconds that are not silent (9 are)" in done.err
    assert not (tmp_path / "new").exists()


def test_recordings_that_nothing_could_be_learned_from_are_named(audiocos_command, tmp_path):
    for name, sound in (
        ("0.wav", signals.speech_like(4 * RATE, RATE)),
        ("1.wav", signals.speech_like(RATE // 2, RATE)),
        ("2.wav", np.zeros(2 * RATE)),
        ("3.wav", np.zeros(3 * RATE)),
    ):
        make(str(tmp_path / "in" / name), sound, RATE)
    done = audiocos_command("calibrate", "speech-8k", tmp_path / "in", "-o", tmp_path / "new")
    assert done.code == 0
    assert [line for line in done.err.splitlines() if line.startswith("Warning: ")] == [
        f"Warning: {tmp_path / 'in' / '1.wav'}: too short for a whole second. Nothing was learned from it.",
        f"Warning: {tmp_path / 'in' / '2.wav'}: silent throughout, and so is 1 more. Nothing was learned from them.",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["no-such-model", "{in}", "-o", "new"], 1, "no such model"),
        (["speech-8k", "missing", "-o", "new"], 1, "missing: no such file or folder"),
        (["speech-8k", "{empty}", "-o", "new"], 1, "no audio files"),
        (["speech-8k", "{in}", "-o", "{in}"], 1, "exists already"),
        (["speech-8k", "{in}", "-o", "{in}", "--force"], 1, "which is no part of a model"),
        (["speech-8k", "{in}", "-o", "new", "--sample-rate", "16000"], 2, "was made for 8000 Hz"),
        (["speech-8k", "{in}"], 2, "Missing option '-o'"),
        (["speech-8k"], 2, "Missing argument 'FOLDER...'"),
    ],
)
def test_bad_calls_are_refused(arguments, code, text, audiocos_command, recordings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    before = tree(recordings)
    filled = [each.format(**{"in": recordings, "empty": tmp_path / "empty"}) for each in arguments]
    done = audiocos_command("calibrate", *filled)
    assert done.code == code
    assert text in done.err
    assert not (tmp_path / "new").exists()
    assert tree(recordings) == before


def test_a_place_that_cannot_be_written_to_is_refused_before_any_sound_is_taken(
    audiocos_command, recordings, tmp_path, monkeypatch
):
    monkeypatch.setattr("audiocos.cli.calibrate.judge", lambda *_, **__: pytest.fail("sound was taken"))
    (tmp_path / "file").touch()
    done = audiocos_command("calibrate", "speech-8k", recordings, "-o", tmp_path / "file" / "new")
    assert done.code == 1
    assert f"{tmp_path / 'file' / 'new'}: cannot be written: {tmp_path / 'file'} is a file." in done.err


def test_a_model_may_replace_itself(audiocos_command, calibrated, recordings, tmp_path):
    import shutil

    shutil.copytree(calibrated, tmp_path / "m")
    one = next(iter(sorted(recordings.iterdir())))
    assert audiocos_command("calibrate", tmp_path / "m", one, "-o", tmp_path / "m", "--force").code == 0
    assert audiocos.load(tmp_path / "m").normal.seconds == 20


def test_calibrate_needs_no_torch(recordings, tmp_path):
    from test_imports import HEAVY, imported_by

    arguments = ["calibrate", "speech-8k", str(recordings), "-o", str(tmp_path / "new"), "--json"]
    code = f"from audiocos.cli.main import main\ntry: main({arguments})\nexcept SystemExit as end: assert not end.code"
    assert not imported_by(code) & HEAVY


def test_a_model_that_loses_nothing_is_not_calibrated(audiocos_command, recordings, tmp_path):
    done = audiocos_command("calibrate", "exact", str(recordings), "-o", str(tmp_path / "never"))
    assert done.code == 1
    assert "Choose a model that keeps fewer coefficients" in done.err
    assert not (tmp_path / "never").exists()
