"""The worker by itself, chunk by chunk: places, latency and ends, without a device or a thread."""

import threading
import time

import numpy as np
import pytest
import soxr
from duplex import RATE
from workbench import BLOCK, bench, noise

import audiocos
from audiocos.audio.aligned import Resampler
from audiocos.live import link as link_module
from audiocos.live import wires as rings
from audiocos.live.copier import Copier
from audiocos.live.duplex import Settings
from audiocos.live.link import Link
from audiocos.live.log import Log
from audiocos.live.parts import Asked, make_parts
from audiocos.live.pipeline import make_pipeline
from audiocos.live.session import Session
from audiocos.live.sources import SynthSource
from audiocos.live.wires import Choice, make_wires

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
    assert it.counters.dropped_samples == 1


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


@pytest.mark.parametrize(("live", "piped", "answered"), [(True, False, 3), (False, True, 3), (False, False, 0)])
def test_who_stops_gets_what_a_recorder_gave_until_then_and_of_a_file_what_was_answered(live, piped, answered):
    it = bench(live=live, piped=piped)
    it.turn(noise(512))
    it.wires.inlet.write(noise(3 * 512 + 100))
    it.stop.set()
    it.worker.run()
    more = answered * 512 + (100 if answered else 0)
    assert it.worker.given == it.worker.taken == it.measured() == 512 + more


@pytest.mark.parametrize("realtime", [True, False])
@pytest.mark.parametrize("piped", [True, False])
def test_a_session_of_a_pipe_takes_it_for_a_recorder(piped, realtime):
    source, stop = SynthSource("noise"), threading.Event()
    source.piped = piped
    asked = Asked(BLOCK, "low", "drop", realtime, None, "cpu")
    parts = make_parts(audiocos.load("exact"), source, None, asked, Choice(), [], [], stop=stop, done=threading.Event())
    parts.wires.inlet.write(noise(3 * 512 + 100))
    stop.set()
    parts.worker.run()
    assert parts.worker.given == (3 * 512 + 100 if piped else 0)


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
