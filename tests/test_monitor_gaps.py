"""Sound that a device loses: sized by its clock, counted, and silent in its place; what follows keeps its time."""

import json
import os
import signal
import subprocess
import threading
import time

import numpy as np
import pytest
import soundfile
from duplex import COMMAND, RATE, paced
from jack_lab import PERIOD, sound

import audiocos
from audiocos.live.copier import Copier
from audiocos.live.counters import Counters, HopTimes
from audiocos.live.engine import Worker
from audiocos.live.gaps import DeviceClock, Gaps
from audiocos.live.log import Log
from audiocos.live.measure import Measure
from audiocos.live.pipeline import make_pipeline
from audiocos.live.ring import Ring
from audiocos.live.wires import Choice, make_wires


def losses(events, calls=4000, block=256, period=256, whole=True, fast=0.0, seed=0):
    """What a clock of a trembling device says, `{call: samples}`; events: `{call: (lost, told)}`, in samples."""
    clock, rng, found, at = DeviceClock(RATE, period, whole=whole), np.random.default_rng(seed), {}, 0
    for call in range(calls):
        lost, told = events.get(call, (0, False))
        at += lost
        late = rng.uniform(0, 240) if rng.random() < 0.3 else rng.uniform(0, 10)
        recorded_s = at * (1 + fast) / RATE + late / RATE
        if size := clock.lost(recorded_s, recorded_s + 77.0 + rng.uniform(0, 100) / RATE, block, told=told):
            found[call] = size
        at += block
    return found


@pytest.mark.parametrize("seed", range(3))
def test_trembling_and_harmless_words_of_the_device_are_no_loss(seed):
    told = {call: (0, True) for call in range(20, 4000, 7)}
    assert losses(told, seed=seed) == {}
    assert losses(told, seed=seed, whole=False, fast=5e-5, calls=8000) == {}


@pytest.mark.parametrize("seed", range(3))
def test_a_loss_that_the_device_speaks_of_is_sized_to_the_sample(seed):
    lost = {100: (256, True), 300: (1024, False), 301: (0, True), 900: (512, True)}
    assert sum(losses(lost, seed=seed).values()) == 256 + 1024 + 512
    assert all(min(abs(call - at) for at in lost) <= 3 for call in losses(lost, seed=seed))


def test_a_long_loss_needs_no_word_and_is_found_at_once():
    assert losses({500: (23552, False)}) == {500: 23552}
    (found,) = losses({500: (23500, False)}, whole=False).items()
    assert found == (500, pytest.approx(23500, abs=300))


def test_a_clock_that_jumps_alone_or_begins_anew_has_lost_nothing():
    clock = DeviceClock(RATE, 256, whole=True)
    for call in range(200):
        now_s = call * 256 / RATE
        recorded_s = now_s + (3.0 if call >= 100 else 0.0) - (2**32 / RATE if call >= 150 else 0.0)
        assert clock.lost(recorded_s, now_s, 256, told=True) == 0


class Heard:
    def __init__(self):
        self.pieces = []

    def feed(self, x, y):
        self.pieces.append(np.concatenate([x, y]))


def through(blocks, *, limit=None, overload="drop"):
    """Blocks of a device, `(samples lost before, block)`, through callback, worker and meters; what a tap is fed."""
    pipeline = make_pipeline(
        audiocos.load("exact"), RATE, 1, dtype=np.float32, device="cpu", block=256, fast=False, soon=True
    )
    wires, counters, log, heard = make_wires(pipeline, 256, RATE, live=True), Counters(), Log(RATE), Heard()
    copier = Copier(wires.inlet, None, 256, counters, log, gaps=wires.lost)
    for lost, block in blocks:
        copier.take(block.T, False, lost)
        copier.position += 256  # as a device does
    wires.closed.set()
    choice, done = Choice(), threading.Event()
    Worker(
        pipeline, wires, choice, counters, HopTimes(1.0), log, threading.Event(),
        lossless=False, limit=limit, overload=overload, block=256,
    ).run()  # fmt: skip
    done.set()
    measure = Measure(
        wires.pairs, wires.unmetered, wires.paired, wires.wake, done,
        sample_rate=RATE, subtype=None, sink=None, choice=choice, taps=[heard],
    )  # fmt: skip
    measure.run()
    return np.concatenate(heard.pieces, axis=1), measure, counters, log.read()


def ramp_blocks(count, lost):
    """Blocks of a ramp in which every sample says when it was; `{block: samples lost before}`."""
    at, blocks = 1, []
    for i in range(count):
        at += lost.get(i, 0)
        blocks.append((lost.get(i, 0), np.arange(at, at + 256, dtype=np.float32)[None] / 2**18))
        at += 256
    return blocks


def in_its_place(x):
    """Whether each sample is silent or says its own place."""
    said = np.round(x * 2**18).astype(int)
    return np.all((said == 0) | (said == np.arange(1, said.size + 1)))


def test_lost_sound_is_silence_of_its_length_and_what_follows_keeps_its_time():
    pairs, measure, counters, events = through(ramp_blocks(20, {3: 512, 9: 70_000, 10: 5}))
    assert pairs.shape[1] == measure.samples == 20 * 256 + 512 + 70_005
    assert measure.figures.figures().samples == 20 * 256
    assert in_its_place(pairs[0])
    assert counters.dropped_samples == 70_517
    assert [(event.count, round(event.time_s * RATE)) for event in events] == [
        (512, 3 * 256), (70_000, 9 * 256 + 512), (5, 10 * 256 + 70_512),
    ]  # fmt: skip


def test_a_loss_that_the_device_speaks_of_before_it_has_a_size_counts_once():
    told, found = {100: (256, True), 300: (23552, False), 600: (512, True)}, {}
    sizes = losses(told)
    assert all(sizes.get(call, 0) < told[call][0] for call in (100, 600)), "sized a little later"
    copier = Copier(Ring(1, 256 * 2000), None, 256, counters := Counters(), log := Log(RATE))
    block = np.zeros((256, 1), np.float32)
    for call in range(1000):
        copier.take(block, told.get(call, (0, False))[1], sizes.get(call, 0))
        copier.position += 256
        found[call] = counters.input_overflows
    assert counters.dropped_samples == 256 + 23552 + 512
    assert (found[99], found[100], found[299], found[500], found[999]) == (0, 1, 1, 2, 3)
    assert [event.count for event in log.read()] == [0, 256, 23552, 0, 512]


@pytest.mark.parametrize("limit", [3 * 256, 3 * 256 + 100, 3 * 256 + 512, 5 * 256])
def test_seconds_count_what_was_lost(limit):
    pairs, measure, _, _ = through(ramp_blocks(8, {3: 512}), limit=limit)
    assert pairs.shape[1] == measure.samples == limit
    assert in_its_place(pairs[0])


def test_what_finds_no_room_keeps_its_place_too():
    count = 60  # 15360 samples, and 9600 find room
    blocks = ramp_blocks(count, {})
    pairs, _, counters, _ = through([*blocks[:-2]])
    assert (
        counters.dropped_samples == (count - 2) * 256 - pairs.shape[1] > 0
    )  # nothing follows: nothing to keep in place
    assert in_its_place(pairs[0])


def test_what_passes_by_the_model_keeps_its_place_in_recordings():
    pairs, measure, counters, _ = through(ramp_blocks(37, {5: 512}), overload="bypass")
    assert counters.bypassed_samples > 0
    assert measure.samples == pairs.shape[1] == 37 * 256 + 512
    assert in_its_place(pairs[0])


def test_more_gaps_than_there_is_room_for_wait():
    gaps = Gaps(2)
    assert [gaps.note(place, 1) for place in (3, 4, 5)] == [True, True, False]
    assert (gaps.next_place, gaps.take(), gaps.next_place) == (3, 1, 4)
    assert gaps.note(5, 2)
    assert [gaps.take(), gaps.next_place, gaps.take(), gaps.next_place] == [1, 5, 2, None]


class TestOnADevice:
    """On JACK's paced device."""

    pytestmark = paced

    def test_a_monitor_that_was_stopped_for_half_a_second_counts_it_and_keeps_its_time(self, lab, tmp_path):
        take = tmp_path / "take.wav"
        command = [
            *COMMAND,
            "monitor",
            "mic:feeder",
            "-o",
            str(take),
            "--listen",
            "input",
            "--seconds",
            "2.5",
            "--json",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            process.stdout.readline()  # the first second
            os.kill(process.pid, signal.SIGSTOP)
            time.sleep(0.5)
            os.kill(process.pid, signal.SIGCONT)
            lines = [json.loads(line) for line in process.stdout]
        summary, (taken, _) = lines[-1], soundfile.read(take, dtype="float32", always_2d=True)
        assert process.returncode == 0
        assert len(taken) == round(summary["time_s"] * RATE) == 2.5 * RATE
        assert summary["dropped_samples"] >= 0.45 * RATE
        assert any(event.get("count", 0) >= 0.45 * RATE for event in summary["events"])
        silent = np.count_nonzero((taken == 0).all(axis=1))
        assert silent == summary["dropped_samples"]
        before, after = (place_of(taken, at) for at in (int(0.5 * RATE), len(taken) - 4000))
        # A busy machine's JACK is late now and then, which is lost time but not lost frames.
        assert abs((after - before + PERIOD // 2) % PERIOD - PERIOD // 2) <= 2048


def place_of(taken, at):
    """By how much what was taken from a sample on lies behind the feeder's sound."""
    period = np.concatenate([sound(), sound()], axis=1)
    for start in range(at, at + 3000, 100):
        for place in np.flatnonzero(np.abs(period[0, :PERIOD] - taken[start, 0]) < 1e-6):
            if np.allclose(period[:, place : place + 100], taken[start : start + 100].T, atol=1e-5):
                return int(place - start) % PERIOD
    raise AssertionError("no sound of the feeder's")
