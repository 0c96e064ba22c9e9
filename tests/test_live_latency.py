"""The latency that is reported for a file that is played: what the conversions hold back is in it."""

import threading

import numpy as np
import pytest
from duplex import RATE

import audiocos
from audiocos.audio.aligned import Resampler
from audiocos.audio.devices import Device
from audiocos.live.parts import Asked, make_parts
from audiocos.live.ports import Speakers
from audiocos.live.sources import SynthSource
from audiocos.live.wires import Choice


def played(name, rate, device_rate):
    """The parts of a session that plays a signal."""
    card = Device(0, "card", "ALSA", 0, 2, device_rate, (0.0, 0.0), (0.0, 0.0))
    return make_parts(
        audiocos.load(name), SynthSource("noise", rate, 1), Speakers(card, device_rate),
        Asked(256, "low", "drop", True, None, "cpu"), Choice(), [], [], stop=threading.Event(), done=threading.Event(),
    )  # fmt: skip


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
    parts = played(name, rate, device_rate)
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


def test_behind_a_model_without_a_history_the_latency_is_what_the_conversion_alone_holds_back():
    parts, converter = played("exact", RATE, 44100), Resampler(RATE, 44100, 1, "float32")
    chunk, given, lags = parts.pipeline.chunk, 0, []
    for chunks in range(1, 5 * RATE // chunk):
        given += converter.convert(np.zeros((1, chunk), np.float32)).shape[1]
        lags.append(chunks * chunk - given * RATE / 44100)
    assert parts.latency().resampling == pytest.approx(min(lags[len(lags) // 2 :]), abs=2)
