"""A detector together with what its alarms set off, as one judge."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from audiocos.live.alarmcommand import AlarmCommand
from audiocos.live.alarmstate import AlarmState
from audiocos.live.detector import Detector
from audiocos.live.pastalarms import PastAlarm, PastAlarms
from audiocos.live.recorder import Recorder
from audiocos.metrics import Array


class Alarms:
    """Feed it as a judge; close it when monitoring ends.

    Args:
        detector: what raises the alarms.
        recorder: what records them, or None.
        command: what they run, or None.
    """

    def __init__(
        self, detector: Detector, recorder: Recorder | None = None, command: AlarmCommand | None = None
    ) -> None:
        self.detector = detector
        self._recorder, self._command = recorder, command
        self._piece = max(1, detector.sample_rate // 4)  # the recorder must have heard what an alarm is about
        self._past = PastAlarms()
        detector.on_change += [each.change for each in (self._past, recorder, command) if each is not None]

    @property
    def state(self) -> AlarmState:
        """What the last second was judged to be; from any thread."""
        return self.detector.state

    @property
    def past(self) -> list[PastAlarm]:
        """All alarms so far, in the order of time, the present one included; from any thread."""
        return self._past.until(self.state)

    def feed(self, x: Array, y: Array) -> None:
        """Take the next block of both, `[channels, samples]`, aligned in time.

        Raises:
            ValueError: shapes that differ from each other or from the channels.
        """
        for position in range(0, x.shape[1], self._piece):
            piece = slice(position, position + self._piece)
            if self._recorder is not None:
                self._recorder.feed(x[:, piece], y[:, piece])
            self.detector.feed(x[:, piece], y[:, piece])

    def miss(self, count: int) -> None:
        """So many samples are missing here: silence in recordings, and what they touch is not judged."""
        for position in range(0, count, self._piece):
            missing = min(self._piece, count - position)
            if self._recorder is not None:
                silence = np.zeros((self.detector.channels, missing))
                self._recorder.feed(silence, silence)
            self.detector.miss(missing)

    def hurry(self) -> None:
        """Hold up the sound no more: monitoring is to end. From any thread."""
        for each in (self._recorder, self._command):
            if each is not None:
                each.hurry()

    def close(self, cut: Callable[[], bool] = lambda: False) -> None:
        """Judge the rest, finish recordings, wait for the command; once, when nothing is fed any more.

        Args:
            cut: as in `Recorder.close`.

        Raises:
            AudioFileError: not all could be recorded.
        """
        self.detector.close()
        try:
            if self._recorder is not None:
                self._recorder.close(self.state.worst, cut)
        finally:
            if self._command is not None:
                self._command.close()
