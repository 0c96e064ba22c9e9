"""The options of alarms, for every command that monitors, and what they make: a detector with its actions."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import click

from audiocos.counting import counted
from audiocos.errors import ModelError, UsageError

if TYPE_CHECKING:
    from audiocos.live.alarms import Alarms
    from audiocos.model import Model
    from audiocos.normal import Normal

_HOUR_S = 3600


@dataclass(frozen=True)
class AlarmOptions:
    """What was asked on the command line; names are those of the options."""

    alarm: bool = False
    false_alarms: float | None = None
    alarm_below: float | None = None
    hysteresis: float | None = None
    hold: float | None = None
    record_alarms: str | None = None
    on_alarm: str | None = None

    @property
    def asked(self) -> bool:
        """Whether anything is to be watched."""
        return self.alarm or self.alarm_below is not None


_OPTIONS = [
    click.option("--alarm", is_flag=True, help="Raise an alarm when a second's residual is unlike normal sound's."),
    click.option(
        "--false-alarms",
        type=float,
        metavar="RATE",
        help="How many seconds an hour of normal sound may raise it.  [default: 1]",
    ),
    click.option(
        "--alarm-below",
        type=float,
        metavar="DB",
        help="Raise an alarm when a second's SNR is below, before the output is rounded to a sample type.",
    ),
    click.option(
        "--hysteresis",
        type=float,
        metavar="DB",
        help="How much better a second must be not to prolong an alarm.  [default: 1]",
    ),
    click.option(
        "--hold", type=float, metavar="SECONDS", help="How long an alarm stays after its last cause.  [default: 2]"
    ),
    click.option(
        "--record-alarms",
        metavar="FOLDER",
        help="Record input and residual from 5 s before an alarm to 5 s after it, with a JSON, in a folder in FOLDER; "
        "an alarm that begins meanwhile goes on in the same one; 10 minutes at most.",
    ),
    click.option(
        "--on-alarm",
        metavar="COMMAND",
        help="Run when an alarm begins: no shell, at most every 10 s (of sound, with --speed max), one at a time, "
        "ended after 60 s; AUDIOCOS_ALARM in its environment tells more.",
    ),
]


def alarm_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of alarms; it gets them as one `AlarmOptions`, by the name `alarms`."""

    @functools.wraps(command)
    def gathered(*arguments: Any, **options: Any) -> Any:
        own = {each.name: options.pop(each.name) for each in fields(AlarmOptions)}
        return command(*arguments, alarms=AlarmOptions(**own), **options)

    return functools.reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), gathered)


def check_alarms(options: AlarmOptions, model: Model) -> None:
    """Refuse what cannot be, before anything is opened.

    Raises:
        UsageError: options that do not go together, numbers that cannot be, a command that is not there.
        ModelError: the model does not know what is normal.
    """
    from audiocos.live import alarmcommand

    if options.false_alarms is not None and not options.alarm:
        raise UsageError("--false-alarms: is the rate of --alarm. Pass that, too.")
    for name in ("hysteresis", "hold", "record_alarms", "on_alarm"):
        if getattr(options, name) is not None and not options.asked:
            raise UsageError(f"--{name.replace('_', '-')}: there is no alarm to act on. Pass --alarm or --alarm-below.")
    if options.false_alarms is not None and not 0 < options.false_alarms < _HOUR_S:
        raise UsageError(f"--false-alarms {options.false_alarms:g}: must lie between 0 and {_HOUR_S} an hour.")
    if options.alarm_below is not None and not math.isfinite(options.alarm_below):
        raise UsageError(f"--alarm-below {options.alarm_below:g}: must be a finite number of dB.")
    for name, unit in (("hysteresis", "dB"), ("hold", "s")):
        value = getattr(options, name)
        if value is not None and not 0 <= value < math.inf:
            raise UsageError(f"--{name} {value:g}: must be 0 {unit} or more, and finite.")
    if options.record_alarms == "":
        raise UsageError("--record-alarms: give the name of a folder.")
    if options.on_alarm is not None:
        alarmcommand.parse(options.on_alarm)
    if options.alarm and model.normal is None:
        raise ModelError(
            f'model "{model.name}" does not know what is normal. Run `audiocos calibrate MODEL FOLDER -o NEW` on '
            "recordings of normal sound and monitor with NEW, or pass --alarm-below."
        )


def make_alarms(
    options: AlarmOptions,
    model: Model,
    sample_rate: int,
    channels: int,
    *,
    say: Callable[[str], None],
    wait_s: float = 0.0,
    fast: bool = False,
) -> Alarms | None:
    """The detector and its actions; None where no alarm is asked for. Close it when monitoring ends.

    Args:
        options: from `alarm_options`.
        model: the model that runs.
        sample_rate: Hz of the monitored sound.
        channels: its channels.
        say: called with lines for people, from any thread.
        wait_s: how long recordings may hold up the sound where the disk is slow; 0 where sound does not wait.
        fast: sound goes by faster than the clock, so that seconds are those of sound.

    Raises:
        UsageError: as `check_alarms`.
        ModelError: the model does not know what is normal, or not at this sample rate.
        AudioFileError: the folder for recordings cannot be used.
    """
    if not options.asked:
        check_alarms(options, model)
        return None
    from audiocos.live import detector
    from audiocos.live.alarmcommand import AlarmCommand
    from audiocos.live.alarms import Alarms
    from audiocos.live.recorder import Recorder

    check_alarms(options, model)
    normal = model.normal if options.alarm else None
    rate = detector.FALSE_ALARMS_PER_HOUR if options.false_alarms is None else options.false_alarms
    if normal is not None:
        _check_rate(normal, model, sample_rate)
        if rate < normal.promised:
            say(_promise(normal, rate))
    watching = detector.Detector(
        sample_rate,
        channels,
        normal=normal,
        false_alarms_per_hour=rate,
        below_db=options.alarm_below,
        hold_s=detector.HOLD_S if options.hold is None else options.hold,
        hysteresis_db=detector.HYSTERESIS_DB if options.hysteresis is None else options.hysteresis,
        smeared_s=max(detector.SMEARED_S, 2 * model.framing.frame / (model.sample_rate or sample_rate)),
    )
    recorder = None
    if options.record_alarms is not None:
        recorder = Recorder(
            options.record_alarms, sample_rate, channels, model=model.name, say=say, wait_s=wait_s, fast=fast
        )
    command = None if options.on_alarm is None else AlarmCommand(options.on_alarm, say=say, fast=fast)
    return Alarms(watching, recorder, command)


def _promise(normal: Normal, rate: float) -> str:
    """What the seconds that were calibrated on can vouch for, and what is only extrapolated from them."""
    vouched = math.ceil(normal.promised)
    return (
        f"What is normal was learned from {counted(normal.seconds, 'second')}, which can vouch for "
        f"{counted(vouched, 'false alarm')} an hour (score {normal.threshold(normal.promised):.1f}). The threshold for "
        f"{rate:g} ({normal.threshold(rate):.1f}) is extrapolated: calibrate on {_HOUR_S / rate / 60:.0f} minutes or "
        f"more to be sure, or pass --false-alarms {vouched}."
    )


def _check_rate(normal: Normal, model: Model, sample_rate: int) -> None:
    """A model that fits every rate loses other things at other rates; one with a rate always runs at that."""
    if model.sample_rate is None and normal.sample_rate != sample_rate:
        raise ModelError(
            f'model "{model.name}" knows what is normal at {normal.sample_rate} Hz, and the sound has '
            f"{sample_rate} Hz. Calibrate with --sample-rate {sample_rate}."
        )
