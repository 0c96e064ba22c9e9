"""The command train: what cannot be written, carried on or held in memory, said in time."""

import json
import os
import resource
import shutil
from pathlib import Path

import pytest
from oddfiles import run
from recordings import write

from audiocos import signals
from audiocos.cli.places import Places
from audiocos.errors import AudiocosError
from audiocos.training.claim import Claim


@pytest.fixture
def interrupted(voices, train, monkeypatch):
    """A run that was ended after its last step: its checkpoint is there, its model is not."""
    with monkeypatch.context() as patch:
        patch.setattr("audiocos.model.Model.save", lambda *_, **__: None)
        patch.setattr("audiocos.cli.training.Session.finish", lambda _: None)
        patch.setattr("audiocos.cli.train.say", lambda _: None)
        with pytest.raises(AssertionError):  # the fixture misses the model
            train("voices", "--frame", 16)
    return voices.parent / "model.run" / "checkpoint.safetensors"


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


# The folder of the run


@pytest.mark.parametrize("name", ["log.jsonl", "notes.txt"])
@pytest.mark.parametrize("options", [[], ["--resume"]])
def test_a_run_never_goes_where_something_else_is(name, options, audiocos_command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rr").mkdir()
    (tmp_path / "rr" / name).write_text("precious")
    order = ["train", "synth:noise", "--frame", 4, "-o", "m", "--run", "rr", *options]
    done = audiocos_command(*order)
    assert (done.code, done.err) == (
        1,
        f"audiocos: --run rr: holds {name}, which is no part of a run of this model. "
        "Choose another folder, or pass --force to write there.\n",
    )
    assert (tmp_path / "rr" / name).read_text() == "precious" and os.listdir(tmp_path) == ["rr"]
    assert audiocos_command(*order, "--force").code == 0
    assert (name == "notes.txt") == ((tmp_path / "rr" / name).read_text() == "precious")


def test_the_run_of_one_model_is_not_replaced_by_that_of_another(train, tmp_path):
    order = ["synth:noise", "--frame", 4, "--run", "rr"]
    train(*order)
    before = (tmp_path / "rr" / "log.jsonl").read_bytes()
    done = train(*order, output="second", code=1)
    assert done.err == (
        "audiocos: --run rr: holds the run of another model, model. "
        "Choose another folder, or pass --force to write there.\n"
    )
    assert (tmp_path / "rr" / "log.jsonl").read_bytes() == before
    shutil.rmtree(tmp_path / "model")
    train(*order)  # its own
    train(*order, "--force", output="second")
    assert "another model, second." in train("synth:noise", "--run", "rr", output="third", code=1).err


@pytest.mark.parametrize("name", ["log.jsonl", "checkpoint.safetensors"])
def test_a_folder_where_a_file_of_the_run_goes_is_noticed_before_the_pass(name, voices, train, tmp_path):
    (tmp_path / "model.run" / name).mkdir(parents=True)
    done = train("voices", "--frame", 16, "--force", code=1)
    assert done.err == f"audiocos: model.run/{name}: is a folder, and a file goes there. Choose another --run.\n"


# torchrun starts a command again when a worker has died


def begun_by(job, folder):
    """Have a run's folder say that it was begun by a job."""
    told = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**told, "job": job}))


def test_a_run_that_is_started_again_carries_on_from_what_it_has_saved(interrupted, train, monkeypatch):
    begun_by("same", interrupted.parent)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "same")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    done = train("voices", "--frame", 16)
    assert done.err.count("model.run: carrying on from its checkpoint.\n") == 1


@pytest.mark.parametrize(("before", "now"), [("", None), ("", "same"), ("other", "same"), ("none", "none")])
def test_what_the_first_start_refuses_is_refused_again(before, now, interrupted, train, monkeypatch):
    begun_by(before, interrupted.parent)
    there = interrupted.read_bytes()
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    if now is not None:
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", now)
    assert "holds the checkpoint of a run that was interrupted" in train("voices", "--frame", 16, code=1).err
    assert interrupted.read_bytes() == there


def test_a_job_that_is_started_again_leaves_the_run_of_another_model(interrupted, train, monkeypatch):
    begun_by("same", interrupted.parent)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "same")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    done = train("voices", "--frame", 16, "--run", "model.run", code=1, output="second")
    assert "holds the run of another model, model." in done.err and interrupted.exists()


@pytest.mark.parametrize("job", ["same", "other"])
def test_a_run_that_is_started_again_leaves_what_another_has_saved(job, interrupted, train, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "same")
    begun = Claim(tmp_path / "model.run", tmp_path / "model")
    assert not begun.take(force=True)  # it dies before its own first checkpoint
    begun.release()
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", job)
    assert "carrying on" not in train("voices", "--frame", 16, "--force").err


# Two at once


def test_of_two_trains_into_one_place_the_second_is_refused(train, tmp_path):
    first = Claim(tmp_path / "model.run", tmp_path / "model")
    first.take()
    done = train("synth:noise", "--frame", 4, code=1)
    assert done.err == (
        "audiocos: model.run: another train is writing here. Wait for it, or choose other folders with -o and --run.\n"
    )
    first.release()
    train("synth:noise", "--frame", 4)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_claim_ends_with_its_process_whatever_it_has_forked(tmp_path):
    first = Claim(tmp_path / "run", tmp_path / "model")
    first.take()
    (tmp_path / "run" / "log.jsonl").touch()  # or else the folder would go
    awake, stop = os.pipe()
    born, there = os.pipe()
    child = os.fork()
    if not child:  # as a worker that makes batches, which outlives its killed parent for seconds
        os.close(stop)
        os.write(there, b".")
        os.read(awake, 1)
        os._exit(0)
    os.close(awake)
    os.read(born, 1)
    first.release()  # all that the parent had is closed, as when it dies
    try:
        second = Claim(tmp_path / "run", tmp_path / "model")
        second.take()
        second.release()
    finally:
        os.close(stop)
        os.waitpid(child, 0)


def test_a_train_that_fails_leaves_no_folder_behind(train, tmp_path):
    (tmp_path / "empty").mkdir()
    train("empty", code=1)
    assert not (tmp_path / "model.run").exists()


@pytest.fixture
def foreign(tmp_path):
    """A folder with the run.json of another program."""
    (tmp_path / "rr").mkdir()
    (tmp_path / "rr" / "run.json").write_text('{"id": 7, "model": "gpt"}')
    return tmp_path / "rr"


@pytest.mark.parametrize("options", [[], ["--resume"]])
@pytest.mark.parametrize("checkpoint", [False, True])
def test_the_run_json_of_another_program_is_kept(options, checkpoint, foreign, train):
    if checkpoint:
        (foreign / "checkpoint.safetensors").write_bytes(b"weights")
    before = (foreign / "run.json").read_bytes()
    done = train("synth:noise", "--frame", 4, "--run", "rr", *options, code=1)
    assert "--run rr: holds run.json, which is no part of a run of this model. Choose another folder" in done.err
    assert (foreign / "run.json").read_bytes() == before


def test_a_checkpoint_of_another_program_is_not_resumed(train, tmp_path):
    (tmp_path / "rr").mkdir()
    (tmp_path / "rr" / "checkpoint.safetensors").write_bytes(b"weights")
    done = train("synth:noise", "--frame", 4, "--run", "rr", "--resume", code=1)
    assert "holds checkpoint.safetensors, which is no part of a run" in done.err and "emove" not in done.err


@pytest.mark.parametrize("there", ["foreign", "ours", "none"])
def test_a_train_that_fails_before_it_has_written_leaves_the_folder_as_it_was(there, foreign, train, tmp_path):
    (tmp_path / "empty").mkdir()
    (foreign / "notes.txt").write_text("words")
    if there == "ours":
        (foreign / "run.json").write_text('{"model": "../other", "job": "", "before": null}')
    elif there == "none":
        (foreign / "run.json").unlink()
    before = {path.name: path.read_bytes() for path in foreign.iterdir()}
    assert "no audio files" in train("empty", "--run", "rr", "--force", code=1).err
    assert {path.name: path.read_bytes() for path in foreign.iterdir()} == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes")
@pytest.mark.parametrize("options", [[], ["--force"]])
def test_a_pipe_in_the_place_of_run_json_is_refused(options, train, tmp_path):
    (tmp_path / "rr").mkdir()
    os.mkfifo(tmp_path / "rr" / "run.json")
    assert "run.json" in train("synth:noise", "--frame", 4, "--run", "rr", *options, code=1).err


def test_what_comes_between_check_and_claim_is_noticed(foreign, tmp_path):
    claim = Claim(tmp_path / "rr", tmp_path / "model")
    (foreign / "run.json").unlink()
    claim.check()
    (foreign / "log.jsonl").write_text("precious")
    with pytest.raises(AudiocosError, match=r"holds log\.jsonl"):
        claim.take()
    assert os.listdir(foreign) == ["log.jsonl"]


def test_beside_a_train_that_has_saved_another_is_told_of_it_and_not_of_an_interruption(interrupted, train, tmp_path):
    first = Claim(tmp_path / "model.run", tmp_path / "model")
    first.take(resume=True)
    assert "model.run: another train is writing here." in train("voices", "--frame", 16, code=1).err
    first.release()
    assert "interrupted" in train("voices", "--frame", 16, code=1).err


@pytest.mark.parametrize("name", ["e/.", "e//", "e"])
def test_the_run_of_a_model_lies_beside_it_however_it_is_written(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(Places(name).run_folder) == "e.run"
    assert Places(".").run_folder == Path(f"{tmp_path}.run")
