"""The command train: what it writes, and what it says of bad input."""

import json

import numpy as np
import pytest
import soundfile as sf

import audiocos
from audiocos import signals
from audiocos.training.growth import white_snr_db


@pytest.fixture
def train(audiocos_command, tmp_path, monkeypatch):
    """Run `audiocos train ARGUMENTS... -o model` in tmp_path; the exit code must be as given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*arguments, code=0, output="model"):
        done = audiocos_command("train", *arguments, "-o", output)
        assert done.code == code, done.err
        assert (tmp_path / output).exists() == (code == 0 or "exists already" in done.err)
        return done

    return run


@pytest.fixture
def voices(tmp_path):
    for index in range(5):
        write(tmp_path / "voices" / f"{index}.wav", signals.speech_like(6000, 8000, seed=index))
    return tmp_path / "voices"


def write(path, samples, rate=8000, **settings):
    path.parent.mkdir(exist_ok=True)
    sf.write(path, samples, rate, **settings)
    return path


# What it writes


@pytest.mark.parametrize("kind", ["block", "overlap", "lapped"])
def test_a_model_from_recordings_loads_and_reconstructs(kind, voices, train, tmp_path):
    done = train("voices", "--frame", 64, "--framing", kind, "--json")
    told = json.loads(done.out)
    assert told["model"] == "model" and told["training"]["files"] == 4 and told["training"]["held-out files"] == 1
    model = audiocos.load(tmp_path / "model")
    m = 8 if kind == "lapped" else 16
    assert (model.framing.kind, model.numbers.frame, model.numbers.coefficients) == (kind, 64, m)
    assert model.sample_rate == 8000
    assert model.figures == told["figures"]
    x = signals.speech_like(6000, 8000, seed=9)[None]
    error = x - model.reconstruct(x)
    assert 10 * np.log10(np.sum(x**2) / np.sum(error**2)) > 1
    card = (tmp_path / "model" / "README.md").read_text()
    for name, value in told["figures"].items():
        assert name in card and f"{value:.4g}" in card


def test_the_table_says_what_can_be_won_and_what_was(voices, train):
    done = train("voices", "--frame", 64, "--framing", "lapped")
    for text in ("What can be won at 8 coefficients", "best M of the MDCT", "KLT of", "bound of every", "learned"):
        assert text in done.out
    assert "Wrote model." in done.err


def test_a_second_run_has_the_pass_from_the_cache_and_the_same_model(voices, train, tmp_path):
    train("voices", "--frame", 64)
    train("voices", "--frame", 64, output="again")
    first, second = (audiocos.load(tmp_path / name).numbers for name in ("model", "again"))
    assert np.array_equal(first.analysis_frequencies, second.analysis_frequencies)
    assert any((tmp_path / "cache").rglob("*"))


def test_noise_teaches_the_exact_pair_from_a_random_start(train, tmp_path):
    told = json.loads(train("synth:noise", "--frame", 16, "--json").out)
    assert told["training"]["white SNR (dB)"] >= 200
    model = audiocos.load(tmp_path / "model")
    assert model.sample_rate is None and white_snr_db(model.numbers) >= 200


def test_batches_of_noise_do_too(train, tmp_path):
    train("synth:noise", "--frame", 16, "--batches")
    assert white_snr_db(audiocos.load(tmp_path / "model").numbers) >= 200


def test_adam_is_polished(train, tmp_path):
    train("synth:noise", "--frame", 8, "--optimizer", "adam", "--steps", 300)
    assert white_snr_db(audiocos.load(tmp_path / "model").numbers) >= 200


@pytest.mark.parametrize("source", ["synth:noise", "voices"])
def test_one_sample_and_one_coefficient(source, voices, train, tmp_path):
    train(source, "--frame", 1, "--coefficients", 1)
    x = np.linspace(-1, 1, 50)[None]
    assert audiocos.load(tmp_path / "model").reconstruct(x) == pytest.approx(x, abs=1e-9)


def test_learning_goes_on_from_a_model(voices, train, tmp_path):
    train("voices", "--frame", 64, "--init", "orthogonal")
    train("voices", "--frame", 64, "--init", "model", output="finer")
    first, second = (audiocos.load(tmp_path / name).figures["learned (dB)"] for name in ("model", "finer"))
    assert second >= first - 0.01


# Bad input


def test_an_output_that_exists_is_kept_without_force(train, tmp_path):
    train("synth:noise", "--frame", 4)
    before = (tmp_path / "model" / "config.json").read_bytes()
    done = train("synth:noise", "--frame", 8, code=1)
    assert done.err == "audiocos: model: exists already. Choose another name or pass --force to replace it.\n"
    assert (tmp_path / "model" / "config.json").read_bytes() == before
    train("synth:noise", "--frame", 8, "--force")
    assert audiocos.load(tmp_path / "model").numbers.frame == 8


def test_an_empty_folder(train, tmp_path):
    (tmp_path / "empty").mkdir()
    said = "audiocos: empty: no audio files below this folder. Check the path.\n"
    assert train("empty", code=1).err == said


def test_one_file_is_learned_from_and_judged_by(train, tmp_path):
    write(tmp_path / "one.wav", signals.speech_like(6000, 8000))
    done = train("one.wav", "--frame", 64)
    assert "one.wav: the only file, so nothing is held out; figures are of the training sound." in done.err


def test_no_file_can_be_read(train, tmp_path):
    (tmp_path / "a.wav").touch()
    (tmp_path / "b.wav").write_text("text")
    done = train(".", code=1)
    assert "none of the 2 files can be read (" in done.err and done.err.count("\n") == 1


def test_less_than_a_frame_says_how_much_more(train, tmp_path):
    write(tmp_path / "short.wav", signals.speech_like(300, 8000))
    done = train("short.wav", "--frame", 512, code=1)
    assert done.err.endswith(
        "audiocos: 300 samples are fewer than a frame of 512: 212 more are needed. "
        "Add recordings, or take a smaller --frame.\n"
    )


def test_silence_alone(train, tmp_path):
    write(tmp_path / "a.wav", np.zeros(4000))
    done = train("a.wav", "--frame", 64, code=1)
    assert "nothing is left to learn from: 1 files are silent" in done.err


def test_silence_among_the_held_out(train, tmp_path):
    for index in range(20):  # one of them is held out, sound or not
        write(tmp_path / "s" / f"{index}.wav", np.zeros(4000 + index))
    write(tmp_path / "s" / "voice.wav", signals.speech_like(6000, 8000))
    done = train("s", "--frame", 64)
    assert "No held-out file can be used, so figures are of the training sound." in done.err


@pytest.mark.parametrize("start", ["auto", "random"])
def test_a_file_with_nan_is_named_and_left_out(start, voices, train):
    broken = signals.speech_like(6000, 8000, seed=50)
    broken[100] = np.nan
    write(voices / "broken.wav", broken, subtype="FLOAT")
    done = train("voices", "--frame", 16, "--coefficients", 16, "--init", start)
    assert "voices/broken.wav: left out: holds samples that no sound is (NaN, infinite or huge)" in done.err


def test_mixed_rates_are_listed_and_resampled_on_demand(voices, train, tmp_path):
    write(voices / "other.wav", signals.speech_like(12000, 16000), rate=16000)
    done = train("voices", "--frame", 64, code=1)
    assert "mixed sample rates: 8000 Hz (5 files, such as voices/0.wav), 16000 Hz (1 file, " in done.err
    train("voices", "--frame", 64, "--sample-rate", 8000)
    assert audiocos.load(tmp_path / "model").sample_rate == 8000


def test_a_model_of_other_sizes_to_go_on_from(voices, train):
    train("voices", "--frame", 64)
    done = train("voices", "--frame", 32, "--init", "model", code=1, output="other")
    assert "--init model: has frame 64, 16 coefficients, block framing. Ask for the same." in done.err
    done = train("voices", "--frame", 32, "--init", "ortogonal", code=1, output="other")
    assert "ortogonal: no such model" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--framing", "lapped", "--coefficients", 33], 2, "--coefficients 33: lapped framing holds at most 32 a hop"),
        (["--init", "spectral", "--coefficients", 65], 2, "--init spectral: M = 65 is above N = 64"),
        (["--framing", "overlap", "--growth"], 2, "--growth: windows grow on block frames only"),
        (["--framing", "lapped", "--optimizer", "adam"], 2, "--optimizer adam: learns on windows of block frames"),
        (["--seed", -1], 2, "-1 is not in the range"),
        (["--hop", 32], 1, "block framing: hop 32 is not the frame 64"),
        (["--window", "nonsense"], 1, 'window "nonsense": unknown'),
    ],
)
def test_what_cannot_be_is_refused_before_the_recordings_are_heard(arguments, code, said, voices, train):
    done = train("voices", "--frame", 64, *arguments, code=code)
    assert said in done.err and "Hearing" not in done.err and done.out == ""


@pytest.mark.parametrize("inputs", [["synth:tone"], ["synth:noise", "voices"]])
def test_of_synthetic_sound_only_noise_teaches(inputs, train):
    assert f"{inputs[0]}: training knows synth:noise, alone." in train(*inputs, code=2).err
