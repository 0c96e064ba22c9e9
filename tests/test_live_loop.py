"""The loop from output to input, measured on a device that loses sound, or goes away, when the test says so."""

import numpy as np
import pytest
from duplex import RATE

from audiocos.audio.devices import Device
from audiocos.errors import SoundDeviceError
from audiocos.live import loop
from audiocos.live.copier import Copier
from audiocos.live.ports import Microphone, Speakers

CARD = Device(3, "card", "ALSA", 2, 2, RATE, (0.01, 0.1), (0.01, 0.1))
DELAY = 512


class Turns:
    """Waiting for the device is what has it go on."""

    def wait(self, seconds):
        self.device.call()


class Looped:
    """A device whose input hears its output, `DELAY` samples later."""

    stumbles, leaves_s, opened = (), None, 0

    def __init__(self, settings, inlet, play, counters, log, wake, *, drained):
        self.block, self.latency, self.gone = settings.block, 500, False
        self.copier = Copier(inlet, play, self.block, counters, log, drained=drained)
        self.late = np.zeros((DELAY, 1), np.float32)
        self.stumble_s = self.stumbles[Looped.opened]  # when it loses sound, or None
        Looped.opened += 1
        wake.device = self

    def start(self):
        """It goes on when it is waited for."""

    def call(self):
        at_s = self.copier.position / RATE
        if self.leaves_s is not None and at_s > self.leaves_s:
            self.gone = True
            return
        stumbles = self.stumble_s is not None and at_s >= self.stumble_s
        if stumbles:
            self.stumble_s = None
        out = np.zeros((self.block, 1), np.float32)
        self.copier.take(self.late[: self.block], stumbles)
        self.copier.give(out, stumbles)
        self.late = np.concatenate([self.late[self.block :], out])
        self.copier.position += self.block

    def close(self):
        """Nothing to let go of."""


@pytest.fixture
def looped(monkeypatch):
    """Measure a loop whose device stumbles so."""
    monkeypatch.setattr(loop, "Duplex", Looped)
    monkeypatch.setattr(loop, "Signal", Turns)
    monkeypatch.setattr(loop, "microphone", lambda wanted, channels: Microphone(CARD, RATE, channels))
    monkeypatch.setattr(loop, "speakers", lambda wanted, **settings: Speakers(CARD, RATE))

    def measure(stumbles, leaves_s=None):
        monkeypatch.setattr(Looped, "opened", 0)
        monkeypatch.setattr(Looped, "stumbles", stumbles)
        monkeypatch.setattr(Looped, "leaves_s", leaves_s)
        return loop.measure_loop(None, None)

    return measure


@pytest.mark.parametrize(("stumbles", "tries"), [([None], 1), ([0.0], 1), ([0.9, None], 2), ([0.9, 0.5, 0.3, None], 4)])
def test_a_loop_is_measured_again_where_sound_was_lost_after_the_start(stumbles, tries, looped):
    assert (looped(stumbles).samples, Looped.opened) == (DELAY, tries)


def test_a_loop_that_loses_sound_each_time_is_not_reported(looped):
    with pytest.raises(SoundDeviceError) as refused:
        looped([0.9] * 4)
    assert str(refused.value) == (
        "3 card (ALSA): lost sound in each of 4 measurements, so that none tells the loop. End what keeps the machine "
        "busy, or try a larger --block."
    )


def test_a_device_that_goes_away_is_not_taken_for_a_weak_chirp(looped):
    with pytest.raises(SoundDeviceError, match=r"3 card \(ALSA\): went away while the loop was measured"):
        looped([None], leaves_s=0.5)


def test_the_choice_of_devices_is_for_measuring(audiocos_command):
    for option in ("--input", "--output"):
        done = audiocos_command("devices", option, "0")
        assert (done.code, done.err.splitlines()[-1]) == (2, "audiocos: --input, --output: are for --measure-latency.")
