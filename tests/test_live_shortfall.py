"""Whose fault it is that sound is missing: `--on-overload fail` ends a session for the worker's only."""

from types import SimpleNamespace

import numpy as np
import pytest
from duplex import RATE
from workbench import BLOCK, bench, noise

from audiocos.errors import OverloadError
from audiocos.live import shortfall
from audiocos.live.copier import Copier
from audiocos.live.log import Log


@pytest.fixture
def pause(monkeypatch):
    """Have the worker's clock stand still but for so many deadlines."""
    now_s = [0.0]
    monkeypatch.setattr(shortfall, "time", SimpleNamespace(perf_counter=lambda: now_s[0]))

    def go_on(it, deadlines):
        now_s[0] += deadlines * it.times.deadline_s

    return go_on


def device(it, live=True):
    """A callback between the rings of a bench, and one that plays a block."""
    copier = Copier(it.wires.inlet if live else None, it.wires.play, BLOCK, it.counters, Log(RATE))
    out = np.empty((BLOCK, 1), np.float32)
    return copier, lambda: copier.give(out, False)


def test_what_a_device_loses_and_what_it_is_owed_when_it_is_back_is_not_the_models_fault():
    it = bench(play_rate=RATE, overload="fail")
    copier, play = device(it)
    it.wires.play.write_silence(it.pipeline.prefill(BLOCK))

    def call(times, lost=0):
        for _ in range(times):
            copier.take(noise(BLOCK).T, False, lost)
            play()

    for _ in range(20):
        call(1, lost=100)
        copier.owed = -30
        call(1)
        it.worker._turn()
    assert (it.counters.dropped_samples, it.counters.zero_filled_samples) == (2000, 600)
    call(60)
    refused, short = it.wires.inlet.refused, it.wires.play.short
    assert refused == 60 * BLOCK - it.wires.inlet.capacity
    assert 0 < short < it.counters.zero_filled_samples
    text = f"The model could not keep up: {refused} samples dropped, {short} of silence, in {21 * 512} samples. "
    with pytest.raises(OverloadError, match=text):
        it.worker._turn()


@pytest.mark.parametrize("slow", [False, True])
def test_of_a_pipe_that_stalls_only_what_the_model_was_too_slow_for_is_its_fault(slow, pause):
    it = bench(play_rate=RATE, live=False, overload="fail")
    _, play = device(it, live=False)
    feed = it.pipeline.feed

    def fed(x):
        late = slow and it.worker.taken == 8 * 512
        pause(it, 1.2 if late else 0.1)
        for _ in range(3 if late else 1):
            play()
        return feed(x)

    def sound():
        it.wires.inlet.write(noise(512))
        play()

    def waits():
        """What happens each time that the worker waits."""
        for act in [*[sound] * 5, lambda: pause(it, 6), *[play] * 20, *[sound] * 5]:
            yield act()
        yield it.wires.closed.set()

    it.pipeline.feed, script = fed, waits()
    it.wires.wake.wait = lambda seconds: next(script)
    if slow:
        with pytest.raises(OverloadError, match="up: 0 samples dropped, 512 of silence, in 4608 samples"):
            it.worker.run()
    else:
        it.worker.run()
        assert it.worker.given == 10 * 512
    assert it.wires.play.short > 10 * BLOCK


def test_what_the_meters_hold_up_is_not_the_models_fault(pause):
    it = bench(play_rate=RATE, live=False, overload="fail")
    _, play = device(it, live=False)
    it.wires.pairs.write_silence(it.wires.pairs.room - 100)

    def meters(seconds):
        pause(it, 2)
        for _ in range(3):
            play()
        it.wires.pairs.skip(RATE)

    it.wires.wake.wait = meters
    it.turn(noise(512))
    it.turn(noise(512))
    assert it.wires.play.short == BLOCK


def test_a_file_whose_worker_waits_for_room_and_then_is_late_is_late(pause):
    it = bench(play_rate=RATE, live=False, overload="fail")
    _, play = device(it, live=False)
    feed = it.pipeline.feed

    def fed(x):
        if it.worker.taken == 20 * 512:
            pause(it, 10)
            for _ in range(20):
                play()
        return feed(x)

    def wait(seconds):
        pause(it, 0.5)
        play()

    it.pipeline.feed, it.wires.wake.wait = fed, wait
    for _ in range(20):
        it.turn(noise(512))
    late = it.wires.play.short
    assert 0 < late < 2 * 512
    with pytest.raises(OverloadError, match=f"0 samples dropped, {late} of silence"):
        it.turn(noise(512))
