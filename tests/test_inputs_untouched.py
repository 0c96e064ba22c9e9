"""No command writes over what it reads, not with --force and not through links."""

import os
import shutil

import pytest
from recordings import write

from audiocos import signals


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A recording under several names, a list of it, and folders that outputs are asked to take the place of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write(tmp_path / "voices" / "a.wav", signals.speech_like(32000, 8000))
    (tmp_path / "link.html").symlink_to("voices/a.wav")
    os.link("voices/a.wav", "hard.html")
    (tmp_path / "list.txt").write_text("voices/a.wav\n")
    for folder, name in (("m", "README.md"), ("rr", "log.jsonl")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("../voices/a.wav\n")
    for name in ("config.json", "model.safetensors"):  # or else m is no model, and never replaced
        (tmp_path / "m" / name).touch()
    return tmp_path


def content(place):
    return {path: path.read_bytes() for path in place.rglob("*") if path.is_file() and "cache" not in path.parts}


TRAIN = ["train", "voices", "--frame", 16, "-o", "new"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([*TRAIN, "--report", "voices/a.wav"], "--report voices/a.wav"),
        ([*TRAIN, "--report", "link.html"], "--report link.html"),
        ([*TRAIN, "--report", "hard.html"], "--report hard.html"),
        (["train", "list.txt", "-o", "new", "--report", "list.txt"], "--report list.txt"),
        (["train", "list.txt", "-o", "new", "--report", "hard.html"], "--report hard.html"),
        (["train", "m/README.md", "-o", "m"], "-o m/README.md"),
        (["train", "rr/log.jsonl", "-o", "new", "--run", "rr"], "--run rr/log.jsonl"),
        (["calibrate", "speech-8k", "m/README.md", "-o", "m"], "-o m/README.md"),
        (["monitor", "voices/a.wav", "--speed", "max", "--report", "link.html"], "--report link.html"),
        (["reconstruct", "voices/a.wav", "-o", "out.wav", "--report", "hard.html"], "--report hard.html"),
    ],
)
def test_an_input_is_never_written_over(arguments, named, place, audiocos_command):
    before = content(place)
    done = audiocos_command(*arguments, "--force")
    assert done.code == 2
    assert done.err == f"audiocos: {named}: is an input, and inputs are never overwritten. Choose another name.\n"
    assert content(place) == before


def test_a_model_to_go_on_from_may_be_replaced_by_what_comes_of_it_and_by_nothing_else(place, audiocos_command):
    shutil.rmtree("m")
    order = ["train", "voices", "--frame", 16, "-o", "m"]
    assert audiocos_command(*order).code == 0
    again = [*order, "--init", "m", "--force"]
    aside = ["train", "voices", "--frame", 16, "-o", "new", "--init", "m", "--force", "--report", "m/config.json"]
    before = content(place)
    assert "--report m/config.json: is an input" in audiocos_command(*aside).err
    assert content(place) == before
    assert audiocos_command(*again).code == 0


def test_noise_spares_the_model_to_go_on_from_too(place, audiocos_command):
    order = ["train", "synth:noise", "--frame", 4, "-o"]
    assert audiocos_command(*order, "base").code == 0
    (place / "aside").mkdir()
    os.link("base/model.safetensors", "aside/checkpoint.safetensors")
    os.link("base/config.json", "page.html")
    before = content(place)
    for option, name in (
        (["--run", "aside"], "aside/checkpoint.safetensors"),
        (["--report", "page.html"], "page.html"),
    ):
        done = audiocos_command(*order, "other", "--init", "base", "--force", *option)
        assert f"{option[0]} {name}: is an input, and inputs are never" in done.err and done.code == 2
    assert content(place) == before


@pytest.mark.parametrize("page", ["base/page.html", "base/README.md"])
def test_no_report_goes_into_the_folder_of_a_model(page, place, audiocos_command):
    assert audiocos_command("train", "synth:noise", "--frame", 4, "-o", "base").code == 0
    before = content(place)
    for order in ([*TRAIN], ["reconstruct", "voices/a.wav", "-o", "out.wav"]):
        done = audiocos_command(*order, "--report", page, "--force")
        assert done.err == (
            f"audiocos: --report {page}: is in the folder of a model, base, which holds a model and nothing else. "
            "Choose another place.\n"
        )
    assert content(place) == before


def test_the_report_of_monitor_is_not_its_output(place, audiocos_command):
    done = audiocos_command("monitor", "voices/a.wav", "-o", "b.wav", "--speed", "max", "--report", "./b.wav")
    assert done.err == "audiocos: --report ./b.wav: is the output, too. Choose another name.\n"


@pytest.mark.parametrize(
    ("report", "code", "said"),
    [
        ("new/x.html", 2, "is in the folder of the model (-o new), which holds a model and nothing else. Choose"),
        ("new", 2, "is in the folder of the model (-o new), which holds a model and nothing else. Choose"),
        ("new.run/log.jsonl", 2, "is where the run is kept. Choose another name."),
        ("new.run", 2, "is where the run is kept. Choose another name."),
        ("voices", 1, "is a folder. Choose another name."),
        ("list.txt/x.html", 1, "cannot be written: "),
    ],
)
def test_a_report_that_is_in_the_way_is_noticed_before_the_pass(report, code, said, place, audiocos_command):
    before = content(place)
    done = audiocos_command(*TRAIN, "--report", report, "--force")
    assert (done.code, done.err.count("\n")) == (code, 1)
    assert done.err.startswith(f"audiocos: --report {report}: {said}")
    assert content(place) == before
