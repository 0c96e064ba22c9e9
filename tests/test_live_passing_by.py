"""Sound that passes by the model because the worker is behind, and the model's new beginning after it."""

import time

import numpy as np
import pytest
from duplex import RATE
from workbench import BLOCK, bench, noise

from audiocos.audio.aligned import Resampler


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
    told = [event for event in it.log.read() if event.kind == "bypass"]
    assert sum(event.count for event in told) == it.counters.bypassed_samples and told[0].time_s == 11 * chunk / RATE


def test_hops_that_give_no_sound_yet_are_timed_too():
    it, turn = bench("exact-lapped", play_rate=RATE, overload="bypass"), iter(range(12))
    it.worker._is_behind = lambda: next(turn) % 2 == 0  # each time the model is tried it has a chunk only
    feed = it.pipeline.feed
    it.pipeline.feed = lambda x: (time.sleep(1.2 * it.times.deadline_s), feed(x))[1]
    for _ in range(12):
        it.turn(noise(it.pipeline.chunk))
    assert it.counters.late_hops == it.times.count == 6
    assert it.times.over_run().p50 > 1e3 * it.times.deadline_s


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


def test_outliers_of_sound_of_which_some_passed_by_are_told_at_their_time():
    it = bench(overload="bypass")
    it.worker._is_behind = lambda: it.worker.taken < 100 * 512
    for _ in range(101):
        it.turn(noise(512))
    assert [at_s for at_s, _ in it.times.outliers] == [pytest.approx(101 * 512 / RATE)]
