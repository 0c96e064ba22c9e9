"""`audiocos monitor`: a model on a microphone, a file or a synthetic signal, with its error while it happens."""

from __future__ import annotations

from typing import Any

import click

from audiocos.cli.alarming import AlarmOptions, alarm_options, check_alarms
from audiocos.cli.console import check_device, device_option
from audiocos.cli.ends import Ends, check, check_places, open_sink, open_source
from audiocos.cli.grouping import grouped
from audiocos.errors import UsageError
from audiocos.model import load


@click.command(
    "monitor",
    cls=grouped(
        {
            "model": "The model",
            "output": "The sound, in and out",
            "allow_feedback": "Microphones and speakers",
            "alarm": "Alarms",
            "report": "What is written",
        }
    ),
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
@click.option("--keep", type=click.IntRange(1), metavar="K", help="Keep the K coefficients of the lowest frequencies.")
@device_option
@click.option(
    "-o",
    "--output",
    default="none",
    show_default=True,
    help="speakers, a device's name, none, FILE (.wav, .flac, ...) or -.",
)
@click.option(
    "--listen",
    type=click.Choice(["output", "input", "residual"]),
    default="output",
    show_default=True,
    help="What the output gets.",
)
@click.option("--seconds", type=float, help="End after so much sound.")
@click.option(
    "--speed",
    type=click.Choice(["realtime", "max"]),
    default="realtime",
    show_default=True,
    help="max: files and synthetic signals as fast as it goes; nothing is dropped.",
)
@click.option("--loop", is_flag=True, help="Begin a file again when it ends, the same kind of file still.")
@click.option("--rate", type=click.IntRange(1000, 768000), metavar="HZ", help="Of a microphone or a synthetic signal.")
@click.option(
    "--channels",
    type=click.IntRange(1, 64),
    help="Of a microphone (else two, where it and the speakers have them) or a synthetic signal.",
)
@click.option("--allow-feedback", is_flag=True, help="Play a microphone: yes, with headphones.")
@click.option(
    "--block", type=click.IntRange(16, 65536), default=256, show_default=True, help="Samples a device hands over."
)
@click.option(
    "--latency",
    type=click.Choice(["low", "high"]),
    default="low",
    show_default=True,
    help="low: the least that can work; high: 20 ms more, in whole blocks, and what the device itself calls high, for "
    "a busy machine or a driver with a long period.",
)
@click.option(
    "--on-overload",
    type=click.Choice(["drop", "bypass", "fail"]),
    default="drop",
    show_default=True,
    help="Where the model cannot keep up: drop sound, let a microphone's bypass it, or stop. What came too late is "
    "silent; then a hop bypasses the model, or twice as many as the last time within a second, and it tries again.",
)
@click.option("--reconnect", is_flag=True, help="Wait for a device that goes away, and carry on.")
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
    check_places(ends, report)
    check(ends, as_json)
    if not (ends.is_microphone or ends.plays):
        for name, value, usual in (
            ("--latency", latency, "low"),
            ("--on-overload", on_overload, "drop"),
            ("--reconnect", reconnect, False),
        ):
            if value != usual:
                raise UsageError(f"{name}: there is no device, neither a microphone nor speakers. Leave it out.")
    if on_overload == "bypass" and not ends.is_microphone:
        raise UsageError("--on-overload bypass: a file waits for the model, only a microphone does not. Leave it out.")
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
    from audiocos.cli.options import computing_on
    from audiocos.live.session import Session

    resolved = computing_on(device, loaded)
    source = open_source(ends, loaded)
    monitor = Monitor(loaded, source, ends.input, ends.output, as_json=as_json, fast=not ends.realtime)
    monitor.watch_for(alarms, patient=not ends.is_microphone, fast=not ends.realtime)
    if report is not None:
        monitor.report_to(report, force)
    sink = open_sink(ends, source)
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
        device=resolved,
        reconnect=reconnect,
        judges=monitor.judges,
        taps=monitor.taps,
    )
    return monitor.watch(session)
