"""`audiocos monitor` on a real paced full-duplex device: JACK's dummy driver, through PortAudio."""

import json
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from jack_server import Lab, after_silence, delays, fed, longest_match, needs_jack, server, wait_until

import audiocos
from audiocos.audio import devices
from audiocos.errors import OverloadError, SoundDeviceError
from audiocos.live.loop import measure_loop
from audiocos.live.ports import microphone, speakers
from audiocos.live.prefill import least_prefill
from audiocos.live.session import Session
from audiocos.live.sources import SynthSource

RATE = 48000
COMMAND = [sys.executable, "-m", "audiocos"]

pytestmark = [needs_jack, pytest.mark.skipif(sys.platform != "linux", reason="JACK's dummy driver, on Linux")]


@pytest.fixture(scope="module")
def jackd():
    with server() as running:
        yield running


@pytest.fixture
def lab(jackd, tmp_path):
    with Lab(tmp_path) as running:
        yield running


def duplex(model="exact", source="feeder", sink="recorder", **settings):
    mic = microphone(source)
    out = speakers(sink, sample_rate=mic.sample_rate, channels=mic.channels, beside=mic)
    return Session(audiocos.load(model) if isinstance(model, str) else model, mic, out, **settings)


def run_for(session, seconds):
    session.start()
    time.sleep(seconds)
    session.stop()


def assert_delay(times, heard, session):
    """The recording is the feeder's sound, delayed by what the session reports, to the sample."""
    found = delays(times, heard)
    assert np.median(found) == session.latency.total
    assert found.count(session.latency.total) >= 0.7 * len(found)
    assert longest_match(times, heard, session.latency.total)[1] > 400


# The delay


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
    assert_delay(*lab.finish(), session)


@pytest.mark.parametrize(("period", "block", "model"), [(1024, 256, "exact"), (256, 100, "exact-overlap")])
def test_a_period_that_is_no_block_breaks_nothing_up(tmp_path, period, block, model):
    with server(period=period), Lab(tmp_path) as lab:
        session = duplex(model, block=block)
        run_for(session, 1.5)
        assert session._link.prefill == session._pipeline.prefill(block, period)
        # All that may be missing is what a busy machine loses now and then: broken up, it was a seventh or more.
        assert session.counters.zero_filled_samples <= 0.02 * RATE
        assert session.counters.dropped_samples <= 0.02 * RATE
        assert_delay(*lab.finish(), session)


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
    times, heard = lab.finish()
    model, before, wanted = audiocos.load("lapped-quarter"), 2048, 2000
    at = np.flatnonzero((heard != 0).any(axis=0))[-1] - 4096 - wanted
    longest = 0
    for start in range(at, at - 5 * wanted, -wanted):  # where JACK lost no cycle
        x = fed(np.arange(times[start] - before, times[start] + wanted + before), session.latency.total)
        errors = []
        for phase in range(model.framing.hop):  # which samples begin a hop, the recording does not tell
            y = model.reconstruct(np.ascontiguousarray(x[:, phase:]))[:, before - phase :][:, :wanted]
            errors.append(np.abs(y - heard[:, start : start + wanted]).max())
        if min(errors) < 1e-5:
            longest = wanted
            assert np.median(errors) > 1e-3
            break
    assert longest == wanted


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


def test_input_and_residual_are_as_late_as_the_output(lab):
    session = duplex("lapped-quarter", listen="input")
    run_for(session, 0.8)
    assert_delay(*lab.finish(), session)


# Too slow


def slowed(session, seconds, at=1.0):
    """Have one chunk, `at` seconds after the start, take that long."""
    feed = session._pipeline.feed
    begun = time.monotonic()
    left = [seconds]

    def slow(x):
        if left and time.monotonic() - begun > at:
            time.sleep(left.pop())
        return feed(x)

    session._pipeline.feed = slow


def test_a_slow_worker_is_counted_and_the_output_comes_back_to_its_place(lab):
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
    assert 0 <= counters.zero_filled_samples - counters.dropped_samples <= 2048
    assert counters.late_hops >= 1
    assert counters.input_overflows >= lost * RATE / 256 - 1
    assert counters.output_underflows >= 0.5 * RATE / 256 - 4
    assert counters.unmetered_samples == 0
    assert session.hop_times.outliers[0][1] >= 500
    assert session.hop_times.over_run().max >= 500
    kinds = {event.kind for event in session.events}
    assert {"late_hop", "input_overflow", "output_underflow"} <= kinds
    late = next(event for event in session.events if event.kind == "late_hop" and "hop took 5" in event.text)
    assert 0.2 < late.time_s < 1.0
    found = delays(*after_silence(*lab.finish()))
    assert np.median(found) == session.latency.total


def test_on_overload_bypass_lets_sound_pass_by_and_keeps_its_place(lab):
    session = duplex("lapped-quarter", overload="bypass")
    session.start()
    slowed(session, 0.15, at=0.3)
    time.sleep(0.8)
    passed = session.counters.bypassed_samples
    session.stop()
    assert passed >= 0.05 * RATE
    assert session.counters.dropped_samples <= session.counters.zero_filled_samples
    assert any(event.kind == "bypass" for event in session.events)
    # What is measured leaves the bypassed out: it would be perfect.
    assert session.figures.samples < session._worker.taken


def test_on_overload_fail_stops(lab):
    session = duplex(overload="fail")
    session.start()
    slowed(session, 0.4, at=0.3)
    wait_until(lambda: session.ended)
    with pytest.raises(OverloadError, match="The model could not keep up: .* samples dropped, .* of silence"):
        session.stop()


# Sound that is none


def test_nan_from_a_device_never_reaches_the_speakers(jackd, tmp_path):
    with Lab(tmp_path, spoilt="nan") as lab:
        session = duplex()
        run_for(session, 0.7)
        _, heard = lab.finish()
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() > 0.4
    assert session.counters.sanitized_samples >= 2 * 0.4 * RATE / 1000
    assert any(event.kind == "sanitized" for event in session.events)


def test_output_100_db_too_loud_is_clipped_and_counted(jackd, tmp_path):
    with Lab(tmp_path, spoilt="loud") as lab:
        session = duplex()
        run_for(session, 0.7)
        _, heard = lab.finish()
    assert np.abs(heard).max() == 1.0
    assert session.counters.clipped_samples > 0.9 * 2 * session.figures.samples * 0.5


# Other ends


def test_a_microphone_into_a_file(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(
        [*COMMAND, "monitor", "mic:feeder", "-o", "take.wav", "--seconds", "1", "--json"], capture_output=True
    )
    assert done.returncode == 0, done.stderr
    import soundfile

    take, rate = soundfile.read("take.wav")
    assert (take.shape, rate) == ((RATE, 2), RATE)
    _, heard = lab.finish()
    assert np.abs(take).max() == pytest.approx(0.5, abs=0.01)
    from jack_lab import PERIOD, sound

    # Whatever moment it began at: a piece of the feeder's sound, from its first sample on.
    period = np.concatenate([sound(), sound()], axis=1)
    place = np.flatnonzero(np.abs(period[0, :PERIOD] - take[RATE // 2, 0]) < 1e-6)
    assert any(np.allclose(period[:, p : p + 1000], take[RATE // 2 :][:1000].T, atol=1e-5) for p in place)
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["frames"], summary["latency"]["buffering_samples"]) == (RATE, 0)


@pytest.mark.parametrize("rate", [RATE, 16000])
def test_a_synthetic_signal_is_played_at_the_devices_rate(lab, rate):
    source = SynthSource("tone", rate)
    session = Session(audiocos.load("exact"), source, speakers("recorder", sample_rate=rate, channels=1), seconds=0.8)
    session.run()
    assert session.counters.zero_filled_samples == 0
    _, heard = lab.finish()
    middle = heard[:, np.flatnonzero(heard[0])[0] + 6000 :][:, :12000]
    spectrum = np.abs(np.fft.rfft(middle[0] * np.hanning(12000)))
    assert spectrum.argmax() * RATE / 12000 == pytest.approx(440, abs=4)
    assert np.abs(heard).max() == pytest.approx(0.9, abs=0.01)
    np.testing.assert_array_equal(heard[0], heard[1])


def test_two_monitors_on_one_device(jackd, tmp_path):
    with Lab(tmp_path) as one, Lab(tmp_path, "feeder2", "recorder2") as two:
        first, second = duplex(), duplex("exact-lapped", "feeder", "recorder2")
        first.start()
        second.start()
        time.sleep(1.0)
        second.stop()
        first.stop()
        assert_delay(*one.finish(), first)
        assert_delay(*two.finish(), second)


def test_the_loop_is_measured_to_the_sample(jackd, tmp_path):
    with Lab(tmp_path, feeder="echo", spoilt="repeat"):
        loop = measure_loop("echo", "echo")
        assert loop.reported == 256
        assert loop.samples == 256 + 256  # a block of PortAudio's, and a cycle of JACK's around the loop
    with Lab(tmp_path), pytest.raises(SoundDeviceError, match="The chirp did not come back"):
        measure_loop("feeder", "recorder")


# Going away


def test_killing_the_server_ends_it_cleanly_and_reconnect_carries_on(tmp_path):
    with server(here=False, period=512) as running:
        arguments = ["monitor", "mic:system", "-o", "take.wav", "--json"]
        ended = subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True
        )
        waiting = subprocess.Popen(
            [*COMMAND, "monitor", "mic:system", "--reconnect", "--output", "system", "--allow-feedback"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        for child in (ended, waiting):
            child.stdout.readline()
        running.kill()
        out, err = ended.communicate(timeout=10)
        assert ended.returncode == 1
        assert err.startswith("audiocos: 0 system (JACK Audio Connection Kit): went away after ")
        assert err.endswith(" s. Connect it again, or start its server; --reconnect waits for it.\n")
        summary = json.loads(out.splitlines()[-1])
        import soundfile

        assert soundfile.info(tmp_path / "take.wav").frames == summary["frames"] > 0.9 * RATE
        running.start()
        told = ""
        while "back" not in told:
            told = waiting.stderr.readline()
            assert told
        carried_on = [waiting.stdout.readline() for _ in range(3)]
        assert all("SNR" in line for line in carried_on)
        waiting.terminate()
        out, err = waiting.communicate(timeout=10)
        assert waiting.returncode == 128 + 15
        assert "monitored" in out


def test_a_device_that_is_back_at_another_rate_is_said_once(tmp_path):
    with server(here=False, period=512) as running:
        waiting = subprocess.Popen(
            [*COMMAND, "monitor", "mic:system", "--reconnect"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        waiting.stdout.readline()
        running.kill()
        running.command[running.command.index("48000")] = "44100"
        running.start()
        time.sleep(4)
        waiting.terminate()
        _, err = waiting.communicate(timeout=10)
        assert err.count("does not run at 48000 Hz. Supported: 44100. Waiting on.") == 1


@pytest.mark.slow
def test_many_starts_and_stops_leak_nothing():
    def state():
        folder = "/proc/self/fd"
        links = {name: os.path.join(folder, name) for name in os.listdir(folder)}
        return threading.active_count(), sorted(os.readlink(link) for link in links.values() if os.path.lexists(link))

    with server(period=64):
        model = audiocos.load("exact")
        for i in range(220):
            session = duplex(model, "system", "system", block=64)
            session.start()
            session.stop()
            if i == 19:
                before = state()
        assert state() == before


# Bad input


def test_devices_are_listed(jackd, audiocos_command, tmp_path):
    with Lab(tmp_path, "in only", "out only"):
        rows = [json.loads(line) for line in audiocos_command("devices", "--json").out.splitlines()]
        found = {row["name"]: row for row in rows}
        assert {"system", "in only", "out only"} <= set(found)
        assert (found["in only"]["inputs"], found["in only"]["outputs"], found["in only"]["sample_rate"]) == (
            2,
            0,
            RATE,
        )
        assert found["system"]["input_latency_low_ms"] == pytest.approx(1e3 * 256 / RATE)
        assert "in only" in audiocos_command("devices").out


def test_names_that_fit_none_or_several_are_listed(jackd, tmp_path):
    with Lab(tmp_path, "twin a", "other"), Lab(tmp_path, "twin b", "another"):
        there = {device.name: device for device in devices.devices()}
        with pytest.raises(SoundDeviceError) as several:
            microphone("TWIN")
        assert str(several.value) == (
            f'microphone "TWIN": several devices fit: {there["twin a"]}; {there["twin b"]}. Give the index of one.'
        )
        with pytest.raises(
            SoundDeviceError, match='speakers "piano": no device that plays is called so. There are: 0 sys'
        ):
            speakers("piano", sample_rate=RATE, channels=2)
        assert microphone("twin B").device == microphone(str(there["twin b"].index)).device == there["twin b"]
        assert speakers("other", sample_rate=RATE, channels=1).device == there["other"]  # exact before part


def test_rates_and_channels_that_are_not_there_are_named_with_those_that_are(lab):
    name = f"microphone {devices.find('feeder', 'input')}"
    with pytest.raises(SoundDeviceError) as rate:
        microphone("feeder", sample_rate=44100)
    assert str(rate.value) == f"{name}: does not run at 44100 Hz. Supported: 48000."
    with pytest.raises(SoundDeviceError) as channels:
        microphone("feeder", channels=5)
    assert str(channels.value) == f"{name}: has 2 channels, 5 are asked for. Pass --channels 2 or less."


def without_devices():
    """An environment in which no device is to be found, nor a JACK server."""
    return {**os.environ, "JACK_DEFAULT_SERVER": "none", "PULSE_SERVER": "none"}


def test_no_device(tmp_path):
    done = subprocess.run([*COMMAND, "monitor"], capture_output=True, text=True, env=without_devices())
    if done.returncode == 0 or "there is no device" not in done.stderr:
        pytest.skip("this machine has devices that cannot be hidden")
    assert done.returncode == 1
    assert done.stderr == (
        "audiocos: microphone: there is no device that records. Connect one and see `audiocos devices`; without one, "
        "monitor a file or synth:NAME, with --output none or a file.\n"
    )


@pytest.mark.parametrize("arguments", [["devices"], ["monitor"], ["monitor", "synth:tone", "-o", "speakers"]])
def test_no_portaudio(arguments):
    code = (
        "import ctypes.util; ctypes.util.find_library = lambda name: None\n"
        f"from audiocos.cli.main import main; main({arguments})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "audiocos: PortAudio, the library for microphones and speakers, is not installed. On Debian or Ubuntu: "
        "sudo apt-get install libportaudio2; on Fedora: sudo dnf install portaudio; on macOS and Windows the Python "
        "package brings it: pip install --force-reinstall sounddevice.\n"
    )


def test_a_device_in_use_is_said_to_be():
    """What PortAudio says of a card that another program holds; JACK shares its, so there is none here to hold."""
    sd = devices.portaudio()
    error = devices.cannot_open(
        "0 card", sd.PortAudioError("Error opening Stream: Device unavailable [PaErrorCode -9985]")
    )
    assert str(error).startswith("0 card: in use by another program, perhaps another `audiocos monitor`.")
    error = devices.cannot_open("0 card", sd.PortAudioError("Error: Illegal combination of I/O devices -9993"))
    assert "belong to different host systems" in str(error)
