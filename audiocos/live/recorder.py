"""Recordings of alarms: what was heard and what was lost, from shortly before to shortly after."""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from audiocos.atomic import replace_file
from audiocos.audio.names import shown
from audiocos.audio.writer import Writer
from audiocos.counting import counted
from audiocos.errors import AudioFileError
from audiocos.live.alarmfolders import make_folder, new_folder, remove_if_empty
from audiocos.live.alarmstate import AlarmEvent, Worst
from audiocos.live.history import History
from audiocos.metrics import Array

BEFORE_S = 5.0
AFTER_S = 5.0
LONGEST_S = 600.0

INPUT, RESIDUAL, NOTE = "input.wav", "residual.wav", "alarm.json"

_KNOWN_S = 2.0  # an alarm is known when its second has ended and the resampler has let go of it
_LAG_S = 2.0  # of the disk
_PIECE_S = 0.25
_HURRY_S = 2.0
_JOIN_S = 5.0
_TICK_S = 0.1
_SLOW = "the disk was too slow"


@dataclass
class _Recording:
    """One in the making; positions are samples since monitoring began."""

    first: int
    longest: int
    began: float  # wall clock at the first sample
    written: int = 0
    stop: int | None = None  # None while the alarm lasts
    alarms: list[dict[str, Any]] = field(default_factory=list)
    cut: str | None = None
    over: bool = False  # nothing is written to it any more
    kept_s: float | None = None  # what is in the files, where no more could be written

    def seconds(self, rate: int) -> float:
        """How much of it there is."""
        return self.kept_s or (self.written - self.first) / rate

    @property
    def limit(self) -> int:
        """Where it ends, as far as is known."""
        last = self.first + self.longest
        return last if self.stop is None else min(self.stop, last)


class Recorder:
    """Write input and residual from 5 s before an alarm to 5 s after it, each recording into a folder of its own.

    Such a folder holds `input.wav` and `residual.wav` (32-bit float) and, when both are whole, `alarm.json`. On a full
    disk they hold what was written before; what exists is never touched. An alarm that begins within 5 s of the end of
    the one before, so inside its recording, continues that; the note lists every alarm that begins in the recording. A
    recording ends after 10 minutes, even where the alarm does not.

    `feed` and `change` belong to one thread and do not wait for the disk unless told to: the last seconds are kept
    in memory, a thread writes from there, and when it falls behind by more than that the recording is cut short.
    What cannot be written is said once a recording, and monitoring goes on.

    Args:
        folder: where to put them; made if need be.
        sample_rate: Hz.
        channels: C.
        model: name of the model, for the note.
        say: called with a line for people, from the thread that writes.
        before_s: seconds before an alarm.
        after_s: seconds after it.
        longest_s: seconds a recording holds at most.
        wait_s: how long `feed` waits for a slow disk before a recording is cut short; 0 where sound does not wait.
        fast: sound goes by faster than the clock: its times are those it would have had at its own pace.

    Raises:
        AudioFileError: the folder cannot be made or written to.
    """

    def __init__(
        self,
        folder: str | Path,
        sample_rate: int,
        channels: int,
        *,
        model: str,
        say: Callable[[str], None],
        before_s: float = BEFORE_S,
        after_s: float = AFTER_S,
        longest_s: float = LONGEST_S,
        wait_s: float = 0.0,
        fast: bool = False,
    ) -> None:
        self._folder = Path(folder)
        make_folder(self._folder)
        self._rate, self._channels, self._model, self._say = sample_rate, channels, model, say
        self._before, self._after = round(before_s * sample_rate), round(after_s * sample_rate)
        self._longest, self._wait_s = max(1, round(longest_s * sample_rate)), wait_s
        self._fast, self._began, self._failed = fast, time.time(), 0
        self._until = math.inf  # nothing is waited for after that, by the monotonic clock
        self._piece = max(1, round(_PIECE_S * sample_rate))
        self._late = round(_KNOWN_S * sample_rate)
        self._capacity = self._before + self._late + round(_LAG_S * sample_rate) + self._piece
        self._history = History(channels, self._capacity)
        self._recordings: deque[_Recording] = deque()  # all that is not written yet, oldest first
        self._last: _Recording | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write_all, name="audiocos-alarm-recorder", daemon=True)
        self._thread.start()

    def feed(self, x: Array, y: Array) -> None:
        """Take the next block of both, `[channels, samples]`, aligned in time."""
        for position in range(0, x.shape[1], self._piece):
            block = x[:, position : position + self._piece]
            residual = block - y[:, position : position + self._piece]
            with self._changed:
                if self._wait_s and self._recordings:
                    self._wait_for_room(self._history.end + block.shape[1])
                self._history.push(block, residual)
                self._changed.notify_all()

    def change(self, event: AlarmEvent) -> None:
        """An alarm begins or ends; call it when what led to it has been fed."""
        with self._changed:
            recording = self._last
            if event.active:
                if recording is None or recording.over or round(event.begin_s * self._rate) >= recording.limit:
                    recording = self._last = self._begin(event)
                # What was worst is known at its end, which a recording may not see.
                unknown = dict.fromkeys(Worst().row())
                recording.alarms.append(event.row() | {"end_s": None} | unknown)
                recording.stop = None
            elif recording is not None:
                recording.alarms[-1] |= {"end_s": event.time_s} | event.worst.row()
                recording.stop = round(event.time_s * self._rate) + self._after
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """Whether everything is written so far, and nothing is being recorded."""
        return not self._recordings

    def hurry(self) -> None:
        """Hold up the sound for two more seconds at most: monitoring is to end. From any thread."""
        self._until = min(self._until, time.monotonic() + _HURRY_S)

    def close(self, worst: Worst | None = None, cut: Callable[[], bool] = lambda: False) -> None:
        """Finish what is open with the sound there is, and wait until it is written.

        Args:
            worst: of the alarm that lasts; None where none does.
            cut: asked now and then where that takes longer than 5 s; once it says yes, what is not written is left.

        Raises:
            AudioFileError: not all could be written, as was said then.
        """
        with self._changed:
            if worst is not None and self._last is not None and not self._last.over:
                self._last.alarms[-1] |= worst.row()
            self._closed = True
            self._changed.notify_all()
        since = time.monotonic()
        while self._thread.is_alive():
            self._thread.join(_TICK_S)
            if time.monotonic() - since > _JOIN_S and cut():
                self._failed += len(self._recordings)
                break
        if self._failed:
            recordings = counted(self._failed, "recording")
            raise AudioFileError(
                f"{shown(self._folder)}: {recordings} of alarms could not be written to the end. "
                "Make room, or choose another place."
            )

    def _begin(self, event: AlarmEvent) -> _Recording:
        wanted = round(event.begin_s * self._rate) - self._before
        first = min(max(wanted, self._history.start), self._history.end)
        late_s = (self._history.end - first) / self._rate
        began = self._began + first / self._rate if self._fast else time.time() - late_s
        recording = _Recording(first, self._longest, began, written=first)
        self._recordings.append(recording)
        return recording

    def _wait_for_room(self, end: int) -> None:
        until = time.monotonic() + self._wait_s
        while not self._has_room(end) and time.monotonic() < min(until, self._until):
            self._changed.wait(_TICK_S)

    def _has_room(self, end: int) -> bool:
        """Whether samples up to `end` fit without pushing out one that is still to be written."""
        return all(each.over or each.written >= end - self._capacity for each in self._recordings)

    def _write_all(self) -> None:
        """What the thread does: write each recording in turn, until closed."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._recordings or self._closed)
                if not self._recordings:
                    return
                recording = self._recordings[0]
            try:
                self._write(recording)
                if recording.cut == _SLOW:
                    self._failed += 1
                    self._say(f"An alarm is recorded for {recording.seconds(self._rate):.1f} s: {_SLOW}.")
            except (AudioFileError, OSError) as error:
                why = f"{shown(self._folder)}: {error.strerror}" if isinstance(error, OSError) else str(error)
                self._failed += 1
                kept = recording.kept_s
                self._say(f"An alarm is {'not recorded' if kept is None else f'recorded for {kept:.1f} s'}: {why}")
            with self._changed:
                recording.over = True
                self._recordings.popleft()
                self._changed.notify_all()

    def _write(self, recording: _Recording) -> None:
        with contextlib.ExitStack() as stack:
            folder = new_folder(self._folder, recording.began)
            stack.callback(remove_if_empty, folder)
            sound = "WAV", "FLOAT", self._rate, self._channels, recording.longest
            writers = [
                stack.enter_context(Writer(str(folder / name), *sound, place="--record-alarms", live=True))
                for name in (INPUT, RESIDUAL)
            ]
            failure: AudioFileError | None = None
            try:
                while (samples := self._next(recording)) is not None:
                    for writer, signal in zip(writers, samples, strict=True):
                        writer.write(signal.T)
                for writer in writers:
                    writer.commit()
            except AudioFileError as error:
                failure, kept = error, [writer.keep() for writer in writers]
                if not any(kept):
                    raise
                recording.cut, recording.kept_s = "no more could be written", min(kept)
            note = json.dumps(self._note(recording), indent=2, allow_nan=False) + "\n"
            replace_file(folder / NOTE, [note.encode()], f".{NOTE}.part")
            if failure is not None:
                raise failure

    def _next(self, recording: _Recording) -> Array | None:
        """The next samples of a recording, `[2, channels, samples]`, when they have come; None at its end.

        It ends when no alarm that begins inside it can still become known, and continue it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._due(recording))
            if recording.written < min(self._history.start, recording.limit):
                recording.cut, recording.over = _SLOW, True
                return None
            end = min(self._history.end, recording.limit, recording.written + self._piece)
            if end <= recording.written:
                recording.over = True
                if self._closed and recording.written < recording.limit:
                    recording.cut = "monitoring ended"
                elif recording.limit == recording.first + recording.longest:
                    recording.cut = f"longer than {self._longest / self._rate:g} s"
                return None
            samples = self._history.between(recording.written, end)
            recording.written = end
            self._changed.notify_all()
            return samples

    def _due(self, recording: _Recording) -> bool:
        """Whether there is a whole piece to write, or the rest, or it is over."""
        rest = recording.limit - recording.written
        return self._history.end >= (recording.written + min(self._piece, rest) if rest > 0 else self._known(recording))

    def _known(self, recording: _Recording) -> int:
        """Where all alarms are known that begin in a recording; one that cannot go on waits for none."""
        may_go_on = recording is self._last and recording.limit < recording.first + recording.longest
        return recording.limit + (self._late if may_go_on else 0)

    def _note(self, recording: _Recording) -> dict[str, Any]:
        with self._changed:
            alarms = [dict(alarm) for alarm in recording.alarms]
        for alarm in alarms:
            del alarm["active"]
        return {
            "began": datetime.fromtimestamp(recording.began).astimezone().isoformat(timespec="milliseconds"),
            "model": self._model,
            "sample_rate": self._rate,
            "channels": self._channels,
            "start_s": recording.first / self._rate,
            "seconds": recording.seconds(self._rate),
            "cut": recording.cut,
            "input": INPUT,
            "residual": RESIDUAL,
            "alarms": alarms,
        }
