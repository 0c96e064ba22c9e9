"""The command train: what its figures are of and are beside, said truly."""

import json
import re

import numpy as np
import pytest
import scipy.fft
from recordings import write

import audiocos
from audiocos import framing, signals
from audiocos.training import yardsticks
from audiocos.training.corpus import gather
from audiocos.training.heard import Listening
from audiocos.training.listen import listen
from audiocos.training.starts import strongest
from audiocos.training.statistics import Accumulator, Moment


def speech(place, count, samples=30000):
    for index in range(count):
        write(place / f"{index:02}.wav", signals.speech_like(samples + index, 8000, seed=index))
    return place


def spoiled(place, how, part="held_out"):
    """Add a file that cannot be used, of such bytes that it alone is held out (or learned from)."""
    for index in range(100):
        lone = place / "spoiled.wav"
        sound = np.zeros(9000 + index) if how == "silent" else np.full(9000 + index, np.nan)
        write(lone, sound, subtype="FLOAT")
        if [file.path for file in getattr(gather([place], seed=0), part)] == [str(lone)]:
            return lone
    raise AssertionError("never drawn")


@pytest.mark.parametrize("how", ["silent", "nan"])
def test_when_no_held_out_file_can_be_used_others_are_drawn(how, train, tmp_path):
    place = speech(tmp_path / "voices", 9)
    write(place / "copy.wav", signals.speech_like(30000, 8000, seed=0))
    spoiled(place.relative_to(tmp_path), how)
    done = train("voices", "--frame", 16, "--json", "--max-bad", 0.2)
    told = json.loads(done.out)["training"]
    assert (told["files"], told["held-out files"], told["judged on"]) == (8, 1, "held-out files")
    assert told["held-out hours"] == pytest.approx(told["hours learned from"] / 8, rel=1e-3)
    assert "No held-out file can be used: others are held out instead.\n" in done.err
    card = (tmp_path / "model" / "README.md").read_text()
    assert "| held-out files | 1 |" in card and "| judged on | held-out files |" in card
    assert audiocos.load("model").normal.seconds == 3  # those of the one that judges


def test_when_only_the_held_out_file_can_be_used_it_is_learned_from(train, tmp_path):
    spoiled(speech(tmp_path / "voices", 1).relative_to(tmp_path), "silent", "train")
    done = train("voices", "--frame", 16, "--json")
    assert "Only the held-out files can be used: they are learned from.\n" in done.err
    told = json.loads(done.out)["training"]
    assert (told["files"], told["held-out files"], told["judged on"]) == (1, 0, "training sound")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_figures_of_the_training_sound_say_so(options, train, tmp_path):
    speech(tmp_path / "voices", 1)
    done = train("voices", "--frame", 16, *options)
    card = (tmp_path / "model" / "README.md").read_text()
    assert "| held-out files | 0 |" in card and "| judged on | training sound |" in card
    assert "held out" not in done.out and "held-out files │" not in done.out
    assert options or "training sound" in done.out


def test_a_file_with_nan_does_not_count_for_what_is_normal(train, tmp_path):
    place = speech(tmp_path / "voices", 3)
    broken = signals.speech_like(30000, 8000, seed=9)
    broken[-1] = np.nan
    write(place / "broken.wav", broken, subtype="FLOAT")
    train("voices", "--frame", 16, "--holdout", 0, "--max-bad", 0.5)
    assert audiocos.load("model").normal.seconds == 9
    (place / "broken.wav").unlink()
    first = audiocos.load("model").normal.to_json()
    train("voices", "--frame", 16, "--holdout", 0, output="again")
    assert audiocos.load("again").normal.to_json() == first


def test_the_card_says_that_normal_is_of_each_channel(train, tmp_path):
    speech(tmp_path / "voices", 2)
    train("voices", "--frame", 16, "--channels", "mix")
    assert "| channels | their mean; normal is of each |" in (tmp_path / "model" / "README.md").read_text()


def test_what_loses_nothing_is_exact_in_words(train, tmp_path):
    for index in range(3):
        write(tmp_path / "level" / f"{index}.wav", np.full(4000 + 8 * index, 0.5))
    done = train("level", "--frame", 8, "--coefficients", 4, "--report", "page.html")
    row = "KLT of the training sound"
    figures = audiocos.load("model").figures
    assert figures[f"{row} (dB)"] == pytest.approx(320) and figures["learned (dB)"] < 320
    card, page = ((tmp_path / name).read_text() for name in ("model/README.md", "page.html"))
    assert "320" not in done.out and done.out.count("exact") >= 2  # before and after learning
    assert f"| {row} (dB) | exact |" in card
    assert re.search(rf"{row}</t[hd]>\s*<td>exact</td>\s*<td>\N{{EN DASH}}</td>", page)


# Yardsticks


def heard(x, framed, reach):
    moment = Moment(framed.hop, reach)
    accumulator = Accumulator(moment)
    accumulator.add(x)
    accumulator.finish()
    return moment


def mdct_snr(x, hop, kept):
    """Frame by frame, by scipy's DCT-IV."""
    window = np.sin((np.arange(2 * hop) + 0.5) * np.pi / (2 * hop))
    padded = np.concatenate([np.zeros(hop), x, np.zeros(2 * hop)])
    frames = np.array([padded[i : i + 2 * hop] for i in range(0, len(padded) - 2 * hop + 1, hop)]) * window
    a, b, c, d = np.split(frames, 4, axis=1)
    lines = scipy.fft.dct(np.hstack([-c[:, ::-1] - d, a - b[:, ::-1]]), type=4, norm="ortho")
    energy = np.sum(lines**2, axis=0)
    assert energy.sum() == pytest.approx(np.sum(x**2))
    return energy, lambda kept: 10 * np.log10(energy.sum() / (energy.sum() - energy[kept].sum()))


def test_block_frames_have_the_rows_of_the_mdct():
    hop, m = 32, 8
    x, y = (signals.speech_like(64 * hop, 8000, seed=seed) for seed in (1, 2))
    framed = framing.block(hop)
    train, judging = heard(x, framed, 1), heard(y, framed, 2)
    found = yardsticks.yardsticks(framed, m, train.full(), judging.full(), judging)
    energy, snr = mdct_snr(y, hop, m)
    assert found["first M of the MDCT"] == pytest.approx(snr(np.arange(m)), abs=1e-9)
    chosen, _ = mdct_snr(x, hop, m)
    best = snr(strongest(chosen, m))
    assert found["best M of the MDCT"] == pytest.approx(best, abs=0.05)  # chosen by the spectrum of one hop
    assert found["best M of the MDCT"] <= snr(strongest(energy, m)) + 1e-9
    exactly = yardsticks.yardsticks(framed, m, heard(x, framed, 2).full(), judging.full(), judging)
    assert exactly["best M of the MDCT"] == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--holdout", 0],
        ["--holdout", 0, "--every-hop"],
        ["--framing", "overlap"],
        ["--framing", "overlap", "--hop", 64, "--window", "rectangular"],
    ],
)
def test_every_framing_shows_dct_mdct_and_klt_before_learning(options, voices, train):
    done = train("voices", "--frame", 64, "--coefficients", 16, *options)
    table = done.out.partition("Model")[0]
    rows = [f"{which} M of the {name}" for name in ("DCT", "MDCT") for which in ("first", "best")]
    for row in [*rows, "KLT of the training sound"]:
        assert row in table
        assert f"{row} (dB)" in audiocos.load("model").figures


def test_what_is_best_on_the_held_out_files_is_chosen_on_the_training_files(voices, train):
    train("voices", "--frame", 64, "--coefficients", 16, "--every-hop")
    found, frames = gather([voices], holdout=0.1), framing.block(64)
    one = listen(found.train, frames, Listening(8000)).moment.full()
    judging = listen(found.held_out, frames, Listening(8000, reach=2)).moment
    figures = audiocos.load("model").figures
    expected = yardsticks.yardsticks(frames, 16, one, judging.full(), judging)
    assert {name: figures[f"{name} (dB)"] for name in expected} == pytest.approx(expected, abs=1e-6)
    cheating = yardsticks.yardsticks(frames, 16, judging.full(), judging.full(), judging)
    assert all(expected[name] < cheating[name] - 1e-3 for name in ("best M of the MDCT", "KLT of the training sound"))


def test_a_hop_too_long_for_the_mdct_says_so(voices, train, monkeypatch):
    monkeypatch.setattr("audiocos.training.yardsticks.LARGEST_HOP", 32)
    done = train("voices", "--frame", 64, "--coefficients", 16)
    assert "The MDCT is left out: its hop would be above 32.\n" in done.err
    assert "KLT" in done.out and "MDCT" not in done.out


def test_frames_of_one_sample_are_named_as_one(voices, train):
    done = train("voices", "--frame", 1)
    assert "1 coefficient for each sample: the DCT, the MDCT and the KLT keep everything, too.\n" in done.err


def test_where_everything_is_kept_a_line_says_so(voices, train):
    done = train("voices", "--frame", 64, "--framing", "overlap", "--coefficients", 32)
    assert "32 coefficients for each 32 samples: the DCT, the MDCT and the KLT keep everything, too.\n" in done.err
