"""A device that is open goes away only once it has been started."""

import time
from types import SimpleNamespace

from duplex import RATE

from audiocos.audio.devices import Device
from audiocos.live import duplex
from audiocos.live.counters import Counters
from audiocos.live.log import Log
from audiocos.live.ring import Signal


def test_a_device_that_waits_to_be_started_has_not_gone(monkeypatch):
    monkeypatch.setattr(duplex, "GONE_S", 0.02)
    monkeypatch.setattr(duplex.Duplex, "_open", lambda self: SimpleNamespace(latency=0.01, start=lambda: None))
    hall = Device(5, "hall", "ALSA", 0, 2, RATE, (0.0, 0.0), (0.005, 0.1))
    device = duplex.Duplex(duplex.Settings(None, hall, RATE, 16), None, None, Counters(), Log(RATE), Signal())
    time.sleep(0.05)
    assert not device.gone
    device.start()
    assert not device.gone
    time.sleep(0.05)
    assert device.gone
