"""A running device: PortAudio's callback between the rings.

The callback runs on PortAudio's thread and does what `Copier` does, and nothing else.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from audiocos.audio.devices import Device, abandon, cannot_open, portaudio
from audiocos.live.copier import Copier
from audiocos.live.counters import Counters
from audiocos.live.gaps import DeviceClock, Gaps
from audiocos.live.log import Log
from audiocos.live.ring import Array, Ring, Signal

GONE_S = 1.0
"""A device that has not called for this long, and for ten of its blocks, has gone."""

MOST_PERIOD = 2**16
"""Samples; what is beyond is no period."""

_CLOSING_S = 3.0


@dataclass(frozen=True)
class Settings:
    """How to open devices.

    Args:
        input: what records, or None.
        output: what plays, or None.
        sample_rate: Hz, of both.
        block: samples a callback.
        latency: "low" or "high", as the device has them.
        inputs: channels to record.
        outputs: channels to play; one channel of sound is played on all of them.
    """

    input: Device | None
    output: Device | None
    sample_rate: int
    block: int
    latency: str = "low"
    inputs: int = 1
    outputs: int = 1

    @property
    def names(self) -> str:
        """For messages."""
        both = [str(device) for device in (self.input, self.output) if device is not None]
        return " and ".join(dict.fromkeys(both))

    @property
    def gone_s(self) -> float:
        """Seconds without a call after which a device has gone: a call itself may take longer than most stalls."""
        return max(GONE_S, 10 * self.block / self.sample_rate)


class Duplex:
    """An open device. `start` it, watch `gone`, `close` it.

    Args:
        settings: what to open, and how.
        inlet: where the input goes, or None.
        play: where the output comes from, or None.
        counters: to count in: overflows, underflows, dropped and zero-filled samples.
        log: to note what happened in.
        wake: set at every callback.
        drained: whether the worker is done: no input is wanted, and `play` running dry is the end of the sound.
        gaps: told where in the input samples are missing.

    Raises:
        SoundDeviceError: it cannot be opened; the text says why.
    """

    def __init__(
        self,
        settings: Settings,
        inlet: Ring | None,
        play: Ring | None,
        counters: Counters,
        log: Log,
        wake: Signal,
        *,
        drained: Callable[[], bool] = lambda: False,
        gaps: Gaps | None = None,
    ) -> None:
        self.settings = settings
        self._wake = wake
        self._copier = Copier(inlet, play, settings.block, counters, log, drained=drained, gaps=gaps)
        self._called = math.inf  # not started: no call is due
        self._ended = threading.Event()
        self._stream = self._open()
        jack = settings.input is not None and settings.input.jack
        self._clock = DeviceClock(settings.sample_rate, self.period, whole=jack)

    @property
    def latency(self) -> int:
        """Samples from the microphone to the callback and from there to the speakers, as the driver reports them."""
        settings = self.settings
        rate = settings.sample_rate
        reported = np.atleast_1d(self._stream.latency)
        sides = [side for side in (settings.input, settings.output) if side is not None]
        if all(side.jack for side in sides):
            # PortAudio subtracts a buffer from either side of JACK's figures, even below zero (pa_jack.c), and adds a
            # block for fitting JACK's buffers to ours in each direction that has one to wait for.
            ports = (settings.input.input_latency_s[0] if settings.input else 0.0) + (
                settings.output.output_latency_s[0] if settings.output else 0.0
            )
            return round(ports * rate) + (settings.block if settings.output else 0)
        return round(float(reported.sum()) * rate)

    @property
    def period(self) -> int:
        """Samples that the driver moves at a time: callbacks come in bursts of so many. A block where it is not known.

        JACK's buffer is what PortAudio subtracts from either side's latency (pa_jack.c); the rest of that is known.
        """
        settings = self.settings
        reported = np.atleast_1d(self._stream.latency)
        if settings.input is not None and settings.input.jack:
            added, port_s, told_s = 0, settings.input.input_latency_s[0], reported[0]
        elif settings.output is not None and settings.output.jack:
            added, port_s, told_s = settings.block, settings.output.output_latency_s[0], reported[-1]
        else:
            return settings.block
        # Unsigned there: below zero it begins again from the top.
        period = (added + round((port_s - float(told_s)) * settings.sample_rate)) % 2**32
        return period if 0 < period <= MOST_PERIOD else settings.block

    @property
    def owed(self) -> int:
        """Samples by which the output lags what was promised; set it before `start`."""
        return self._copier.owed

    @owed.setter
    def owed(self, samples: int) -> None:
        self._copier.owed = samples

    @property
    def position(self) -> int:
        """Samples by the device's clock; set it before `start` to go on from there."""
        return self._copier.position

    @position.setter
    def position(self, samples: int) -> None:
        self._copier.position = samples

    @property
    def silent_s(self) -> float:
        """Seconds since the device has called; none before it is started."""
        return max(0.0, time.monotonic() - self._called)

    @property
    def gone(self) -> bool:
        """Whether the device has stopped calling."""
        if self._ended.is_set():
            return True
        return self.silent_s > self.settings.gone_s

    def start(self) -> None:
        """Begin.

        Raises:
            SoundDeviceError: the device refuses.
        """
        self._called = time.monotonic()
        try:
            self._stream.start()
        except portaudio().PortAudioError as error:
            self.close()
            raise cannot_open(self.settings.names, error) from error

    def close(self) -> None:
        """Stop and let go of the device.

        A stream of a JACK server that has died cannot be let go of: PortAudio would wait for ten minutes, and abort the
        process when it is terminated (pa_jack.c, WaitCondition and Terminate). It is left alone.
        """
        if self.gone and any(side is not None and side.jack for side in (self.settings.input, self.settings.output)):
            abandon(self._stream)
            return
        closer = threading.Thread(target=self._close, name="audiocos-close", daemon=True)
        closer.start()
        closer.join(_CLOSING_S)
        if closer.is_alive():
            abandon(self._stream)

    def _close(self) -> None:
        # PortAudio's own errors are ignored: what is let go of may be stopped, or gone. Others are mistakes, and heard.
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)

    def _open(self) -> Any:
        sd, settings = portaudio(), self.settings
        common: dict[str, Any] = {
            "samplerate": settings.sample_rate,
            "blocksize": settings.block,
            "dtype": "float32",
            "latency": settings.latency,
            "finished_callback": self._ended.set,
        }
        try:
            if settings.input is not None and settings.output is not None:
                return sd.Stream(
                    device=(settings.input.index, settings.output.index),
                    channels=(settings.inputs, settings.outputs),
                    callback=self._both,
                    **common,
                )
            if settings.input is not None:
                return sd.InputStream(
                    device=settings.input.index, channels=settings.inputs, callback=self._record, **common
                )
            assert settings.output is not None
            return sd.OutputStream(
                device=settings.output.index, channels=settings.outputs, callback=self._out, **common
            )
        except sd.PortAudioError as error:
            raise cannot_open(settings.names, error) from error

    # The callback's side from here on.

    def _both(self, indata: Array, outdata: Array, frames: int, times: Any, status: Any) -> None:
        self._take(indata, frames, times, status)
        self._copier.give(outdata, status.output_underflow)
        self._done(frames)

    def _record(self, indata: Array, frames: int, times: Any, status: Any) -> None:
        self._take(indata, frames, times, status)
        self._done(frames)

    def _out(self, outdata: Array, frames: int, times: Any, status: Any) -> None:
        self._copier.give(outdata, status.output_underflow)
        self._done(frames)

    def _take(self, indata: Array, frames: int, times: Any, status: Any) -> None:
        told = status.input_overflow
        lost = self._clock.lost(times.inputBufferAdcTime, time.monotonic(), frames, told=told)
        self._copier.take(indata, told, lost)

    def _done(self, frames: int) -> None:
        self._copier.position += frames
        self._called = time.monotonic()
        self._wake.set()
