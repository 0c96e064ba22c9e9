"""`audiocos monitor`: a model on a microphone, a file or a synthetic signal, with its error while it happens."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from audiocos.audio.names import shown
from audiocos.cli.alarming import AlarmOptions, alarm_options, check_alarms
from audiocos.cli.console import check_device, device_option
from audiocos.cli.main import say
from audiocos.cli.untouched import refuse_inputs
from audiocos.errors import AudiocosError, UsageError
from audiocos.model import Model, load

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


@click.command(
    "monitor",
    epilog="""\b
Examples:
  audiocos monitor                                   the microphone, measured and not played
  audiocos monitor --output speakers --allow-feedback     and played: with headphones on
  audiocos monitor song.flac --output speakers --listen residual
  audiocos monitor synth:speech-like --model speech-8k --seconds 10
  audiocos monitor take.wav --speed max --json       as fast as it goes, a line for each second
  audiocos monitor --model mine --alarm --on-alarm "notify-send Odd"
  arecord -f cd | audiocos monitor -                 a pipe

Exit code: 0 the sound has ended, 1 something failed, 2 wrong usage, 130 Ctrl-C.""",
)
@click.argument("input", default="mic", metavar="[INPUT]")
@click.option("-m", "--model", default="exact", show_default=True, help="Name in the catalogue, or a model's folder.")
@click.option("-o", "--output", default="none", show_default=True, help="speakers, a device's name, none, FILE or -.")
@click.option(
    "--listen",
    type=click.Choice(["output", "input", "residual"]),
    default="output",
    show_default=True,
    help="What the output gets.",
)
@click.option("--keep", type=click.IntRange(1), metavar="K", help="Keep the K coefficients of the lowest frequencies.")
@click.option("--seconds", type=float, help="End after so much sound.")
@click.option(
    "--speed",
    type=click.Choice(["realtime", "max"]),
    default="realtime",
    show_default=True,
    help="max: files and synthetic signals as fast as it goes; nothing is dropped.",
)
@click.option("--loop", is_flag=True, help="Begin a file again when it ends.")
@click.option("--rate", type=click.IntRange(1000, 768000), metavar="HZ", help="Of a microphone or a synthetic signal.")
@click.option("--channels", type=click.IntRange(1, 64), help="Of a microphone or a synthetic signal.")
@click.option(
    "--block", type=click.IntRange(16, 65536), default=256, show_default=True, help="Samples a device hands over."
)
@click.option(
    "--latency",
    type=click.Choice(["low", "high"]),
    default="low",
    show_default=True,
    help="low: the least that can work; high: 20 ms more, for a busy machine or a driver with a long period.",
)
@click.option(
    "--on-overload",
    type=click.Choice(["drop", "bypass", "fail"]),
    default="drop",
    show_default=True,
    help="Where the model cannot keep up: drop sound, let it bypass the model, or stop.",
)
@click.option("--reconnect", is_flag=True, help="Wait for a device that goes away, and carry on.")
@click.option("--allow-feedback", is_flag=True, help="Play a microphone: yes, with headphones.")
@device_option
@alarm_options
@click.option("--report", metavar="FILE.html", help="Write a page about it at the end, as reconstruct does.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a second on stdout, then a summary.")
@click.option("--force", is_flag=True, help="Replace an output that exists.")
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Run a model on INPUT and show its error while it happens.

    INPUT is mic (the default), mic:NAME or mic:INDEX, a file, synth:NAME (noise, tone, speech-like, ...) or - for
    standard input. Devices are listed by `audiocos devices`. Where a device's or file's rate is not the model's, sound
    is converted on the way, and that is said; `audiocos reconstruct` wants --resample for it. The figures of a file are
    those that `reconstruct` gives.
    """
    context.exit(run(**options))


def run(
    *,
    input: str,
    model: str,
    output: str,
    listen: str,
    keep: int | None,
    seconds: float | None,
    speed: str,
    loop: bool,
    rate: int | None,
    channels: int | None,
    block: int,
    latency: str,
    on_overload: str,
    reconnect: bool,
    allow_feedback: bool,
    device: str,
    as_json: bool,
    alarms: AlarmOptions,
    report: str | None,
    force: bool,
) -> int:
    """What `command` does; gives the exit code."""
    check_device(device)
    ends = Ends(input, output, loop, rate, channels, seconds, speed == "realtime", allow_feedback, force)
    _check(ends, as_json)
    loaded = load(model)
    if keep is not None and keep > loaded.parameters.coefficients:
        raise UsageError(f'--keep {keep}: the model "{loaded.name}" has {loaded.parameters.coefficients} coefficients.')

    if alarms.alarm and keep is not None and keep < loaded.parameters.coefficients:
        raise UsageError(
            "--keep with --alarm: what is normal was learned with all coefficients, so every second would be an alarm. "
            "Leave --keep out, or pass --alarm-below instead of --alarm."
        )
    check_alarms(alarms, loaded)

    from audiocos.cli.monitoring import Monitor
    from audiocos.live.session import Session

    source = _source(ends, loaded)
    monitor = Monitor(loaded, source, ends.input, ends.output, as_json=as_json)
    if report is not None:
        refuse_inputs("--report", [report], [ends.input])
        if ends.output != "-" and os.path.realpath(report) == os.path.realpath(ends.output):
            raise UsageError(f"--report {shown(report)}: is the output, too. Choose another name.")
        monitor.report_to(report, force)
    monitor.watch_for(alarms, patient=not ends.is_microphone)
    sink = _sink(ends, source)
    session = Session(
        loaded,
        source,
        sink,
        listen=listen,
        keep=keep,
        block=block,
        latency=latency,
        overload=on_overload,
        realtime=ends.realtime,
        seconds=seconds,
        device=device,
        reconnect=reconnect,
        taps=monitor.taps,
    )
    return monitor.watch(session)


def _check(ends: Ends, as_json: bool) -> None:
    """Refuse what cannot be, before anything is opened."""
    if ends.seconds is not None and not 0 < ends.seconds < math.inf:
        raise UsageError(f"--seconds {ends.seconds:g}: give a number above zero.")
    if ends.is_microphone and not ends.realtime:
        raise UsageError("--speed max: a microphone gives sound at its own pace. Leave it out, or monitor a file.")
    if not ends.realtime and ends.seconds is None and (ends.is_synthetic or ends.loop):
        raise UsageError("--speed max: this sound never ends. Say how much with --seconds.")
    if ends.loop and (ends.is_microphone or ends.is_synthetic):
        raise UsageError("--loop: only a file can begin again.")
    if (ends.rate or ends.channels) and not (ends.is_microphone or ends.is_synthetic):
        raise UsageError("--rate, --channels: a file has its own. Leave them out.")
    if ends.output == "-" and as_json:
        raise UsageError("--json and the sound cannot both go to standard output. Choose a file with --output.")
    if ends.input == "-" and ends.loop:
        raise UsageError("--loop: standard input comes only once. Give a file.")
    if ends.is_microphone and _plays(ends.output) and not ends.allow_feedback:
        if ends.output != "speakers":
            from audiocos.audio.devices import find

            find(ends.output, "output")  # a name that means nothing is to be named, before any headphones are put on
        raise UsageError(
            "--output: speakers next to a microphone howl: it hears what it has just played, again and again, louder "
            "each time. Put headphones on and pass --allow-feedback."
        )


def _plays(output: str) -> bool:
    """Whether an output is a device: no file name (with an extension or a folder), not none, not standard output."""
    from audiocos.audio.formats import EXTENSIONS, extension_of

    if output in ("none", "-"):
        return False
    return output == "speakers" or (extension_of(output) not in EXTENSIONS and os.sep not in output)


def _source(ends: Ends, model: Model) -> Microphone | Source:
    from audiocos.live.ports import microphone
    from audiocos.live.sources import FileSource, SynthSource

    if ends.is_microphone:
        wanted = ends.input.partition(":")[2] or None
        found = microphone(wanted, model_rate=model.sample_rate, sample_rate=ends.rate, channels=ends.channels)
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
    waiting = threading.Timer(STALL_S, say, [told])
    waiting.daemon = True
    if input == "-":
        waiting.start()
    try:
        yield
    finally:
        waiting.cancel()


def _sink(ends: Ends, source: Microphone | Source) -> Speakers | FileSink | None:
    from audiocos.live.ports import Microphone, speakers
    from audiocos.live.sinks import FileSink
    from audiocos.live.sources import FileSource

    if ends.output == "none":
        return None
    if _plays(ends.output):
        if not ends.realtime:
            raise UsageError("--speed max: speakers play at their own pace. Choose --output none or a file.")
        beside = source if isinstance(source, Microphone) else None
        wanted = None if ends.output == "speakers" else ends.output
        return speakers(wanted, sample_rate=source.sample_rate, channels=source.channels, beside=beside)
    if ends.output == "-":
        if sys.stdout is not None and sys.stdout.isatty():
            raise UsageError("--output -: standard output is a terminal. Send it into a pipe or a file.")
    elif os.path.lexists(ends.output):
        if os.path.exists(ends.input) and os.path.samefile(ends.output, ends.input):
            raise AudiocosError(f"{shown(ends.output)}: is the input itself. Choose another name.")
        if not ends.force:
            raise AudiocosError(f"{shown(ends.output)}: exists already. Pass --force to replace it.")
    subtype = frames = None
    if isinstance(source, FileSource):
        subtype, frames = source.subtype, source.frames
    if ends.seconds is not None:
        frames = math.ceil(ends.seconds * source.sample_rate)
    return FileSink(ends.output, source.sample_rate, source.channels, subtype, frames)
