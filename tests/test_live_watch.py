"""The watch over a device, with one that goes away when the test says so."""

import threading
import time
from dataclasses import replace

import pytest
from duplex import RATE
from patience import wait_until

import audiocos
from audiocos.audio import devices
from audiocos.audio.devices import Device
from audiocos.errors import SoundDeviceError
from audiocos.live import duplex as duplex_module
from audiocos.live import link as link_module
from audiocos.live import watch as watch_module
from audiocos.live.duplex import Settings
from audiocos.live.log import Journal
from audiocos.live.ports import Microphone, Speakers
from audiocos.live.session import Session
from audiocos.live.sources import SynthSource
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

    def wait_for_it(self, again, stop, *, say):
        self.settings, self.gone = again(), False
        return True


def watch_over(card, *, reconnect=False):
    """The watch over a card, the threads that it fails and the journal that it tells."""
    stop = threading.Event()
    threads, journal = Threads(stop), Journal([], lambda: 0.0)
    watch = Watch(
        threads, journal, stop, threading.Event(),
        source=Microphone(CARD, RATE, 1), sink=None, link=card, feeder=None, play=None,
        reconnect=reconnect, silent_s=lambda: 0.0,
    )  # fmt: skip
    watch.playing = True
    return watch, threads, journal


def test_a_process_that_was_stopped_does_not_take_its_device_for_gone(monkeypatch):
    monkeypatch.setattr(watch_module, "ASLEEP_S", 0.1)
    monkeypatch.setattr(duplex_module, "GONE_S", 0.2)
    card = Card()
    watch, threads, _ = watch_over(card)
    watch._look_at_device()
    time.sleep(0.25)  # Ctrl-Z, fg: the watch may run before the device has called
    card.gone = True
    watch._look_at_device()
    assert not card.closed
    time.sleep(0.02)
    card.gone = False
    watch._look_at_device()
    assert threads.error is None
    card.gone = True  # a device that does go is noticed all the same
    deadline = time.monotonic() + 5
    while not card.closed and time.monotonic() < deadline:
        time.sleep(0.02)
        watch._look_at_device()
    assert str(threads.error).startswith("3 card (ALSA): went away after ")


@pytest.mark.parametrize("twin", [False, True])
def test_of_a_device_that_comes_back_it_is_said_which_and_whether_it_may_be_another(twin, monkeypatch):
    there = [CARD, replace(CARD, index=4)] if twin else [CARD]
    monkeypatch.setattr(devices, "devices", lambda: there)
    card = Card()
    watch, _, journal = watch_over(card, reconnect=True)
    watch._awake_since -= 10
    card.gone = True
    there[:] = [replace(CARD, index=7)]
    watch._look_at_device()
    ending = "; there were several of that name, and it may be another than before" if twin else ""
    assert [event.text for event in journal.by_time()] == [
        "3 card (ALSA): gone",
        f"7 card (ALSA): back after {watch.absences.ended_s:.1f} s{ending}",
    ]


class Stalling(SynthSource):
    """A signal that comes when the test lets it."""

    def __init__(self):
        super().__init__("noise", RATE)
        self.go_on = threading.Event()

    def blocks(self, size):
        self.go_on.wait(10)
        yield from super().blocks(size)


class Silent:
    """A device that is opened and started, and takes no sound."""

    gone, period, latency, position, silent_s = False, 256, 0, 0, 0.0
    started = threading.Event()

    def __init__(self, *wires, **settings):
        self.started.clear()

    def start(self):
        self.started.set()

    def close(self):
        """Nothing to let go of."""


def test_a_source_that_stalls_before_its_first_sound_is_played_is_told_of(monkeypatch):
    monkeypatch.setattr(watch_module, "STALL_S", 0.1)
    monkeypatch.setattr(link_module, "Duplex", Silent)
    source = Stalling()
    session = Session(audiocos.load("exact"), source, Speakers(CARD, RATE))
    starting = threading.Thread(target=session.start)
    starting.start()
    try:
        starting.join(5)
        assert not starting.is_alive(), "whoever is to tell of the stall must not wait for it to end"
        wait_until(lambda: [event for event in session.events if event.details.get("state") == "stalled"], 5)
        assert not Silent.started.is_set()
        source.go_on.set()
        assert Silent.started.wait(5)
    finally:
        source.go_on.set()
        starting.join(10)
        session.stop()


def test_speakers_that_refuse_to_begin_end_the_session_with_their_reason(monkeypatch):
    class Refusing(Silent):
        def start(self):
            raise SoundDeviceError("card: refuses")

    monkeypatch.setattr(link_module, "Duplex", Refusing)
    session = Session(audiocos.load("exact"), SynthSource("noise", RATE), Speakers(CARD, RATE))
    with pytest.raises(SoundDeviceError, match="card: refuses"):
        session.run()
