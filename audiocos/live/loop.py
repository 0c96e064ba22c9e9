"""How long sound takes from the callback through output, air or cable, and input back to the callback: measured."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.signal

from audiocos.errors import SoundDeviceError
from audiocos.live.counters import Counters
from audiocos.live.duplex import Duplex, Settings
from audiocos.live.log import Log
from audiocos.live.ports import microphone, settings_for, speakers
from audiocos.live.ring import Array, Ring, Signal
from audiocos.signals import chirp

_CHIRP_S = 0.5
_LISTEN_S = 1.5
_LEAD_S = 0.25  # in which a device may stumble: many do when they begin
_TRIES = 4
_CLEAR = 8.0
"""How far the chirp's peak must stand out of the rest of the correlation."""


@dataclass(frozen=True)
class Loop:
    """What was measured.

    Args:
        input: the device that listened.
        output: the device that played.
        rate: Hz.
        samples: from what the callback hands out to what it is handed.
        reported: what the driver says it should be.
    """

    input: str
    output: str
    rate: int
    samples: int
    reported: int

    @property
    def ms(self) -> float:
        """Milliseconds."""
        return 1e3 * self.samples / self.rate

    def row(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "input": self.input,
            "output": self.output,
            "sample_rate": self.rate,
            "loop_samples": self.samples,
            "loop_ms": self.ms,
            "reported_samples": self.reported,
        }


def measure_loop(wanted_input: str | None, wanted_output: str | None, *, block: int = 256) -> Loop:
    """Play a chirp, find it in what comes back by correlation (Farina 2000), and count the samples between.

    Args:
        wanted_input: name or index of what listens; None for the default.
        wanted_output: of what plays.
        block: samples a callback.

    Raises:
        SoundDeviceError: devices that cannot be had, go away or lose sound each time, or the chirp did not come back.
    """
    mic = microphone(wanted_input, channels=1)
    out = speakers(wanted_output, sample_rate=mic.sample_rate, channels=1, beside=mic)
    settings = settings_for(mic, out, 1, block, "low")
    assert settings is not None
    rate = mic.sample_rate
    sound = chirp(int(_CHIRP_S * rate), rate).astype(np.float32)[None] * 0.5
    for _ in range(_TRIES):
        heard, reported, lost = _play(sound, settings)
        if not lost:
            return Loop(str(mic.device), str(out.device), rate, _place(sound[0], heard[0]), reported)
    raise SoundDeviceError(
        f"{settings.names}: lost sound in each of {_TRIES} measurements, so that none tells the loop. End what keeps "
        "the machine busy, or try a larger --block."
    )


def _play(sound: Array, settings: Settings) -> tuple[Array, int, bool]:
    """What is heard from the moment on that `sound` is handed out, the latency reported, and whether some was lost."""
    rate = settings.sample_rate
    lead, total, spare = int(_LEAD_S * rate), int(_LISTEN_S * rate), rate
    inlet, play = Ring(1, lead + total + spare, np.float32), Ring(1, lead + total + spare, np.float32)
    play.write_silence(lead)
    play.write(sound)
    play.write_silence(play.room)
    counters, wake, done = Counters(), Signal(), threading.Event()
    device = Duplex(settings, inlet, play, counters, Log(rate), wake, drained=done.is_set)
    reported, begun = device.latency, 0
    device.start()
    try:
        while inlet.available < lead + total:
            now = _losses(counters)
            if inlet.available < lead:  # asked after: all of these lie before the chirp
                begun = now
            if device.gone:
                raise SoundDeviceError(
                    f"{settings.names}: went away while the loop was measured. Connect it again, or start its server."
                )
            wake.wait(0.1)
        lost = _losses(counters) > begun
    finally:
        done.set()
        device.close()
    inlet.skip(lead)
    heard = np.zeros((1, total), np.float32)
    inlet.read(heard)
    return heard, reported, lost


def _losses(counters: Counters) -> int:
    """Blocks that came too late, and samples that are missing for it."""
    blocks = counters.input_overflows + counters.output_underflows
    return blocks + counters.dropped_samples + counters.zero_filled_samples


def _place(sound: Any, heard: Any) -> int:
    likeness = np.abs(scipy.signal.correlate(heard, sound, mode="valid", method="fft"))
    best = int(likeness.argmax())
    others = np.delete(likeness, slice(max(0, best - 64), best + 64))
    if likeness[best] <= _CLEAR * max(float(np.sqrt(np.mean(others**2))), 1e-9):
        raise SoundDeviceError(
            "The chirp did not come back. Turn the volume up, put the microphone before the speakers or connect "
            "output and input by a cable, and choose them with --input and --output."
        )
    return best
