"""The folder a model is kept in."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from somemodels import OTHERS, noise

import audiocos
from audiocos import cosines, framing, modelfolder
from audiocos.errors import ModelError


@pytest.mark.parametrize("name", OTHERS)
def test_a_saved_model_comes_back_bit_for_bit(name, tmp_path):
    model, folder = OTHERS[name], tmp_path / "saved"
    model.save(folder)
    back = audiocos.load(folder)
    for key, array in model.numbers.arrays().items():
        np.testing.assert_array_equal(back.numbers.arrays()[key], array)
    for key in ("frame", "coefficients", "origin", "tied", "phased"):
        assert getattr(back.numbers, key) == getattr(model.numbers, key)
    assert repr(back.framing) == repr(model.framing)
    np.testing.assert_array_equal(back.framing.analysis_window, model.framing.analysis_window)
    np.testing.assert_array_equal(back.framing.synthesis_window, model.framing.synthesis_window)
    assert (back.name, back.sample_rate) == ("saved", model.sample_rate)
    x = noise(1, 500)
    np.testing.assert_array_equal(back.reconstruct(x, device="cpu"), model.reconstruct(x, device="cpu"))
    back.save(tmp_path / "again" / "saved")
    for path in sorted(folder.iterdir()):
        assert (tmp_path / "again" / "saved" / path.name).read_bytes() == path.read_bytes()


def test_the_folder_holds_three_files_and_the_card_has_the_facts(tmp_path):
    folder = tmp_path / "bells"
    audiocos.Model(
        cosines.random(64, 16),
        framing.overlap(64),
        sample_rate=8000,
        description="Learned from bells.",
        training={"steps": 1000},
        figures={"snr_db": 12.3456789},
    ).save(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    card = (folder / "README.md").read_text(encoding="utf-8")
    for fact in (
        "# bells",
        "Learned from bells.",
        "| frame | 64 samples |",
        "| coefficients | 16 a frame, 0.5 a sample |",
        "| family | base: 36 learnable numbers |",
        "| sample rate | 8000 Hz |",
        "| latency | 63 samples, 7.9 ms at 8000 Hz |",
        "| exact | no, off by up to ",
        "| steps | 1000 |",
        "| snr_db | 12.35 |",
        'audiocos.load("bells")',
    ):
        assert fact in card
    back = audiocos.load(folder)
    assert (back.training, back.figures, back.description) == (
        {"steps": 1000},
        {"snr_db": 12.3456789},
        "Learned from bells.",
    )


def test_saving_replaces_only_when_forced_and_leaves_nothing_behind(tmp_path):
    folder = tmp_path / "m"
    OTHERS["base"].save(folder)
    with pytest.raises(ModelError, match="exists already"):
        OTHERS["tied"].save(folder)
    assert not audiocos.load(folder).numbers.tied
    OTHERS["tied"].save(folder, force=True)
    assert audiocos.load(folder).numbers.tied
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_model_that_appears_while_another_is_written_stays(tmp_path, monkeypatch):
    model, write_all = audiocos.load("exact"), modelfolder._write_all

    def meanwhile(contents, fresh):
        write_all(contents, fresh)
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "config.json").write_text("yours")

    monkeypatch.setattr(modelfolder, "_write_all", meanwhile)
    with pytest.raises(ModelError, match="mine: cannot be written: Directory not empty. Choose another place."):
        model.save(tmp_path / "mine")
    assert os.listdir(tmp_path) == ["mine"] and (tmp_path / "mine" / "config.json").read_text() == "yours"


def test_force_replaces_models_and_nothing_else(tmp_path):
    model = audiocos.load("exact")
    model.save(tmp_path / "model")
    model.save(tmp_path / "model", force=True)
    precious = tmp_path / "precious"
    (precious / "sub").mkdir(parents=True)
    (precious / "thesis.txt").write_text("years")
    with pytest.raises(ModelError, match="precious: holds sub, which is no part of a model, and would be lost"):
        model.save(precious, force=True)
    assert (precious / "thesis.txt").read_text() == "years"
    for name in ("README.md", "config.json"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("mine")
        with pytest.raises(ModelError, match=f"holds {name} and no model .config.json and model.safetensors., and wou"):
            model.save(tmp_path / name, force=True)
        shutil.rmtree(tmp_path / name)
    (tmp_path / "empty").mkdir()
    model.save(tmp_path / "empty", force=True)
    shutil.rmtree(tmp_path / "empty")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ModelError, match="file: is a file, and a model is a folder"):
        model.save(tmp_path / "file", force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "model", "precious"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"sample_rate": 0}, "sample_rate 0: must be from 1"),
        ({"sample_rate": 44100.0}, '"sample_rate" is 44100.0, of the wrong type'),
        ({"figures": {"snr (dB)": float("nan")}}, "not JSON compliant"),
        ({"training": {"corpus": Path("here")}}, "not JSON serializable"),
        ({"description": None}, '"description" is None, of the wrong type'),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(change, text, tmp_path):
    model = replace(audiocos.load("exact"), **change)
    with pytest.raises(ModelError, match="the model cannot be saved, for it could not be loaded: ") as raised:
        model.save(tmp_path / "m")
    assert text in str(raised.value) and not list(tmp_path.iterdir())


def test_saving_through_a_link_replaces_what_it_leads_to(tmp_path):
    model = audiocos.load("exact")
    model.save(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    replace(model, description="Newer.").save(tmp_path / "link", force=True)
    assert (tmp_path / "link").is_symlink() and audiocos.load(tmp_path / "real").description == "Newer."


def test_a_model_folder_has_the_permissions_that_are_asked_for(tmp_path):
    before = os.umask(0o027)
    try:
        audiocos.load("exact").save(tmp_path / "m")
    finally:
        os.umask(before)
    assert (tmp_path / "m").stat().st_mode & 0o777 == 0o750
