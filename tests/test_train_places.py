"""The command train: what cannot be written, carried on or held in memory, said in time."""

import json
import os
import resource
from contextlib import nullcontext
from pathlib import Path

import pytest
from oddfiles import run
from recordings import write

from audiocos import signals
from audiocos.cli.memory import check_memory
from audiocos.cli.places import Places
from audiocos.errors import TrainingError
from audiocos.training.settings import TrainingConfig


def test_an_interrupted_run_is_not_begun_anew_unasked(interrupted, train):
    before = interrupted.read_bytes()
    done = train("voices", "--frame", 16, code=1)
    assert done.err == (
        "audiocos: model.run: holds the checkpoint of a run that was interrupted. "
        "Pass --resume to carry on, or --force to begin anew.\n"
    )
    assert interrupted.read_bytes() == before
    assert "carrying on" not in train("voices", "--frame", 16, "--force").err
    assert not interrupted.exists()


@pytest.mark.parametrize(
    ("options", "differs"),
    [
        (["--holdout", 0.4], "holdout: 0.1 in the checkpoint, 0.4 now"),
        (["--channels", "mix"], 'channels: "each" in the checkpoint, "mix" now'),
        (["--sample-rate", 4000], "sample rate: 8000 in the checkpoint, 4000 now"),
        (["--stationary"], "stationary: false in the checkpoint, true now"),
    ],
)
def test_what_differs_from_the_run_to_carry_on_is_named_before_the_pass(options, differs, interrupted, train):
    done = train("voices", "--frame", 16, "--resume", *options, code=1)
    assert f"the checkpoint is of a run with other settings ({differs}). " in done.err and "Hearing" not in done.err


def test_other_recordings_are_noticed_before_the_pass(interrupted, voices, train):
    write(voices / "more.wav", signals.speech_like(5000, 8000, seed=77))
    done = train("voices", "--frame", 16, "--resume", code=1)
    assert "other settings (recordings: " in done.err and "Hearing" not in done.err


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["-o", "full", "--force"], 1, "full: holds thesis.txt, which is no part of a model, and would be lost"),
        (["-o", "plain", "--force"], 1, "plain: is a file, and a model is a folder"),
        (["-o", ""], 2, "-o: give the name of a folder."),
        (["-o", "m", "--run", ""], 2, "--run: give the name of a folder."),
        (["-o", "m", "--report", ""], 2, "--report: give the name of a file."),
        (["-o", "/", "--force"], 1, ", which is no part of a model, and would be lost"),
        (["-o", "plain/model"], 1, "plain/model: cannot be written: "),
        (["-o", "m", "--run", "m"], 2, "--run m: is where the model goes (-o m). Choose another folder."),
        (["-o", "m", "--run", "m/run"], 2, "--run m/run: is where the model goes (-o m). Choose another folder."),
        (["-o", "m", "--run", "plain"], 1, "--run plain: is a file, and a run is kept in a folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_noticed_before_the_pass(
    options, code, said, voices, audiocos_command, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("words")
    (tmp_path / "plain").write_text("words")
    done = audiocos_command("train", "voices", "--frame", 16, "--no-cache", *options)
    assert done.code == code and said in done.err and done.err.count("\n") == 1
    assert sorted(os.listdir(tmp_path)) == ["full", "plain", "voices"]


# Memory


def test_a_rate_beyond_reason_is_refused(voices, train):
    done = train("voices", "--frame", 16, "--sample-rate", 10**9, code=1)
    assert done.err == "audiocos: --sample-rate 1000000000: at most 1000000 Hz. Is it in Hz?\n"


def test_the_highest_rate_is_heard(train, tmp_path):
    write(tmp_path / "a.wav", signals.speech_like(4000, 8000))
    assert json.loads(train("a.wav", "--frame", 16, "--sample-rate", 10**6, "--json").out)["training"]["files"] == 1


def test_too_little_memory_for_the_frame_is_one_line(voices, tmp_path):
    done = run(
        *["train", "voices", "-o", "model", "--frame", "32768", "--stationary", "--no-cache"],
        cwd=tmp_path,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32)),
    )
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "audiocos: --frame 32768: not enough memory; each second moment of such frames takes 8 GiB, and several are "
        "needed. Take a smaller --frame."
    )


@pytest.mark.parametrize("source", ["voices", "synth:noise"])
def test_more_coefficients_than_memory_holds_are_named_before_the_pass(source, voices, train, monkeypatch):
    monkeypatch.setattr("audiocos.cli.memory._installed", lambda: 2**36)
    done = train(source, "--frame", 4, "--coefficients", 65536, code=1)
    assert done.err == (
        "audiocos: --coefficients 65536: not enough memory; the equations of so many take 128 GiB, and several "
        "copies are needed. Take fewer.\n"
    )


@pytest.mark.parametrize(("settings", "refused"), [({}, True), ({"optimizer": "lbfgs"}, False)])
def test_only_steps_that_solve_equations_need_memory_for_them(settings, refused):
    config = TrainingConfig(frame=4, coefficients=1000, **settings).decided(False)
    check_memory(config, 10**8)
    with pytest.raises(TrainingError, match="--coefficients") if refused else nullcontext():
        check_memory(config, 10**7)


def test_links_to_folders_are_not_followed_and_that_is_said(voices, train, reconstruct, tmp_path):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "one").symlink_to(voices)
    said = "links: no audio files below this folder. Links to folders, such as links/one, are not followed: name what "
    assert said in train("links", code=1).err
    assert "links: no audio files in this folder. Links to folders" in reconstruct("links", "-o", "out/", code=1).err


@pytest.mark.parametrize("count", [1, 2, 3])
def test_links_that_were_not_followed_are_said_also_beside_files_that_were_found(count, voices, audiocos_command):
    for index in range(count):
        (voices / f"link{index}").symlink_to(voices.parent)
    more = ["Name what it leads", "so is 1 more. Name", "so are 2 more. Name"][count - 1]
    out = voices.parent
    for command in (
        ["train", voices, "--frame", 16, "-o", out / "m", "--no-cache"],
        ["evaluate", voices, "-m", "exact"],
        ["reconstruct", voices, "-o", f"{out}/new/"],
        ["calibrate", "lapped-quarter", voices, "-o", out / "n"],
    ):
        said = audiocos_command(*command).err
        assert said.count("not followed") == 1
        assert f"{voices}/link0: a link to a folder, not followed" in said and more in said


def test_a_cache_that_cannot_be_written_is_said_once(voices, train, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    assert train("voices", "--frame", 16).err.count("partial sums cannot be saved") == 1


@pytest.mark.parametrize("name", ["e/.", "e//", "e"])
def test_the_run_of_a_model_lies_beside_it_however_it_is_written(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(Places(name).run_folder) == "e.run"
    assert Places(".").run_folder == Path(f"{tmp_path}.run")
