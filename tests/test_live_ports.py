"""Which devices a session runs on and at which rate, with devices that have the rates a test gives them."""

import pytest
from duplex import RATE

import audiocos
from audiocos.audio import devices
from audiocos.audio.devices import Device
from audiocos.cli.ends import Ends, open_sink, open_source
from audiocos.errors import SoundDeviceError
from audiocos.live.ports import Microphone, found_again, settings_for, twins


def card(index, name, rate, inputs=2, outputs=2):
    return Device(index, name, "ALSA", inputs, outputs, rate, (0.01, 0.1), (0.01, 0.1), inputs > 0, outputs > 0)


@pytest.fixture
def there(monkeypatch):
    """Let devices be there, each with the rates that it runs at."""

    def there(*cards):
        monkeypatch.setattr(devices, "devices", lambda: [found for found, _ in cards])
        rates = {found.index: set(rates) for found, rates in cards}
        monkeypatch.setattr(devices, "takes", lambda device, direction, rate, channels: rate in rates[device.index])

    return there


def ends(input, output="speakers", *, rate=None, channels=None):
    asked = {"loop": False, "seconds": None, "realtime": True, "allow_feedback": True, "force": False}
    return Ends(input, output, rate=rate, channels=channels, **asked)


def test_a_conversion_to_the_rate_of_the_speakers_is_said(there, capfd):
    there((card(5, "hall", RATE, inputs=0), [RATE]))
    asked, model = ends("synth:tone", rate=44100), audiocos.load("exact")
    open_sink(asked, open_source(asked, model))
    assert capfd.readouterr().err == "speakers 5 hall (ALSA): 48000 Hz, converted from the sound's 44100 Hz.\n"
    asked = ends("synth:tone", rate=RATE)
    open_sink(asked, open_source(asked, model))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("of_speakers", "chosen"), [([8000, RATE], 8000), ([RATE], RATE)])
def test_a_microphone_takes_the_models_rate_where_the_speakers_beside_it_do(of_speakers, chosen, there):
    there((card(4, "mic", RATE, outputs=0), [8000, RATE]), (card(5, "hall", RATE, inputs=0), of_speakers))
    asked, model = ends("mic"), audiocos.load("speech-8k")
    source = open_source(asked, model)
    assert source.sample_rate == open_sink(asked, source).sample_rate == chosen


@pytest.mark.parametrize(("inputs", "outputs", "channels"), [(4, 1, 1), (4, 2, 2), (1, 2, 1), (2, 8, 2)])
@pytest.mark.parametrize("name", ["exact", "speech-8k"])
def test_a_microphone_takes_as_many_channels_as_the_speakers_beside_it_have(name, inputs, outputs, channels, there):
    there((card(4, "mic", RATE, inputs, 0), [8000, RATE]), (card(5, "hall", RATE, 0, outputs), [RATE]))
    asked, model = ends("mic"), audiocos.load(name)
    source = open_source(asked, model)
    assert source.channels == channels
    assert open_sink(asked, source).device.name == "hall"
    assert open_source(ends("mic", "none"), model).channels == min(2, inputs)


def test_channels_that_were_asked_for_are_refused_where_the_speakers_have_fewer(there):
    there((card(4, "mic", RATE, 4, 0), [RATE]), (card(5, "hall", RATE, 0, 1), [RATE]))
    asked, model = ends("mic", channels=2), audiocos.load("exact")
    with pytest.raises(SoundDeviceError, match="has 1 channel, 2 are asked for. Pass --channels 1 or less"):
        open_sink(asked, open_source(asked, model))


@pytest.mark.parametrize(
    ("of_mic", "remedy"),
    [
        ([44100, RATE], "Both run at 48000: pass one with --rate; see"),
        ([44100], "They have none in common: choose others; see"),
    ],
)
def test_a_microphone_and_speakers_without_one_rate_are_told_of_rate(of_mic, remedy, there):
    there((card(4, "mic", 44100, outputs=0), of_mic), (card(5, "hall", RATE, inputs=0), [RATE]))
    asked, model = ends("mic"), audiocos.load("exact")
    with pytest.raises(SoundDeviceError) as refused:
        open_sink(asked, open_source(asked, model))
    assert str(refused.value) == (
        f"speakers 5 hall (ALSA): do not run at 44100 Hz, the rate of the microphone 4 mic (ALSA). {remedy} "
        "`audiocos devices`."
    )


def test_of_two_devices_of_one_name_that_with_the_old_number_is_found_again_and_both_are_known_of(there):
    one, two = card(4, "mic", RATE, outputs=0), card(6, "mic", RATE, outputs=0)
    there((one, [RATE]), (two, [RATE]), (card(5, "hall", RATE, inputs=0), [RATE]))
    mic = Microphone(two, RATE, 1)
    old = settings_for(mic, None, 1, 256, "low")
    assert found_again(old, mic, None) == old
    assert twins(mic, None)
    there((one, [RATE]))
    assert found_again(old, mic, None).input == one
    assert not twins(Microphone(one, RATE, 1), None)
