"""The watch over a device, with one that goes away when the test says so."""

import threading
import time
from types import SimpleNamespace

import pytest
from duplex import RATE

from audiocos.audio.devices import Device
from audiocos.live import watch as watch_module
from audiocos.live.duplex import Settings
from audiocos.live.log import Journal
from audiocos.live.ports import Microphone
from audiocos.live.threads import Threads
from audiocos.live.watch import Watch

CARD = Device(3, "card", "ALSA", 2, 2, RATE, (0.01, 0.1), (0.01, 0.1))


class Card:
    """A link to a device that stops calling when it is told to."""

    def __init__(self):
        self.settings = Settings(CARD, None, RATE, 256)
        self.gone, self.silent_s, self.closed = False, 0.0, False

    def close(self):
        self.closed = True


@pytest.fixture
def watched(monkeypatch):
    """A card, the watch over it, and the threads that it fails."""
    monkeypatch.setattr(watch_module, "ASLEEP_S", 0.1)
    monkeypatch.setattr(watch_module, "GONE_S", 0.2)
    stop, card = threading.Event(), Card()
    threads = Threads(stop)
    watch = Watch(
        threads, Journal([], lambda: 0.0), stop, threading.Event(),
        source=Microphone(CARD, RATE, 1), sink=None, link=card, feeder=None, play=None,
        reconnect=False, silent_s=lambda: 0.0,
    )  # fmt: skip
    watch.playing = True
    return SimpleNamespace(card=card, watch=watch, threads=threads)


def test_a_process_that_was_stopped_does_not_take_its_device_for_gone(watched):
    watched.watch._look_at_device()
    time.sleep(0.25)  # Ctrl-Z, fg: the watch may run before the device has called
    watched.card.gone = True
    watched.watch._look_at_device()
    assert not watched.card.closed
    time.sleep(0.02)
    watched.card.gone = False
    watched.watch._look_at_device()
    assert watched.threads.error is None
    watched.card.gone = True  # a device that does go is noticed all the same
    deadline = time.monotonic() + 5
    while not watched.card.closed and time.monotonic() < deadline:
        time.sleep(0.02)
        watched.watch._look_at_device()
    assert str(watched.threads.error).startswith("3 card (ALSA): went away after ")
