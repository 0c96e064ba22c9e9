"""The residual tells abnormal sound from normal, and alarms as often as it was asked to on normal sound."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import audiocos
from audiocos import signals
from audiocos.normal import normal_of
from benchmarks import detection
from benchmarks.detection import RATE, SCORES, area, loaded, mixed

SAMPLES = Path(__file__).parents[1] / "samples"
RESIDUAL, SNR, LEVEL, FLATNESS = SCORES


def test_area_under_the_curve_is_the_share_of_pairs_in_order():
    random = np.random.default_rng(0)
    odd, usual = random.integers(0, 9, 40).astype(float), random.integers(0, 7, 30).astype(float)
    pairs = np.mean([(a > b) + (a == b) / 2 for a in odd for b in usual])
    assert area(odd, usual) == pytest.approx(pairs)
    assert area(np.array([2.0]), np.array([1.0])) == 1


def test_mixtures_have_the_level_asked_for():
    normal, odd = detection.hum(RATE * 4, seed=0), detection.tick(RATE * 2, seed=0)
    added = mixed(normal, odd, -10) - normal
    assert 10 * np.log10(np.mean(added**2) / np.mean(normal**2)) == pytest.approx(-10)


@pytest.fixture(scope="module")
def motor():
    """A motor: half an hour to say what is normal, another one to judge."""
    return detection.hum_watch(60, 1800, 1800)


@pytest.mark.slow
def test_a_tick_in_a_hum_is_heard_where_the_level_says_nothing(motor):
    watch = replace(motor, unheard=motor.unheard[: 300 * RATE])
    areas = watch.areas(mixed(watch.unheard, detection.tick(len(watch.unheard), seed=4), -30))
    assert areas[RESIDUAL] >= 0.99
    assert areas[LEVEL] < 0.75
    assert areas[SNR] < 0.95


def test_drums_are_told_from_speech_on_recordings():
    """The sample recordings: 15 s to say what is normal, 6 s of another prompt and a drum roll to judge.

    So few seconds are counted from sixteen offsets: the covariance of 16 levels takes more than 15 of them.
    """
    speech, unheard = loaded([SAMPLES / "speech-demo.wav"]), loaded([SAMPLES / "speech-voicemail.wav"])
    drums = loaded([SAMPLES / "drum-roll.flac"])
    model = audiocos.load("speech-8k")
    offsets = range(0, RATE, RATE // 16)
    normal = normal_of([row for offset in offsets for row in detection.rows_of(model, speech[offset:])], RATE)
    watch = detection.Watch(model, normal, unheard)
    areas = watch.areas(drums)
    assert areas[RESIDUAL] > 0.95  # of 36 pairs of seconds one may be the wrong way round
    assert all(areas[name] < 0.9 for name in SCORES if name != RESIDUAL)


def test_drums_are_heard_under_a_voice():
    """A synthetic voice, of which there is enough to say what is normal, and a recorded drum roll."""
    voice = signals.speech_like(240 * RATE, RATE, seed=3)
    watch = detection.watch_of(audiocos.load("speech-8k"), voice[: 180 * RATE], voice[180 * RATE :])
    drums = loaded([SAMPLES / "drum-roll.flac"])
    for level_db, least in ((0, 0.98), (-10, 0.92)):
        assert watch.areas(mixed(watch.unheard, drums, level_db))[RESIDUAL] >= least


@pytest.mark.slow
def test_false_alarms_are_in_keeping_with_the_rate_asked_for(motor):
    """Counts within four deviations of the expected ones.

    Both counts are chance (the threshold rests on as many seconds as it lets through), so variances add up.
    """
    for expected in (20, 100):
        above, alarms = detection.alarms_raised(motor, 2 * expected)
        assert abs(above - expected) < 4 * np.sqrt(2 * expected)
        assert 0 < alarms <= above
