"""Residuals per second, what is normal, and how far from it a second is."""

import json
import math

import numpy as np
import pytest
import scipy.signal
import scipy.spatial

import audiocos
from audiocos import cosines, framing, signals
from audiocos.errors import ModelError
from audiocos.model import Model
from audiocos.normal import QUANTILES, SHRINKAGE, Normal, distance, normal_of
from audiocos.residuals import BANDS, BandLevels, Second, band_edges, band_weights

RATE = 2000


def pair(seconds, rate=RATE, channels=1, seed=0, dtype=np.float64):
    random = np.random.default_rng(seed)
    x = random.normal(0, 0.1, (channels, int(seconds * rate))).astype(dtype)
    return x, x + random.normal(0, 0.01, x.shape).astype(dtype)


def rows_of(x, y, rate=RATE, chunks=None):
    levels, rows, position = BandLevels(rate, x.shape[0]), [], 0
    for size in chunks or [x.shape[1]]:
        rows += levels.feed(x[:, position : position + size], y[:, position : position + size])
        position += size
    return rows


def by_hand(x, y, rate, segment):
    """Straight from the definition: every segment by itself, every bin into its band."""
    window = scipy.signal.get_window("hann", segment)
    edges, step, rows = band_edges(rate), rate / segment, []
    for second in range(x.shape[1] // rate):
        bands, whole = np.zeros(BANDS), 0.0
        for start in range(0, x.shape[1] - segment + 1, segment // 2):
            if not second * rate < start + segment <= (second + 1) * rate:
                continue
            for channel in range(x.shape[0]):
                own = x[channel, start : start + segment]
                whole += np.sum((window * own) ** 2)
                power = np.abs(np.fft.fft(window * (own - y[channel, start : start + segment]))) ** 2 / segment
                for k in range(segment):  # both halves of the spectrum
                    centre = min(k, segment - k) * step
                    low, high = max(centre - step / 2, 0), min(centre + step / 2, rate / 2)
                    for band in range(BANDS):
                        shared = min(high, edges[band + 1]) - max(low, edges[band])
                        bands[band] += power[k] * max(shared, 0) / (high - low)
        rows.append(10 * np.log10(bands / whole))
    return np.array(rows)


@pytest.mark.parametrize("channels", [1, 2])
def test_levels_are_those_of_the_definition(channels):
    x, y = pair(3.3, channels=channels)
    rows = rows_of(x, y)
    assert len(rows) == 3
    np.testing.assert_allclose([row.levels for row in rows], by_hand(x, y, RATE, 64), atol=1e-9)
    for second, row in enumerate(rows):
        own = slice(second * RATE, (second + 1) * RATE)
        lost = np.sum((x[:, own] - y[:, own]) ** 2)
        assert row.snr_db == pytest.approx(10 * math.log10(np.sum(x[:, own] ** 2) / lost), abs=1e-9)
        assert row.input_dbfs == pytest.approx(10 * math.log10(np.mean(x[:, own] ** 2)), abs=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_chunking_gives_the_same_bits(dtype):
    x, y = pair(4.5, channels=2, dtype=dtype)
    once = rows_of(x, y)
    for size in (1, 17, 509, 2000, 4001):
        rows = rows_of(x, y, chunks=[0] + [size] * (x.shape[1] // size + 1))
        assert len(rows) == len(once) == 4
        for row, other in zip(rows, once, strict=True):
            assert (row.snr_db, row.input_dbfs) == (other.snr_db, other.input_dbfs)
            assert np.array_equal(row.levels, other.levels)


@pytest.mark.parametrize("rate", [8, 1000, 8000, 44100, 192000])
def test_bands_share_out_the_whole_spectrum(rate):
    edges = band_edges(rate)
    assert (edges[0], edges[-1]) == (0, pytest.approx(rate / 2))
    assert (np.diff(edges, 2) > 0).all()
    for segment in (16, 256):
        weights = band_weights(rate, segment)
        np.testing.assert_allclose(weights.sum(axis=0), 1)
        assert (weights.sum(axis=1) > 0).all()


def test_a_tone_in_the_residual_shows_in_its_band_at_its_level():
    x, _ = pair(2, rate=8000)
    tone = signals.tone(16000, 8000, frequency=1000)[None] * 0.01
    levels = rows_of(x, x + tone, 8000)[1].levels
    band = int(np.searchsorted(band_edges(8000), 1000)) - 1
    assert int(levels.argmax()) == band
    assert 10 * math.log10(np.sum(10 ** (levels / 10))) == pytest.approx(
        10 * math.log10(np.mean(tone**2) / np.mean(x[:, 8000:] ** 2)), abs=0.1
    )


def test_a_click_is_heard_wherever_it_falls():
    x = pair(4)[0]
    for position in range(RATE, 2 * RATE, 37):
        click = np.zeros_like(x)
        click[0, position] = 1.0
        assert max(row.levels.max() for row in rows_of(x, x + click)) > -60


def test_silence_and_exact_copies_stay_finite():
    x, y = pair(2)
    silence = np.zeros_like(x)
    for row in rows_of(silence, silence) + rows_of(x, x) + rows_of(silence, y) + rows_of(x * 1e9, y):
        assert np.isfinite(row.levels).all()
        assert np.isfinite(row.input_dbfs)
    assert all(row.silent and row.snr_db is None for row in rows_of(silence, y))
    for row in rows_of(x, x):
        assert not row.silent
        assert row.snr_db is None
        assert (row.levels == -120).all()


def test_what_is_fed_must_fit():
    with pytest.raises(ValueError, match=r"x \[1, 5\], y \[1, 4\]: give equal \[1, samples\]"):
        BandLevels(8000, 1).feed(np.zeros((1, 5)), np.zeros((1, 4)))


@pytest.mark.parametrize("rate", [1, 10, 22.05])
def test_rates_below_a_segment_a_second_work(rate):
    x, y = pair(1, rate=1000)
    assert all(np.isfinite(row.levels).all() for row in rows_of(x, y, rate))


# What is normal


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


def test_the_shipped_models_hear_music_in_speech_at_one_false_alarm_an_hour():
    """From 266 s of speech a line through the furthest seconds gave 26; drums score 20, and this guitar 32."""
    found = audiocos.load("speech-8k").normal
    assert found.tail[1][1] < found.threshold(1) < found.tail[0][1]


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
    return rows_of(x, model.reconstruct(x), rate)


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
