"""Outputs that cannot be where they were asked for, odd names, and words that do not go together."""

import json
import os
import shlex
import shutil
import subprocess

import numpy as np
import pytest
import soundfile as sf
from oddfiles import command, leftovers, run, sound

INPUTS_STAY = "is an input, and inputs are never overwritten. Choose another place with -o.\n"


@pytest.fixture
def audiocos(audiocos_command, tmp_path, monkeypatch):
    """The command line in this process, in a folder with a.wav, b.wav and what is equal to a.wav by links."""
    monkeypatch.chdir(tmp_path)
    sound(tmp_path / "a.wav")
    sound(tmp_path / "b.wav", frames=3000)
    os.symlink("a.wav", "symlink.wav")
    os.link("a.wav", "hardlink.wav")
    before = {name: (tmp_path / name).read_bytes() for name in ("a.wav", "b.wav")}
    yield audiocos_command
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert os.readlink("symlink.wav") == "a.wav" and os.path.samefile("a.wav", "hardlink.wav")
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("output", ["a.wav", "./a.wav", "symlink.wav", "hardlink.wav"])
@pytest.mark.parametrize("option", ["-o", "--residual"])
def test_an_input_is_never_overwritten(audiocos, option, output, force):
    code, _, err = audiocos("reconstruct", "a.wav", option, output, *force)
    assert (code, err) == (1, f"Error: {output}: {INPUTS_STAY}")


def test_nor_by_the_output_of_another_input(audiocos, tmp_path):
    os.mkdir("below")
    sound(tmp_path / "below" / "a.wav")
    code, _, err = audiocos("reconstruct", "below/a.wav", "b.wav", "a.wav", "-o", ".", "--force")
    lines = [f"Error: ./{name}: {INPUTS_STAY}" for name in ("a.wav", "b.wav", "a.wav")]
    assert (code, err) == (1, "".join(lines))


def test_two_inputs_with_one_output_are_told_apart(audiocos):
    for folder in ("x", "y"):
        os.mkdir(folder)
        shutil.copy("a.wav", f"{folder}/t.wav")
    code, _, err = audiocos("reconstruct", "x/t.wav", "y/t.wav", "b.wav", "-o", "out")
    assert (code, err) == (1, "Error: out/t.wav: is already the output of x/t.wav. Run it alone with another -o.\n")
    assert sorted(os.listdir("out")) == ["b.wav", "t.wav"]


def test_an_existing_output_needs_force_and_the_others_are_done(audiocos, tmp_path):
    os.mkdir("out")
    (tmp_path / "out" / "a.wav").write_bytes(b"old")
    code, _, err = audiocos("reconstruct", "a.wav", "b.wav", "-o", "out")
    assert code == 1
    assert err == ("Error: out/a.wav: exists already. Pass --force to replace it, or choose another place with -o.\n")
    assert (tmp_path / "out" / "a.wav").read_bytes() == b"old" and sf.info("out/b.wav").frames == 3000
    assert audiocos("reconstruct", "a.wav", "b.wav", "-o", "out", "--force")[0] == 0
    assert sf.info("out/a.wav").frames == 4000


@pytest.mark.parametrize("option", ["-o", "--residual"])
@pytest.mark.parametrize("inputs", [["a.wav", "b.wav"], ["."], ["?.wav"]])
def test_several_inputs_need_a_folder(audiocos, option, inputs):
    code, out, err = audiocos("reconstruct", *inputs, option, "out.wav")
    assert (code, out) == (2, "")
    assert err == f"audiocos: {option} out.wav: names a file, and several inputs need a folder. End it with /.\n"
    assert not os.path.exists("out.wav")


def test_a_missing_input_is_called_missing_though_the_output_exists(audiocos):
    code, _, err = audiocos("reconstruct", "missing.wav", "-o", "b.wav", "--force")
    assert (code, err) == (1, "Error: missing.wav: no such file or folder. Check the path.\n")


def test_a_folder_and_a_device_are_no_outputs(audiocos):
    os.mkdir("out.wav")
    os.mkdir("out.wav/a.wav")
    code, _, err = audiocos("reconstruct", "a.wav", "-o", "out.wav", "--force")
    assert (code, err) == (1, "Error: out.wav/a.wav: is a folder. Choose another name with -o.\n")
    code, _, err = audiocos("reconstruct", "a.wav", "-o", os.devnull, "--format", "wav", "--force")
    text = "is a device or a pipe. Choose a file with -o; -o - is standard output.\n"
    assert (code, err) == (1, f"Error: {os.devnull}: {text}")


LONG = "x" * 246 + ".wav"
NAMES = [
    "two words.wav",
    "two\nlines.wav",
    "quo'te\".wav",
    "-dash.wav",
    "--force.wav",
    "\udcff.wav",
    "é😀.wav",
    "-",
    "no-extension",
]


@pytest.mark.parametrize("name", [*NAMES, LONG])
def test_odd_names_are_done_and_shown_on_one_line(audiocos, tmp_path, name):
    shutil.copy("a.wav", tmp_path / name)
    output = "short.wav" if name == LONG else None
    code, out, err = audiocos("reconstruct", "--json", *(["-o", output] if output else []), "--", f"./{name}")
    assert (code, err) == (0, "")
    row = json.loads(out)
    stem, extension = os.path.splitext(name)
    assert row["input"] == f"./{name}"
    assert row["output"] == (output or f"{stem}.reconstructed{extension}")
    with open(row["output"], "rb") as file:
        assert np.array_equal(sf.read(file)[0], sf.read("a.wav")[0])
    code, _, err = audiocos("reconstruct", *(["-o", output] if output else []), "--", f"./{name}")
    assert code == 1 and err.count("\n") == 1
    os.unlink(row["output"])
    code, out, err = audiocos("reconstruct", *(["-o", output] if output else []), "--", f"./{name}")
    assert (code, err) == (0, "") and out.isprintable() is False


def test_an_output_name_past_255_bytes_is_refused_before_any_work(audiocos):
    shutil.copy("a.wav", LONG)
    code, _, err = audiocos("reconstruct", LONG)
    output = LONG.replace(".wav", ".reconstructed.wav")
    assert code == 1
    assert err == (f"Error: {output}: cannot be made: File name too long. Choose another place or name with -o.\n")
    lost = "y" * 252 + ".wav"
    code, _, err = audiocos("reconstruct", "a.wav", "--residual", lost)
    assert err == (
        f"Error: {lost}: cannot be made: File name too long. Choose another place or name with --residual.\n"
    )
    code, _, err = audiocos("synth", "tone", lost)
    assert err == (f"audiocos: {lost}: cannot be made: File name too long. Choose another place or name.\n")


def test_a_leading_dash_needs_two_dashes_or_a_path(audiocos):
    shutil.copy("a.wav", "-d.wav")
    code, _, err = audiocos("reconstruct", "-d.wav")
    assert code == 2 and "No such option" in err
    assert audiocos("reconstruct", "--", "-d.wav")[0] == 0
    os.unlink("-d.reconstructed.wav")
    assert audiocos("reconstruct", "./-d.wav")[0] == 0


@pytest.mark.parametrize(
    "options, code, text",
    [
        (["--format", "bogus"], 2, 'audiocos: format "bogus": unknown; choose one of aiff, '),
        (["--format", "raw"], 2, 'audiocos: format "raw": unknown; choose one of aiff, '),
        (["--subtype", "bogus"], 2, 'audiocos: subtype "bogus": unknown; choose one of '),
        (["-o", "-", "--json"], 2, "audiocos: --json and the sound cannot both go to standard output. Choose a file"),
        (["-o", "out.xyz"], 2, "audiocos: out.xyz: no format is known by this extension. Choose one of .8svx, "),
        (["--model", "bogus"], 1, "audiocos: bogus: no such model. Give a folder, or one of: exact, "),
        (
            ["-o", "o.flac", "--subtype", "float"],
            1,
            "Error: o.flac: FLAC cannot hold FLOAT. Choose --subtype from pcm_16,",
        ),
    ],
)
def test_what_does_not_go_together_is_said(audiocos, options, code, text):
    got, out, err = audiocos("reconstruct", "a.wav", *options)
    assert (got, out) == (code, "") and err.startswith(text) and err.count("\n") == 1
    assert sorted(os.listdir()) == ["a.wav", "b.wav", "hardlink.wav", "symlink.wav"]


def test_more_channels_than_the_container_holds_names_another(audiocos, tmp_path):
    sound(tmp_path / "64.wav", channels=64)
    code, _, err = audiocos("reconstruct", "64.wav", "-o", "64.flac")
    text = "FLAC cannot hold 64 channels of PCM_16 at 8000 Hz. Choose another --format, for example wav.\n"
    assert (code, err) == (1, f"Error: 64.flac: {text}")


def test_cuda_that_is_absent_is_said(tmp_path):
    sound(tmp_path / "a.wav")
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = run("reconstruct", "a.wav", "--device", "cuda", cwd=tmp_path, env=hidden)
    assert (done.code, done.out) == (1, "")
    assert done.err == "audiocos: device cuda: not available here. Use --device cpu or auto.\n"
    assert os.listdir(tmp_path) == ["a.wav"]


def test_an_mp3_becomes_a_wav(audiocos, tmp_path):
    sound(tmp_path / "in.mp3", frames=40_000)
    assert audiocos("reconstruct", "in.mp3", "-o", "out.wav")[0] == 0
    assert sf.info("out.wav").frames == 40_000


@pytest.mark.parametrize(
    "line",
    [
        "monitor a.wav --speed max -o made.wav --json",
        "reconstruct a.wav -o made.wav --json",
        "evaluate a.wav -m exact --json",
        "models --json",
    ],
)
def test_json_that_goes_nowhere_is_said_when_the_work_is_done(audiocos, monkeypatch, line):
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", None)  # as Python has it where the descriptor is closed
        code, _, err = audiocos(*line.split())
    text = "audiocos: standard output: closed, and --json writes there. Open it, or leave --json out.\n"
    assert (code, err) == (1, text)
    assert os.path.exists("made.wav") == ("made.wav" in line)
    assert audiocos("models", "--json").code == 0, "it is not said of the next"


@pytest.mark.parametrize(
    "line", ["reconstruct in.wav --json", "reconstruct in.wav", "reconstruct in.wav -o -", "models exact"]
)
@pytest.mark.parametrize("stdout", ["no reader", "closed", "full"])
def test_standard_output_that_takes_nothing_gives_no_traceback(tmp_path, line, stdout):
    sound(tmp_path / "in.wav", frames=200_000)
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    options = {"env": buffered, "cwd": tmp_path, "stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, "timeout": 60}
    if stdout == "no reader":
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(command(*line.split()), stdout=writer, **options)
        os.close(writer)
    else:
        to = ">&-" if stdout == "closed" else ">/dev/full"
        done = subprocess.run(["sh", "-c", shlex.join(command(*line.split())) + to], **options)
    assert b"Traceback" not in done.stderr and b"Exception" not in done.stderr
    assert done.stderr.count(b"\n") <= 1 and (stdout == "no reader" or done.returncode == 0 or b": " in done.stderr)
    assert done.returncode == (0 if stdout == "closed" and not line.endswith(("-", "--json")) else 1)
    assert not leftovers(tmp_path)
