"""The worker by itself, chunk by chunk: places, latency and ends, without a device or a thread."""

import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest
import soxr
from duplex import RATE

import audiocos
from audiocos.audio.aligned import Resampler
from audiocos.live import link as link_module
from audiocos.live import wires as rings
from audiocos.live.copier import Copier
from audiocos.live.counters import Counters, HopTimes
from audiocos.live.duplex import Settings
from audiocos.live.engine import Worker
from audiocos.live.link import Link
from audiocos.live.log import Log
from audiocos.live.measure import Measure
from audiocos.live.pipeline import Pipeline, make_pipeline
from audiocos.live.session import Session
from audiocos.live.sources import SynthSource
from audiocos.live.wires import Choice, Wires, make_wires

BLOCK = 256


@dataclass
class Bench:
    """A worker and what it is wired to."""

    pipeline: Pipeline
    wires: Wires
    worker: Worker
    counters: Counters
    times: HopTimes
    log: Log
    choice: Choice
    done: threading.Event
    measure: Measure

    def turn(self, x):
        """Bring sound and let the worker take what is whole chunks."""
        assert self.wires.inlet.write(x) == x.shape[1]
        while self.wires.inlet.available >= self.pipeline.chunk:
            self.worker._meet_gaps(self.wires.inlet.available)
            self.worker._turn()

    def measured(self):
        """How much the meters have found when they run, now only."""
        self.done.set()
        self.measure.run()
        return self.measure.samples


def bench(name="exact", *, play_rate=None, live=True, overload="drop", converter=None, taps=()):
    """A worker at 48 kHz on one channel."""
    pipeline = make_pipeline(
        audiocos.load(name), RATE, 1, dtype=np.float32, device="cpu", block=BLOCK, fast=False, soon=live
    )
    wires = make_wires(pipeline, BLOCK, RATE, play_rate=play_rate, live=live)
    counters, times, log, choice = Counters(), HopTimes(pipeline.chunk / RATE), Log(RATE), Choice()
    worker = Worker(
        pipeline, wires, choice, counters, times, log, threading.Event(),
        lossless=not live, limit=None, overload=overload, block=BLOCK, converter=converter,
    )  # fmt: skip
    done = threading.Event()
    measure = Measure(
        wires.pairs, wires.unmetered, wires.paired, wires.wake, done,
        sample_rate=RATE, subtype=None, sink=None, choice=choice, taps=taps,
    )  # fmt: skip
    return Bench(pipeline, wires, worker, counters, times, log, choice, done, measure)


def noise(count, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (1, count)).astype(np.float32)


# A device that comes back


class Unplayed(Copier):
    """A device of a period as the callback sees it, called by the test."""

    gone, period, latency = False, BLOCK, 0

    def __init__(self, settings, inlet, play, counters, log, wake, *, drained, gaps):
        super().__init__(inlet, play, BLOCK, counters, log, drained=drained, gaps=gaps)

    def close(self):
        """Nothing to let go of."""


@pytest.mark.parametrize("name", ["exact", "exact-lapped", "exact-overlap", "speech-8k"])
def test_a_device_that_is_back_owes_nothing_for_what_is_inside_the_model(name, monkeypatch):
    monkeypatch.setattr(link_module, "Duplex", Unplayed)
    it = bench(name, play_rate=RATE)
    link = Link(
        Settings(None, None, RATE, BLOCK), it.wires, it.counters, Log(RATE), it.done,
        live=True, prefill=lambda period: it.pipeline.prefill(BLOCK, period),
        inside=lambda: it.worker.taken - it.worker.given,
    )  # fmt: skip
    link.open()
    out = np.zeros((BLOCK, 1), np.float32)
    for _ in range(400):
        link._duplex.take(noise(BLOCK).T, False)
        link._duplex.give(out, False)
        if it.wires.inlet.available >= it.pipeline.chunk:
            it.worker._turn()
    assert it.counters.zero_filled_samples == 0
    link.close()
    before = it.wires.inlet.written
    link.open(again=True)
    assert link._duplex.owed == 0
    assert it.wires.lost.next_place == before and it.wires.lost.take() == 1, "judges know of the splice"


# Meters that are late


@pytest.fixture
def hasty(monkeypatch):
    """Meters are missed after a second, no longer ten."""
    monkeypatch.setattr(rings, "_METER_S", 1.0)


@pytest.mark.parametrize("overload", ["drop", "bypass"])
def test_sound_is_as_long_as_it_was_however_late_its_meters_are(overload, hasty):
    chunks = 1400
    it = bench(overload=overload)
    if overload == "bypass":
        it.worker._is_behind = lambda: True
    for _ in range(chunks):
        it.turn(noise(512))
    it.worker._finish()
    assert it.counters.unmetered_samples + it.counters.bypassed_samples > 1024 * 512
    assert it.measured() == chunks * 512


def test_sound_that_meters_missed_is_silent_in_its_place(hasty):
    heard, clock = [], np.arange(1, 1400 * 512 + 1, dtype=np.float32)[None] / 2**21

    class Tap:
        def feed(self, x, y):
            heard.append(x.copy())

    it = bench(taps=[Tap()])
    for chunk in range(1400):
        it.turn(clock[:, chunk * 512 : (chunk + 1) * 512])
        if chunk == 1300:  # the meters wake up for a moment: what they missed is told, and what follows is measured
            it.measured()
    it.worker._finish()
    it.measured()
    x = np.concatenate(heard, axis=1)
    assert x.shape == clock.shape
    assert np.all((x == 0) | (x == clock))
    assert 0 < np.count_nonzero(x == 0) < x.size / 1.1
    assert np.all(x[:, -50 * 512 :] != 0)


def test_meters_work_right_after_a_hop_and_not_for_less_than_ten_milliseconds():
    it = bench()
    it.turn(noise(512))
    assert it.wires.paired.wait(0)
    short = bench("lapped-quarter")
    turns = []
    for _ in range(40):
        short.turn(noise(short.pipeline.chunk))
        turns.append(short.wires.paired.wait(0))
    least = round(0.01 * RATE)
    assert 0 < sum(turns) <= 40 * short.pipeline.chunk / least


# Ends


def test_a_converted_sound_that_ends_while_it_passes_by_ends():
    it = bench("speech-8k", overload="bypass")
    for _ in range(200):
        it.turn(noise(BLOCK))
    it.worker._is_behind = lambda: True
    it.turn(noise(BLOCK))
    it.wires.inlet.write(noise(100))
    it.worker._finish()
    assert it.worker.given == it.worker.taken == it.measured() == 201 * BLOCK + 100


def test_of_what_passes_by_the_residual_is_as_long_at_another_rate():
    it = bench(play_rate=16000, overload="bypass", converter=Resampler(RATE, 16000, 1, "float32"))
    it.choice.listen = "residual"
    it.worker._is_behind = lambda: True
    for _ in range(30):
        it.turn(noise(512))
    it.worker._finish()
    heard = np.ones((1, it.wires.play.available), np.float32)
    it.wires.play.read(heard)
    assert heard.shape[1] == 30 * 512 / 3 and not heard.any()


@pytest.mark.parametrize("rate", [16000, 44100])
def test_all_that_is_converted_is_heard_and_clipped_as_it_is_played(rate):
    x = np.sign(noise(20 * 512 + 100))  # full scale, beyond which a conversion goes
    it = bench(play_rate=rate, live=False, converter=Resampler(RATE, rate, 1, "float32"))
    heard = []

    def listen():
        heard.append(np.zeros((1, it.wires.play.available), np.float32))
        it.wires.play.read(heard[-1])

    for start in range(0, x.shape[1], 512):
        it.turn(x[:, start : start + 512])
        listen()
    it.worker._finish()
    listen()
    want = soxr.resample(x[0], RATE, rate, quality="VHQ")
    assert (np.abs(want) > 1.01).sum() > 100
    np.testing.assert_allclose(np.concatenate(heard, axis=1)[0], np.clip(want, -1, 1), atol=1e-5)
    assert it.counters.clipped_samples == pytest.approx((np.abs(want) > 1).sum(), abs=3)


# Passing by


def played(it):
    """All that lies in the ring to the device, `[samples]`."""
    heard = np.zeros((1, it.wires.play.available), np.float32)
    it.wires.play.read(heard)
    return heard[0]


@pytest.mark.parametrize("name", ["exact", "exact-lapped", "exact-overlap"])
def test_after_passing_by_the_model_begins_anew_and_all_is_in_its_place(name):
    pairs = []

    class Tap:
        def feed(self, x, y):
            pairs.append(np.concatenate([x, y]))

    it = bench(name, play_rate=RATE, overload="bypass", taps=[Tap()])
    chunk = it.pipeline.chunk
    x = noise(30 * chunk)
    it.worker._is_behind = lambda: 10 <= it.worker.taken // chunk < 15
    for start in range(0, x.shape[1], chunk):
        it.turn(x[:, start : start + chunk])
    it.worker._finish()
    np.testing.assert_allclose(played(it), x[0], atol=1e-5)
    assert it.measured() == x.shape[1]
    measured, y = np.concatenate(pairs, axis=1)
    np.testing.assert_allclose(y, measured, atol=1e-5)
    np.testing.assert_array_equal(measured[measured != 0], x[0, measured != 0])
    assert 5 * chunk <= np.count_nonzero(measured == 0) == it.counters.bypassed_samples < 8 * chunk


def test_hops_that_give_no_sound_yet_are_timed_too():
    it, turn = bench("exact-lapped", play_rate=RATE, overload="bypass"), iter(range(12))
    it.worker._is_behind = lambda: next(turn) % 2 == 0  # each time the model is tried it has a chunk only
    feed = it.pipeline.feed
    it.pipeline.feed = lambda x: (time.sleep(1.2 * it.times.deadline_s), feed(x))[1]
    for _ in range(12):
        it.turn(noise(it.pipeline.chunk))
    assert it.counters.late_hops == it.times.count == 6
    assert it.times.over_run().p50 > 1e3 * it.times.deadline_s


# What is heard


@pytest.mark.parametrize("hop", [64, 128, 256, 512])
def test_another_choice_of_what_to_hear_is_no_click_in_hops_of_any_length(hop):
    it, heard = bench(play_rate=RATE), np.zeros((1, 4 * hop), np.float32)
    x = np.full((1, hop), 0.5, np.float32)
    for listen in ("output", "input", "input", "output"):
        it.choice.listen = listen
        it.worker._player.play(x, -x)
    it.wires.play.read(heard)
    assert np.abs(np.diff(heard)).max() < 1.05 / min(hop - 1, 255)
    assert heard[0, [0, 2 * hop - 1, 2 * hop, -1]] == pytest.approx([-0.5, 0.5, 0.5, -0.5])


# When


def test_what_happens_after_a_loss_is_told_at_its_time():
    it = bench()
    it.turn(noise(512))
    lost = 2 * RATE
    assert it.wires.lost.note(it.wires.inlet.written, lost)
    it.wires.inlet.write(noise(2048))  # what is not taken yet is lost later
    assert it.wires.lost.note(it.wires.inlet.written, 5 * RATE)
    it.wires.inlet.write(noise(512))
    it.worker._meet_gaps(it.wires.inlet.available)
    it.log.read()
    feed = it.pipeline.feed
    it.pipeline.feed = lambda x: (time.sleep(0.05), feed(x))[1]
    it.worker._turn()
    it.pipeline.feed = feed
    at_s = (lost + 1024) / RATE
    (late,) = [event for event in it.log.read() if event.kind == "late_hop" and event.details["took_ms"] >= 50]
    assert late.time_s == pytest.approx(at_s)
    assert late.time_s in [at for at, _ in it.times.outliers]


def test_outliers_of_sound_of_which_some_passed_by_are_told_at_their_time():
    it = bench(overload="bypass")
    it.worker._is_behind = lambda: it.worker.taken < 100 * 512
    for _ in range(101):
        it.turn(noise(512))
    assert [at_s for at_s, _ in it.times.outliers] == [pytest.approx(101 * 512 / RATE)]


# Room


@pytest.mark.parametrize("period", [4096, 8192])
@pytest.mark.parametrize("name", ["exact", "exact-overlap"])
def test_what_comes_at_once_finds_room_whatever_the_rate(name, period):
    rate = 16000
    pipeline = make_pipeline(
        audiocos.load(name), rate, 1, dtype=np.float32, device="cpu", block=BLOCK, fast=False, soon=True
    )
    wires = make_wires(pipeline, BLOCK, rate, live=True)
    wires.inlet.write_silence(pipeline.chunk - 1)  # the worker waits for a chunk to be whole
    assert wires.inlet.write(noise(period)) == period


def test_what_finds_no_room_to_the_device_is_counted_apart_from_what_the_device_counts():
    it = bench(play_rate=RATE)
    assert it.wires.play.write_silence(it.wires.play.room - 100) > 512
    it.turn(noise(512))
    assert (it.worker.dropped, it.counters.dropped_samples) == (412, 0)
    session = Session(audiocos.load("exact"), SynthSource("noise"))
    session._worker._player.dropped, session._counters.dropped_samples = 412, 88
    assert session.counters.dropped_samples == 500


def test_a_file_that_waits_for_its_meters_keeps_little_for_them():
    def pairs(**settings):
        return make_wires(bench().pipeline, BLOCK, RATE, **settings).pairs.capacity

    assert pairs(live=True) == pairs(play_rate=RATE) == pairs() + 10 * RATE
