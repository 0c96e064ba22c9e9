"""Where the sound of `audiocos monitor` comes from and goes to: what was asked for, checked and then opened."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audiocos.audio.names import shown
from audiocos.audio.outputs import check_writable, in_the_way
from audiocos.cli.main import say
from audiocos.cli.untouched import refuse_inputs
from audiocos.errors import AudiocosError, SoundDeviceError, UsageError
from audiocos.model import Model

if TYPE_CHECKING:
    from audiocos.live.ports import Microphone, Speakers
    from audiocos.live.sinks import FileSink
    from audiocos.live.sources import Source


@dataclass(frozen=True)
class Ends:
    """Where the sound comes from and goes to, as asked for; names are those of the options."""

    input: str
    output: str
    loop: bool
    rate: int | None
    channels: int | None
    seconds: float | None
    realtime: bool
    allow_feedback: bool
    force: bool

    @property
    def is_microphone(self) -> bool:
        """Whether a device records."""
        return self.input == "mic" or self.input.startswith("mic:")

    @property
    def is_synthetic(self) -> bool:
        """Whether the input is a synthetic signal."""
        return self.input.startswith("synth:")

    @property
    def is_file(self) -> bool:
        """Whether a file is read, not standard input."""
        return not self.is_microphone and not self.is_synthetic and self.input != "-"

    @property
    def writes_a_file(self) -> bool:
        """Whether the output is a file, not standard output."""
        return self.output not in ("none", "-") and not self.plays

    @property
    def plays(self) -> bool:
        """Whether the output is a device: no file name (with an extension or a folder), not none, not "-"."""
        from audiocos.audio.formats import EXTENSIONS, extension_of

        if self.output in ("none", "-"):
            return False
        return self.output == "speakers" or (extension_of(self.output) not in EXTENSIONS and os.sep not in self.output)

    @property
    def speakers(self) -> str | None:
        """Which device plays, where one does; None: the default."""
        return None if self.output == "speakers" else self.output


def check(ends: Ends, as_json: bool) -> None:
    """Refuse what cannot be, before anything is opened."""
    if ends.seconds is not None and not 0 < ends.seconds < math.inf:
        raise UsageError(f"--seconds {ends.seconds:g}: give a number above zero.")
    if ends.is_microphone and not ends.realtime:
        raise UsageError("--speed max: a microphone gives sound at its own pace. Leave it out, or monitor a file.")
    if not ends.realtime and ends.seconds is None and (ends.is_synthetic or ends.loop):
        raise UsageError("--speed max: this sound never ends. Say how much with --seconds.")
    if ends.input == "mic:":
        raise UsageError("mic: names no device after the colon. Give its name or index, or mic for the default one.")
    if ends.loop and (ends.is_microphone or ends.is_synthetic):
        raise UsageError("--loop: only a file can begin again.")
    if (ends.rate or ends.channels) and not (ends.is_microphone or ends.is_synthetic):
        raise UsageError("--rate, --channels: a file has its own. Leave them out.")
    if ends.output == "-" and not as_json and sys.stdout is not None and sys.stdout.isatty():
        raise UsageError("--output -: standard output is a terminal. Send it into a pipe or a file.")
    if ends.output == "-" and as_json:
        raise UsageError("--json and the sound cannot both go to standard output. Choose a file with --output.")
    if ends.input == "-" and ends.loop:
        raise UsageError("--loop: standard input comes only once. Give a file.")
    if ends.is_microphone and ends.plays and not ends.allow_feedback:
        if ends.output != "speakers":
            from audiocos.audio.devices import find

            find(ends.output, "output")  # a name that means nothing is to be named, before any headphones are put on
        raise UsageError(
            "--output: speakers next to a microphone howl: it hears what it has just played, again and again, louder "
            "each time. Put headphones on and pass --allow-feedback."
        )


def check_places(ends: Ends, report: str | None) -> None:
    """Refuse places that cannot be written to, before any sound is taken: at its end it would be lost.

    Args:
        ends: in and out.
        report: the page's file, or None.

    Raises:
        AudiocosError: something is there already, or is a folder or a device.
        UsageError: one is in the way of the other, or of the input.
    """
    if ends.input == "":
        raise UsageError("INPUT: give mic, the name of a file, synth:NAME or -.")
    for option, name in (("-o", ends.output), ("--report", report)):
        if name == "" or (name == "-" and option == "--report"):
            raise UsageError(f"{option}: give the name of a file.")
    from audiocos.audio.formats import extension_of, format_of

    if ends.writes_a_file:
        if ends.is_file and os.path.exists(ends.output) and _same(ends.output, ends.input):
            raise AudiocosError(f"{shown(ends.output)}: is the input itself. Choose another name.")
        if (why := in_the_way(ends.output, force=ends.force, option="-o")) is not None:
            raise AudiocosError(f"{shown(ends.output)}: {why}")
        format_of(ends.output)
        check_writable(shown(ends.output), Path(ends.output).parent)
    elif ends.plays and extension_of(ends.output) and not _is_device(ends.output):
        format_of(ends.output, "; no device that plays is called so, either")
    if report is None:
        return
    refuse_inputs("--report", [report], [ends.input])
    if ends.writes_a_file and os.path.realpath(report) == os.path.realpath(ends.output):
        raise UsageError(f"--report {shown(report)}: is the output, too. Choose another name.")
    from audiocos.cli.reporting import check_report  # brings the report's libraries

    check_report(report, ends.force)


def _is_device(name: str) -> bool:
    from audiocos.audio.devices import devices

    with contextlib.suppress(SoundDeviceError):  # no library, no devices
        return any(device.outputs and name.casefold() in device.name.casefold() for device in devices())
    return False


def _same(path: str, other: str) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samefile(path, other)
    return False


def open_source(ends: Ends, model: Model) -> Microphone | Source:
    """Where the sound comes from, opened; a conversion to the model's rate is said.

    Raises:
        AudiocosError: it cannot be had.
    """
    from audiocos.live.ports import fits, microphone, narrowed
    from audiocos.live.sources import FileSource, SynthSource

    if ends.is_microphone:
        wanted = ends.input.partition(":")[2] or None
        found = microphone(wanted, model_rate=model.sample_rate, sample_rate=ends.rate, channels=ends.channels)
        if ends.plays and ends.channels is None:
            found = narrowed(found, ends.speakers)
        if ends.plays and ends.rate is None and not fits(found, ends.speakers):  # they run at one rate
            found = microphone(wanted, channels=found.channels)
        _say_conversion(f"microphone {found.device}", found.sample_rate, model)
        return found
    if ends.is_synthetic:
        synthetic = SynthSource(
            ends.input.partition(":")[2], ends.rate or model.sample_rate or 48000, ends.channels or 1
        )
        _say_conversion(synthetic.name, synthetic.sample_rate, model)
        return synthetic
    with _patience(ends.input):
        source = FileSource(ends.input, loop=ends.loop)
    _say_conversion(source.name, source.sample_rate, model)
    return source


def _say_conversion(name: str, sample_rate: int, model: Model) -> None:
    """A monitor must not refuse a microphone for its rate, nor a file: it says what it does."""
    if model.sample_rate not in (None, sample_rate):
        say(f"{name}: {sample_rate} Hz, converted to the model's {model.sample_rate} Hz and back.")


@contextlib.contextmanager
def _patience(input: str) -> Iterator[None]:
    """Say where standard input has not told what sound it is; later stalls are events of the session."""
    from audiocos.live.watch import STALL_S

    told = f"standard input: no sound can be read from it yet, after {STALL_S:g} s; waiting."
    waiting = threading.Timer(STALL_S, say, [f"{told} AU and WAV are read as they come."])
    waiting.daemon = True
    if input == "-":
        waiting.start()
    try:
        yield
    finally:
        waiting.cancel()


def open_sink(ends: Ends, source: Microphone | Source) -> Speakers | FileSink | None:
    """Where it goes, opened; None: nowhere.

    Raises:
        AudiocosError: it cannot go there.
    """
    from audiocos.live.ports import Microphone, speakers
    from audiocos.live.sinks import FileSink
    from audiocos.live.sources import FileSource

    if ends.output == "none":
        return None
    if ends.plays:
        if not ends.realtime:
            raise UsageError("--speed max: speakers play at their own pace. Choose --output none or a file.")
        beside = source if isinstance(source, Microphone) else None
        fixed = source.name if isinstance(source, FileSource) else None
        rate, channels = source.sample_rate, source.channels
        found = speakers(ends.speakers, sample_rate=rate, channels=channels, beside=beside, fixed=fixed)
        if found.sample_rate != rate:
            say(f"speakers {found.device}: {found.sample_rate} Hz, converted from the sound's {rate} Hz.")
        return found
    subtype: str | None = None
    frames: int | None = None
    if isinstance(source, FileSource):
        subtype, frames = source.subtype, source.frames
    if ends.seconds is not None:
        most = math.ceil(ends.seconds * source.sample_rate)
        frames = most if frames is None else min(most, frames)
    return FileSink(ends.output, source.sample_rate, source.channels, subtype, frames, replace=ends.force)
