"""Models judged on files: `audiocos evaluate` and what it runs on."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
import soundfile

from audiocos import cosines, framing, signals
from audiocos.audio.reconstruct import Settings
from audiocos.cli.main import main
from audiocos.model import Model, load
from audiocos.training.judge import references, second_moment

FIGURES = ["frames", "snr_db", "segmental_snr_db", "mse", "max_abs_error", "log_spectral_distance_db"]
REFERENCES = ["first_dct_db", "best_dct_db", "first_mdct_db", "best_mdct_db", "klt_db"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capfd):
    """Run `audiocos ARGUMENTS...`; gives exit code, stdout, stderr."""

    def command(*arguments):
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        return end.value.code, *capfd.readouterr()

    return command


@pytest.fixture
def rows(run):
    """Run `audiocos evaluate ARGUMENTS... --json`; gives the rows of files and of totals."""

    def command(*arguments, code=0):
        got, out, err = run("evaluate", *arguments, "--json")
        assert got == code, err
        every = [json.loads(line) for line in out.splitlines()]
        return [row for row in every if not row["total"]], [row for row in every if row["total"]]

    return command


def make(path, seconds=1.5, rate=8000, channels=1, seed=0, subtype="PCM_16", gain=1.0):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    voices = [gain * signals.speech_like(int(seconds * rate), rate, seed=seed + c) for c in range(channels)]
    soundfile.write(path, np.stack(voices, axis=1), rate, subtype)
    return path


def make_some():
    make("in/a.wav")
    make("in/deep/b.flac", seconds=2.3, channels=2, seed=3)
    make("in/c.wav", seconds=0.7, seed=7, subtype="FLOAT", gain=1.5)
    make("in/d.wav", seconds=0.01, seed=8, subtype="DOUBLE")
    make("in/e.wav", seconds=1, subtype="ULAW", seed=9)


@pytest.mark.parametrize("model", ["lapped-quarter", "exact"])
def test_figures_are_those_of_reconstruct(model, rows, run):
    make_some()
    files, _ = rows("in", "-m", model)
    _, out, _ = run("reconstruct", "in", "-o", "out", "-m", model, "--json")
    want = {row["input"]: row for row in map(json.loads, out.splitlines())}
    assert [row["input"] for row in files] == list(want)
    assert len(files) == 5
    for row in files:
        other = want[row["input"]]
        assert [row[key] for key in [*FIGURES, "channels", "sample_rate"]] == [
            other[key] for key in [*FIGURES, "channels", "sample_rate"]
        ]


def test_figures_of_resampled_files_are_those_of_reconstruct(rows, run):
    make("a.wav", rate=16000)
    Model(cosines.lapped(64, np.arange(8)), framing.lapped(64), sample_rate=8000).save("m")
    files, totals = rows("a.wav", "-m", "m", "--resample")
    _, out, _ = run("reconstruct", "a.wav", "-m", "m", "--resample", "--json")
    assert [files[0][key] for key in FIGURES] == [json.loads(out)[key] for key in FIGURES]
    assert [totals[0][key] for key in REFERENCES] == [None] * 5
    assert "resampled" in totals[0]["references"]


def test_the_total_counts_every_sample_once(rows):
    make_some()
    files, totals = rows("in", "-m", "lapped-quarter")
    total = totals[0]
    counts = np.array([row["frames"] * row["channels"] for row in files])
    energies = np.array([row["mse"] for row in files]) * counts
    signal = np.array([10 ** (row["snr_db"] / 10) for row in files]) * energies
    assert total["mse"] == pytest.approx(energies.sum() / counts.sum(), rel=1e-12)
    assert total["snr_db"] == pytest.approx(10 * np.log10(signal.sum() / energies.sum()), abs=1e-9)
    assert total["max_abs_error"] == max(row["max_abs_error"] for row in files)
    assert total["frames"] == sum(row["frames"] for row in files)
    assert total["length_s"] == pytest.approx(sum(row["frames"] / row["sample_rate"] for row in files))
    one, alone = rows("in/a.wav", "-m", "lapped-quarter")
    assert [one[0][key] for key in FIGURES] == [alone[0][key] for key in FIGURES]


def test_the_keys_of_json(rows):
    make("a.wav")
    files, totals = rows("a.wav", "-m", "lapped-quarter")
    assert list(files[0]) == ["input", "model", "total", "channels", "sample_rate", "frames", "mse", "snr_db"] + [
        "segmental_snr_db", "max_abs_error", "log_spectral_distance_db", "sanitized_samples", "seconds",
        "realtime_factor",
    ]  # fmt: skip
    assert list(totals[0]) == ["model", "total", "files", "failed_files", "length_s", "frames", "mse", "snr_db"] + [
        "segmental_snr_db", "max_abs_error", "log_spectral_distance_db", "coefficients", "hop", *REFERENCES,
        "references", "snr_a_second_db",
    ]  # fmt: skip
    assert (totals[0]["files"], totals[0]["failed_files"]) == (1, 0)
    assert "fitted on these very files" in totals[0]["references"]


def test_the_first_of_the_mdct_are_what_a_model_of_them_reaches(rows):
    make("in/a.wav", seconds=8, gain=0.9)
    make("in/b.wav", seconds=5, channels=2, seed=4)
    _, (total,) = rows("in", "-m", "lapped-quarter")
    assert total["first_mdct_db"] == pytest.approx(total["snr_db"], abs=0.01)
    assert total["best_mdct_db"] >= total["first_mdct_db"]


def test_dct_references_are_those_of_brute_force():
    path = make("a.wav", seconds=2)
    x = np.concatenate([soundfile.read(path)[0], np.zeros(64)])
    n, m = 64, 12
    frames = x[: len(x) // n * n].reshape(-1, n)
    energy = np.sum(scipy.fft.dct(frames, norm="ortho") ** 2, axis=0)
    got = references(second_moment([path], n, Settings()), m)
    assert got.first_dct_db == pytest.approx(10 * np.log10(energy.sum() / energy[m:].sum()), abs=1e-9)
    assert got.best_dct_db == pytest.approx(10 * np.log10(energy.sum() / np.sort(energy)[:-m].sum()), abs=1e-9)


def test_references_that_have_no_value(rows, monkeypatch):
    make("a.wav")
    soundfile.write("silent.wav", np.zeros(4000), 8000)
    _, totals = rows("a.wav", "-m", "exact")
    assert [totals[0][key] for key in REFERENCES] == [None] * 5
    assert "exact where M is the hop or more" in totals[0]["references"]
    _, totals = rows("silent.wav", "-m", "lapped-quarter")
    assert (totals[0]["snr_db"], totals[0]["references"]) == (None, "not compared: silence")
    monkeypatch.setattr("audiocos.cli.evaluate.LARGEST_HOP", 100)
    _, totals = rows("a.wav", "-m", "lapped-quarter")
    assert totals[0]["references"] == "not compared: hop above 100"


def test_models_side_by_side(rows, run):
    make("a.wav")
    Model(cosines.lapped(64, np.arange(8)), framing.lapped(64)).save("one/m")
    Model(cosines.lapped(64, np.arange(16)), framing.lapped(64)).save("two/m")
    files, totals = rows("a.wav", "-m", "one/m", "-m", "two/m", "-m", "one/m", "-m", "exact")
    assert [row["model"] for row in files] == [row["model"] for row in totals] == ["one/m", "two/m", "exact"]
    assert totals[0]["snr_db"] < totals[1]["snr_db"]
    code, out, err = run("evaluate", "a.wav", "-m", "one/m", "-m", "two/m")
    assert (code, err) == (0, "")
    for text in ('Model "one/m"', 'Model "two/m"', "a.wav", "all 1", "In total", "8 / 32", "16 / 32", "best MDCT"):
        assert text in out
    assert f"{totals[1]['snr_db']:.2f} dB" in out
    assert f"{totals[1]['best_mdct_db']:.2f}" in out


# What goes wrong


def test_bad_files_are_named_and_the_rest_is_done(rows, run):
    make_some()
    with open("in/bad.wav", "wb") as file:
        file.write(b"RIFF no sound")
    files, totals = rows("in", "gone", "-m", "lapped-quarter", "-m", "exact", code=1)
    assert len(files) == 10
    assert [(row["files"], row["failed_files"]) for row in totals] == [(5, 1)] * 2
    code, out, err = run("evaluate", "in", "gone", "-m", "lapped-quarter", "-m", "exact")
    lines = err.splitlines()
    assert code == 1
    assert len(lines) == 2
    assert lines[0] == "Error: gone: no such file or folder. Check the path."
    assert lines[1].startswith("Error: in/bad.wav: ")
    assert "all 5" in out


def test_another_rate_is_refused_in_the_words_of_reconstruct(run):
    make("a.wav", rate=16000)
    Model(cosines.lapped(64, np.arange(8)), framing.lapped(64), sample_rate=8000).save("m")
    code, out, err = run("evaluate", "a.wav", "-m", "m")
    assert (code, out) == (1, "")
    assert err == (
        'Error: a.wav: 16000 Hz, the model "m" was made for 8000 Hz. Pass --resample to convert on the way.\n'
    )
    assert run("reconstruct", "a.wav", "-m", "m") == (1, "", err)


def test_samples_that_are_no_sound(rows, run):
    x = signals.speech_like(8000, 8000)
    x[100] = np.nan
    soundfile.write("a.wav", x, 8000, "FLOAT")
    code, out, err = run("evaluate", "a.wav", "-m", "exact")
    assert (code, out) == (1, "")
    assert "Pass --sanitize" in err
    files, _ = rows("a.wav", "-m", "lapped-quarter", "--sanitize")
    assert files[0]["sanitized_samples"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["evaluate"], 2, "Missing argument"),
        (["evaluate", "a.wav"], 2, "Missing option"),
        (["evaluate", "-", "-m", "exact"], 2, "files are read more than once"),
        (["evaluate", "a.wav", "-m", "gone"], 1, "gone: no such model"),
        (["evaluate", ".", "-m", "exact"], 1, "no audio files in this folder"),
    ],
)
def test_wrong_words(arguments, code, text, run):
    got, out, err = run(*arguments)
    assert (got, out) == (code, "")
    assert text in err


def test_help_has_examples(run):
    code, out, _ = run("evaluate", "--help")
    assert code == 0
    assert "  audiocos evaluate recordings/ -m lapped-quarter" in out.partition("Examples:")[2]


def test_a_file_that_vanishes_before_the_second_pass_costs_the_comparison_only(run, monkeypatch):
    make("a.wav")

    def vanish(*arguments, **options):
        os.remove("a.wav")
        return second_moment(*arguments, **options)

    monkeypatch.setattr("audiocos.cli.evaluate.second_moment", vanish)
    code, out, err = run("evaluate", "a.wav", "-m", "lapped-quarter", "--json")
    assert (code, err) == (1, "Error: a.wav: no such file. Check the path.\n")
    total = json.loads(out.splitlines()[-1])
    assert total["snr_db"] > 0
    assert (total["best_dct_db"], total["references"]) == (None, "not compared: a file could not be read again")


def test_a_text_file_lists_files_and_the_same_bytes_count_once(rows, run):
    make("in/a.wav")
    make("in/b.wav", seed=4)
    shutil.copy("in/a.wav", "in/copy.wav")
    (Path("in") / "list.txt").write_text("# two of them\na.wav\n\nb.wav\ncopy.wav\n")
    listed, totals = rows("in/list.txt", "-m", "lapped-quarter")
    assert [row["input"] for row in listed] == ["in/a.wav", "in/b.wav"]
    assert rows("in", "-m", "lapped-quarter")[1] == totals
    _, _, err = run("evaluate", "in", "-m", "lapped-quarter")
    assert "1 file has the same bytes as another and counts once.\n" in err
    (Path("in") / "list.txt").write_text("# none\n")
    code, _, err = run("evaluate", "in/list.txt", "-m", "lapped-quarter")
    assert (code, err) == (1, "audiocos: in/list.txt: lists no files. Write one path a line.\n")
    (Path("in") / "inner.txt").write_text("b.wav\n")
    (Path("in") / "list.txt").write_text("a.wav\ninner.txt\n")
    code, out, err = run("evaluate", "in/list.txt", "-m", "lapped-quarter")
    assert (code, err) == (1, "Error: in/inner.txt: a list in a list is not read. Name it as an input of its own.\n")
    assert "all 1" in out


def test_the_klt_is_shown_and_is_that_of_the_files(rows, run):
    make("a.wav", seconds=3)
    _, totals = rows("a.wav", "-m", "lapped-quarter")
    hop, m = totals[0]["hop"], totals[0]["coefficients"]
    x, _ = soundfile.read("a.wav")
    frames = np.pad(x, (0, -len(x) % hop)).reshape(-1, hop)
    squares = np.linalg.svd(frames, compute_uv=False) ** 2
    assert totals[0]["klt_db"] == pytest.approx(10 * np.log10(squares.sum() / squares[m:].sum()), abs=1e-6)
    assert totals[0]["klt_db"] >= totals[0]["best_dct_db"]
    out = run("evaluate", "a.wav", "-m", "lapped-quarter")[1]
    assert re.search(r"KLT\W+of", out) and "the KLT, are fitted on these very files, unlike those of train." in out


@pytest.mark.parametrize("name", ["a-quarter-of-a-lapped-pair", "a-name-so-long-that-nobody-would-type-it-" * 3])
def test_the_name_of_a_model_is_never_broken(name, run):
    make("a.wav")
    load("lapped-quarter").save(name)
    out = run("evaluate", "a.wav", "-m", "lapped-quarter", "-m", name)[1]
    total = out[out.index("In total") :]
    assert f" {name} " in total and " lapped-quarter " in total
    assert total.count(" dB") == 6
