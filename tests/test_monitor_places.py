"""Where `audiocos monitor` writes: what cannot be written is refused before any sound is taken."""

import os
import subprocess
import sys

import pytest
import soundfile
from recordings import make, voice


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("-o", "d.wav: is a folder. Choose another name with -o."),
        ("--report", "--report d.wav: is a folder. Choose another name."),
    ],
)
def test_a_folder_in_the_place_of_a_file_is_refused_at_the_start(monitor, option, text, force):
    os.mkdir("d.wav")
    done = monitor("synth:noise", "--seconds", "3600", option, "d.wav", *force, code=1)
    assert (done.out, done.err) == ("", f"audiocos: {text}\n")


def test_a_device_is_never_replaced(monitor):
    os.mkfifo("pipe.wav")
    done = monitor("synth:noise", "--seconds", "3600", "-o", "pipe.wav", "--force", code=1)
    assert done.err == (
        "audiocos: pipe.wav: is a device or a pipe. Choose a file with -o; -o - is standard output.\n"
    )  # fmt: skip
    assert "/dev/null: is a device" in monitor("synth:noise", "--seconds", "3600", "-o", "/dev/null", code=1).err
    done = monitor("synth:noise", "--seconds", "3600", "--report", "pipe.wav", "--force", code=1)
    assert done.err == "audiocos: --report pipe.wav: is a device or a pipe. Choose a file.\n"


def test_a_file_in_the_place_of_a_folder_is_refused_at_the_start(monitor):
    make("in.wav", voice(0.1, 16000))
    options = ["synth:noise", "--seconds", "3600", "--alarm-below", "10"]
    done = monitor(*options, "--record-alarms", "in.wav", code=1)
    assert done.err == "audiocos: in.wav: is a file; alarms are recorded into a folder. Name another.\n"
    done = monitor(*options, "--report", "in.wav/page.html", code=1)
    assert (
        done.err == "audiocos: --report in.wav/page.html: cannot be written: in.wav is a file. Choose another place.\n"
    )


@pytest.mark.parametrize(("option", "name"), [("-o", ""), ("--report", ""), ("--report", "-")])
def test_no_name_is_no_place(monitor, option, name):
    done = monitor("synth:noise", "--seconds", "3600", option, name, code=2)
    assert done.err == f"audiocos: {option}: give the name of a file.\n"


def test_a_name_without_a_format_is_told_the_extensions(monitor):
    known = "no format is known by this extension. Choose one of .8svx, .aif, "
    done = monitor("synth:noise", "--seconds", "3600", "-o", "out/x.xyz", code=2)
    assert done.err.startswith(f"audiocos: out/x.xyz: {known}") and done.err.endswith(", .wve, .xi.\n")
    done = monitor("synth:noise", "--seconds", "3600", "-o", "out/x", code=2)
    assert done.err.startswith("audiocos: out/x: has no extension, which would say the format. Choose one of .8svx, ")
    command = [sys.executable, "-m", "audiocos", "monitor", "synth:noise", "-o", "foo.xyz"]  # it may be a device's name
    told = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"JACK_DEFAULT_SERVER": "none"})
    assert told.stderr.startswith(f"audiocos: foo.xyz: {known}")
    assert told.stderr.endswith(", .xi; no device that plays is called so, either.\n")


def test_a_format_that_does_not_hold_it_is_told_apart_by_its_name(monitor):
    done = monitor("synth:noise", "--seconds", "3600", "--channels", "8", "-o", "x8.mp3", code=1)
    assert done.err == (
        "audiocos: x8.mp3: MP3 cannot hold 8 channels of MPEG_LAYER_III at 48000 Hz. Choose another extension, for "
        "example .wav.\n"
    )


def test_a_file_is_no_longer_than_it_is(monitor):
    make("in.wav", voice(0.1, 16000), 16000)
    monitor("in.wav", "--speed", "max", "--seconds", "1e9", "-o", "o.wav")
    assert soundfile.info("o.wav").format == "WAV"  # and not RF64, for what will never come
    done = monitor("synth:noise", "--seconds", "1e9", "-o", "o.aiff", code=1)
    assert done.err == "audiocos: o.aiff: AIFF holds at most 4 GiB, here 22369 s. Choose .rf64, .w64 or .caf.\n"
