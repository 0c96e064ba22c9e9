"""A running device: PortAudio's callback between the rings.

The callback runs on PortAudio's thread. It copies, counts and zero-fills, and nothing else: no arithmetic on the
sound but a fade of a millisecond where silence begins or ends, no allocation, no lock, no logging.

The output keeps its place in time. Silence played for want of output, and input lost for want of room, shift what
comes after; the callback knows by how much (`_owed`) and takes the shift back as soon as there is enough to take.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from audiocos.audio.devices import Device, abandon, cannot_open, portaudio
from audiocos.live.counters import Counters
from audiocos.live.log import Log
from audiocos.live.ring import Array, Ring, Signal

FADE = 64
"""Samples of a fade."""

GONE_S = 1.0
"""A device that has not called for this long, and for ten of its blocks, has gone."""

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
        owed: samples to drop from the output, or below zero to play as silence before it.

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
        owed: int = 0,
    ) -> None:
        self.settings = settings
        self._inlet, self._play = inlet, play
        self._counters, self._log, self._wake, self._drained = counters, log, wake, drained
        self._mixed = np.zeros((play.channels if play else 1, settings.block), np.float32)
        self._last = np.zeros(self._mixed.shape[0], np.float32)
        self._fade_out = np.linspace(1, 0, FADE + 2, dtype=np.float32)[1:-1].copy()
        self._fade_in = self._fade_out[::-1].copy()
        self._dry = True  # what has been played last is silence
        self._owed = owed  # samples by which the output lags the latency that was promised
        self.position = 0  # samples since the start, by the device's clock
        self._called = time.monotonic()
        self._ended = threading.Event()
        self._stream = self._open()

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
    def gone(self) -> bool:
        """Whether the device has stopped calling."""
        if self._ended.is_set():
            return True
        silent = time.monotonic() - self._called
        return silent > max(GONE_S, 10 * self.settings.block / self.settings.sample_rate)

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

    def close(self) -> bool:
        """Stop and let go of the device; whether PortAudio did.

        On a JACK server that has died it waits for ten minutes (pa_jack.c, WaitCondition): a thread of its own waits
        there then, and whoever called goes on.
        """
        closer = threading.Thread(target=self._close, name="audiocos-close", daemon=True)
        closer.start()
        closer.join(_CLOSING_S)
        if closer.is_alive():
            abandon()
        return not closer.is_alive()

    def _close(self) -> None:
        with contextlib.suppress(Exception):
            self._stream.abort(ignore_errors=True)
        with contextlib.suppress(Exception):
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
        self._take(indata, frames, status)
        self._give(outdata, frames, status)
        self._done(frames)

    def _record(self, indata: Array, frames: int, times: Any, status: Any) -> None:
        self._take(indata, frames, status)
        self._done(frames)

    def _out(self, outdata: Array, frames: int, times: Any, status: Any) -> None:
        self._give(outdata, frames, status)
        self._done(frames)

    def _done(self, frames: int) -> None:
        self.position += frames
        self._called = time.monotonic()
        self._wake.set()

    def _take(self, indata: Array, frames: int, status: Any) -> None:
        inlet, counters = self._inlet, self._counters
        assert inlet is not None
        if self._drained():
            return
        if status.input_overflow:
            counters.input_overflows += 1
            self._log.note("input_overflow", self.position, 0)
        lost = frames - inlet.write(indata.T)
        if lost:
            counters.input_overflows += 1
            counters.dropped_samples += lost
            self._owed -= lost
            self._log.note("input_overflow", self.position, lost)

    def _give(self, outdata: Array, frames: int, status: Any) -> None:
        play, counters = self._play, self._counters
        assert play is not None
        if status.output_underflow:
            counters.output_underflows += 1
            self._log.note("output_underflow", self.position, 0)
        mixed, start = self._mixed, 0
        if self._owed > 0:
            late = play.skip(min(self._owed, max(play.available - frames, 0)))
            counters.dropped_samples += late
            self._owed -= late
            self._dry = self._dry or late > 0  # a seam: fade in
        elif self._owed < 0:
            start = min(-self._owed, frames)
            self._silence(0, start)
            counters.zero_filled_samples += start
            self._owed += start
        got = play.read(mixed[:, start:frames])
        if got:
            if self._dry:
                self._fade(mixed[:, start : start + got])
                self._dry = False
            self._last[:] = mixed[:, start + got - 1]
        if start + got < frames:
            self._silence(start + got, frames)
            if not self._drained():
                missing = frames - start - got
                counters.output_underflows += 1
                counters.zero_filled_samples += missing
                self._owed += missing
                self._log.note("output_underflow", self.position, missing)
        outdata[:] = mixed[:, :frames].T

    def _silence(self, start: int, stop: int) -> None:
        """Zeros; where sound has just been, the last sample fades out instead of jumping to zero."""
        length = min(FADE, stop - start)
        if not length:
            return
        fade = self._fade_out[:: FADE // length][:length]
        for samples, last in zip(self._mixed, self._last, strict=True):
            samples[start:stop] = 0
            if not self._dry:
                samples[start : start + length] = fade
                samples[start : start + length] *= last
        self._dry = True

    def _fade(self, block: Array) -> None:
        length = min(FADE, block.shape[1])
        for samples in block:
            samples[:length] *= self._fade_in[:length]
