"""The command train: what it says of bad input, other settings and full disks."""

import os
import resource

import numpy as np
import pytest
from oddfiles import run
from recordings import write

import audiocos
from audiocos import cosines, framing, signals
from audiocos.execution import accelerator_present
from audiocos.training import checkpoint, stochastic
from audiocos.training.products import usable_cores


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


def test_fewer_frames_than_samples_each_says_how_many_more_or_counts_every_offset(voices, train):
    done = train("voices", "--frame", 512, "--every-hop")
    assert "48 frames for 512 samples each: 464 more would settle it.\n" in done.err
    done = train("voices", "--frame", 512, "--force")
    assert "The corpus is short: every sample offset counts as a frame (--every-hop counts only hops)." in done.err
    said = "48 frames for 512 samples each, too few also where every sample offset counts: 464 more would settle it.\n"
    assert said in done.err


@pytest.mark.parametrize(("samples", "few"), [(100, True), (32 * 40, False)])
def test_bounds_of_too_little_sound_are_marked(samples, few, train, tmp_path):
    write(tmp_path / "short.wav", signals.speech_like(samples, 8000))
    done = train("short.wav", "--frame", 32)
    assert ("What can be won is fitted to 4 frames only: it says little of other sound.\n" in done.err) == few
    assert ("would settle it" in done.err) == few


def test_silence_alone(train, tmp_path):
    write(tmp_path / "a.wav", np.zeros(4000))
    done = train("a.wav", "--frame", 64, code=1)
    assert "nothing is left to learn from: 1 file is silent" in done.err


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
    done = train("voices", "--frame", 16, "--coefficients", 16, "--init", start, "--max-bad", 0.2)
    assert "voices/broken.wav: left out: holds samples that no sound is (NaN, infinite or huge)" in done.err


def test_mixed_rates_are_listed_and_resampled_on_demand(voices, train, tmp_path):
    write(voices / "other.wav", signals.speech_like(12000, 16000), rate=16000)
    done = train("voices", "--frame", 64, code=1)
    assert "mixed sample rates: 8000 Hz (5 files, such as voices/0.wav), 16000 Hz (1 file, " in done.err
    train("voices", "--frame", 64, "--sample-rate", 8000)
    assert audiocos.load(tmp_path / "model").sample_rate == 8000


@pytest.mark.parametrize(
    ("first", "second", "differs"),
    [
        ([], ["--frame", 32], "frame 64, asked 32; coefficients 16, asked 8; hop 64, asked 32"),
        ([], ["--coefficients", 8], "coefficients 16, asked 8"),
        (
            [],
            ["--framing", "overlap"],
            "framing block, asked overlap; hop 64, asked 32; window rectangular, ",
        ),
        (["--framing", "overlap", "--hop", 16], ["--framing", "overlap"], "hop 16, asked 32"),
        (
            ["--framing", "lapped", "--window", "sine"],
            ["--framing", "lapped", "--window", "kbd"],
            "window sine, asked ",
        ),
        (["--phased"], [], "family phased, asked base"),
        ([], ["--tied"], "banks untied, asked tied"),
    ],
)
def test_a_model_to_go_on_from_must_be_as_asked(first, second, differs, voices, train):
    train("voices", "--frame", 64, *first)
    done = train("voices", "--frame", 64, *second, "--init", "model", code=1, output="other")
    assert done.err.startswith(f"audiocos: --init model: differs from what is asked ({differs}")
    assert done.err.endswith("). Ask for the same, or begin elsewhere.\n") and done.err.count("\n") == 1


def test_a_time_origin_and_windows_must_be_as_asked_too(voices, train, tmp_path):
    model = audiocos.load("lapped-quarter")
    numbers, frames = model.numbers, framing.lapped(512)
    cases = {
        "elsewhere": (cosines.with_origin(numbers, 3.0), frames, "time origin 3.0, asked 128.5"),
        "shaped": (
            numbers,
            framing.Framing("lapped", 512, 256, "custom", *[frames.analysis_window] * 2),
            "window custom, asked sine",
        ),
    }
    for name, (pair, cut, differs) in cases.items():
        audiocos.Model(pair, cut, name=name).save(tmp_path / name)
        done = train("voices", "--frame", 512, "--framing", "lapped", "--init", name, code=1, output="other")
        assert f"--init {name}: differs from what is asked ({differs}). " in done.err


def test_a_model_of_another_rate_is_no_start(voices, train, tmp_path):
    train("voices", "--frame", 64)
    write(tmp_path / "wide.wav", signals.speech_like(6000, 16000), rate=16000)
    done = train("wide.wav", "--frame", 64, "--init", "model", code=1, output="other")
    assert done.err == (
        "audiocos: --init model: is for 8000 Hz, the recordings are heard at 16000 Hz. "
        "Pass --sample-rate 8000 to resample them.\n"
    )
    train("wide.wav", "--frame", 64, "--init", "model", "--sample-rate", 8000, output="other")


def test_a_start_that_does_not_exist(voices, train):
    assert "ortogonal: no such model" in train("voices", "--init", "ortogonal", code=1).err


def test_files_that_turn_out_bad_while_they_are_heard_count_as_bad(voices, train):
    for index in range(2):  # one of them is held out
        broken = signals.speech_like(6000, 8000, seed=50 + index)
        broken[3000] = np.nan
        write(voices / f"broken{index}.wav", broken, subtype="FLOAT")
    done = train("voices", "--frame", 16, code=1)
    last = done.err.splitlines()[-1]
    assert last.startswith("audiocos: voices: 2 of 7 files cannot be read, more than the share 0.1 that may be bad")
    assert "broken0.wav" in last and "broken1.wav" in last and last.endswith("pass a larger --max-bad.")
    train("voices", "--frame", 16, "--max-bad", 0.3)


def test_a_run_is_carried_on_only_with_the_same_settings(voices, train, monkeypatch, tmp_path):
    monkeypatch.setattr("audiocos.cli.training.Session.finish", lambda session: None)  # as if killed before it
    train("voices", "--frame", 16)
    done = train("voices", "--frame", 32, "--seed", 3, "--run", "model.run", "--resume", code=1, output="other")
    said = (
        "checkpoint.safetensors: the checkpoint is of a run with other settings (frame: 16 in the checkpoint, 32 now;"
    )
    assert said in done.err and "seed: 0 in the checkpoint, 3 now" in done.err


def test_a_run_without_a_checkpoint_begins_at_its_start(voices, train):
    assert "model.run: no checkpoint yet; learning from the start.\n" in train("voices", "--frame", 16, "--resume").err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--framing", "lapped", "--coefficients", 33], 2, "--coefficients 33: lapped framing holds at most 32 a hop"),
        (["--init", "spectral", "--coefficients", 65], 2, "--init spectral: M = 65 is above N = 64"),
        (["--framing", "lapped", "--optimizer", "adam"], 2, "--optimizer adam: learns on windows of block frames"),
        (["--framing", "lapped", "--frame", 1], 2, "--frame 1: lapped frames advance by less than a frame, so they"),
        (["--framing", "overlap", "--frame", 1], 2, "--frame 1: overlap frames advance by less than a frame, so they"),
        (["--framing", "lapped", "--frame", 17], 2, "lapped framing: frame 17 is not twice the hop 8"),
        (["--framing", "overlap", "--hop", 24], 2, "overlap framing: "),
        (["--framing", "lapped", "--hop", 17], 2, "--hop 17: lapped frames advance by half a frame, 32. Leave it out,"),
        (["--balance"], 2, "--balance: is for --optimizer adam and sgd. Choose one of them, or leave it out."),
        (["--steps", 3000], 2, "--steps: is for --optimizer adam and sgd."),
        (["--workers", 0, "--optimizer", "lbfgs"], 2, "--workers: is for --optimizer adam and sgd."),
        (["--batch", 8], 2, "--batch: no batches are drawn here. Pass --optimizer adam, or --batches with --growth,"),
        (["--batches"], 2, "--batches: nothing is learned from windows here. Pass --growth or --optimizer adam"),
        (["--device", "cuda"], 2, "--device cuda: only --optimizer adam and sgd learn on an accelerator; the others"),
        (["--device", "mps", "--init", "random"], 2, "--device mps: only --optimizer adam and sgd"),
        (["--seed", -1], 2, "-1 is not in the range"),
        (["--hop", 32], 2, "block framing: hop 32 is not the frame 64"),
        (["--window", "nonsense"], 2, 'window "nonsense": unknown'),
    ],
)
def test_what_cannot_be_is_refused_before_the_recordings_are_heard(arguments, code, said, voices, train):
    done = train("voices", "--frame", 64, *arguments, code=code)
    assert said in done.err and "Hearing" not in done.err and done.out == ""


@pytest.mark.parametrize("option", ["--holdout", "--max-bad", "--save-every"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_no_share_and_no_time_is_nan_or_infinite(option, value, train):
    assert f"Invalid value for '{option}'" in train("voices", f"{option}={value}", code=2).err


@pytest.mark.parametrize("source", ["synth:noise", "voices"])
def test_no_more_workers_start_than_there_are_cores(source, voices, train, monkeypatch):
    started = []
    loader = stochastic.DataLoader

    def watched(*arguments, num_workers, **settings):
        started.append(num_workers)
        return loader(*arguments, num_workers=0, **settings)

    monkeypatch.setattr(stochastic, "DataLoader", watched)
    cores = usable_cores()
    done = train(source, "--frame", 4, "--optimizer", "adam", "--steps", 2, "--workers", 200)
    assert started == [cores] and f"--workers 200: more than the {cores} core" in done.err


@pytest.mark.parametrize("inputs", [["synth:tone"], ["synth:noise", "voices"]])
def test_of_synthetic_sound_only_noise_teaches(inputs, train):
    assert f"{inputs[0]}: training knows synth:noise, alone." in train(*inputs, code=2).err


@pytest.mark.parametrize(
    ("option", "flag"),
    [
        (["--channels", "each"], "--channels"),
        (["--holdout", 0.2], "--holdout"),
        (["--sample-rate", 8000], "--sample-rate"),
        (["--stationary"], "--stationary"),
        (["--every-hop"], "--every-hop"),
        (["--max-bad", 0], "--max-bad"),
        (["--no-cache"], "--no-cache"),
    ],
)
def test_noise_takes_no_options_about_recordings(option, flag, train):
    done = train("synth:noise", "--frame", 8, *option, code=2)
    assert done.err == f"audiocos: {flag}: is about recordings, and synth:noise has none. Leave it out.\n"


@pytest.mark.parametrize("source", ["synth:noise", "voices"])
def test_batches_of_growth_may_have_a_size(source, voices, train):
    train(source, "--frame", 8, "--coefficients", 8, "--init", "random", "--batches", "--batch", 16)


def test_batches_of_noise_in_expectation_have_no_size(train):
    assert "--batch: no batches are drawn here." in train("synth:noise", "--frame", 8, "--batch", 16, code=2).err


@pytest.mark.skipif(accelerator_present() is not None, reason="there is an accelerator")
def test_an_accelerator_that_is_not_there(train):
    done = train("synth:noise", "--frame", 8, "--optimizer", "adam", "--device", "cuda", code=1)
    assert done.err == "audiocos: device cuda: not available here. Use --device cpu or auto.\n"


# Full disks


def limited(folder, *arguments, size):
    """Run `audiocos train` where no file can grow beyond `size` bytes."""
    return run(
        "train",
        *map(str, arguments),
        cwd=folder,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


def test_a_full_disk_while_saving_leaves_the_checkpoint_before_it(train, tmp_path):
    order = ["synth:noise", "--frame", 64, "--optimizer", "adam", "--batch", 8, "--steps", 1500, "--save-every", 0]
    done = limited(tmp_path, *order, "-o", "model", size=16384)
    assert done.code == 1
    assert done.err.endswith(
        "audiocos: model.run/checkpoint.safetensors: the checkpoint cannot be written: File too large. "
        "The one before it, if any, is as it was. Make room, or choose another place.\n"
    )
    left = [name for name in sorted(os.listdir(tmp_path / "model.run")) if not name.startswith("events.")]
    assert left == ["checkpoint.safetensors", "log.jsonl", "run.json"]
    state, _ = checkpoint.load(tmp_path / "model.run" / "checkpoint.safetensors")
    assert 0 < state["run"]["step"] < 1500
    assert "carrying on from its checkpoint" in train(*order[:-1], 10, "--resume").err


def test_a_full_disk_while_the_model_is_written_keeps_what_was_learned(voices, train, tmp_path, small_disk):
    small_disk("size=4k")
    done = train("voices", "--frame", 64, "--run", "run", code=1, output="disk/model")
    assert done.err.endswith(
        "disk/model: cannot be written: No space left on device. Make room, or choose another place.\n"
    )
    assert os.listdir(tmp_path / "disk") == []
    done = train("voices", "--frame", 64, "--run", "run", "--resume")
    assert "run: carrying on from its checkpoint." in done.err
