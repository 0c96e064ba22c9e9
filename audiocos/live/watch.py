"""The thread that watches the others: a device that goes away, a source that stalls, the end of it all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from audiocos.errors import SoundDeviceError
from audiocos.live.counters import Absences
from audiocos.live.feeder import Feeder
from audiocos.live.link import Link
from audiocos.live.log import Journal
from audiocos.live.ports import Microphone, Speakers, found_again, twins
from audiocos.live.ring import Ring
from audiocos.live.sinks import FileSink
from audiocos.live.sources import FileSource, Source
from audiocos.live.threads import Threads

TICK_S = 0.05

ASLEEP_S = 0.5
"""Where so much lies between two looks, this process was stopped (Ctrl-Z), and the device could not have called."""

STALL_S = 2.0
"""A source that has given nothing for so long is said to stall."""

SILENT_S = 5.0
"""A microphone that has given nothing but zeros for so long is asked about: what is open always hears some noise."""


class Watch:
    """Runs in a thread of its own: `run`, until the others and the device have ended.

    Args:
        threads: the others; "hop" and "meter" are waited for.
        journal: to tell what happened, and to bring up to date.
        stop: set when all is to end.
        done: set when the worker is done.
        source: where the sound comes from.
        sink: where it goes.
        link: the device, or None.
        feeder: what brings a source that is no device, or None.
        play: the ring to the speakers, or None.
        reconnect: wait for a device that goes away.
        silent_s: seconds of digital silence that the input ends with.
        back: called when one has come back.
        filled: whether the first sound of a source that is no device is there, so that it can be played.
    """

    def __init__(
        self,
        threads: Threads,
        journal: Journal,
        stop: threading.Event,
        done: threading.Event,
        *,
        source: Microphone | Source,
        sink: Speakers | FileSink | None,
        link: Link | None,
        feeder: Feeder | None,
        play: Ring | None,
        reconnect: bool,
        silent_s: Callable[[], float],
        back: Callable[[], None] = lambda: None,
        filled: Callable[[], bool] = lambda: True,
    ) -> None:
        self._threads, self._journal, self._stop, self._done = threads, journal, stop, done
        self._source, self._sink, self._link, self._feeder = source, sink, link, feeder
        self._play, self._reconnect, self._silent_s, self._back = play, reconnect, silent_s, back
        self._filled, self._is_file = filled, not isinstance(source, Microphone)
        self._stalled = self._asked = False
        self._damages = 0
        self._looked = self._awake_since = time.monotonic()
        self._twins = reconnect and twins(source, sink)
        self.absences = Absences()
        self.playing = False
        """Whether the device has been started: only then can it go away."""

    def begin(self) -> None:
        """Start the device: with its first sound there, where it only plays.

        Raises:
            SoundDeviceError: it refuses.
        """
        assert self._link is not None
        self._link.start()
        self.playing = True

    def run(self) -> None:
        """Until all is over.

        Raises:
            SoundDeviceError: what is to be played cannot begin.
        """
        while self._others_run():
            time.sleep(TICK_S)
            self._journal.collect()
            self._look_at_device()
            self._look_at_source()
            self._look_at_damage()
        self._look_at_damage()
        self._let_it_be_heard()

    def _others_run(self) -> bool:
        if not self._threads.started("hop", "meter"):
            return not self._stop.is_set()
        return self._threads.alive("hop") or self._threads.alive("meter")

    def _look_at_device(self) -> None:
        link = self._link
        if link is None or self._stop.is_set():
            return
        if not self.playing:
            if self._is_file and self._filled():
                self.begin()
            return
        if self._done.is_set() or not self._gone(link):
            return
        before = link.settings
        names = before.names
        self.absences.begin(time.time() - link.silent_s)
        self._journal.note("device", f"{names}: gone", details={"state": "gone"})
        after_s = self._journal.time_s
        link.close()
        if not self._reconnect:
            remedy = "Connect it again, or start its server; --reconnect waits for it"
            self._threads.fail(SoundDeviceError(f"{names}: went away after {after_s:.1f} s. {remedy}."))
        elif link.wait_for_it(
            lambda: found_again(before, self._source, self._sink),
            self._stop,
            say=lambda text: self._journal.note("device", f"{text} Waiting on.", details={"state": "unfit"}),
        ):
            self._back()
            away_s = self.absences.end()
            details = {"state": "back", "away_s": away_s}
            text = f"{link.settings.names}: back after {away_s:.1f} s"
            if self._twins or twins(self._source, self._sink):
                text += "; there were several of that name, and it may be another than before"
            self._journal.note("device", text, details=details)

    def _gone(self, link: Link) -> bool:
        """Whether the device has stopped calling; one that was stopped with this process is given time to call."""
        gone, now = link.gone, time.monotonic()  # in this order: a stop between them is seen
        if now - self._looked > ASLEEP_S:
            self._awake_since = now
        self._looked = now
        return gone and now - self._awake_since > link.settings.gone_s

    def _look_at_source(self) -> None:
        if isinstance(self._source, Microphone):
            self._look_at_silence(self._source)
            return
        since = None if self._feeder is None else self._feeder.waiting_since
        stalled = since is not None and time.monotonic() - since > STALL_S
        if stalled and not self._stalled:
            text = f"{self._source.name}: nothing has come for {STALL_S:g} s; waiting"
            self._journal.note("source", text, details={"state": "stalled"})
        self._stalled = stalled

    def _look_at_damage(self) -> None:
        if not isinstance(self._source, FileSource):
            return
        found = self._source.warnings[self._damages :]
        self._damages += len(found)
        for warning in found:
            self._journal.note("source", warning.partition(". Processing")[0], details={"state": "damaged"})

    def _look_at_silence(self, microphone: Microphone) -> None:
        if self._asked or self._silent_s() < SILENT_S:
            return
        self._asked = True
        text = (
            f"{microphone.device}: nothing but digital silence for {SILENT_S:g} s. Is it muted, or is another device "
            "meant? `audiocos devices` lists them."
        )
        self._journal.note("source", text, details={"state": "silent"})

    def _let_it_be_heard(self) -> None:
        """What is in the ring to the speakers, and what the device has taken already."""
        if self._play is None or self._link is None:
            return
        if self._is_file and not self.playing and not self._stop.is_set():  # it was over within a tick
            self.begin()
        while self._play.available and not self._stop.is_set() and not self._gone(self._link):
            time.sleep(TICK_S)
        if not self._stop.is_set():
            time.sleep(self._link.latency / self._link.settings.sample_rate)
