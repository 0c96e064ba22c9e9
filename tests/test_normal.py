"""What residuals are normal, how far from it a second is, and from where on it is an alarm."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import scipy.spatial
import soundfile
import soxr

import audiocos
from audiocos import cosines, framing, signals
from audiocos.errors import ModelError
from audiocos.model import Model
from audiocos.normal import QUANTILES, SHRINKAGE, Normal, distance, normal_of
from audiocos.residuals import BANDS, BandLevels, Second

RATE = 2000


def seconds(count, seed=0, spread=3.0):
    random = np.random.default_rng(seed)
    mix = random.normal(0, spread, (BANDS, BANDS))
    return [Second(float(random.normal(14, 3)), -20.0, -30 + mix @ random.normal(0, 1, BANDS)) for _ in range(count)]


def test_the_distance_is_mahalanobis_with_shrinkage():
    rows = seconds(200)
    normal = normal_of(rows, RATE)
    levels = np.array([row.levels for row in rows])
    inverse = np.linalg.inv(np.cov(levels.T) + SHRINKAGE * np.eye(BANDS))
    for row in seconds(5, seed=1):
        want = scipy.spatial.distance.mahalanobis(row.levels, levels.mean(axis=0), inverse)
        assert distance(normal, row.levels) == pytest.approx(want, rel=1e-9)


def test_normal_counts_and_quantiles():
    rows = seconds(101)
    silent = [Second(None, -120.0, np.zeros(BANDS))] * 7
    normal = normal_of([*rows, *silent], RATE)
    assert (normal.sample_rate, normal.seconds, normal.silent_seconds) == (RATE, 101, 7)
    snrs = sorted(row.snr_db for row in rows)
    assert list(normal.snr_quantiles_db) == [snrs[round(100 * q)] for q in QUANTILES]


def test_exact_seconds_have_no_snr_but_count():
    rows = [Second(None, -20.0, np.full(BANDS, -120.0))] * 6 + seconds(4)
    normal = normal_of(rows, RATE)
    assert normal.seconds == 10
    assert normal.snr_quantiles_db[0] is not None
    assert normal.snr_quantiles_db[-4:] == (None,) * 4


def test_too_few_seconds_are_not_normal():
    assert normal_of([], RATE) is None
    assert normal_of(seconds(2), RATE) is None
    assert normal_of(seconds(3), RATE).seconds == 3


@pytest.mark.parametrize("count", [3, 10, 40, 300])
def test_the_tail_holds_each_second_judged_by_the_others(count):
    rows = seconds(count)
    levels = np.array([row.levels for row in rows])
    left_out = []
    for index in range(count):
        rest = np.delete(levels, index, axis=0)
        inverse = np.linalg.inv(np.cov(rest.T) + SHRINKAGE * np.eye(BANDS))
        left_out.append(scipy.spatial.distance.mahalanobis(levels[index], rest.mean(axis=0), inverse))
    left_out.sort(reverse=True)
    tail = normal_of(rows, RATE).tail
    assert tail[0][0] == 1
    assert tail[-1][0] == count
    for rank, value in tail:
        assert value == pytest.approx(left_out[rank - 1], rel=1e-6)


def test_the_threshold_keeps_the_false_alarms_asked_for():
    random = np.random.default_rng(5)
    levels = random.normal(-30, 3, (40000, BANDS))
    normal = normal_of((Second(10.0, -20.0, row) for row in levels[:8000]), RATE)
    unseen = np.sqrt(np.sum((levels[8000:] - normal.mean) ** 2 / (9 + SHRINKAGE), axis=1))
    for rate in (1000, 100, 10):
        count = np.count_nonzero(unseen > normal.threshold(rate)) / len(unseen) * 3600
        assert rate / 2 < count < rate * 2
    assert normal.tail[0][1] < normal.threshold(0.1) < normal.threshold(0.01)


def test_beyond_the_furthest_seconds_the_tail_falls_by_the_mean_of_their_excess():
    normal = normal_of(seconds(300), RATE)
    distances = np.array([distance for _, distance in normal.tail[:16]])
    excess = np.mean(distances[:15] - distances[15])
    assert normal.threshold(16 * 3600 / 300) == pytest.approx(distances[15])
    for rate in (100, 12, 1, 1e-3):
        assert normal.threshold(rate) == pytest.approx(distances[15] + excess * np.log(16 / (rate / 3600 * 300)))
    assert normal.promised == 12


def test_one_stray_second_does_not_put_the_threshold_out_of_reach():
    rows = seconds(300)
    before = normal_of(rows, RATE).threshold(1)
    stray = Second(rows[0].snr_db, rows[0].input_dbfs, rows[0].levels + 15)
    normal = normal_of([*rows, stray], RATE)
    assert 2 * before < normal.tail[0][1], "it is far out"
    assert before < normal.threshold(1) < 0.7 * normal.tail[0][1]


@pytest.mark.parametrize(
    ("sample", "unusual"),
    [
        ("speech-demo.wav", False),
        ("speech-voicemail.wav", False),
        ("guitar-chord.flac", True),
        ("piano-notes.wav", True),
    ],
)
def test_the_shipped_speech_model_tells_music_from_speech_at_one_false_alarm_an_hour(sample, unusual):
    model = audiocos.load("speech-8k")
    x, rate = soundfile.read(Path(__file__).parents[1] / "samples" / sample, always_2d=True)
    x = soxr.resample(x.mean(axis=1), rate, 8000)[None]
    scores = [distance(model.normal, row.levels) for row in BandLevels(8000, 1).feed(x, model.reconstruct(x))]
    assert (max(scores) > model.normal.threshold(1)) == unusual


@pytest.mark.parametrize("rate", [0, -1, 3600, math.nan, math.inf])
def test_a_threshold_needs_a_rate_that_can_be(rate):
    with pytest.raises(ValueError, match="must lie between 0 and 3600"):
        normal_of(seconds(9), RATE).threshold(rate)


def test_identical_seconds_have_a_threshold():
    normal = normal_of([Second(None, -20.0, np.full(BANDS, -120.0))] * 50, RATE)
    assert normal.threshold(1) == 0
    assert distance(normal, np.full(BANDS, -119.0)) == pytest.approx(8.0)


# In the model's folder


def model_with(normal):
    return Model(cosines.lapped(16), framing.lapped(16), normal=normal)


def test_normal_survives_the_model_folder_to_the_bit(tmp_path):
    normal = normal_of([*seconds(60), *[Second(None, -20.0, np.full(BANDS, -120.0))] * 40], RATE)
    model_with(normal).save(tmp_path / "m")
    back = audiocos.load(tmp_path / "m").normal
    assert back.to_json() == normal.to_json()
    assert np.array_equal(back.covariance, normal.covariance)
    assert "over 100 s" in (tmp_path / "m" / "README.md").read_text()


def test_a_model_without_normal_has_no_such_key(tmp_path):
    model_with(None).save(tmp_path / "m")
    assert "normal" not in json.loads((tmp_path / "m" / "config.json").read_text())
    assert audiocos.load(tmp_path / "m").normal is None


def broken(**changes):
    return lambda fields: fields | changes


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda fields: {k: v for k, v in fields.items() if k != "mean"}, '"mean" is missing'),
        (broken(colour="blue"), '"colour" is unknown'),
        (broken(seconds=2), "seconds is 2, expected a whole number from 3"),
        (broken(seconds=True), "seconds is True"),
        (broken(silent_seconds=-1), "silent_seconds is -1"),
        (broken(sample_rate=8000.5), "sample_rate is 8000.5"),
        (broken(sample_rate=10**12), "sample_rate is 1000000000000, more than 100000000 Hz"),
        (broken(mean=[0.0] * 15), "mean must be 16 finite"),
        (broken(mean=[math.nan] * 16), "NaN is not JSON"),
        (broken(mean="loud"), "normal: "),
        (broken(mean=[0.0, [1.0]]), "normal: "),
        (broken(covariance=[[1.0] * 16] * 15), "covariance must be 16 x 16"),
        (broken(covariance=np.triu(np.ones((16, 16))).tolist()), "covariance is not symmetric"),
        (broken(covariance=(-np.eye(16)).tolist()), "negative eigenvalue"),
        (broken(snr_quantiles_db=[1.0]), "snr_quantiles_db must be 7"),
        (broken(snr_quantiles_db=[math.nan] * 7), "NaN is not JSON"),
        (broken(snr_quantiles_db=3), "not the numbers"),
        (broken(tail=[]), "tail does not hold"),
        (broken(tail=[[1, 2.0], [3, 1.0]]), "tail does not hold"),
        (broken(tail=[[1, math.nan], [2, 1.0], [3, 1.0]]), "NaN is not JSON"),
        (broken(tail=[[1, 1.0], [2, 2.0], [3, 3.0]]), "must not be negative, nor grow"),
        (broken(tail=[[1, 1.0, 1.0]]), "normal: "),
    ],
)
def test_damaged_normal_is_refused(change, text, tmp_path):
    model_with(normal_of(seconds(3), RATE)).save(tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"normal": change(config["normal"])}))
    with pytest.raises(ModelError) as error:
        audiocos.load(tmp_path / "m")
    assert text in str(error.value)
    why = "not valid JSON" if "NaN" in text else "the model does not fit together: normal"
    assert why in str(error.value)


def test_a_model_with_a_rate_knows_what_is_normal_at_that_and_one_without_at_any(tmp_path):
    normal = normal_of(seconds(3), RATE)
    model_with(normal).save(tmp_path / "any")
    assert audiocos.load(tmp_path / "any").normal.sample_rate == RATE
    path = tmp_path / "any" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"sample_rate": RATE}))
    assert audiocos.load(tmp_path / "any").normal.sample_rate == RATE
    path.write_text(json.dumps(config | {"sample_rate": RATE // 2}))
    with pytest.raises(ModelError, match=f"not fit together: normal: sample_rate is {RATE}, and the model's own is "):
        audiocos.load(tmp_path / "any")


def test_normal_must_be_an_object(tmp_path):
    model_with(None).save(tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"normal": [1]}))
    with pytest.raises(ModelError, match='"normal" is \\[1\\], of the wrong type'):
        audiocos.load(tmp_path / "m")


def test_from_json_is_the_inverse_of_to_json():
    fields = json.loads(json.dumps(normal_of(seconds(30), RATE).to_json(), allow_nan=False))
    assert Normal.from_json(fields).to_json() == fields


# As a detector


def voice_rows(seed, count, extra=0.0):
    rate = 8000
    model = Model(cosines.lapped(512, np.arange(64)), framing.lapped(512))
    x = signals.speech_like(count * rate, rate, seed=seed)[None]
    x = x + extra * signals.tone(count * rate, rate, frequency=2500)[None]
    return BandLevels(rate, 1).feed(x, model.reconstruct(x))


def test_a_tone_that_hardly_changes_the_snr_is_told_from_speech():
    normal = normal_of(voice_rows(1, 120), 8000)
    usual, odd = voice_rows(2, 60), voice_rows(3, 60, extra=0.02)

    def area_under_the_curve(score):
        return np.mean([[score(row) > score(other) for other in usual] for row in odd])

    assert area_under_the_curve(lambda row: -row.snr_db) < 0.8
    assert area_under_the_curve(lambda row: distance(normal, row.levels)) > 0.99
    threshold = normal.threshold(10)
    assert np.mean([distance(normal, row.levels) > threshold for row in odd]) > 0.9
    assert np.mean([distance(normal, row.levels) > threshold for row in usual]) < 0.05
