"""A session's device: opened, closed, and found again when it has gone away."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from audiocos.audio.devices import check, let_go, look_again
from audiocos.errors import SoundDeviceError
from audiocos.live.counters import Counters
from audiocos.live.duplex import Duplex, Settings
from audiocos.live.log import Log
from audiocos.live.wires import Wires

_RETRY_S = 0.5


class Link:
    """The device at one end of a session or at both. One thread at a time.

    Args:
        settings: what to open.
        wires: the session's.
        counters: for the device's callback to count in.
        log: for it to note in.
        done: set when the worker is done.
        live: whether the device records.
        prefill: samples that lie in the ring to the speakers before the first sound, for a device of such a period.
        inside: samples that the worker has taken and not given yet.
    """

    def __init__(
        self,
        settings: Settings,
        wires: Wires,
        counters: Counters,
        log: Log,
        done: threading.Event,
        *,
        live: bool,
        prefill: Callable[[int], int],
        inside: Callable[[], int],
    ) -> None:
        self.settings = settings
        self._wires, self._counters, self._log, self._done = wires, counters, log, done
        self._live, self._prefill_for, self._inside = live, prefill, inside
        self._duplex: Duplex | None = None
        self._position = 0
        self.prefill = prefill(settings.block)
        """Samples that lie in the ring to the speakers before the first sound; once open, for the period."""

    @property
    def gone(self) -> bool:
        """Whether the device has stopped calling, or is closed."""
        return self._duplex is None or self._duplex.gone

    @property
    def period(self) -> int:
        """Samples that the device moves at a time; a block while it is closed."""
        return self.settings.block if self._duplex is None else self._duplex.period

    @property
    def silent_s(self) -> float:
        """Seconds since the device has called; 0 while it is closed."""
        return 0.0 if self._duplex is None else self._duplex.silent_s

    @property
    def latency(self) -> int:
        """The device's, samples; 0 while it is closed."""
        return 0 if self._duplex is None else self._duplex.latency

    def open(self, *, again: bool = False) -> None:
        """Open it: for the first time, with the ring to the speakers filled, or again, with what the ring holds.

        Raises:
            SoundDeviceError: it cannot be opened.
        """
        self._duplex = Duplex(
            self.settings,
            self._wires.inlet if self._live else None,
            self._wires.play,
            self._counters,
            self._log,
            self._wires.wake,
            drained=self._done.is_set,
            gaps=self._wires.lost,
        )
        self.prefill = self._prefill_for(self._duplex.period)
        self._duplex.position = self._position  # the clock goes on
        # A splice, whose place judges are to know: a sample is missing, of all that were while it was away.
        if again and self._live and self._wires.lost.note(self._wires.inlet.written, 1):
            self._counters.dropped_samples += 1
        play = self._wires.play
        if play is None or not self._live:
            return
        if again:  # nothing moves now: all that is on its way, less what is to be
            self._duplex.owed = play.available + self._inside() + self._wires.inlet.available - self.prefill
        else:
            play.write_silence(self.prefill)

    def start(self) -> None:
        """Begin.

        Raises:
            SoundDeviceError: it refuses.
        """
        assert self._duplex is not None
        self._duplex.start()

    def close(self) -> None:
        """Let go of it; more than once does no harm."""
        if self._duplex is not None:
            self._position = self._duplex.position
            self._duplex.close()
            self._duplex = None

    def wait_for_it(self, again: Callable[[], Settings], stop: threading.Event, *, say: Callable[[str], None]) -> bool:
        """Look for the device until it is there and runs; False when `stop` is set before.

        Args:
            again: the settings with the device's new number, or raises SoundDeviceError.
            stop: ends the waiting.
            say: told once why it does not do although it is there, another rate for one.
        """
        told = False
        while not stop.wait(_RETRY_S):
            with contextlib.suppress(SoundDeviceError):
                look_again()
                self.settings = again()
                try:
                    self._check()
                    self.open(again=True)
                    self.start()
                    return True
                except SoundDeviceError as error:
                    if not told:
                        say(str(error))
                    told = True
            let_go()
        return False

    def _check(self) -> None:
        """Say plainly which rate or channels are not there any more."""
        now = self.settings
        if now.input is not None:
            check(now.input, "input", now.sample_rate, now.inputs)
        if now.output is not None:
            check(now.output, "output", now.sample_rate, now.outputs)
