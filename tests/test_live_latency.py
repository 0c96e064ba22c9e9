"""The latency that is reported for a file that is played: what the conversions hold back is in it."""

import threading

import pytest
from duplex import RATE

import audiocos
from audiocos.audio.devices import Device
from audiocos.live.parts import Asked, make_parts
from audiocos.live.ports import Speakers
from audiocos.live.sources import SynthSource
from audiocos.live.wires import Choice


@pytest.mark.parametrize(
    ("name", "rate", "device_rate"),
    [
        ("exact", RATE, RATE),
        ("exact-overlap", RATE, RATE),
        ("exact", RATE, 44100),
        ("speech-8k", RATE, RATE),
        ("speech-8k", 22050, RATE),
    ],
)
def test_what_conversions_hold_back_is_in_the_latency_of_a_file_that_is_played(name, rate, device_rate):
    card = Device(0, "card", "ALSA", 0, 2, device_rate, (0.0, 0.0), (0.0, 0.0))
    parts = make_parts(
        audiocos.load(name), SynthSource("noise", rate, 1), Speakers(card, device_rate),
        Asked(256, "low", "drop", True, None, "cpu"), Choice(), [], [], stop=threading.Event(), done=threading.Event(),
    )  # fmt: skip
    worker, wires, chunk = parts.worker, parts.wires, parts.pipeline.chunk
    wires.wake.wait = lambda seconds: wires.play.skip(wires.play.capacity)  # it plays
    framing, lags = parts.pipeline.stream.framing, []
    for _ in range(5 * rate // chunk):
        wires.inlet.write_silence(chunk)
        worker._turn()
        wires.play.skip(wires.play.available)
        wires.pairs.skip(wires.pairs.available)
        lags.append(worker.taken - wires.play.written * rate / device_rate)
    latency = parts.latency()
    # Right after a hop a model has kept its history; one behind a conversion gives as many samples as it takes.
    kept = latency.algorithmic if "8k" in name else framing.frame - framing.hop
    assert min(lags[len(lags) // 2 :]) == pytest.approx(kept + latency.resampling, abs=2)
    assert (latency.resampling > 0) == ("8k" in name or rate != device_rate)
    assert latency.total == latency.algorithmic + latency.resampling + latency.ahead
