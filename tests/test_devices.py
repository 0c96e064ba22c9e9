"""Finding devices, and saying which there are."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from duplex import COMMAND, RATE, on_jack
from jack_server import Lab

from audiocos.audio import devices
from audiocos.errors import SoundDeviceError
from audiocos.live.ports import Microphone, Speakers, found_again, microphone, settings_for, speakers

pytestmark = on_jack


def test_devices_are_listed(jackd, audiocos_command, tmp_path):
    with Lab(tmp_path, "in only", "out only"):
        rows = [json.loads(line) for line in audiocos_command("devices", "--json").out.splitlines()]
        found = {row["name"]: row for row in rows}
        assert {"system", "in only", "out only"} <= set(found)
        assert (found["in only"]["inputs"], found["in only"]["outputs"], found["in only"]["sample_rate"]) == (
            2,
            0,
            RATE,
        )
        assert found["system"]["input_latency_low_ms"] == pytest.approx(1e3 * 256 / RATE)
        assert "in only" in audiocos_command("devices").out


def test_names_that_fit_none_or_several_are_listed(jackd, tmp_path):
    with Lab(tmp_path, "twin a", "other"), Lab(tmp_path, "twin b", "another"):
        there = {device.name: device for device in devices.devices()}
        with pytest.raises(SoundDeviceError) as several:
            microphone("TWIN")
        assert str(several.value) == (
            f'microphone "TWIN": several devices fit: {there["twin a"]}; {there["twin b"]}. Give the index of one.'
        )
        with pytest.raises(
            SoundDeviceError, match='speakers "piano": no device that plays is called so. There are: 0 sys'
        ):
            speakers("piano", sample_rate=RATE, channels=2)
        assert microphone("twin B").device == microphone(str(there["twin b"].index)).device == there["twin b"]
        assert speakers("other", sample_rate=RATE, channels=1).device == there["other"]  # exact before part


def test_a_microphones_rate_unlike_the_models_is_said(lab, audiocos_command):
    done = audiocos_command("monitor", "mic:feeder", "--model", "speech-8k", "--seconds", "0.2")
    name = devices.find("feeder", "input")
    assert f"microphone {name}: 48000 Hz, converted to the model's 8000 Hz and back." in done.err


def test_an_output_that_is_not_there_is_named_before_feedback(lab, audiocos_command):
    done = audiocos_command("monitor", "mic:feeder", "--output", "recrder")
    assert done.code == 1
    assert 'speakers "recrder": no device that plays is called so. There are: ' in done.err and "recorder" in done.err
    done = audiocos_command("monitor", "mic:feeder", "--output", "recorder")
    assert done.code == 2
    assert "--output: speakers next to a microphone howl" in done.err


def test_rates_and_channels_that_are_not_there_are_named_with_those_that_are(lab):
    name = f"microphone {devices.find('feeder', 'input')}"
    with pytest.raises(SoundDeviceError) as rate:
        microphone("feeder", sample_rate=44100)
    assert str(rate.value) == f"{name}: does not run at 44100 Hz. Supported: 48000."
    with pytest.raises(SoundDeviceError) as channels:
        microphone("feeder", channels=5)
    assert str(channels.value) == f"{name}: has 2 channels, 5 are asked for. Pass --channels 2 or less."


@pytest.fixture(scope="module")
def no_devices():
    """Run a command where no device is to be found, nor a JACK server; on a user's machine some cannot be hidden."""
    hidden = {**os.environ, "JACK_DEFAULT_SERVER": "none", "PULSE_SERVER": "none"}

    def run(*arguments):
        return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, env=hidden)

    there = run("devices", "--json")
    assert there.returncode == 0, there.stderr
    if there.stdout:
        refused = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refused("this machine has devices that cannot be hidden")
    return run


def test_a_file_with_more_channels_than_speakers_is_told_what_helps_for_a_file(lab, monitor):
    soundfile.write("eight.wav", np.zeros((RATE, 8)), RATE)
    done = monitor("eight.wav", "-o", "recorder", code=1)
    name = devices.find("recorder", "output")
    assert done.err == (
        f"audiocos: speakers {name}: has 2 channels, eight.wav has 8. No device here has as many: mix it down "
        "first, for example: ffmpeg -i IN -ac 2 OUT.wav\n"
    )


@pytest.mark.parametrize(
    ("arguments", "what"),
    [([], "microphone: there is no device that records"),
     (["synth:tone", "-o", "speakers"], "speakers: there is no device that plays")],
)  # fmt: skip
def test_no_device_to_monitor_or_play_on(arguments, what, no_devices):
    done = no_devices("monitor", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"audiocos: {what}. Connect one and see `audiocos devices`; without one, monitor a file or synth:NAME, with "
        "--output none or a file.\n"
    )


def test_no_device_to_list(no_devices):
    done = no_devices("devices")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "No device records or plays here. `audiocos monitor` takes files and synth:NAME without one.\n"
    )


@pytest.mark.parametrize("arguments", [["devices"], ["monitor"], ["monitor", "synth:tone", "-o", "speakers"]])
def test_no_portaudio(arguments):
    code = (
        "import ctypes.util; ctypes.util.find_library = lambda name: None\n"
        f"from audiocos.cli.main import main; main({arguments})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "audiocos: PortAudio, the library for microphones and speakers, is not installed. On Debian or Ubuntu: "
        "sudo apt-get install libportaudio2; on Fedora: sudo dnf install portaudio; on macOS and Windows the Python "
        "package brings it: pip install --force-reinstall sounddevice.\n"
    )


def test_a_device_in_use_is_said_to_be():
    """What PortAudio says of a card that another program holds; JACK shares its, so there is none here to hold."""
    sd = devices.portaudio()
    error = devices.cannot_open(
        "0 card", sd.PortAudioError("Error opening Stream: Device unavailable [PaErrorCode -9985]")
    )
    assert str(error).startswith("0 card: in use by another program, perhaps another `audiocos monitor`.")
    error = devices.cannot_open("0 card", sd.PortAudioError("Error: Illegal combination of I/O devices -9993"))
    assert "belong to different host systems" in str(error)


@pytest.mark.parametrize("fails", ["__init__", "start"])
def test_a_device_in_use_ends_the_monitor_with_that(fails, jackd, monitor, monkeypatch):
    sd = devices.portaudio()

    def refuse(*_, **__):
        raise sd.PortAudioError("Error opening InputStream", -9985)

    name = devices.find("system", "input")
    monkeypatch.setattr(sd.InputStream, fails, refuse)
    assert monitor("mic:system", code=1).err == (
        f"audiocos: {name}: in use by another program, perhaps another `audiocos monitor`. End that one, or choose "
        "another device; `audiocos devices` lists them.\n"
    )


def test_a_device_in_use_is_not_said_to_have_no_rate(monkeypatch):
    sd = devices.portaudio()

    def refuse(**settings):
        raise sd.PortAudioError("Error checking", -9985)

    monkeypatch.setattr(sd, "check_input_settings", refuse)
    card = devices.Device(3, "card", "ALSA", 2, 2, RATE, (0.0, 0.0), (0.0, 0.0))
    with pytest.raises(SoundDeviceError, match=r"3 card \(ALSA\): in use by another program"):
        devices.check(card, "input", RATE, 2)


def test_a_headset_that_is_two_devices_of_one_name_is_found_again_each_way(monkeypatch):
    both = [
        devices.Device(place, "AirPods", "Core Audio", inputs, outputs, RATE, (0.0, 0.0), (0.0, 0.0))
        for place, (inputs, outputs) in enumerate([(0, 2), (1, 0)])
    ]
    monkeypatch.setattr(devices, "devices", lambda: both)
    mic, out = Microphone(both[1], RATE, 1), Speakers(both[0], RATE)
    old = settings_for(mic, out, 1, 256, "low")
    assert found_again(old, mic, out) == old
    assert (old.input.index, old.output.index) == (1, 0)
    del both[0]
    with pytest.raises(SoundDeviceError, match="AirPods: not there"):
        found_again(old, mic, out)
