"""Model folders that are not sound: one line that names the folder and what to do, exit 1, and nothing is unpickled."""

import json
import os
import pickle
import shutil

import numpy as np
import pytest
from oddfiles import sound
from safetensors.numpy import load_file, save_file

import audiocos
from audiocos.errors import ModelError
from audiocos.modelfolder import catalogue_folder

AGAIN = "Take the model from its source again."


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A sound model folder to spoil."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(catalogue_folder() / "exact", tmp_path / "m")
    sound(tmp_path / "in.wav")
    return tmp_path / "m"


def test_the_folder_is_sound_before_it_is_spoiled(folder):
    assert audiocos.load(folder).framing.frame == 512


def config(**changes):
    def spoil(folder):
        path = folder / "config.json"
        content = json.loads(path.read_text())
        for key, value in changes.items():
            if value is None:
                del content[key]
            elif key == "framing":
                content[key] |= value
            else:
                content[key] = value
        path.write_text(json.dumps(content))

    return spoil


def raw_config(text):
    return lambda folder: (folder / "config.json").write_bytes(text)


def tensors(change):
    def spoil(folder):
        path = folder / "model.safetensors"
        content = load_file(path)
        change(content)
        save_file(content, path)

    return spoil


def cut_tensors(keep):
    return lambda folder: os.truncate(folder / "model.safetensors", keep)


class Payload:
    def __reduce__(self):
        return os.mkdir, ("unpickled",)


def pickled_tensors(folder):
    (folder / "model.safetensors").write_bytes(pickle.dumps(Payload()))


def zipped_tensors(folder):
    (folder / "model.safetensors").write_bytes(b"PK\x03\x04" + bytes(99))


def only_a_pickle(folder):
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "model.pt").write_bytes(pickle.dumps(Payload()))


def a_file(folder):
    shutil.rmtree(folder)
    folder.write_text("hello")


def replaced_by_folder(name):
    def spoil(folder):
        (folder / name).unlink()
        (folder / name).mkdir()

    return spoil


def with_nan(content):
    content["analysis_frequencies"][3] = np.nan


def as_float32(content):
    content["amplitudes"] = content["amplitudes"].astype(np.float32)


def one_short(content):
    content["synthesis_frequencies"] = content["synthesis_frequencies"][:-1].copy()


DOES_NOT_FIT = "m: the model does not fit together: "
SPOILED = {
    "missing": (shutil.rmtree, "m: no such model. Give a folder, or one of: exact, "),
    "a file": (a_file, "m: a model is a folder with config.json and model.safetensors; this is a file."),
    "truncated tensors": (cut_tensors(3000), f"m/model.safetensors: truncated or damaged (.*). {AGAIN}"),
    "tensors cut in their header": (cut_tensors(5), f"m/model.safetensors: truncated or damaged (.*). {AGAIN}"),
    "empty tensors": (cut_tensors(0), f"m/model.safetensors: truncated or damaged (.*). {AGAIN}"),
    "no tensors": (lambda f: (f / "model.safetensors").unlink(), f"m: no model.safetensors. {AGAIN}"),
    "a folder for tensors": (
        replaced_by_folder("model.safetensors"),
        f"m/model.safetensors: cannot be read: Is a directory. {AGAIN}",
    ),
    "no config": (lambda f: (f / "config.json").unlink(), "m: no config.json. Is it a model folder?"),
    "a folder for the config": (
        replaced_by_folder("config.json"),
        f"m/config.json: cannot be read: Is a directory. {AGAIN}",
    ),
    "config not JSON": (raw_config(b"{'a': 1"), f"m/config.json: damaged, not valid JSON (.*). {AGAIN}"),
    "config not UTF-8": (raw_config(b'{"a": "\xff\xfe"}'), f"m/config.json: damaged, not valid JSON (.*). {AGAIN}"),
    "config nested without end": (raw_config(b"[" * 10**5), f"m/config.json: damaged, not valid JSON (.*). {AGAIN}"),
    "config a list": (raw_config(b"[1]"), f"m/config.json: damaged, not a JSON object. {AGAIN}"),
    "unknown version": (
        config(version=99),
        "m/config.json: version 99 is unknown, this audiocos reads version 1. Update audiocos or save the model anew.",
    ),
    "no version": (config(version=None), "m/config.json: version None is unknown, .* Update audiocos or save"),
    "key missing": (config(hop=1, tied=None), f'm/config.json: "tied" is missing. {AGAIN}'),
    "unknown key": (config(hop=1), 'm/config.json: "hop" is unknown in version 1. Update audiocos.'),
    "wrong type": (config(frame="512"), f"m/config.json: \"frame\" is '512', of the wrong type. {AGAIN}"),
    "a flag for a number": (config(frame=True), f'm/config.json: "frame" is True, of the wrong type. {AGAIN}'),
    "absurd frame": (config(frame=10**12), DOES_NOT_FIT + "frame 1000000000000, coefficients 512: each must be from 1"),
    "absurd coefficients": (config(coefficients=10**12), DOES_NOT_FIT + "frame 512, coefficients 1000000000000: each"),
    "no frame at all": (config(frame=0), DOES_NOT_FIT + "frame 0, coefficients 512: each must be from 1 to 1048576."),
    "absurd origin": (config(origin=10**400), DOES_NOT_FIT + "origin 1.*: must be a number of samples up to 1048576."),
    "origin NaN": (
        config(origin=float("nan")),
        "m/config.json: damaged, not valid JSON (NaN is not JSON). " + AGAIN,
    ),
    "absurd sample rate": (
        config(sample_rate=10**30),
        DOES_NOT_FIT + "sample_rate 1.*: must be from 1 to .* Hz, or null.",
    ),
    "sample rate 0": (config(sample_rate=0), DOES_NOT_FIT + "sample_rate 0: must be from 1 to .* Hz, or null."),
    "unknown family": (config(family="tree"), DOES_NOT_FIT + 'family "tree": unknown; base or phased.'),
    "hop that does not fit": (
        config(framing={"kind": "overlap", "hop": 500}),
        DOES_NOT_FIT + "overlap framing: hop 500 does not divide frame 512; .* Try hop ",
    ),
    "block hop": (config(framing={"hop": 256}), DOES_NOT_FIT + "block framing: hop 256 is not the frame 512;"),
    "hop no number": (config(framing={"hop": "x"}), DOES_NOT_FIT + "framing: \"hop\" is 'x'."),
    "unknown window": (config(framing={"window": "glass"}), DOES_NOT_FIT + 'window "glass": unknown; try rectangular'),
    "wrong shape": (
        tensors(one_short),
        DOES_NOT_FIT + "synthesis_frequencies: float64 [511], expected float64 [512].",
    ),
    "wrong dtype": (tensors(as_float32), DOES_NOT_FIT + "amplitudes: float32 [4], expected float64 [4]."),
    "missing tensor": (tensors(lambda c: c.pop("amplitudes")), DOES_NOT_FIT + "model.safetensors lacks amplitudes."),
    "extra tensor": (
        tensors(lambda c: c.update(bias=np.zeros(1))),
        DOES_NOT_FIT + "model.safetensors has an unknown tensor bias.",
    ),
    "an absurd gain": (
        tensors(lambda c: c.update(amplitudes=c["amplitudes"] * 1e150)),
        DOES_NOT_FIT + "amplitudes: 1.41421e+150 is no gain for sound; at most 10000.",
    ),
    "NaN": (tensors(with_nan), DOES_NOT_FIT + "analysis_frequencies: holds NaN or infinity."),
    "a pickle for tensors": (
        pickled_tensors,
        "m/model.safetensors: a pickle under another name. Pickles can run code and are never loaded. "
        "Save the model with Model.save().",
    ),
    "a zipped pickle for tensors": (
        zipped_tensors,
        "m/model.safetensors: a pickle under another name. Pickles can run",
    ),
    "only a pickle": (
        only_a_pickle,
        "m: holds model.pt, a pickle, and no config.json. Pickles can run code and are never loaded. "
        "Save the model with Model.save().",
    ),
}


def matches(text, expected):
    """Whether `text` begins with `expected`, in which ".*" stands for anything."""
    for piece in expected.split(".*"):
        before, found, text = text.partition(piece)
        if not found or (expected.startswith(piece) and before):
            return False
    return True


@pytest.mark.parametrize("case", SPOILED)
def test_a_spoiled_model_is_refused_in_one_line(audiocos_command, folder, tmp_path, case):
    spoil, expected = SPOILED[case]
    spoil(folder)
    code, out, err = audiocos_command("reconstruct", "in.wav", "--model", "m")
    assert (code, out) == (1, "")
    assert err.count("\n") == 1 and matches(err, "audiocos: " + expected), err
    assert sorted(set(os.listdir()) - {"m"}) == ["in.wav"]


def test_bfloat16_tensors_are_refused(audiocos_command, folder):
    path = folder / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"F64"', b'"F7 "', 1))
    code, _, err = audiocos_command("models", "m")
    assert code == 1 and err.startswith("audiocos: m/model.safetensors: truncated or damaged (")
    assert err.count("\n") == 1


def test_a_folder_s_name_stays_on_one_line(audiocos_command, folder):
    folder.rename("two\nlines")
    os.remove("two\nlines/config.json")
    code, _, err = audiocos_command("models", "two\nlines")
    assert (code, err) == (1, "audiocos: two\\nlines: no config.json. Is it a model folder?\n")


def test_saving_where_it_cannot_be_leaves_nothing(folder, tmp_path):
    model = audiocos.load(folder)
    with pytest.raises(ModelError, match=r"m: exists already\. Choose another name or pass --force to replace it\."):
        model.save("m")
    with pytest.raises(ModelError, match=r"in.wav/x: cannot be written: File exists\. Choose another place\."):
        model.save("in.wav/x")
    assert sorted(os.listdir()) == ["in.wav", "m"]
    model.save("m", force=True)
    assert sorted(os.listdir()) == ["in.wav", "m"] and audiocos.load("m").framing.frame == 512


def test_numbers_that_are_not_json_are_refused(folder):
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"figures": {', '"figures": {"snr_db": NaN', 1))
    with pytest.raises(ModelError, match="config.json: damaged, not valid JSON"):
        audiocos.load(folder)


@pytest.mark.parametrize("key", ["version", "frame", "sample_rate", "origin", "family", "description"])
def test_a_number_of_400_digits_is_not_repeated(folder, key):
    path = folder / "config.json"
    content = json.loads(path.read_text())
    content[key] = 10**400
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError) as raised:
        audiocos.load(folder)
    assert key in str(raised.value) and len(str(raised.value)) < 250


def test_a_hop_of_true_is_refused(folder):
    path = folder / "config.json"
    content = json.loads(path.read_text())
    content["framing"]["hop"] = True
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError, match='framing: "hop" is True'):
        audiocos.load(folder)
