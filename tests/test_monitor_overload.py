"""What a live session does when it is too slow, and with sound that is none."""

import time

import numpy as np
import pytest
from duplex import RATE, duplex, paced, run_for, slowed
from jack_server import Lab, after_silence, delays, longest_match, wait_until

from audiocos.errors import OverloadError
from audiocos.live.gaps import DeviceClock

pytestmark = paced


@pytest.fixture
def lost_by_device(monkeypatch):
    """Samples that a busy machine's device lost by itself: they were never to be played."""
    lost, judge = [], DeviceClock.lost

    def noted(*arguments, **told):
        lost.append(judge(*arguments, **told))
        return lost[-1]

    monkeypatch.setattr(DeviceClock, "lost", noted)
    return lambda: sum(lost)


def test_a_slow_worker_is_counted_and_the_output_comes_back_to_its_place(lab, lost_by_device):
    session = duplex()
    session.start()
    slowed(session, 0.5, at=0.3)
    time.sleep(1.6)
    session.stop()
    counters = session.counters
    lost = 0.5 - 0.2  # the ring of the input holds 0.2 s
    assert counters.dropped_samples >= lost * RATE
    assert counters.zero_filled_samples >= 0.5 * RATE - 2 * 512
    # What was late is in its place again, but for what may just be late on a busy machine.
    assert 0 <= counters.zero_filled_samples - (counters.dropped_samples - lost_by_device()) <= 2048
    assert counters.late_hops >= 1
    assert counters.input_overflows >= lost * RATE / 256 - 1
    assert counters.output_underflows >= 0.5 * RATE / 256 - 4
    assert counters.unmetered_samples == 0
    at_s, took_ms = session.hop_times.outliers[0]
    assert 500 <= took_ms == session.hop_times.over_run().max
    assert 0.2 < at_s < 1.0
    assert {"input_overflow", "output_underflow"} <= {event.kind for event in session.events}
    late = [event for event in session.events if event.kind == "late_hop"]
    assert max(event.details["took_ms"] for event in late) == pytest.approx(took_ms, abs=0.001)
    found = delays(*after_silence(*lab.finish()))
    assert np.median(found) == session.latency.total


def test_on_overload_bypass_lets_sound_pass_by_and_keeps_its_place(lab, lost_by_device):
    session = duplex("lapped-quarter", overload="bypass")
    session.start()
    slowed(session, 0.15, at=0.3)
    time.sleep(0.8)
    passed = session.counters.bypassed_samples
    session.stop()
    assert passed >= 0.05 * RATE
    assert session.counters.dropped_samples - lost_by_device() <= session.counters.zero_filled_samples
    assert any(event.kind == "bypass" for event in session.events)
    # What is measured leaves the bypassed out: it would be perfect.
    assert session.figures.samples < session._worker.taken
    # The model begins anew: a quarter of the noise, where it was.
    found = delays(*after_silence(*lab.finish()), share=0.15)
    assert np.median(found) == session.latency.total


def test_a_model_that_misses_each_deadline_by_little_is_bypassed_and_not_silent(lab):
    session = duplex(overload="bypass")
    feed = session._pipeline.feed
    session.start()
    session._pipeline.feed = lambda x: (time.sleep(0.0065), feed(x))[1]  # of 10.7 ms; the device wants it after 5.3
    time.sleep(1.5)
    session.stop()
    counters = session.counters
    assert counters.late_hops <= 2 + 0.2 * session.hop_times.count
    assert counters.bypassed_samples >= 0.5 * RATE
    assert counters.zero_filled_samples <= 0.1 * RATE  # without: a fifth of all
    assert counters.dropped_samples <= 0.1 * RATE
    found = delays(*lab.finish())
    assert np.median(found) == session.latency.total


def test_on_overload_fail_stops(lab):
    session = duplex(overload="fail")
    session.start()
    slowed(session, 0.4, at=0.3)
    wait_until(lambda: session.ended)
    with pytest.raises(OverloadError, match="The model could not keep up: .* samples dropped, .* of silence"):
        session.stop()


def test_nan_and_infinity_from_a_device_are_silent_and_nothing_else_is(jackd, tmp_path):
    with Lab(tmp_path, spoilt="invalid") as lab:
        session = duplex()
        run_for(session, 0.7)
        times, heard = lab.finish()
    assert np.isfinite(heard).all()
    start, length = longest_match(times, heard, session.latency.total)
    assert length == 998  # what lies between one pair of them and the next
    pairs = heard[:, [start - 2, start - 1, start + length, start + length + 1]]
    assert np.abs(pairs).max() < 1e-5
    assert session.counters.sanitized_samples >= 2 * 2 * 0.4 * RATE / 1000
    assert any(event.kind == "sanitized" for event in session.events)


def test_output_100_db_too_loud_is_clipped_and_counted(jackd, tmp_path):
    with Lab(tmp_path, spoilt="loud") as lab:
        session = duplex()
        run_for(session, 0.7)
        _, heard = lab.finish()
    assert np.abs(heard).max() == 1.0
    assert session.counters.clipped_samples > 0.9 * 2 * session.figures.samples * 0.5
