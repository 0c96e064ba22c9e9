"""Rings, pre-fill, the callback's copying, counters: without a device."""

import math
import sys
import threading

import numpy as np
import pytest

import audiocos
from audiocos.live.copier import FADE, Copier
from audiocos.live.counters import Counters, HopTimes
from audiocos.live.log import Log
from audiocos.live.pipeline import make_pipeline
from audiocos.live.prefill import least_prefill, prefill_of
from audiocos.live.ring import Ring, Signal


def test_a_ring_gives_back_what_was_written_in_any_pieces():
    rng = np.random.default_rng(0)
    ring, sent, got = Ring(2, 100), [], []
    for _ in range(2000):
        block = rng.standard_normal((2, rng.integers(0, 130))).astype(np.float32)
        room = ring.room
        taken = ring.write(block)
        assert taken == min(room, block.shape[1])
        sent.append(block[:, :taken])
        out = np.empty((2, rng.integers(0, 130)), np.float32)
        there = ring.available
        count = ring.read(out)
        assert count == min(there, out.shape[1])
        got.append(out[:, :count])
    rest = np.empty((2, 100), np.float32)
    got.append(rest[:, : ring.read(rest)])
    np.testing.assert_array_equal(np.concatenate(got, axis=1), np.concatenate(sent, axis=1))


@pytest.fixture
def restless():
    """Threads that take turns as often as they can: a slip that lasts for some lines is met."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_a_ring_between_two_threads_loses_nothing(restless):
    ring, total = Ring(1, 1024), 100_000
    got = np.empty((1, total), np.float32)

    def read():
        done = 0
        while done < total:
            done += ring.read(got[:, done : done + 50])

    reader = threading.Thread(target=read)
    reader.start()
    sent = np.arange(total, dtype=np.float32)[None]
    done = 0
    while done < total:
        done += ring.write(sent[:, done : done + 37])
    reader.join()
    np.testing.assert_array_equal(got, sent)


def test_silence_and_skipping():
    ring = Ring(1, 10)
    ring.write(np.ones((1, 8), np.float32))
    assert ring.skip(7) == 7
    assert ring.write_silence(20) == 9
    out = np.full((1, 10), 5, np.float32)
    assert ring.read(out) == 10
    assert out.tolist() == [[1.0] + [0.0] * 9]
    assert ring.skip(3) == 0


def test_a_signal_wakes_once_and_may_be_set_twice():
    signal = Signal()
    assert not signal.wait(0.01)
    signal.set()
    signal.set()
    assert signal.wait(0.01)
    assert not signal.wait(0.01)


# Pre-fill


def underflows(block, hop, prefill, callbacks=400, period=0, feed=lambda x: x):
    """Blocks that come too short when the worker does all that it can between two callbacks; the real callback."""
    inlet, play, counters = Ring(1, 100_000), Ring(1, 100_000), Counters()
    copier = Copier(inlet, play, block, counters, Log(48000))
    play.write_silence(prefill)
    blank, out, turned = (
        np.ones((block, 1), np.float32),
        np.empty((block, 1), np.float32),
        np.ones((1, hop), np.float32),
    )
    called = cycles = 0
    while called < callbacks:
        cycles += 1
        due = cycles * max(period, block) // block
        for _ in range(due - called):
            copier.take(blank, False)
            copier.give(out, False)
        called = due
        while inlet.available >= hop:
            inlet.read(turned)
            play.write(feed(turned))
    return counters.output_underflows


@pytest.mark.parametrize("block", [1, 60, 64, 100, 147, 256, 512, 1000])
@pytest.mark.parametrize("hop", [1, 13, 100, 128, 256, 1024])
def test_the_prefill_is_the_least_that_can_work(block, hop):
    least = least_prefill(block, hop)
    callbacks = math.lcm(block, hop) // block + 2
    assert underflows(block, hop, least, callbacks) == 0
    assert underflows(block, hop, least - 1, callbacks) > 0


@pytest.mark.parametrize(("block", "hop"), [(100, 256), (256, 100), (7, 64), (512, 512)])
def test_the_counted_prefill_is_the_formula_where_there_is_one(block, hop):
    assert prefill_of(block, hop, [hop * j for j in range(2000)]) == least_prefill(block, hop)


@pytest.mark.parametrize(
    ("period", "block"), [(1024, 256), (256, 100), (256, 147), (512, 64), (1024, 1000), (64, 256), (256, 256)]
)
@pytest.mark.parametrize("hop", [13, 100, 256, 512, 1024])
def test_a_period_of_several_blocks_is_in_the_prefill(period, block, hop):
    least = least_prefill(block, hop, period)
    callbacks = math.lcm(block, hop, period) // block + 2
    assert underflows(block, hop, least, callbacks, period) == 0
    assert underflows(block, hop, least - 1, callbacks, period) > 0
    written = [hop * j for j in range(1 + math.lcm(block, hop, period) * 2 // hop)]
    assert prefill_of(block, hop, written, period) == least


@pytest.mark.parametrize(("rate", "period"), [(44100, 256), (48000, 1024)])
def test_the_prefill_of_converted_sound_is_enough_for_the_real_thing_and_little_more(rate, period):
    settings = {"dtype": np.float32, "device": "cpu", "block": 256, "fast": False, "soon": True}
    pipeline = make_pipeline(audiocos.load("speech-8k"), rate, 1, **settings)
    least = pipeline.prefill(256, period)
    callbacks = 11 * rate // 256  # longer than was counted
    assert underflows(256, pipeline.chunk, least, callbacks, period, pipeline.feed) == 0
    pipeline.restart()
    assert underflows(256, pipeline.chunk, least - 3, callbacks // 4, period, pipeline.feed) > 0


# The callback


@pytest.fixture
def device():
    """A callback of 256 samples in stereo between rings."""
    inlet, play, counters = Ring(2, 4096), Ring(2, 4096), Counters()
    log = Log(48000)
    copier = Copier(inlet, play, 256, counters, log)

    def call(indata=None):
        copier.take(np.zeros((256, 2), np.float32) if indata is None else indata, False)
        out = np.full((256, 2), np.nan, np.float32)
        copier.give(out, False)
        copier.position += 256
        return out.T

    return inlet, play, counters, log, call


def ramp(start, count):
    """Two channels in which every sample says its place."""
    return np.stack([np.arange(start, start + count), -np.arange(start, start + count)]).astype(np.float32)


def test_an_underrun_fades_out_counts_and_keeps_its_place(device):
    inlet, play, counters, log, call = device
    play.write(np.full((2, 356), 0.5, np.float32))
    call()
    short = call()
    assert (short[:, :100] == 0.5).all()
    fade = short[0, 100 : 100 + FADE]
    assert (np.diff(fade) < 0).all()
    assert 0.45 < fade[0] < 0.5
    assert 0 < fade[-1] < 0.01
    assert (short[:, 100 + FADE :] == 0).all()
    assert (counters.output_underflows, counters.zero_filled_samples, counters.dropped_samples) == (1, 156, 0)
    event = log.read()[0]
    assert (event.kind, event.time_s, event.text) == (
        "output_underflow", 256 / 48000, "output underflow: 156 samples of silence",
    )  # fmt: skip
    # What was late comes, and 156 samples of it are over: they are dropped, and the rest is in its place, faded in.
    play.write(ramp(0, 1000))
    back = call()
    np.testing.assert_array_equal(back[:, FADE:], ramp(156 + FADE, 256 - FADE))
    assert abs(back[0, 0]) < 0.02 * 156
    assert counters.dropped_samples == 156
    np.testing.assert_array_equal(call(), ramp(156 + 256, 256))


def test_a_file_waits_where_it_is_late_and_loses_nothing():
    play, counters, sent = Ring(1, 4096), Counters(), 0
    copier, out = Copier(None, play, 256, counters, Log(48000)), np.empty((256, 1), np.float32)
    for call in range(40):
        if call % 4 != 1:  # a machine that is too slow at first, and faster later
            play.write(ramp(1 + sent, 300)[:1])
            sent += 300
        copier.give(out, False)
    assert (counters.output_underflows > 0, counters.dropped_samples) == (True, 0)
    assert 40 * 256 - counters.zero_filled_samples == sent - play.available
    while play.available >= 256:
        copier.give(out, False)
    assert out[-1, 0] == sent - play.available


def test_lost_input_becomes_silence_of_the_same_length(device):
    inlet, play, counters, log, call = device
    while inlet.room >= 256:
        play.write(np.ones((2, 256), np.float32))
        call(np.ones((256, 2), np.float32))
    play.write(ramp(1, 512))
    call(np.ones((256, 2), np.float32))
    assert (counters.input_overflows, counters.dropped_samples) == (1, 256)
    assert "256 samples lost" in log.read()[0].text
    # The output that follows must not come 256 samples early.
    assert counters.zero_filled_samples == 256
    inlet.skip(4096)
    np.testing.assert_array_equal(call()[:, FADE:], ramp(1, 256)[:, FADE:])


@pytest.mark.parametrize("block", [16, 100, 256])
def test_no_fade_jumps(block):
    """However short the sound and the silence between, and where the device's blocks end."""
    play, counters, rng = Ring(2, 4096), Counters(), np.random.default_rng(0)
    copier, heard = Copier(None, play, block, counters, Log(48000)), [np.zeros((1, 2), np.float32)]
    for _ in range(1000):
        play.write(np.full((2, max(0, rng.integers(0, 2 * block) - play.available)), 0.8, np.float32))
        out = np.empty((block, 2), np.float32)
        copier.give(out, False)
        if rng.random() < 0.02:
            copier.owed = int(rng.integers(-20, 20))
        heard.append(out)
    assert counters.output_underflows > 20
    assert np.ptp(np.concatenate(heard)) == pytest.approx(0.8)
    assert np.abs(np.diff(np.concatenate(heard), axis=0)).max() < 0.8 / FADE


# Figures


def test_hop_times_agree_with_numpy():
    rng = np.random.default_rng(0)
    times = HopTimes(deadline_s=0.01)
    seconds = rng.lognormal(-6, 0.5, 20_000)
    seconds[12_345] = 0.5
    late = sum(times.add(value, i * 0.01) for i, value in enumerate(seconds))
    assert late == times.late == (seconds > 0.01).sum()
    p50, p99, longest = times.over_run()
    assert p50 == pytest.approx(np.percentile(seconds, 50) * 1e3, rel=0.011)
    assert p99 == pytest.approx(np.percentile(seconds, 99) * 1e3, rel=0.011)
    assert times.quantile(0.999) == pytest.approx(np.percentile(seconds, 99.9) * 1e3, rel=0.03)
    assert longest == seconds.max() * 1e3
    recent = seconds[-1000:] * 1e3
    assert tuple(times.last(10.0)) == pytest.approx((*np.percentile(recent, [50, 99]), recent.max()))
    outliers = times.outliers
    assert outliers[0] == (pytest.approx(12_345 * 0.01), 500.0)
    np.testing.assert_allclose([ms for _, ms in outliers], np.sort(seconds)[::-1][:32] * 1e3)


def test_the_last_seconds_are_seconds_of_sound_however_few_hops_were_timed_in_them():
    times = HopTimes(deadline_s=0.01)
    for at_s, seconds in ((1.0, 0.5), (2.0, 0.4), (11.5, 0.001), (11.75, 0.003), (12.0, 0.002)):  # the others passed by
        times.add(seconds, at_s)
    assert tuple(times.last(10.0))[::2] == pytest.approx((2.0, 3.0))
    assert times.last(0.3).max == pytest.approx(3.0)
    assert times.last(0.1).max == times.last(0.001).max == pytest.approx(2.0)
    long = HopTimes(deadline_s=30.0)  # a group of long hops at a low rate
    long.add(1.0, 30.0)
    assert long.last(10.0).max == pytest.approx(1000.0)


def test_there_are_no_hop_times_before_the_first_hop():
    times = HopTimes(0.01)
    assert times.over_run() is times.last(10.0) is None
    with pytest.raises(ValueError, match="no hop has been timed yet"):
        times.quantile(0.5)


def test_a_full_log_counts_what_it_cannot_keep():
    log = Log(1000, capacity=4)
    for i in range(6):
        log.note("input_overflow", i * 100, i)
    assert [event.time_s for event in log.read()] == [0.0, 0.1, 0.2, 0.3]
    assert log.missed == 2
    assert log.read() == []
