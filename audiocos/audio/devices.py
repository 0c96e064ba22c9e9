"""Sound devices, through PortAudio: what is there, which one is meant, whether it can do what is asked."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from typing import Any, Literal

from audiocos.audio.names import shown
from audiocos.counting import counted
from audiocos.errors import SoundDeviceError

Direction = Literal["input", "output"]

RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 176400, 192000)

_WHAT = {"input": "microphone", "output": "speakers"}
_DOES = {"input": "records", "output": "plays"}
_NO_LIBRARY = (
    "PortAudio, the library for microphones and speakers, is not installed. On Debian or Ubuntu: "
    "sudo apt-get install libportaudio2; on Fedora: sudo dnf install portaudio; on macOS and Windows the Python "
    "package brings it: pip install --force-reinstall sounddevice."
)


@dataclass(frozen=True)
class Device:
    """One device of one host system.

    Args:
        index: PortAudio's number of it.
        name: its name.
        host: the system it belongs to: ALSA, JACK, Core Audio, ...
        inputs: channels that it records.
        outputs: channels that it plays.
        sample_rate: Hz that it runs at unless asked for another.
        input_latency_s: the least and the most that it offers, seconds.
        output_latency_s: the same for playing.
        default_input: whether it is what records when nothing else is asked for.
        default_output: whether it is what plays.
    """

    index: int
    name: str
    host: str
    inputs: int
    outputs: int
    sample_rate: int
    input_latency_s: tuple[float, float]
    output_latency_s: tuple[float, float]
    default_input: bool = False
    default_output: bool = False

    @property
    def jack(self) -> bool:
        """Whether it is a client of a JACK server."""
        return self.host.startswith("JACK")

    def channels(self, direction: Direction) -> int:
        """Channels in that direction."""
        return self.inputs if direction == "input" else self.outputs

    def __str__(self) -> str:
        return f"{self.index} {shown(self.name)} ({self.host})"


def portaudio() -> Any:
    """The module sounddevice.

    Raises:
        SoundDeviceError: PortAudio is not installed; the text says how to install it.
    """
    # Looking for devices must not start a JACK server.
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    try:
        import sounddevice
    except OSError as error:
        raise SoundDeviceError(_NO_LIBRARY) from error
    return sounddevice


def devices() -> list[Device]:
    """What is there, in PortAudio's order.

    Raises:
        SoundDeviceError: PortAudio is not installed.
    """
    sd = portaudio()
    hosts = sd.query_hostapis()
    default = _defaults(sd, hosts)
    return [
        Device(
            index,
            found["name"],
            hosts[found["hostapi"]]["name"],
            found["max_input_channels"],
            found["max_output_channels"],
            round(found["default_samplerate"]),
            (found["default_low_input_latency"], found["default_high_input_latency"]),
            (found["default_low_output_latency"], found["default_high_output_latency"]),
            index == default["input"],
            index == default["output"],
        )
        for index, found in enumerate(sd.query_devices())
    ]


def _defaults(sd: Any, hosts: Any) -> dict[str, int]:
    """PortAudio's defaults; where its first host system has none, the first that has."""
    chosen = {"input": -1, "output": -1}
    for place, direction in enumerate(("input", "output")):
        candidates = [sd.default.device[place]] if isinstance(sd.default.device[place], int) else []
        candidates += [host[f"default_{direction}_device"] for host in hosts]
        chosen[direction] = next((index for index in candidates if index >= 0), -1)
    return chosen


def find(wanted: str | None, direction: Direction) -> Device:
    """The device that a name or an index means.

    Args:
        wanted: an index, a name or a part of one, in any case; None for the default.
        direction: "input" or "output".

    Raises:
        SoundDeviceError: none or several fit; the text lists them. PortAudio is not installed.
    """
    what, does = _WHAT[direction], _DOES[direction]
    able = [device for device in devices() if device.channels(direction)]
    if not able:
        raise SoundDeviceError(
            f"{what}: there is no device that {does}. Connect one and see `audiocos devices`; "
            "without one, monitor a file or synth:NAME, with --output none or a file."
        )
    if wanted is None:
        named = [device for device in able if device.default_input] if direction == "input" else []
        named = named or [device for device in able if direction == "output" and device.default_output]
        return (named or able)[0]
    low = wanted.casefold()
    fits = [device for device in able if str(device.index) == wanted]
    fits = fits or [device for device in able if device.name.casefold() == low]
    fits = fits or [device for device in able if low in device.name.casefold()]
    if len(fits) == 1:
        return fits[0]
    if not fits:
        there = "; ".join(map(str, able))
        raise SoundDeviceError(f'{what} "{shown(wanted)}": no device that {does} is called so. There are: {there}.')
    several = "; ".join(map(str, fits))
    raise SoundDeviceError(f'{what} "{shown(wanted)}": several devices fit: {several}. Give the index of one.')


def check(device: Device, direction: Direction, sample_rate: int, channels: int, fixed: str | None = None) -> None:
    """Refuse a rate or a channel count that the device does not have.

    Args:
        device: the device.
        direction: "input" or "output".
        sample_rate: Hz.
        channels: how many.
        fixed: name of the file that has so many, which cannot be asked for fewer; None: --channels can.

    Raises:
        SoundDeviceError: it does not; the text lists what it has. Another program has the device.
    """
    most, what = device.channels(direction), f"{_WHAT[direction]} {device}"
    if channels > most and fixed is not None:
        raise SoundDeviceError(
            f"{what}: has {counted(most, 'channel')}, {fixed} has {channels}. {_wider(most, channels)}"
        )
    if channels > most:
        raise SoundDeviceError(
            f"{what}: has {counted(most, 'channel')}, {channels} are asked for. Pass --channels {most} or less."
        )
    if not takes(device, direction, sample_rate, channels):
        known = [rate for rate in RATES if takes(device, direction, rate, channels)]
        rates = ", ".join(map(str, known)) or f"none with {channels} channels"
        raise SoundDeviceError(f"{what}: does not run at {sample_rate} Hz. Supported: {rates}.")


def _wider(most: int, channels: int) -> str:
    """What to do about a file with more channels than speakers have."""
    wide = "; ".join(str(device) for device in devices() if device.outputs >= channels)
    other = f"Choose a device that has as many: {wide}; or mix" if wide else "No device here has as many: mix"
    return f"{other} it down first, for example: ffmpeg -i IN -ac {most} OUT.wav"


def takes(device: Device, direction: Direction, sample_rate: int, channels: int) -> bool:
    """Whether the device opens with that rate and as many channels.

    Raises:
        SoundDeviceError: another program has it, so that it does not tell.
    """
    sd = portaudio()
    probe = sd.check_input_settings if direction == "input" else sd.check_output_settings
    try:
        probe(device=device.index, channels=channels, dtype="float32", samplerate=sample_rate)
    except (sd.PortAudioError, ValueError) as error:
        if _is_taken(error):
            raise cannot_open(str(device), error) from error
        return False
    return True


def _is_taken(error: Exception) -> bool:
    """Whether PortAudio says that another program has the device."""
    text = str(error)
    return "Device unavailable" in text or "-9985" in text or "busy" in text.lower()


def cannot_open(names: str, error: Exception) -> SoundDeviceError:
    """What a failed opening means, in plain words.

    Args:
        names: of the devices.
        error: sounddevice's.
    """
    text = str(error)
    if _is_taken(error):
        return SoundDeviceError(
            f"{names}: in use by another program, perhaps another `audiocos monitor`. End that one, or choose another "
            "device; `audiocos devices` lists them."
        )
    if "-9993" in text or "Illegal combination" in text:
        return SoundDeviceError(
            f"{names}: these two cannot run together, they belong to different host systems. Choose both from one; "
            "`audiocos devices` lists them."
        )
    why = " ".join(text.split()).rstrip(".")
    return SoundDeviceError(
        f"{names}: cannot be opened: {why}. Try another device, or --rate for a microphone; see `audiocos devices`."
    )


_stuck = False
_abandoned: list[Any] = []  # streams that may still be called back, and the libraries that JACK's still calls


def abandon(stream: Any) -> None:
    """PortAudio cannot be called again, for it would not come back: do not, not even when Python ends."""
    global _stuck
    sd = portaudio()
    _abandoned.append(stream)
    atexit.unregister(sd._exit_handler)
    _stuck = True


def let_go() -> None:
    """End PortAudio until the next look. No stream may be open.

    As a client of a JACK server that has died it would abort the process (pa_jack.c, Terminate): whoever waits for a
    device is no client meanwhile.
    """
    sd = portaudio()
    while not _stuck and sd._initialized:
        sd._terminate()


def look_again() -> None:
    """Have PortAudio look for devices anew, which it does only when it begins. No stream may be open.

    Raises:
        SoundDeviceError: it finds none of its host systems.
    """
    global _stuck
    sd = portaudio()
    try:
        if _stuck:
            _abandoned.append(sd._lib)
            sd._lib = sd._ffi.dlopen(_another_copy())
            sd._initialized, _stuck = 0, False
            atexit.register(sd._exit_handler)
        let_go()
        sd._initialize()
    except (sd.PortAudioError, OSError) as error:
        raise SoundDeviceError(f"PortAudio does not start again: {error}. Start audiocos anew.") from error


def _another_copy() -> str:
    """The path of a copy of PortAudio's library: loaded, it knows nothing of the one that is stuck."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        source = next((line.split()[-1] for line in maps if "libportaudio" in line), "")
    if not source:
        raise OSError("its library is not to be found")
    with tempfile.NamedTemporaryFile(prefix="audiocos-portaudio-", suffix=".so", delete=False) as target:
        path = target.name
    shutil.copyfile(source, path)
    atexit.register(_remove, path)
    return path


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
