"""The view in the terminal: draws what the meters say fifteen times a second and does what keys ask for.

It runs in the thread that calls `show`, which must be the main one where Ctrl-Z is to work, and touches the audio
threads nowhere: it reads numbers that they leave behind.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, TextIO

from audiocos.errors import AudiocosError
from audiocos.live.capture import Capture
from audiocos.live.keys import Keys
from audiocos.live.layout import Layout, Scene
from audiocos.live.meters import Meters, Reading
from audiocos.live.screen import Screen
from audiocos.live.status import Stage, Status, fewer, more
from audiocos.live.watched import Alarming, Watched
from audiocos.live.waterfall import kept_hz

if TYPE_CHECKING:
    from audiocos.model import Model

FRAMES_A_SECOND = 15
SHARE = 0.08
"""Of a core, at most: on a slow machine there are fewer frames a second, but two."""

_FIGURES_S = 0.25
_MESSAGE_S = 4.0
_SLOWEST_S = 0.5


def show(
    session: Watched,
    meters: Meters,
    *,
    model: Model,
    source: str,
    sink: str = "",
    detector: Alarming | None = None,
    capture: Capture | None = None,
    file: TextIO,
) -> None:
    """Show a session until it ends or somebody quits; the caller stops it then. The terminal is put back.

    Args:
        session: what is watched.
        meters: a tap of it.
        model: the session's.
        source: where the sound comes from, in words.
        sink: where it goes, in words.
        detector: a judge of it; None: no alarm.
        capture: a tap of it, too; None: the key "record" does nothing.
        file: the terminal; `screen.can_draw` says whether it can be drawn on.
    """
    view = View(
        session, meters, model, Stage(model.name, model.parameters.coefficients, source, sink), detector, capture
    )
    with Keys() as keys, Screen(file) as screen, _Suspension() as suspension:
        view.run(keys, screen, suspension)


class View:
    """What is shown, and what keys do to it. See `show` for the arguments."""

    def __init__(
        self,
        session: Watched,
        meters: Meters,
        model: Model,
        stage: Stage,
        detector: Alarming | None = None,
        capture: Capture | None = None,
    ) -> None:
        self._session, self._meters, self._model, self._stage = session, meters, model, stage
        self._detector, self._capture = detector, capture
        self._frozen: Reading | None = None
        self._figures = meters.reading()
        self._status = Status.of(session, detector)
        self._figures_at = 0.0
        self._message, self._message_at = "", 0.0
        self.over = False
        """Whether somebody quit."""

    def run(self, keys: Keys, screen: Screen, suspension: _Suspension) -> None:
        """Draw and obey until the session ends or somebody quits."""
        layout = Layout(screen.colours)
        while not self._session.ended and not self.over:
            if suspension.asked:
                screen.leave()
                keys.pause()
                suspension.stop()
            if not keys.foreground:  # the terminal is somebody else's: neither read nor draw
                time.sleep(_SLOWEST_S)
                continue
            keys.resume()
            screen.enter()
            began = time.thread_time()
            screen.draw(layout.lines(self.scene(), *screen.size))
            spent = time.thread_time() - began
            for key in keys.read(min(max(1 / FRAMES_A_SECOND, spent / SHARE), _SLOWEST_S)):
                self.press(key)

    def scene(self) -> Scene:
        """What there is to see now; numbers are renewed four times a second, pictures always."""
        now = time.monotonic()
        reading = self._frozen or self._meters.reading()
        if now - self._figures_at >= _FIGURES_S:
            self._figures_at = now
            self._figures = reading
            self._status = Status.of(self._session, self._detector)
        capture = self._capture
        if capture is not None and (news := capture.news()):
            self._tell(news)
        return Scene(
            self._stage,
            self._status,
            reading,
            self._figures,
            kept_hz(self._model, self._status.rate, self._status.keep),
            self._frozen is not None,
            capture.time_s if capture is not None and capture.running else None,
            self._message if now - self._message_at < _MESSAGE_S else "",
        )

    def press(self, key: str) -> None:
        """Do what a key asks for; unknown ones do nothing."""
        most = self._stage.coefficients
        if key in ("o", "i", "r"):
            self._session.listen = {"o": "output", "i": "input", "r": "residual"}[key]
            self._tell(f"listening to the {self._session.listen}")
        elif key in ("-", "_", "left", "down"):
            self._keep(fewer(self._session.keep, most))
        elif key in ("+", "=", "right", "up"):
            self._keep(more(self._session.keep, most))
        elif key in ("f", " "):
            self._frozen = None if self._frozen else self._meters.reading()
            self._tell("the picture stands still; the sound goes on" if self._frozen else "")
        elif key == "s":
            self._meters.reset()
            self._frozen = None
            self._tell("meters reset")
        elif key == "c":
            self._record()
        elif key == "q":
            self.over = True
        self._figures_at = 0.0  # show at once what the key did

    def _keep(self, keep: int | None) -> None:
        if self._detector is not None and self._detector.state.threshold is not None:
            self._tell("an alarm scores by what all coefficients lose: kept")
            return
        self._session.keep = keep
        most = self._stage.coefficients
        self._tell(f"all {most} coefficients" if keep is None else f"the lowest {keep} of {most} coefficients")

    def _record(self) -> None:
        if self._capture is None:
            self._tell("nothing to record with")
            return
        try:
            if self._capture.running:
                seconds = self._capture.time_s
                self._tell(f"recorded {seconds:.1f} s: {self._capture.stop()}")
            else:
                self._tell(f"recording what is listened to: {self._capture.start()}")
        except AudiocosError as error:
            self._tell(str(error))

    def _tell(self, message: str) -> None:
        self._message, self._message_at = message, time.monotonic()


class _Suspension:
    """Meanwhile Ctrl-Z only asks; the loop stops the process when it has given the terminal back."""

    def __init__(self) -> None:
        self._signal: Any = getattr(signal, "SIGTSTP", None)
        self._before: Any = None
        self.asked = False

    def __enter__(self) -> _Suspension:
        if self._signal is not None and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(self._signal, self._ask)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._before is not None:
            signal.signal(self._signal, self._before)

    def stop(self) -> None:
        """Stop the process, until somebody continues it."""
        self.asked = False
        signal.signal(self._signal, signal.SIG_DFL)
        os.kill(os.getpid(), self._signal)
        signal.signal(self._signal, self._ask)

    def _ask(self, number: int, frame: Any) -> None:
        self.asked = True
