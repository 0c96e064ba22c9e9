"""Models judged on files in Python, by several workers."""

import os

import numpy as np
import pytest
import soundfile

import audiocos
from audiocos import cosines, framing, signals
from audiocos.audio.reconstruct import Settings
from audiocos.model import Model
from audiocos.normal import normal_of
from audiocos.residuals import BandLevels
from audiocos.training import judge as judging
from audiocos.training.judge import Failed, Judged, Verdict, judge, judge_file


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def make(path, seconds=1.5, rate=8000, channels=1, seed=0, subtype="PCM_16", gain=1.0):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    voices = [gain * signals.speech_like(int(seconds * rate), rate, seed=seed + c) for c in range(channels)]
    soundfile.write(path, np.stack(voices, axis=1), rate, subtype)
    return path


def test_normal_is_of_the_residual_before_rounding_whatever_the_jobs():
    paths = [make(f"{seed}.wav", seconds=3.4, seed=seed) for seed in range(3)]
    model = audiocos.load("lapped-quarter")
    verdicts = []
    for jobs in (1, 3):
        verdicts.append(Verdict())
        for outcome in judge(paths, model, Settings(), jobs=jobs):
            verdicts[-1].add(outcome)
    rows = []
    for path in paths:
        x = soundfile.read(path, dtype="float32", always_2d=True)[0].T
        rows += BandLevels(8000, 1).feed(x, model.reconstruct(x))
    want = normal_of(rows, 8000)
    assert want.seconds == 9
    for verdict in verdicts:
        got = verdict.normal()
        assert (got.sample_rate, got.seconds) == (8000, 9)
        np.testing.assert_allclose(got.mean, want.mean, atol=1e-3)
    assert verdicts[0].normal().to_json() == verdicts[1].normal().to_json()


def test_normal_is_taken_at_the_models_rate():
    path = make("a.wav", seconds=4, rate=16000)
    model = Model(cosines.lapped(64, np.arange(8)), framing.lapped(64), sample_rate=8000)
    got = judge_file(path, model, Settings(resample=True))
    assert (got.sample_rate, got.model_rate, len(got.rows)) == (16000, 8000, 4)
    assert got.sums.samples == 64000


def test_of_several_rates_the_one_with_most_seconds_is_normal():
    paths = [make("a.wav", seconds=3), make("b.wav", seconds=5, rate=16000), make("c.wav", seconds=3.5)]
    verdict = Verdict()
    for outcome in judge(paths, audiocos.load("lapped-quarter"), Settings(), jobs=2):
        verdict.add(outcome)
    assert (verdict.normal().sample_rate, verdict.normal().seconds) == (8000, 6)
    assert Verdict().normal() is None
    assert Verdict().figures().snr_db is None


def test_outcomes_come_in_the_order_asked_for():
    paths = [make("a.wav"), "gone.wav", make("b.wav", seconds=0.1)]
    done = []
    outcomes = list(
        judge(paths, audiocos.load("exact"), Settings(), jobs=3, progress=lambda *state: done.append(state))
    )
    assert [type(outcome) for outcome in outcomes] == [Judged, Failed, Judged]
    assert [outcome.path for outcome in outcomes] == paths
    assert {index for index, *_ in done} == {0, 1, 2}


def test_a_caller_that_stops_ends_the_work(monkeypatch):
    paths = [make(f"{seed}.wav", seed=seed, seconds=0.2) for seed in range(9)]
    begun = []
    real = judging.judge_file
    monkeypatch.setattr(
        judging, "judge_file", lambda path, *rest, **more: begun.append(path) or real(path, *rest, **more)
    )
    outcomes = judge(paths, audiocos.load("exact"), Settings())
    next(outcomes)
    outcomes.close()
    assert len(begun) < len(paths)
