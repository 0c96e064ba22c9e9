"""Alarms through `audiocos monitor`: scores are those that calibration counts on; what is lost raises none."""

import threading

import numpy as np
import pytest
import soundfile
import soxr
from conftest import rows
from monitored import SAMPLES
from recordings import make

import audiocos
from audiocos import signals
from audiocos.audio.reconstruct import Settings
from audiocos.cli.alarming import AlarmOptions, make_alarms
from audiocos.live.alarms import Alarms
from audiocos.live.detector import Detector
from audiocos.live.gaps import Gaps
from audiocos.live.measure import Measure
from audiocos.live.recorder import Recorder
from audiocos.live.ring import Ring, Signal
from audiocos.live.wires import Choice
from audiocos.normal import distance
from audiocos.training.judge import judge_file

RATE = 8000


@pytest.mark.parametrize(("subtype", "gain"), [("PCM_U8", 1.0), ("PCM_16", 0.005)])
@pytest.mark.parametrize("options", [[], ["-o", "out.wav"], ["-o", "out.flac"]])
def test_a_file_scores_what_calibrate_would_learn_from_it(monitor, subtype, gain, options):
    make("in.wav", gain * signals.speech_like(4 * RATE, RATE), RATE, subtype)
    model = audiocos.load("speech-8k")
    expected = [distance(model.normal, row.levels) for row in judge_file("in.wav", model, Settings("cpu")).rows]
    *seconds, _ = rows(monitor("in.wav", "-m", "speech-8k", "--alarm", "--speed", "max", "--json", *options))
    scores = [row["alarm"]["score"] for row in seconds if "event" not in row]
    assert len(scores) == len(expected) == 4
    np.testing.assert_allclose(scores, expected, atol=1e-6)


def test_lost_sound_raises_no_alarm_and_is_silent_in_recordings(tmp_path):
    """A recording through speech-8k that loses 32 ms, or as much as a whole second, now and then."""
    sound, rate = soundfile.read(SAMPLES / "speech-demo.wav", dtype="float32", always_2d=True)
    x = soxr.resample(sound.T[0], rate, RATE)[None]
    lost = {4000: 256, 18_400: 256, 50_000: 8000, 90_000: 256}  # at 0.5, 2.3, 6.25 and 11.25 s
    model, kept = audiocos.load("speech-8k"), np.ones(x.shape[1], bool)
    pairs, gaps, done = Ring(2, x.shape[1], np.float32), Gaps(), threading.Event()
    for place, count in lost.items():
        assert gaps.note(int(kept[:place].sum()), count)
        kept[place : place + count] = False
    pairs.write(np.concatenate([x[:, kept], model.reconstruct(x[:, kept])]))
    done.set()
    detector = Detector(RATE, 1, normal=model.normal, false_alarms_per_hour=12)
    recorder = Recorder(tmp_path, RATE, 1, model="speech-8k", say=print, before_s=60, wait_s=10)
    alarms, states = Alarms(detector, recorder), {}

    class Look:
        def feed(self, x, y):
            states[detector.state.judged_s] = detector.state

    Measure(
        pairs, gaps, Signal(), Signal(), done,
        sample_rate=RATE, subtype=None, sink=None, choice=Choice(), taps=[Look()], judges=[alarms],
    ).run()  # fmt: skip
    assert detector.state.count == 0
    assert [time_s for time_s, state in states.items() if time_s and state.score is None] == [1, 3, 7, 8, 12]
    assert [*states] == [None, *range(1, x.shape[1] // RATE + 1)]
    detector.feed(*2 * [np.random.default_rng(0).normal(0, 0.1, (1, RATE))])  # a copy of noise: unlike speech
    assert detector.state.active
    alarms.close()
    (folder,) = tmp_path.iterdir()
    heard = soundfile.read(folder / "input.wav", dtype="float32")[0]
    np.testing.assert_array_equal(heard, np.where(kept, x[0], 0)[-heard.size :])


def test_the_line_of_a_second_has_its_state_at_low_rates_too(monitor):
    make("in.wav", signals.noise(8 * 1000, 1000), 1000)
    *lines, _ = rows(monitor("in.wav", "-m", "lapped-quarter", "--alarm-below", "-99", "--speed", "max", "--json"))
    seconds = [row for row in lines if "event" not in row]
    assert [row["time_s"] for row in seconds] == [row["alarm"]["judged_s"] for row in seconds] == [*range(1, 9)]


def test_the_last_second_is_told_also_where_it_is_judged_only_at_the_end(monitor):
    make("in.wav", signals.speech_like(3 * 16000, 16000), 16000)
    *lines, summary = rows(monitor("in.wav", "-m", "speech-8k", "--alarm", "--speed", "max", "--json"))
    told = [row["alarm"] for row in [*lines, summary] if "event" not in row]
    assert [state["judged_s"] for state in told if state["score"] is not None] == [1, 2, 3]
    make("in.wav", signals.speech_like(3 * RATE, RATE), RATE)
    *_, summary = rows(monitor("in.wav", "-m", "speech-8k", "--alarm", "--speed", "max", "--json"))
    assert (summary["alarm"]["judged_s"], summary["alarm"]["score"]) == (3, None)  # its line has the score
    make("in.wav", 0.1 * signals.noise(3 * RATE, RATE), RATE)
    assert rows(monitor("in.wav", "--speed", "max", "--json"))[-1]["alarm"] is None


def test_a_command_that_fails_is_an_event(monitor):
    make("in.wav", signals.noise(2 * 1000, 1000), 1000)
    failing = "sh -c 'echo No bell here. >&2; exit 3'"
    arguments = ["-m", "lapped-quarter", "--alarm-below", "90", "--speed", "max", "--json", "--on-alarm", failing]
    *lines, summary = rows(monitor("in.wav", *arguments))
    for events in (lines, summary["events"]):
        (event,) = (row for row in events if row.get("event") == "alarm_action")
        assert event["text"] == f"The alarm command {failing} failed, exit code 3: No bell here"


def test_each_option_reaches_the_detector():
    model, rate = audiocos.load("speech-8k"), 1000
    options = AlarmOptions(alarm=True, false_alarms=60, alarm_below=-5.0)
    state = make_alarms(options, model, RATE, 1, say=print).state
    assert (state.threshold, state.below_db) == (model.normal.threshold(60), -5.0)
    alarms = make_alarms(AlarmOptions(alarm_below=10.0, hold=7, hysteresis=3), model, rate, 1, say=print)
    x, active_s = np.random.default_rng(0).normal(0, 0.1, (1, rate)), []
    for end_s, snr_db in enumerate([20, 5, 12, *[20] * 10], start=1):
        alarms.feed(x, x * (1 - 10 ** (-snr_db / 20)))
        active_s += [end_s] * alarms.state.active
    assert active_s == [*range(2, 10)], "12 dB are within 3 dB of 10, and the alarm stays for less than 7 s after it"
