"""Microphones and speakers as a session's ends: which device, which rate, how many channels."""

from __future__ import annotations

from dataclasses import dataclass, replace

from audiocos.audio import devices
from audiocos.audio.devices import Device, Direction
from audiocos.errors import SoundDeviceError
from audiocos.live.duplex import Settings


@dataclass(frozen=True)
class Microphone:
    """What records.

    Args:
        device: the device.
        sample_rate: Hz.
        channels: at least 1.
    """

    device: Device
    sample_rate: int
    channels: int


@dataclass(frozen=True)
class Speakers:
    """What plays.

    Args:
        device: the device.
        sample_rate: Hz that it runs at; the sound is converted where it has another.
    """

    device: Device
    sample_rate: int


def microphone(
    wanted: str | None = None,
    *,
    model_rate: int | None = None,
    sample_rate: int | None = None,
    channels: int | None = None,
) -> Microphone:
    """Find a microphone.

    Args:
        wanted: index, name or part of one; None for the default.
        model_rate: taken where the device has it, else the device's own.
        sample_rate: Hz; None leaves the choice.
        channels: None takes two, or one where there is one.

    Raises:
        SoundDeviceError: none or several fit, or it has no such rate or so many channels.
    """
    device = devices.find(wanted, "input")
    count = channels or min(2, device.inputs)
    rate = sample_rate or device.sample_rate
    if sample_rate is None and model_rate is not None and devices.takes(device, "input", model_rate, count):
        rate = model_rate
    devices.check(device, "input", rate, count)
    return Microphone(device, rate, count)


def speakers(
    wanted: str | None = None,
    *,
    sample_rate: int,
    channels: int,
    beside: Microphone | None = None,
    fixed: str | None = None,
) -> Speakers:
    """Find speakers.

    Args:
        wanted: index, name or part of one; None for the default.
        sample_rate: the sound's, Hz.
        channels: the sound's.
        beside: the microphone that they run together with: both keep one clock, so no other rate will do, and without
            a wish the speakers are of the same host system.
        fixed: name of the file whose sound it is, which cannot be asked for fewer channels; None for other sound.

    Raises:
        SoundDeviceError: none or several fit, or they cannot play so many channels, or not at the microphone's rate.
    """
    device = _that_plays(wanted, beside)
    if beside is not None and not _plays_with(device, beside):
        raise SoundDeviceError(_no_common_rate(device, beside))
    if beside is not None or devices.takes(device, "output", sample_rate, min(channels, device.outputs)):
        devices.check(device, "output", sample_rate, channels, fixed)
        return Speakers(device, sample_rate)
    devices.check(device, "output", device.sample_rate, channels, fixed)
    return Speakers(device, device.sample_rate)


def narrowed(found: Microphone, wanted: str | None) -> Microphone:
    """A microphone of which nobody has said how many channels, with no more than the speakers beside it can play.

    Args:
        found: the microphone.
        wanted: index, name or part of one, of the speakers; None for the default.

    Raises:
        SoundDeviceError: none or several fit, or the microphone has no such rate with so few channels.
    """
    count = min(found.channels, _that_plays(wanted, found).outputs)
    devices.check(found.device, "input", found.sample_rate, count)
    return replace(found, channels=count)


def fits(found: Microphone, wanted: str | None) -> bool:
    """Whether the speakers that would run beside a microphone run at its rate.

    Args:
        found: the microphone.
        wanted: index, name or part of one, of the speakers; None for the default.

    Raises:
        SoundDeviceError: none or several fit.
    """
    return _plays_with(_that_plays(wanted, found), found)


def _that_plays(wanted: str | None, beside: Microphone | None) -> Device:
    device = devices.find(wanted, "output")
    if wanted is None and beside is not None and device.host != beside.device.host:
        same = [each for each in devices.devices() if each.outputs and each.host == beside.device.host]
        device = next((each for each in same if each.index == beside.device.index), same[0] if same else device)
    return device


def _plays_with(device: Device, found: Microphone, rate: int | None = None) -> bool:
    return devices.takes(device, "output", rate or found.sample_rate, min(found.channels, device.outputs))


def _no_common_rate(device: Device, beside: Microphone) -> str:
    rates = [rate for rate in devices.RATES if devices.takes(beside.device, "input", rate, beside.channels)]
    common = ", ".join(str(rate) for rate in rates if _plays_with(device, beside, rate))
    remedy = f"Both run at {common}: pass one with --rate" if common else "They have none in common: choose others"
    return (
        f"speakers {device}: do not run at {beside.sample_rate} Hz, the rate of the microphone {beside.device}. "
        f"{remedy}; see `audiocos devices`."
    )


def settings_for(source: object, sink: object, channels: int, block: int, latency: str) -> Settings | None:
    """How to open the devices at both ends; None where there is none.

    Args:
        source: a `Microphone` or something else.
        sink: `Speakers` or something else.
        channels: of the sound; one channel is played on both speakers.
        block: samples a callback.
        latency: "low" or "high".
    """
    recording = source if isinstance(source, Microphone) else None
    playing = sink if isinstance(sink, Speakers) else None
    rate = recording.sample_rate if recording else playing.sample_rate if playing else 0
    if not rate:
        return None
    outputs = min(2, playing.device.outputs) if playing and channels == 1 else channels
    return Settings(
        recording.device if recording else None,
        playing.device if playing else None,
        rate,
        block,
        latency,
        channels,
        outputs,
    )


def found_again(settings: Settings, source: object, sink: object) -> Settings:
    """The same devices, where they are back; they may have got other numbers.

    Of several of one name, the one with the number that it had.

    Raises:
        SoundDeviceError: one of them is not there.
    """
    ends: tuple[tuple[object, Direction], ...] = (source, "input"), (sink, "output")
    for end, direction in ends:
        if isinstance(end, (Microphone, Speakers)):
            same = _alike(end.device, direction)
            if not same:
                raise SoundDeviceError(f"{end.device.name}: not there.")
            before = settings.input if direction == "input" else settings.output
            found = next((device for device in same if before and device.index == before.index), same[0])
            settings = replace(settings, input=found) if direction == "input" else replace(settings, output=found)
    return settings


def twins(source: object, sink: object) -> bool:
    """Whether there are several devices called as one of the ends is, so that they may be mistaken for each other."""
    ends: tuple[tuple[object, Direction], ...] = (source, "input"), (sink, "output")
    return any(
        len(_alike(end.device, direction)) > 1 for end, direction in ends if isinstance(end, (Microphone, Speakers))
    )


def _alike(device: Device, direction: Direction) -> list[Device]:
    """A headset is two devices of one name, one that records and one that plays."""
    called = device.name, device.host
    return [found for found in devices.devices() if (found.name, found.host) == called and found.channels(direction)]
