"""A device that is opened, by any host system but JACK, which the paced tests have."""

from types import SimpleNamespace

import pytest
from duplex import RATE

from audiocos.audio.devices import Device
from audiocos.live import duplex
from audiocos.live.counters import Counters
from audiocos.live.duplex import Duplex, Settings
from audiocos.live.log import Log
from audiocos.live.ring import Signal

MIC = Device(3, "mic", "ALSA", 2, 0, RATE, (0.005, 0.1), (0.0, 0.0))
HALL = Device(5, "hall", "ALSA", 0, 2, RATE, (0.0, 0.0), (0.005, 0.1))


@pytest.mark.parametrize(
    ("input", "output", "reported", "samples"),
    [(MIC, HALL, (0.01, 0.02), 1323), (MIC, None, 0.01, 441), (None, HALL, 0.02, 882)],
)
def test_the_latency_of_a_device_is_what_its_driver_reports_and_its_period_a_block(
    input, output, reported, samples, monkeypatch
):
    monkeypatch.setattr(Duplex, "_open", lambda self: SimpleNamespace(latency=reported))
    device = Duplex(Settings(input, output, 44100, 100), None, None, Counters(), Log(44100), Signal())
    assert (device.latency, device.period) == (samples, 100)


def test_a_device_goes_away_only_once_it_has_been_started(monkeypatch):
    now_s = [0.0]
    monkeypatch.setattr(duplex, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    monkeypatch.setattr(Duplex, "_open", lambda self: SimpleNamespace(latency=0.01, start=lambda: None))
    device = Duplex(Settings(None, HALL, RATE, 16), None, None, Counters(), Log(RATE), Signal())
    now_s[0] += 2
    assert not device.gone
    device.start()
    assert not device.gone
    now_s[0] += 2
    assert device.gone


def test_a_device_of_long_blocks_is_given_time_for_ten():
    assert Settings(None, HALL, RATE, 256).gone_s == duplex.GONE_S
    assert Settings(None, HALL, 8000, 16384).gone_s == 20.48
