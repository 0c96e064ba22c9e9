"""The folder of a run is of one model and one process, and what else is in it stays."""

import json
import os
import shutil

import pytest

from audiocos.errors import AudiocosError
from audiocos.training.claim import Claim


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
    assert not begun.take(force=True)
    told = (tmp_path / "model.run" / "run.json").read_bytes()
    begun.release()
    (tmp_path / "model.run" / "run.json").write_bytes(told)  # killed before its first checkpoint, it puts nothing back
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
