"""The commands models and synth, the help, and the exit codes."""

import importlib
import json
import os
import re

import click
import numpy as np
import pytest
import soundfile

import audiocos
from audiocos import cosines, framing, signals
from audiocos.cli.main import COMMANDS
from audiocos.modelfolder import catalogue


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# Help and exit codes


def test_help_lists_every_command_with_what_its_own_help_says_first(audiocos_command):
    done = audiocos_command("--help")
    assert done.code == 0
    for name, text in COMMANDS.items():
        assert name in done.out
        assert text in done.out


HEADINGS = {
    "train": [
        "The model",
        "How it learns",
        "Learning on batches of windows, and adam and sgd",
        "The recordings",
        "The run, and what it writes",
    ],
    "monitor": ["The model", "The sound, in and out", "Microphones and speakers", "Alarms", "What is written"],
}
LAST = {"train": ["--holdout", "The run,", "--resume"], "monitor": ["Alarms", "--on-alarm", "What is", "--report"]}


@pytest.mark.parametrize("name", HEADINGS)
def test_many_options_stand_under_headings_each_once(name, audiocos_command):
    command = importlib.import_module(f"audiocos.cli.{name}").command
    out = audiocos_command(name, "--help").out
    headings = re.findall(r"^(\w.*):$", out, re.MULTILINE)
    assert headings[: len(HEADINGS[name])] == HEADINGS[name]
    assert "Options" not in headings
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert len(options) >= 20 and all(option.help for option in options)
    for option in options:
        assert len(re.findall(rf"^  (?:-\w, )?{option.opts[-1]}\b(?!-)", out, re.MULTILINE)) == 1, option.name
    places = [out.index(text) for text in LAST[name]]
    assert places == sorted(places)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_the_help_of_a_command_has_examples_that_name_it(name, flag, audiocos_command):
    done = audiocos_command(name, flag)
    assert (done.code, done.err) == (0, "")
    assert f"  audiocos {name} " in done.out.partition("Examples:")[2]


def test_version(audiocos_command):
    assert audiocos_command("--version").out == f"audiocos, version {audiocos.__version__}\n"


@pytest.mark.parametrize("arguments", [["nonsense"], ["models", "--nonsense"], ["synth"], ["reconstruct"]])
def test_wrong_usage_exits_2_and_says_so_on_stderr(arguments, audiocos_command):
    done = audiocos_command(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Usage: audiocos" in done.err
    assert "Error: " in done.err


# models


def test_models_lists_the_catalogue(audiocos_command):
    done = audiocos_command("models")
    assert (done.code, done.err) == (0, "")
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.out.splitlines()]
    rows = {cells[0]: cells for cells in lines if cells}
    assert list(rows) == catalogue()
    assert rows["lapped-quarter"] == ["lapped-quarter", "lapped", "512", "64", "256", "any", "511", "no"]
    assert all(cells[-1] == "yes" for name, cells in rows.items() if name.startswith("exact"))


@pytest.mark.parametrize("name", catalogue())
def test_models_shows_one(name, audiocos_command):
    done = audiocos_command("models", name)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{name}: {audiocos.load(name).description}\n")
    assert f"{audiocos.load(name).numbers.frame} samples" in done.out
    assert "latency" in done.out


def test_models_as_json(audiocos_command):
    rows = [json.loads(line) for line in audiocos_command("models", "--json").out.splitlines()]
    assert [row["name"] for row in rows] == catalogue()
    for row in rows:
        (alone,) = audiocos_command("models", row["name"], "--json").out.splitlines()
        assert json.loads(alone) == row
        model = audiocos.load(row["name"])
        assert (row["frame"], row["coefficients"]) == (model.numbers.frame, model.numbers.coefficients)
        assert (row["framing"], row["hop"], row["window"]) == (
            model.framing.kind,
            model.framing.hop,
            model.framing.window,
        )
        assert row["latency_samples"] == model.stream().latency
        assert (row["deviation"] < 1e-12) == (row["name"].startswith("exact") or row["name"] == "learned-512")


def test_models_shows_a_folder(audiocos_command):
    audiocos.Model(cosines.random(64, 16), framing.block(64), sample_rate=8000, training={"steps": 7}).save("mine")
    done = audiocos_command("models", "./mine")
    assert done.out.startswith("mine: ")
    for fact in ("36 learnable numbers", "8000 Hz", "63 samples, 7.9 ms at 8000 Hz", "steps"):
        assert fact in done.out
    assert json.loads(audiocos_command("models", "mine", "--json").out)["training"] == {"steps": 7}


def test_a_model_that_is_not_there_exits_1_and_lists_those_that_are(audiocos_command):
    done = audiocos_command("models", "nothing")
    assert (done.code, done.out) == (1, "")
    assert done.err == f"audiocos: nothing: no such model. Give a folder, or one of: {', '.join(catalogue())}.\n"


# synth


@pytest.mark.parametrize("name", signals.SIGNALS)
def test_synth_writes_each_signal(name, audiocos_command):
    done = audiocos_command("synth", name, "a.wav", "--seconds", 0.5, "--rate", 22050)
    assert (done.code, done.out, done.err) == (0, "", "")
    info = soundfile.info("a.wav")
    assert (info.frames, info.samplerate, info.channels, info.subtype) == (11025, 22050, 1, "PCM_16")
    expected = np.clip(np.round(signals.SIGNALS[name](11025, 22050) * 32768), -32768, 32767)
    np.testing.assert_array_equal(soundfile.read("a.wav", dtype="int16")[0], expected)


def test_synth_takes_options(audiocos_command):
    audiocos_command("synth", "tone", "t.wav", "--seconds", 1, "--rate", 8000, "--frequency", 1000, "--channels", 2)
    tone = soundfile.read("t.wav")[0]
    assert tone.shape == (8000, 2)
    np.testing.assert_array_equal(tone[:, 0], tone[:, 1])
    assert np.argmax(np.abs(np.fft.rfft(tone[:, 0]))) == 1000
    for seed in (1, 2):
        audiocos_command("synth", "noise", f"{seed}.wav", "--seconds", 0.1, "--seed", seed, "--subtype", "double")
        np.testing.assert_array_equal(soundfile.read(f"{seed}.wav")[0], signals.noise(4800, 48000, seed=seed))
    audiocos_command("synth", "harmonic", "h.wav", "--harmonics", 3, "--subtype", "double", "--rate", 8000)
    np.testing.assert_array_equal(soundfile.read("h.wav")[0], signals.harmonic(40000, 8000, harmonics=3))


@pytest.mark.parametrize(
    ("name", "asked", "format", "subtype"),
    [
        ("a.flac", "pcm_24", "FLAC", "PCM_24"),
        ("a.aiff", "pcm_24", "AIFF", "PCM_24"),
        ("a.ogg", None, "OGG", "VORBIS"),
        ("a.opus", None, "OGG", "OPUS"),
        ("a.ogg", "opus", "OGG", "OPUS"),
        ("b.aiff", None, "AIFF", "PCM_16"),
    ],
)
def test_the_extension_says_the_format(name, asked, format, subtype, audiocos_command):
    option = ["--subtype", asked] if asked else []
    assert audiocos_command("synth", "chirp", name, "--seconds", 0.1, *option).code == 0
    info = soundfile.info(name)
    assert (info.format, info.subtype, info.frames) == (format, subtype, 4800)


def test_synth_replaces_only_when_forced(audiocos_command):
    with open("a.wav", "wb") as file:
        file.write(b"precious")
    done = audiocos_command("synth", "tone", "a.wav", "--seconds", 0.1)
    assert done.code == 1
    assert done.err == "audiocos: a.wav: exists already. Pass --force to replace it.\n"
    assert os.path.getsize("a.wav") == 8
    assert audiocos_command("synth", "tone", "a.wav", "--seconds", 0.1, "--force").code == 0
    assert soundfile.info("a.wav").frames == 4800
    assert os.listdir() == ["a.wav"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["tone", "a.xyz"], "a.xyz: no format is known by this extension. Choose one of .8svx, "),
        (["tone", "a.wav", "--subtype", "pcm24"], 'subtype "pcm24": unknown'),
        (["tone", "a.mp3", "--subtype", "pcm_16"], "--subtype pcm_16: .mp3 files cannot hold it. Choose another"),
        (["hum", "a.wav"], "'hum' is not one of"),
        (["tone", "a.wav", "--seconds", "0"], "--seconds"),
    ],
)
def test_synth_refuses_what_cannot_be(arguments, text, audiocos_command):
    done = audiocos_command("synth", *arguments)
    assert done.code == 2
    assert text in done.err
    assert os.listdir() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--seconds", "inf"),
        ("--seconds", "nan"),
        ("--seconds", "1e9"),
        ("--seed", "-1"),
        ("--frequency", "inf"),
        ("--frequency", "30000"),
        ("--harmonics", "1000000000"),
    ],
)
def test_synth_refuses_what_no_signal_is(arguments, audiocos_command, tmp_path):
    done = audiocos_command("synth", "tone", tmp_path / "a.wav", *arguments)
    assert done.code == 2 and arguments[0] in done.err
    assert not (tmp_path / "a.wav").exists()


def test_a_model_too_large_to_draw_is_not_drawn(audiocos_command, tmp_path):
    audiocos.Model(cosines.orthogonal(8192), framing.block(8192)).save(tmp_path / "large")
    done = audiocos_command("models", tmp_path / "large", "--plot", tmp_path / "a.png")
    assert done.code == 1 and "a frame of 8192 samples is too large to draw; at most 4096." in done.err
