"""When an alarm begins, how long it stays, what it says, and which bands speak."""

import math

import numpy as np
import pytest

from audiocos import cosines, framing, signals
from audiocos.audio.aligned import AlignedStream
from audiocos.live.detector import Detector
from audiocos.model import Model
from audiocos.normal import distance, normal_of, shares
from audiocos.residuals import BANDS, BandLevels, Second, band_edges

RATE = 2000


def noise(seconds, snr_db=20.0, seed=0, channels=1):
    """Sound and a reconstruction whose SNR is given for each second, or for all."""
    random = np.random.default_rng(seed)
    x = random.normal(0, 0.1, (channels, seconds * RATE))
    levels = np.repeat(np.broadcast_to(np.asarray(snr_db, float), seconds), RATE)
    return x, x + 10 ** (-levels / 20) * random.normal(0, 0.1, x.shape)


def normal_from(seconds=400):
    return normal_of(BandLevels(RATE, 1).feed(*noise(seconds, seed=9)), RATE)


def watch(detector, x, y, size=500):
    """The state after each second, and the events."""
    states, events = [], []
    detector.on_change.append(events.append)
    for start in range(0, x.shape[1], size):
        detector.feed(x[:, start : start + size], y[:, start : start + size])
        if (start + size) % RATE == 0:
            states.append(detector.state)
    return states, events


def test_shares_are_the_squared_distance_and_name_the_band():
    normal = normal_from()
    random = np.random.default_rng(1)
    for _ in range(20):
        levels = normal.mean + random.normal(0, 3, BANDS)
        assert (shares(normal, levels) >= 0).all()
        assert math.sqrt(shares(normal, levels).sum()) == pytest.approx(distance(normal, levels))
    for band in range(BANDS):
        levels = normal.mean.copy()
        levels[band] += 10
        assert int(shares(normal, levels).argmax()) == band


def test_shares_stay_with_their_bands_when_all_go_up_and_down_together():
    random = np.random.default_rng(2)
    rows = [Second(10.0, -20.0, -30 + random.normal(0, 6) + random.normal(0, 1, BANDS)) for _ in range(2000)]
    normal = normal_of(rows, RATE)
    odd = normal.mean.copy()
    odd[5] += 8
    found = shares(normal, odd)
    assert found[5] > 0.8 * found.sum()


def test_the_score_is_the_distance_of_the_second():
    x, y = noise(5, snr_db=[20, 20, 14, 20, 20])
    normal = normal_from()
    states, _ = watch(Detector(RATE, 1, normal=normal), x, y)
    rows = BandLevels(RATE, 1).feed(x, y)
    for state, row in zip(states, rows, strict=True):
        assert state.score == pytest.approx(distance(normal, row.levels))
        assert state.snr_db == row.snr_db
        assert sum(state.bands) == pytest.approx(state.score**2)
        assert state.threshold == normal.threshold(1)
        assert state.band_edges_hz == tuple(band_edges(RATE))


def test_an_alarm_knows_its_worst_second():
    quality = [20] * 3 + [12, 6, 10] + [20] * 4
    states, (begin, end) = watch(Detector(RATE, 1, normal=normal_from()), *noise(10, quality))
    worst = max(states, key=lambda state: state.score)
    assert states.index(worst) == 4 and begin.worst.score == begin.state.score == states[3].score
    assert (end.worst.score, end.worst.bands, end.worst.snr_db) == (worst.score, worst.bands, worst.snr_db)
    assert end.row()["worst_score"] == worst.score > end.state.score
    assert [state.worst is None for state in states] == [not state.active for state in states]


def test_an_alarm_begins_with_the_odd_second_and_stays_for_the_hold():
    quality = [20] * 4 + [8] * 2 + [20] * 6
    for hold, length in ((0, 2), (1, 2), (2, 3), (3, 4)):
        states, events = watch(Detector(RATE, 1, normal=normal_from(), hold_s=hold), *noise(12, quality))
        assert [state.active for state in states] == [4 <= i < 4 + length for i in range(12)]
        assert [(event.active, event.begin_s, event.time_s) for event in events] == [
            (True, 4, 5),
            (False, 4, 5 + length),
        ]
        assert [state.since_s for state in states[3:5]] == [None, 4]
        assert states[-1].count == 1


def test_a_gap_within_the_hold_is_one_alarm():
    quality = [20, 8, 20, 8, 20, 20, 20, 8]
    for hold, count in ((0, 3), (2, 2), (5, 1)):
        detector = Detector(RATE, 1, normal=None, below_db=10, hold_s=hold)
        watch(detector, *noise(8, quality))
        assert detector.state.count == count


def test_hysteresis_keeps_an_alarm_that_is_nearly_over():
    quality = [20, 9, 10.5, 10.5, 11.5, 20]
    for margin, active in ((0, [0, 1, 0, 0, 0, 0]), (1, [0, 1, 1, 1, 0, 0]), (2, [0, 1, 1, 1, 1, 0])):
        detector = Detector(RATE, 1, normal=None, below_db=10, hold_s=0, hysteresis_db=margin)
        states, _ = watch(detector, *noise(6, quality))
        assert [state.active for state in states] == [bool(each) for each in active]


def test_hysteresis_of_the_score_is_in_decibels():
    normal = normal_from()
    x, y = noise(3, [20, 14, 15])
    scores = [state.score for state in watch(Detector(RATE, 1, normal=normal), x, y)[0]]
    assert normal.threshold(1) < scores[2] < scores[1]
    rate = next(r for r in np.geomspace(1e-30, 1, 4000) if scores[2] < normal.threshold(r) < scores[1])
    off_db = 20 * math.log10(normal.threshold(rate) / scores[2])
    for margin, stays in ((off_db * 0.9, False), (off_db * 1.1, True)):
        detector = Detector(RATE, 1, normal=normal, false_alarms_per_hour=rate, hold_s=0, hysteresis_db=margin)
        watch(detector, x, y)
        assert detector.state.active is stays


def test_more_false_alarms_mean_a_lower_threshold():
    normal = normal_from()
    rates = [0.1, 1, 10, 100]
    found = [Detector(RATE, 1, normal=normal, false_alarms_per_hour=rate).state.threshold for rate in rates]
    assert found == sorted(found, reverse=True)
    assert found == [normal.threshold(rate) for rate in rates]


def test_silence_and_exact_copies_raise_no_alarm():
    x, _ = noise(3)
    hiss = np.random.default_rng(0).choice([0, 2.0**-15], (1, 3 * RATE))  # 16-bit silence
    for sound in (np.zeros_like(x), hiss):
        detector = Detector(RATE, 1, normal=normal_from(), below_db=100)
        states, events = watch(detector, sound, sound * 0.5)
        assert not events
        assert all(state.score is None and state.snr_db is None and state.bands is None for state in states)
    detector = Detector(RATE, 1, normal=None, below_db=100)
    assert not watch(detector, x, x)[1]


@pytest.mark.parametrize("rate", [RATE, 4 * RATE, 11025])
def test_seconds_in_which_sound_is_missing_or_just_was_are_not_judged(rate):
    """Wherever they are converted to another rate, too; a second that is not judged prolongs no alarm."""
    x = np.random.default_rng(0).normal(0, 0.1, (1, 12 * rate))
    y = x + 0.1 * np.random.default_rng(1).normal(0, 0.1, x.shape)
    y[:, 9 * rate : 10 * rate] = 0
    detector, states = Detector(rate, 1, normal=normal_from(), false_alarms_per_hour=1e-6, below_db=10), {}
    lost = {1.5: 0.05, 3.8: 0.1, 5.0: 0.01, 7.2: 1.4, 10.5: 0.1}  # where, how long
    position = 0
    for stop, count in [*lost.items(), (12.0, 0)]:
        while position < round(stop * rate):
            end = min(position + rate // 10, round(stop * rate))
            detector.feed(x[:, position:end], y[:, position:end])
            states[detector.state.judged_s] = detector.state
            position = end
        for _ in range(2 if count else 0):  # lost in two parts
            detector.miss(round(count / 2 * rate))
            states[detector.state.judged_s] = detector.state
        position += 2 * round(count / 2 * rate)
    detector.close()
    states[detector.state.judged_s] = detector.state
    assert [*states] == [None, *range(1, 13)]
    unjudged = [time_s for time_s, state in states.items() if time_s and state.score is None]
    assert unjudged == [time_s for time_s, state in states.items() if time_s and state.snr_db is None]
    assert unjudged == [2, 4, 5, 6, 8, 9, 11]
    assert detector.state.count == 1 and not detector._missing
    assert [time_s for time_s, state in states.items() if state.active] == [10, 11]


def test_both_causes_are_told():
    detector = Detector(RATE, 1, normal=normal_from(), below_db=10)
    _, events = watch(detector, *noise(10, [20, 5, 20, 20, 20, 20, 12, 20, 20, 20]))
    assert [event.active for event in events] == [True, False, True, False]
    assert "score" in events[0].text
    assert "SNR 5." in events[0].text
    assert "below 10 dB" in events[0].text
    assert "SNR" not in events[2].text
    assert events[1].text == f"alarm over after {events[1].time_s - 1:.0f} s"


def test_the_text_names_where_in_the_spectrum():
    rate = 8000
    model = Model(cosines.lapped(512, np.arange(64)), framing.lapped(512))
    x = signals.speech_like(180 * rate, rate, seed=1)[None]
    x[:, -2 * rate :] += 0.05 * signals.tone(2 * rate, rate, frequency=2400)
    y = model.reconstruct(x)
    usual = slice(0, 170 * rate)
    detector = Detector(rate, 1, normal=normal_of(BandLevels(rate, 1).feed(x[:, usual], y[:, usual]), rate))
    events = []
    detector.on_change.append(events.append)
    detector.feed(x[:, 170 * rate :], y[:, 170 * rate :])
    assert len(events) == 1
    assert "2220 to 2589 Hz" in events[0].text
    assert int(np.argmax(events[0].state.bands)) == int(np.searchsorted(band_edges(rate), 2400)) - 1


@pytest.mark.parametrize("size", [1, 64, 999, 2000, 7001])
def test_every_chunking_gives_the_same_events(size):
    x, y = noise(7, [20, 8, 20, 20, 20, 9, 20], channels=2)
    _, once = watch(Detector(RATE, 2, normal=normal_from()), x, y)
    _, cut = watch(Detector(RATE, 2, normal=normal_from()), x, y, size)
    assert cut == once
    assert len(once) == 3


@pytest.mark.parametrize("rate", [48000, 44100, 8000])
def test_other_rates_are_converted_to_that_of_the_statistics(rate):
    """As where a microphone runs at another rate than the model: what lies above the model's band does not count."""
    model = Model(cosines.lapped(512, np.arange(64)), framing.lapped(512), sample_rate=8000)
    x = signals.speech_like(60 * rate, rate, seed=3)[None]
    x += 0.01 * signals.noise(x.shape[1], rate)
    levels, rows = BandLevels(8000, 1), []
    stream = AlignedStream(
        model.stream(dtype=np.float64), rate, 8000, watch=lambda x, y: rows.extend(levels.feed(x, y))
    )
    y = stream.feed(x)
    y = np.concatenate([y, stream.finish(x.shape[1] - y.shape[1])], axis=1)
    normal = normal_of(rows, 8000)
    detector, scores = Detector(rate, 1, normal=normal), {}
    for start in range(0, x.shape[1], 1000):
        detector.feed(x[:, start : start + 1000], y[:, start : start + 1000])
        scores[detector.state.judged_s] = detector.state.score
    detector.close()
    scores[detector.state.judged_s] = detector.state.score
    assert detector.state.count == 0
    assert [*scores] == [None, *range(1, 61)]
    scores.pop(None)
    np.testing.assert_allclose([*scores.values()], [distance(normal, row.levels) for row in rows], atol=0.05)


def test_the_plain_snr_is_that_of_all_the_sound_beside_statistics_of_a_lower_rate():
    rate = 4 * RATE
    x = 0.1 * signals.tone(9 * rate, rate, frequency=300)[None]
    hiss = 0.05 * signals.tone(9 * rate, rate, frequency=2500)[None] * np.repeat([1, 2, 0, 1.5, 3, 0.1, 1, 2, 1], rate)
    x[:, 4 * rate : 6 * rate] = 0
    hiss[:, 5 * rate : 6 * rate] = 0  # below the statistics' rate two seconds are silent, above it one

    def judged(normal):
        detector, states = Detector(rate, 1, normal=normal, below_db=5), {}
        for start in range(0, x.shape[1], 1000):
            part = slice(start, start + 1000)
            detector.feed(x[:, part] + hiss[:, part], x[:, part])
            if start == 56_000:  # in the eighth
                detector.miss(500)
            states[detector.state.judged_s] = detector.state
        detector.close()
        states[detector.state.judged_s] = detector.state
        states.pop(None)
        assert [*states] == list(range(1, 10))
        return [state.snr_db for state in states.values()]

    alone, beside = judged(None), judged(normal_from(20))
    assert beside == pytest.approx(alone)
    assert beside == pytest.approx([7.0, 3.0, None, 4.4, 0.0, None, 7.0, None, 6.4], abs=0.1)


def test_what_cannot_be_is_refused():
    normal = normal_from(20)
    with pytest.raises(ValueError, match="nothing to watch"):
        Detector(RATE, 1, normal=None)
    for below in (math.nan, math.inf):
        with pytest.raises(ValueError, match="must be a finite number"):
            Detector(RATE, 1, normal=None, below_db=below)
    for options in ({"hold_s": -1}, {"hold_s": math.nan}, {"hysteresis_db": -0.1}, {"hysteresis_db": math.inf}):
        with pytest.raises(ValueError, match="must be 0 or more"):
            Detector(RATE, 1, normal=normal, **options)
    with pytest.raises(ValueError, match="must lie between 0 and 3600"):
        Detector(RATE, 1, normal=normal, false_alarms_per_hour=0)
    with pytest.raises(ValueError, match="give equal"):
        Detector(RATE, 1, normal=normal).feed(np.zeros((1, 5)), np.zeros((1, 6)))
    with pytest.raises(ValueError, match="give equal"):
        Detector(RATE * 2, 1, normal=normal).feed(np.zeros((2, 5)), np.zeros((2, 5)))


def test_the_state_is_plain_json():
    import json

    detector = Detector(RATE, 1, normal=normal_from(), below_db=3)
    states, events = watch(detector, *noise(6, [20, 5, 20, 20, 20, 20]))
    for thing in [*states, *events]:
        json.dumps(thing.row(), allow_nan=False)
    assert states[1].row()["active"] is True
