"""Meters: what they say agrees with the figures of whole signals, for every chunking, and is never NaN."""

import dataclasses
import math
import threading
import time

import numpy as np
import pytest
from monitored import metered, recording

import audiocos
from audiocos import signals
from audiocos.live.meters import Meters
from audiocos.live.waterfall import Waterfall, kept_hz


def pieces(length, seed):
    rng = np.random.default_rng(seed)
    edges = [0]
    while edges[-1] < length:
        edges.append(min(length, edges[-1] + int(rng.choice([1, 17, 64, 256, 1000, 5000]))))
    return zip(edges, edges[1:], strict=False)


def numbers(reading):
    """Every number that a reading holds."""
    for value in dataclasses.asdict(reading).values():
        for one in value.values() if isinstance(value, dict) else [value]:
            for part in one if isinstance(one, tuple) else [one]:
                if part is not None:
                    yield from np.ravel(part)


@pytest.mark.parametrize("model", ["exact", "lapped-quarter", "speech-8k"])
@pytest.mark.parametrize("name", ["guitar-chord.flac", "speech-demo.wav"])
def test_the_snr_of_the_run_is_that_of_the_whole_signal(model, name):
    x, rate = recording(name)
    y = audiocos.load(model).reconstruct(x)
    meters = Meters(rate, x.shape[0], model=audiocos.load(model))
    for start, stop in pieces(x.shape[1], 0):
        meters.feed(x[:, start:stop], y[:, start:stop])
    reading = meters.reading()
    assert reading.snr_run_db == pytest.approx(audiocos.compare(x, y).snr_db, abs=1e-9)
    assert reading.time_s == x.shape[1] / rate


def test_windows_hold_the_last_second_and_the_last_three():
    x, rate = recording("guitar-chord.flac", 5.0)
    y = audiocos.load("lapped-quarter").reconstruct(x)
    reading = metered(x, rate, "lapped-quarter").reading()
    for seconds, snr in ((1, reading.snr_db), (3, reading.snr_3s_db)):
        part = slice(x.shape[1] - seconds * rate, None)
        assert snr == pytest.approx(audiocos.compare(x[:, part], y[:, part]).snr_db, abs=1e-9)
    last = x[:, -rate:].astype(np.float64), y[:, -rate:].astype(np.float64)
    for dbfs, z in zip(
        (reading.input_dbfs, reading.output_dbfs, reading.residual_dbfs), (*last, last[0] - last[1]), strict=True
    ):
        assert dbfs == pytest.approx(10 * math.log10(np.square(z).mean()), abs=1e-9)
    now = x[:, -round(0.3 * rate) :].astype(np.float64)
    assert reading.input.now_dbfs == pytest.approx(10 * np.log10(np.square(now).mean(axis=1)), abs=1e-9)


def test_the_last_part_of_a_tick_counts():
    meters = Meters(8000, 1)
    meters.feed(np.full((1, 8000), 0.5), np.full((1, 8000), 0.4))
    meters.feed(np.full((1, 3), 0.5), np.full((1, 3), -0.5))
    reading = meters.reading()
    assert reading.snr_run_db == pytest.approx(10 * math.log10(8003 * 0.25 / (8000 * 0.01 + 3)))
    assert reading.snr_now_db < reading.snr_3s_db <= reading.snr_run_db < 13.97


def test_every_chunking_gives_the_same_pictures():
    x, rate = recording("drum-roll.flac")
    model = audiocos.load("lapped-quarter")
    y = model.reconstruct(x)
    readings = []
    for seed in range(3):
        meters = Meters(rate, 1, model=model)
        for start, stop in [(0, x.shape[1])] if seed == 0 else pieces(x.shape[1], seed):
            meters.feed(x[:, start:stop], y[:, start:stop])
        readings.append(meters.reading())
    for other in readings[1:]:
        for field in ("spectrum_input_db", "spectrum_residual_db", "waterfall", "snr_curve", "input", "residual"):
            np.testing.assert_equal(getattr(other, field), getattr(readings[0], field))


def test_before_the_first_sample_there_is_nothing_to_say():
    reading = Meters(48000, 2, model=audiocos.load("exact")).reading()
    assert reading.snr_db is reading.snr_run_db is reading.input_dbfs is reading.residual_dbfs is None
    assert reading.input.now_dbfs == reading.input.peak_dbfs == (None, None)
    assert reading.snr_curve == reading.waterfall == ()
    assert all(math.isfinite(number) for number in numbers(reading))


def test_silence_has_no_snr_and_an_exact_copy_has_levels_only():
    meters = Meters(8000, 1, model=audiocos.load("exact"))
    meters.feed(np.zeros((1, 8000)), np.zeros((1, 8000)))
    reading = meters.reading()
    assert reading.snr_db is reading.snr_now_db is reading.snr_run_db is reading.input_dbfs is None
    assert reading.snr_curve == (None,) * 5
    tone = signals.tone(8000, 8000.0)[None]
    meters.feed(tone, tone)
    reading = meters.reading()
    assert reading.snr_db is reading.residual_dbfs is None
    assert reading.input_dbfs == pytest.approx(10 * math.log10(0.405), abs=0.01)
    assert all(math.isfinite(number) for number in numbers(reading))


@pytest.mark.parametrize("odd", [np.nan, np.inf, 1e200])
def test_what_is_no_sound_does_not_spoil_what_follows(odd):
    x = signals.tone(16000, 8000.0)[None]
    y = 0.9 * x
    bad = y.copy()
    bad[0, 100] = odd
    meters = Meters(8000, 1, model=audiocos.load("exact"))
    meters.feed(x, bad)
    meters.feed(bad, y)
    meters.feed(x, y)
    reading = meters.reading()
    assert all(math.isfinite(number) for number in numbers(reading))
    assert reading.snr_db == pytest.approx(20.0, abs=1e-6)


def test_a_peak_is_held_for_two_seconds_and_then_falls_by_20_db_a_second():
    rate = 8000
    meters = Meters(rate, 2)
    click = np.zeros((2, rate // 50))
    click[1, 7] = -0.5
    meters.feed(click, click)
    levels = {}
    for tick in range(1, 200):
        meters.feed(np.zeros((2, rate // 50)), np.zeros((2, rate // 50)))
        silent, levels[tick] = meters.reading().input.peak_dbfs
        assert silent is None
    assert levels[1] == levels[100] == pytest.approx(-6.02, abs=0.01)
    assert levels[150] - levels[100] == pytest.approx(-20.0, abs=0.5)


def test_a_tone_at_full_scale_reads_0_db_in_its_band_and_its_residual_40_less():
    rate, frequency = 44100, 44100 / 2048 * 50  # the middle of a bin
    x = np.sin(2 * np.pi * frequency * np.arange(2 * rate) / rate)[None]
    meters = Meters(rate, 1)
    meters.feed(x, 0.99 * x)
    reading = meters.reading()
    loudest = int(reading.spectrum_input_db.argmax())
    assert reading.spectrum_input_db[loudest] == pytest.approx(0.0, abs=0.01)
    assert reading.spectrum_residual_db[loudest] == pytest.approx(-40.0, abs=0.01)
    assert reading.frequencies_hz[loudest] == pytest.approx(frequency, rel=0.05)


@pytest.mark.parametrize(("model", "rate"), [("exact", 48000), ("exact-lapped", 44100), ("speech-8k", 16000)])
def test_the_waterfall_shows_a_tone_where_it_is_and_how_loud(model, rate):
    meters = metered((0.5 * signals.tone(2 * rate, rate, frequency=800.0)[None]).astype(np.float32), rate, model)
    reading = meters.reading()
    row = reading.waterfall[-2]
    assert reading.waterfall_hz[row.argmax()] == pytest.approx(800.0, rel=0.08)
    assert -13.0 < row.max() < -4.0
    assert reading.waterfall_rows == len(reading.waterfall) == pytest.approx(2.0 / reading.waterfall_step_s, abs=1.5)


def test_the_waterfall_is_dark_where_the_model_has_no_coefficient():
    rate = 44100
    noise = signals.noise(rate, rate)[None].astype(np.float32)
    reading = metered(noise, rate, "lapped-quarter").reading()
    row, above = reading.waterfall[-1], reading.waterfall_hz > 1.1 * rate / 8
    assert (row[above] == -150.0).all()
    assert (row[~above & (reading.waterfall_hz < rate / 8)] > -60.0).all()


def test_the_frequency_up_to_which_coefficients_are_kept():
    model = audiocos.load("exact-lapped")
    assert kept_hz(model, 44100, None) == kept_hz(model, 44100, 256) == math.inf
    assert kept_hz(model, 44100, 64) == pytest.approx(63.5 / 256 * 22050)


def test_a_pair_too_large_to_run_twice_has_no_waterfall():
    model = audiocos.load("learned-512")
    assert Waterfall.can_show(model)
    size = 2**14
    big = audiocos.Model(audiocos.cosines.random(size, size, seed=0), audiocos.framing.block(size))
    assert not Waterfall.can_show(big)
    assert Meters(48000, 1, model=big).reading().waterfall_hz is None


def test_reset_forgets_all_but_the_time():
    x, rate = recording("speech-demo.wav", 2.0)
    meters = metered(x, rate, "lapped-quarter")
    meters.reset()
    reading = meters.reading()
    assert reading.time_s == 2.0
    assert reading.snr_run_db is reading.input_dbfs is None
    assert reading.snr_curve == reading.waterfall == ()
    assert (reading.spectrum_input_db == -150.0).all()
    meters.feed(x, 0.9 * x)
    assert meters.reading().snr_run_db == pytest.approx(20.0, abs=1e-4)


def test_more_than_two_channels_are_metered_one_by_one():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (5, 8000)) * np.array([[1.0], [0.1], [0.01], [0.0], [1.0]])
    meters = Meters(8000, 5, model=audiocos.load("exact"))
    meters.feed(x, 0.5 * x)
    reading = meters.reading()
    assert reading.input.now_dbfs == pytest.approx([-4.77, -24.77, -44.77, None, -4.77], abs=0.2)
    assert reading.snr_run_db == pytest.approx(6.02, abs=0.01)
    assert reading.waterfall


def test_shapes_that_do_not_fit_are_refused():
    meters = Meters(8000, 2)
    for of_x, of_y in (((1, 8), (1, 8)), ((2, 8), (2, 9)), ((8,), (8,))):
        with pytest.raises(ValueError, match=r"give equal \[2, samples\]"):
            meters.feed(np.zeros(of_x), np.zeros(of_y))


def test_one_thread_feeds_while_another_reads():
    x, rate = recording("guitar-chord.flac", 20.0)
    meters = Meters(rate, 2, model=audiocos.load("lapped-quarter"))
    feeder = threading.Thread(target=meters.feed, args=(x, 0.9 * x))
    feeder.start()
    times = []
    while feeder.is_alive():
        reading = meters.reading()
        times.append(reading.time_s)
        if reading.snr_run_db is not None:
            assert reading.snr_run_db == pytest.approx(20.0, abs=1e-4)
    assert times == sorted(times)
    assert meters.reading().time_s == 20.0


@pytest.mark.parametrize("model", ["exact-overlap", "learned-512", "speech-8k"])
def test_meters_take_well_under_a_fifth_of_a_core(model):
    x, rate = recording("guitar-chord.flac", 10.0)
    x = x.astype(np.float32)
    meters = Meters(48000, 2, model=audiocos.load(model))
    y = 0.9 * x
    began = time.thread_time()
    for start in range(0, x.shape[1], 512):
        meters.feed(x[:, start : start + 512], y[:, start : start + 512])
    assert time.thread_time() - began < 0.2 * x.shape[1] / 48000
