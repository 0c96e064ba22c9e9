"""`audiocos monitor` on a real paced full-duplex device: JACK's dummy driver, through PortAudio."""

import json
import subprocess
import time

import numpy as np
import pytest
import soundfile
from duplex import COMMAND, RATE, assert_delay, duplex, paced, run_for, slowed
from jack_lab import PERIOD, sound
from jack_server import Lab, delays, fed, longest_match, server, sounding, wait_until

import audiocos
from audiocos.errors import SoundDeviceError
from audiocos.live import watch
from audiocos.live.loop import measure_loop
from audiocos.live.ports import speakers
from audiocos.live.prefill import least_prefill
from audiocos.live.session import Session
from audiocos.live.sources import FileSource, SynthSource

pytestmark = paced


@pytest.mark.parametrize(
    ("model", "block", "latency"),
    [("exact", 256, "low"), ("exact", 64, "low"), ("exact-lapped", 512, "low"), ("exact-overlap", 100, "high")],
)
def test_the_output_is_the_input_delayed_by_the_reported_latency(lab, model, block, latency):
    session = duplex(model, block=block, latency=latency)
    run_for(session, 1.0)
    loaded = audiocos.load(model)
    hop = loaded.framing.hop
    assert session.latency.algorithmic == loaded.framing.latency()
    slack = -(-int(0.02 * RATE) // block) * block if latency == "high" else 0
    assert session.latency.buffering == least_prefill(block, hop, 256) - hop + 1 + slack
    assert session.latency.device == block  # PortAudio's, for fitting JACK's blocks to ours
    assert_delay(lab, session)


@pytest.mark.parametrize(
    ("period", "block", "model"), [(1024, 256, "exact"), (256, 100, "exact-overlap"), (4096, 64, "exact")]
)
def test_a_period_that_is_no_block_breaks_nothing_up(tmp_path, period, block, model):
    with server(period=period), Lab(tmp_path) as lab:
        session = duplex(model, block=block, overload="bypass")
        run_for(session, 1.5)
        assert session._link.prefill == session._pipeline.prefill(block, period)
        assert_delay(lab, session)


def test_events_of_a_device_are_told_by_its_own_rate(lab):
    session = Session(
        audiocos.load("exact"),
        SynthSource("tone", 8000),
        speakers("recorder", sample_rate=8000, channels=1),
        seconds=1.5,
    )
    session.start()
    slowed(session, 0.4, at=0.3)
    wait_until(lambda: session.ended)
    session.stop()
    late = [event.time_s for event in session.events if event.kind == "output_underflow"]
    assert late
    assert max(late) < 3


def test_a_lossy_output_is_the_streams_output(lab):
    session = duplex("lapped-quarter")
    run_for(session, 1.2)
    times, heard = sounding(*lab.finish())
    model, before, wanted = audiocos.load("lapped-quarter"), 2048, 2000
    hop, total = model.framing.hop, session.latency.total

    def error(start, phase):
        """The largest difference to what the model makes of the sound, were frame time `phase` the start of a hop."""
        begin = times[start] - before
        skipped = (phase - begin) % hop
        x = fed(np.arange(begin + skipped, times[start] + wanted + before), total)
        y = model.reconstruct(np.ascontiguousarray(x))[:, before - skipped :][:, :wanted]
        return np.abs(y - heard[:, start : start + wanted]).max()

    starts = range(heard.shape[1] - 4096 - wanted, before, -wanted)
    clear = [start for start in starts if lab.clear(times[start] - total - before, times[start + wanted])][:5]
    assert len(clear) == 5
    phase = right = 0
    for start in clear:
        if error(start, phase) > 1e-5:  # which samples begin a hop, the recording does not tell
            errors = [error(start, other) for other in range(hop)]
            assert np.median(errors) > 1e-3
            phase = int(np.argmin(errors))
        right += error(start, phase) <= 1e-5
    assert right >= 5 - bool(session.counters.zero_filled_samples)


def test_a_model_of_another_rate_is_resampled_with_its_delay_reported(lab):
    model = audiocos.load("exact")
    model.sample_rate = 96000  # so that nothing is lost on the way
    session = duplex(model)
    run_for(session, 1.2)
    assert session.latency.resampling > 0
    # soxr takes the top off white noise, and nothing else; a sample too early or too late would be another noise.
    times, heard = lab.finish()
    assert longest_match(times, heard, session.latency.total, atol=0.25)[1] > 400
    assert longest_match(times, heard, session.latency.total + 1, atol=0.25)[1] < 100


@pytest.mark.parametrize("listen", ["input", "residual"])
def test_input_and_residual_are_as_late_as_the_output(lab, listen):
    session = duplex("lapped-quarter", listen=listen)
    run_for(session, 0.8)
    if listen == "input":
        assert_delay(lab, session)
        return
    found = delays(*sounding(*lab.finish()))
    assert len(found) >= 0.4 * RATE / 3000
    assert found.count(session.latency.total) >= len(found) - 2 * lab.lost.size


def test_a_microphone_into_a_file(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(
        [*COMMAND, "monitor", "mic:feeder", "-o", "take.wav", "--seconds", "1", "--json"], capture_output=True
    )
    assert done.returncode == 0, done.stderr

    take, rate = soundfile.read("take.wav")
    assert (take.shape, rate) == ((RATE, 2), RATE)
    _, heard = lab.finish()
    assert np.abs(take).max() == pytest.approx(0.5, abs=0.01)

    # Whatever moment it began at: a piece of the feeder's sound, from its first sample on.
    period = np.concatenate([sound(), sound()], axis=1)
    place = np.flatnonzero(np.abs(period[0, :PERIOD] - take[RATE // 2, 0]) < 1e-6)
    assert any(np.allclose(period[:, p : p + 1000], take[RATE // 2 :][:1000].T, atol=1e-5) for p in place)
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["frames"], summary["latency"]["buffering_samples"]) == (RATE, 0)


def test_a_microphone_of_zeros_is_asked_about_once(lab, monitor, monkeypatch):
    monkeypatch.setattr(watch, "SILENT_S", 0.3)
    asked = "nothing but digital silence for 0.3 s. Is it muted, or is another device meant? `audiocos devices` lists"
    told = monitor("mic:system", "--seconds", "1.2").err
    assert told.count("0 system (JACK Audio Connection Kit): " + asked) == 1
    assert "silence" not in monitor("mic:feeder", "--seconds", "0.8").err


@pytest.mark.parametrize("rate", [RATE, 16000])
def test_a_synthetic_signal_is_played_at_the_devices_rate(lab, rate):
    source = SynthSource("tone", rate)
    session = Session(audiocos.load("exact"), source, speakers("recorder", sample_rate=rate, channels=1), seconds=0.8)
    session.run()
    assert session.counters.zero_filled_samples == 0
    assert (session.latency.ahead, session.latency.buffering) == (rate // 10, 0)  # at whatever rate it is played
    _, heard = lab.finish()
    middle = heard[:, np.flatnonzero(heard[0])[0] + 6000 :][:, :12000]
    spectrum = np.abs(np.fft.rfft(middle[0] * np.hanning(12000)))
    assert spectrum.argmax() * RATE / 12000 == pytest.approx(440, abs=4)
    assert np.abs(heard).max() == pytest.approx(0.9, abs=0.01)
    np.testing.assert_array_equal(heard[0], heard[1])


def test_what_speakers_clip_of_a_file_is_counted_once(lab, tmp_path):
    path = str(tmp_path / "square.wav")
    soundfile.write(path, 0.99 * np.sign(np.sin(np.arange(RATE // 4) / 20)), RATE)
    model, (x, _) = audiocos.load("lapped-quarter"), soundfile.read(path, dtype="float32", always_2d=True)
    over = np.count_nonzero(np.abs(model.reconstruct(np.ascontiguousarray(x.T))) > 1)
    session = Session(model, FileSource(path), speakers("recorder", sample_rate=RATE, channels=1))
    session.run()
    assert session.counters.clipped_samples == over > 100


def test_two_monitors_on_one_device(jackd, tmp_path):
    with Lab(tmp_path) as one, Lab(tmp_path, "feeder2", "recorder2") as two:
        first, second = duplex(), duplex("exact-lapped", "feeder", "recorder2")
        first.start()
        second.start()
        time.sleep(1.0)
        second.stop()
        first.stop()
        assert_delay(one, first)
        assert_delay(two, second)


def test_the_loop_is_measured_to_the_sample(jackd, tmp_path, audiocos_command):
    with Lab(tmp_path, feeder="echo", spoilt="repeat"):
        done = audiocos_command("devices", "--measure-latency", "--input", "echo", "--output", "echo", "--json")
        loop = json.loads(done.out)
        assert loop["reported_samples"] == 256
        assert loop["loop_samples"] == 256 + 256  # a block of PortAudio's, and a cycle of JACK's around the loop
    with Lab(tmp_path), pytest.raises(SoundDeviceError, match="The chirp did not come back"):
        measure_loop("feeder", "recorder")
