"""`audiocos reconstruct`: what is said about the files, at which rate, and that any way of running it is the same."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import ints, make, tree, voice

import audiocos
from audiocos import cosines, framing, signals

KEYS = ["input", "output", "frames", "channels", "sample_rate", "subtype", "model", "snr_db", "segmental_snr_db"]
KEYS += ["mse", "max_abs_error", "log_spectral_distance_db", "clipped_samples", "sanitized_samples"]
KEYS += ["latency_samples", "seconds", "realtime_factor"]


# What is said


def test_min_snr_names_the_file_and_keeps_the_output(reconstruct):
    make("low.wav", signals.tone(8000, 16000, frequency=440.0))
    make("high.wav", signals.tone(8000, 16000, frequency=5000.0))
    done = reconstruct("low.wav", "high.wav", "-o", "out", "-m", "lapped-quarter", "--min-snr", "20", code=1)
    (line,) = done.err.splitlines()
    assert line.startswith("Error: high.wav: SNR ")
    assert line.endswith("below the 20 dB of --min-snr.")
    assert tree("out") == ["high.wav", "low.wav"]
    assert "high.wav" in done.out


def test_an_exact_copy_passes_every_min_snr(reconstruct):
    make("a.wav"), make("silence.wav", np.zeros(1000))
    reconstruct("a.wav", "silence.wav", "--min-snr", "300")


def brute_force(x, y, rate):
    """Every figure in the plainest way: `[samples, channels]`, float64."""
    segment = max(16, 2 ** round(np.log2(0.032 * rate)))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(segment) / segment)
    window /= np.sqrt(np.sum(window**2))
    pad = -len(x) % segment
    ratios, distances = [], []
    for a, b in zip(np.pad(x, ((0, pad), (0, 0))).T, np.pad(y, ((0, pad), (0, 0))).T, strict=True):
        for start in range(0, len(a), segment):
            p, q = a[start : start + segment], b[start : start + segment]
            if np.mean(p**2) > 1e-10:
                ratio = np.sum(p**2) / max(np.sum((p - q) ** 2), 1e-300)
                ratios.append(np.clip(10 * np.log10(ratio), -10, 35))
            levels = [10 * np.log10(np.abs(np.fft.rfft(z * window)) ** 2 + 1e-10) for z in (p, q)]
            distances.append(np.sqrt(np.mean((levels[0] - levels[1]) ** 2)))
    error = x - y
    return {
        "frames": len(x),
        "mse": np.mean(error**2),
        "max_abs_error": np.abs(error).max(),
        "snr_db": 10 * np.log10(np.sum(x**2) / np.sum(error**2)) if error.any() and x.any() else None,
        "segmental_snr_db": np.mean(ratios) if ratios else None,
        "log_spectral_distance_db": np.mean(distances),
    }


def strict_json(line):
    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(line, parse_constant=refuse)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "DOUBLE"])
def test_the_figures_are_those_of_the_files(subtype, reconstruct):
    make("a.wav", voice(1.3, 44100, channels=2), 44100, subtype)
    done = reconstruct("a.wav", "-o", "b.wav", "--model", "lapped-quarter", "--json")
    row = strict_json(done.out)
    x, y = (soundfile.read(name)[0] for name in ("a.wav", "b.wav"))
    for key, value in brute_force(x, y, 44100).items():
        assert row[key] == pytest.approx(value, rel=1e-4 if subtype == "PCM_16" else 1e-9), key
    assert row["snr_db"] is not None


def test_json_has_the_promised_keys_one_object_a_line(reconstruct):
    make("a.wav"), make("b.flac", voice(channels=2), subtype="PCM_24"), make("silence.wav", np.zeros(1000))
    done = reconstruct("a.wav", "b.flac", "silence.wav", "-o", "out", "--json", "--model", "lapped-quarter")
    rows = [strict_json(line) for line in done.out.splitlines()]
    assert all(list(row) == KEYS for row in rows)
    assert [row["input"] for row in rows] == ["a.wav", "b.flac", "silence.wav"]
    assert [row["output"] for row in rows] == [os.path.join("out", name) for name in ("a.wav", "b.flac", "silence.wav")]
    assert [row["channels"] for row in rows] == [1, 2, 1]
    assert [row["frames"] for row in rows] == [8000, 8000, 1000]
    assert [row["subtype"] for row in rows] == ["PCM_16", "PCM_24", "PCM_16"]
    assert rows[2]["snr_db"] is None
    assert all(row["model"] == "lapped-quarter" and row["latency_samples"] == 511 for row in rows)
    assert all(row["sample_rate"] == 16000 and row["clipped_samples"] == row["sanitized_samples"] == 0 for row in rows)
    for row in rows:
        assert row["realtime_factor"] == pytest.approx(row["frames"] / 16000 / row["seconds"])
    assert done.err == ""


def test_clipped_samples_are_counted_and_said(reconstruct):
    x = np.linspace(-2, 2, 4001)
    make("a.wav", x, subtype="DOUBLE")
    done = reconstruct("a.wav", "-o", "b.wav", "--subtype", "pcm_16", "--json")
    count = np.count_nonzero(np.abs(np.round(x * 32768)) > 32768)
    assert strict_json(done.out)["clipped_samples"] == count
    assert done.err == (
        f"Warning: b.wav: beyond full scale and clipped: {count} samples. A .wav with --subtype float keeps them.\n"
    )


def test_the_table_has_every_file_and_messages_go_to_stderr(reconstruct):
    make("a.wav"), make("b.flac")
    done = reconstruct("a.wav", "b.flac", "missing.wav", "-o", "out", "-m", "lapped-quarter", code=1)
    assert os.path.join("out", "a.wav") in done.out
    assert os.path.join("out", "b.flac") in done.out
    assert 'model "lapped-quarter"' in done.out
    assert "missing" not in done.out
    assert done.err == "Error: missing.wav: no such file or folder. Check the path.\n"


# Another sample rate


@pytest.fixture
def model_8k(tmp_path):
    model = audiocos.Model(cosines.orthogonal(256), framing.overlap(256), sample_rate=8000)
    model.save(tmp_path / "model-8k")
    return "model-8k"


def test_another_rate_needs_the_flag(model_8k, reconstruct):
    make("a.wav", rate=44100)
    done = reconstruct("a.wav", "--model", model_8k, code=1)
    assert 'Error: a.wav: 44100 Hz, the model "model-8k" was made for 8000 Hz. Pass --resample' in done.err
    assert tree(".") == ["a.wav", *(f"model-8k/{name}" for name in tree("model-8k"))]
    make("b.wav", rate=8000)
    reconstruct("b.wav", "--model", model_8k)
    np.testing.assert_array_equal(ints("b.reconstructed.wav"), ints("b.wav"))


@pytest.mark.parametrize("rate", [4000, 7999, 11025, 16000, 44100, 48000])
@pytest.mark.parametrize("samples", [1, 100, 30_011])
def test_resampling_keeps_length_and_place(rate, samples, model_8k, reconstruct):
    n = np.arange(samples)
    hertz = np.array([220.0, 555.5, 1234.0])
    x = 0.25 * np.sin(2 * np.pi * hertz * n[:, None] / rate + [0, 1, 2]).sum(axis=1) * np.hanning(samples + 2)[1:-1]
    make("a.wav", x, rate, "DOUBLE")
    done = reconstruct("a.wav", "-o", "b.wav", "--model", model_8k, "--resample", "--json")
    y, after = soundfile.read("b.wav")
    assert (len(y), after) == (samples, rate)
    assert strict_json(done.out)["frames"] == samples
    if samples > 1000:
        assert 10 * np.log10(np.sum(x**2) / np.sum((x - y) ** 2)) > 90  # a sample's shift would leave 10 to 30 dB
        middle = slice(10_000, 14_000)
        assert np.argmax(np.correlate(y[middle], x[middle], "full")) == 3999


def test_the_model_runs_at_its_own_rate(model_8k, reconstruct):
    for frequency, kept in ((1000.0, True), (6000.0, False)):  # 8000 Hz hold nothing above 4000 Hz
        make("a.wav", signals.tone(24_000, 48000, frequency=frequency), 48000)
        reconstruct("a.wav", "-o", "b.wav", "--model", model_8k, "--resample", "--force")
        level = np.std(soundfile.read("b.wav")[0][4000:-4000]) / np.std(soundfile.read("a.wav")[0])
        assert level == pytest.approx(1, abs=0.01) if kept else level < 1e-3


# The same bytes, however it is run


def test_any_number_of_jobs_gives_the_same_bytes(reconstruct):
    for index in range(5):
        # Not WAV: libsndfile writes the time of day into the PEAK chunk of floats.
        make(f"in/{index}.au", voice(0.3 * (index + 1), channels=1 + index % 2, seed=index), subtype="FLOAT")
    rows = {}
    for jobs in (1, 2, 4):
        done = reconstruct("in", "-o", f"out{jobs}", "-m", "lapped-quarter", "--jobs", jobs, "--json")
        rows[jobs] = [strict_json(line) for line in done.out.splitlines()]
        for row in rows[jobs]:
            for key in ("output", "seconds", "realtime_factor"):
                del row[key]
    assert rows[1] == rows[2] == rows[4]
    assert [row["input"] for row in rows[1]] == [os.path.join("in", f"{index}.au") for index in range(5)]
    for name in tree("in"):
        first, *others = (Path(f"out{jobs}", name).read_bytes() for jobs in (1, 2, 4))
        assert others == [first, first]


def test_the_precision_can_be_chosen(reconstruct):
    make("a.wav", subtype="DOUBLE")
    snr = {}
    for dtype in ("float32", "float64"):
        row = strict_json(reconstruct("a.wav", "-o", f"{dtype}.wav", "--dtype", dtype, "--json").out)
        x, y = soundfile.read("a.wav")[0], soundfile.read(f"{dtype}.wav")[0]
        snr[dtype] = 10 * np.log10(np.sum(x**2) / np.sum((x - y) ** 2))
        assert soundfile.info(f"{dtype}.wav").subtype == "DOUBLE"
        assert row["max_abs_error"] < 1e-5
    assert 120 < snr["float32"] < 160
    assert snr["float64"] > 250


def test_the_device_is_named_when_it_was_chosen(reconstruct):
    make("a.wav")
    assert reconstruct("a.wav", "--device", "cpu", "--json").err == "Computing on cpu.\n"
    assert reconstruct("a.wav", "--json", "--force").err == ""
