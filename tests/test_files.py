"""`audiocos reconstruct` on files, folders and pipes: what is written where, and what is said about it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import needs

import audiocos
from audiocos import cosines, framing, signals

KEYS = ["input", "output", "frames", "channels", "sample_rate", "subtype", "model", "snr_db", "segmental_snr_db"]
KEYS += ["mse", "max_abs_error", "log_spectral_distance_db", "clipped_samples", "sanitized_samples"]
KEYS += ["latency_samples", "seconds", "realtime_factor"]

COMMAND = [sys.executable, "-m", "audiocos"]


@pytest.fixture
def reconstruct(audiocos_command, tmp_path, monkeypatch):
    """Run `audiocos reconstruct ARGUMENTS...` in tmp_path; the exit code must be as given."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, code=0):
        done = audiocos_command("reconstruct", *arguments)
        assert done.code == code, done.err
        return done

    return run


def voice(seconds=0.5, rate=16000, channels=1, seed=0):
    return np.stack([signals.speech_like(int(seconds * rate), rate, seed=seed + c) for c in range(channels)], axis=1)


def make(path, samples=None, rate=16000, subtype="PCM_16", **options):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    soundfile.write(path, voice(rate=rate) if samples is None else samples, rate, subtype, **options)
    return path


def ints(path):
    return soundfile.read(path, dtype="int32", always_2d=True)[0]


def tree(folder):
    found = [os.path.relpath(os.path.join(here, name), folder) for here, _, names in os.walk(folder) for name in names]
    return sorted(found)


# Where outputs go


def test_the_default_is_beside_the_input(reconstruct, tmp_path):
    make("a.wav"), make("sub/b.flac")
    reconstruct("a.wav", "sub/b.flac")
    assert tree(".") == ["a.reconstructed.wav", "a.wav", "sub/b.flac", "sub/b.reconstructed.flac"]
    np.testing.assert_array_equal(ints("a.reconstructed.wav"), ints("a.wav"))
    np.testing.assert_array_equal(ints("sub/b.reconstructed.flac"), ints("sub/b.flac"))


def test_a_single_input_goes_to_the_file_named(reconstruct):
    make("a.wav")
    reconstruct("a.wav", "-o", "deep/er/b.wav")
    assert tree(".") == ["a.wav", "deep/er/b.wav"]


@pytest.mark.parametrize("folder", ["out", "out/", "there", "there.d/"])
def test_a_single_input_goes_into_the_folder_named(folder, reconstruct):
    make("sub/a.wav")
    os.mkdir("there")
    reconstruct("sub/a.wav", "-o", folder)
    assert tree(folder) == ["a.wav"]


def test_a_folder_is_mirrored(reconstruct):
    for name in ("in/a.wav", "in/deep/b.flac", "in/deep/er/c.AIFF", "in/notes.txt", "in/deep/cover.png"):
        make(name) if name[-3:] not in ("txt", "png") else open(name, "w").close()
    reconstruct("in/", "-o", "out")
    assert tree("out") == ["a.wav", "deep/b.flac", "deep/er/c.aiff"]
    assert tree("in") == ["a.wav", "deep/b.flac", "deep/cover.png", "deep/er/c.AIFF", "notes.txt"]


def test_a_folder_without_hidden_files_earlier_outputs_and_the_output_folder(reconstruct):
    for name in ("a.wav", ".hidden.wav", ".git/b.wav", "c.reconstructed.wav", "out/d.wav", "lost/e.wav"):
        make(f"in/{name}")
    reconstruct("in", "-o", "in/out", "--residual", "in/lost")
    assert tree("in/out") == ["a.wav", "d.wav"]
    assert tree("in/lost") == ["a.wav", "e.wav"]


def test_a_second_run_finds_the_same_inputs(reconstruct):
    make("in/a.wav"), make("in/b/c.wav")
    reconstruct("in")
    first = tree("in")
    reconstruct("in", "--force")
    assert tree("in") == first == ["a.reconstructed.wav", "a.wav", "b/c.reconstructed.wav", "b/c.wav"]


def test_a_pattern_in_quotes(reconstruct):
    for name in ("x1.wav", "x2.wav", "y.wav", "deep/x3.wav"):
        make(f"in/{name}")
    reconstruct("in/x*.wav", "-o", "out")
    assert tree("out") == ["x1.wav", "x2.wav"]
    reconstruct("in/**/x*.wav", "-o", "all")
    assert tree("all") == ["x1.wav", "x2.wav", "x3.wav"]


def test_a_name_that_looks_like_a_pattern_is_a_name(reconstruct):
    make("take [1].wav")
    reconstruct("take [1].wav", "-o", "out.wav")
    assert os.path.exists("out.wav")


def test_a_file_given_twice_is_done_once(reconstruct):
    make("in/a.wav")
    done = reconstruct("in/a.wav", "in", "./in/a.wav", "-o", "out", "--json")
    assert len(done.out.splitlines()) == 1


@pytest.mark.parametrize(
    ("extension", "format", "subtype"),
    [
        ("flac", "FLAC", "PCM_16"),
        ("aiff", "AIFF", "PCM_16"),
        ("au", "AU", "PCM_16"),
        ("caf", "CAF", "PCM_16"),
        ("w64", "W64", "PCM_16"),
        ("ogg", "OGG", "VORBIS"),
        ("opus", "OGG", "OPUS"),
        ("mp3", "MP3", "MPEG_LAYER_III"),
    ],
)
def test_another_extension_converts(extension, format, subtype, reconstruct):
    make("a.wav")
    reconstruct("a.wav", "-o", f"b.{extension}")
    info = soundfile.info(f"b.{extension}")
    assert (info.format, info.subtype, info.samplerate, info.frames) == (format, subtype, 16000, 8000)
    if subtype == "PCM_16":
        np.testing.assert_array_equal(ints(f"b.{extension}"), ints("a.wav"))


def test_opus_is_a_format_by_name_too(reconstruct):
    make("a.wav")
    reconstruct("a.wav", "-o", "out", "--format", "opus")
    reconstruct("out/a.ogg")
    assert soundfile.info("out/a.ogg").subtype == soundfile.info("out/a.reconstructed.ogg").subtype == "OPUS"
    reconstruct("a.wav", "-o", "b.opus", "--subtype", "vorbis")
    assert soundfile.info("b.opus").subtype == "VORBIS"


@pytest.mark.parametrize(("name", "extension"), [("flac", "flac"), ("rf64", "wav"), ("AIFF", "aiff")])
def test_the_format_option_converts_a_folder(name, extension, reconstruct):
    make("in/a.wav"), make("in/b/c.flac")
    reconstruct("in", "-o", "out", "--format", name)
    assert tree("out") == [f"a.{extension}", f"b/c.{extension}"]
    assert {soundfile.info(f"out/{path}").format for path in tree("out")} == {name.upper()}
    np.testing.assert_array_equal(ints(f"out/b/c.{extension}"), ints("in/b/c.flac"))


def test_the_subtype_option(reconstruct):
    make("a.wav", subtype="PCM_24")
    done = reconstruct("a.wav", "-o", "b.wav", "--subtype", "float", "--json")
    assert soundfile.info("b.wav").subtype == json.loads(done.out)["subtype"] == "FLOAT"
    np.testing.assert_allclose(soundfile.read("b.wav")[0], soundfile.read("a.wav")[0], rtol=0, atol=1e-7)


def test_the_container_of_the_input_is_kept_whatever_its_extension(reconstruct):
    make("a.wav", format="RF64"), make("b.wav", format="WAVEX"), make("c.wav", endian="BIG")
    reconstruct("a.wav", "b.wav", "c.wav", "-o", "out")
    assert [soundfile.info(f"out/{name}.wav").format for name in "abc"] == ["RF64", "WAVEX", "WAV"]
    with open("out/c.wav", "rb") as file:
        assert file.read(4) == b"RIFX"


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "aiff", "caf", "rf64"])
def test_tags_are_kept(extension, reconstruct):
    said = {"title": "A löng title", "artist": "Somebody", "comment": "recorded on a Tuesday"}
    with soundfile.SoundFile(f"a.{extension}", "w", 16000, 1) as file:
        for tag, text in said.items():
            setattr(file, tag, text)
        file.write(voice())
    reconstruct(f"a.{extension}", "-o", f"b.{extension}", "--residual", f"lost.{extension}")
    with soundfile.SoundFile(f"a.{extension}") as before:
        kept = before.copy_metadata()
    assert kept.items() >= said.items() or extension == "aiff"  # libsndfile keeps no UTF-8 in AIFF
    assert kept["artist"] == "Somebody"
    for name in ("b", "lost"):
        with soundfile.SoundFile(f"{name}.{extension}") as after:
            assert after.copy_metadata() == kept


@needs("ffprobe")
@pytest.mark.parametrize("extension", ["wav", "flac"])
def test_ffmpeg_sees_the_tags(extension, reconstruct):
    with soundfile.SoundFile(f"a.{extension}", "w", 16000, 1) as file:
        file.title, file.artist = "A title", "Somebody"
        file.write(voice())
    reconstruct(f"a.{extension}")
    probe = ["ffprobe", "-v", "error", "-show_entries", "format_tags", "-of", "json", f"a.reconstructed.{extension}"]
    tags = json.loads(subprocess.run(probe, capture_output=True, check=True).stdout)["format"]["tags"]
    assert {key.lower(): value for key, value in tags.items()}.items() >= {
        "title": "A title",
        "artist": "Somebody",
    }.items()


@needs("ffmpeg")
@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "flac"])
def test_ffmpeg_decodes_the_output_to_what_it_decodes_the_input_to(codec, reconstruct):
    make("source.wav", voice(channels=2), subtype="DOUBLE")
    name = "a.flac" if codec == "flac" else "a.wav"
    encode = ["ffmpeg", "-v", "error", "-i", "source.wav", "-c:a", codec, name]
    subprocess.run(encode, check=True, stdin=subprocess.DEVNULL)
    reconstruct(name, "-o", "out")
    before, after = (
        np.frombuffer(
            subprocess.run(
                ["ffmpeg", "-v", "error", "-i", path, "-f", "f64le", "-"],
                check=True,
                stdin=subprocess.DEVNULL,
                capture_output=True,
            ).stdout
        )
        for path in (name, f"out/{name}")
    )
    assert before.size == 16000
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-6 if "f32" in codec else 1e-14 if "f64" in codec else 0)


# Residuals


@pytest.mark.parametrize("model", ["exact", "lapped-quarter"])
@pytest.mark.parametrize(("subtype", "extension"), [("PCM_16", "wav"), ("PCM_32", "wav"), ("DOUBLE", "caf")])
def test_the_residual_is_input_minus_output(model, subtype, extension, reconstruct):
    make("a.wav", voice(channels=2), subtype=subtype)
    reconstruct("a.wav", "-o", "b.wav", "--model", model, "--residual", f"lost.{extension}")
    x, y, lost = (soundfile.read(name)[0] for name in ("a.wav", "b.wav", f"lost.{extension}"))
    np.testing.assert_allclose(lost, x - y, rtol=0, atol=1e-7 if subtype == "PCM_16" else 1e-15)
    if model == "lapped-quarter":
        assert np.abs(lost).max() > 0.001
        peak = np.argmax(np.correlate(lost[:4000, 0], (x - y)[:4000, 0], "full"))
        assert peak == 3999  # lag 0


def test_residuals_of_a_folder_mirror_it(reconstruct):
    make("in/a.wav"), make("in/b/c.flac")
    reconstruct("in", "-o", "out", "--residual", "lost", "--model", "lapped-quarter")
    assert tree("lost") == ["a.wav", "b/c.wav"]
    lost = soundfile.read("lost/b/c.wav")[0]
    np.testing.assert_allclose(
        lost, soundfile.read("in/b/c.flac")[0] - soundfile.read("out/b/c.flac")[0], rtol=0, atol=1e-7
    )


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
        f"Warning: b.wav: {count} samples were beyond full scale and are clipped. --subtype float keeps them.\n"
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


# Pipes


def piped(arguments, data, cwd):
    done = subprocess.run([*COMMAND, "reconstruct", *arguments], input=data, capture_output=True, cwd=cwd)
    assert done.returncode == 0, done.stderr.decode()
    return done


@pytest.mark.parametrize(("format", "subtype"), [("WAV", "PCM_16"), ("AU", "PCM_24"), ("FLAC", "PCM_24")])
def test_standard_input_to_standard_output_as_au(format, subtype, tmp_path):
    source = make(str(tmp_path / "in"), voice(3.0, 44100, 2), 44100, subtype, format=format)
    with open(source, "rb") as file:
        done = piped(["-"], file.read(), tmp_path)
    (tmp_path / "out.au").write_bytes(done.stdout)
    with soundfile.SoundFile(tmp_path / "out.au") as after:
        assert (after.format, after.subtype, after.samplerate, after.channels) == ("AU", subtype, 44100, 2)
        np.testing.assert_array_equal(after.read(dtype="int32"), ints(source))
    assert done.stderr == b""


def test_standard_input_to_a_file(tmp_path):
    source = make(str(tmp_path / "in.wav"))
    with open(source, "rb") as file:
        done = piped(["-", "-o", "out.flac", "--residual", "lost.wav", "--json"], file.read(), tmp_path)
    np.testing.assert_array_equal(ints(tmp_path / "out.flac"), ints(source))
    row = strict_json(done.stdout)
    assert (row["input"], row["output"], row["frames"]) == ("-", "out.flac", 8000)
    assert len(ints(tmp_path / "lost.wav")) == 8000


def test_a_redirected_file_and_a_file_to_standard_output(tmp_path):
    source = make(str(tmp_path / "in.flac"))
    with open(source, "rb") as stdin, open(tmp_path / "a.au", "wb") as stdout:
        subprocess.run([*COMMAND, "reconstruct", "-"], stdin=stdin, stdout=stdout, check=True)
    with open(tmp_path / "b.wav", "wb") as stdout:
        subprocess.run(
            [*COMMAND, "reconstruct", source, "-o", "-", "--format", "wav"], stdout=stdout, check=True, cwd=tmp_path
        )
    np.testing.assert_array_equal(ints(tmp_path / "a.au"), ints(source))
    np.testing.assert_array_equal(ints(tmp_path / "b.wav"), ints(source))


@needs("ffmpeg")
def test_ffmpeg_at_both_ends(tmp_path):
    source = make(str(tmp_path / "in.wav"), voice(3.0, 48000, 2), 48000)
    command = (
        f'ffmpeg -v error -i in.wav -f wav - | "{sys.executable}" -m audiocos reconstruct - '
        "| ffmpeg -v error -i - -c:a flac out.flac"
    )
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, b"")
    np.testing.assert_array_equal(ints(tmp_path / "out.flac"), ints(source))


# Progress


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("terminal", [True, False])
def test_the_progress_bar_is_for_terminals(terminal, tmp_path):
    import pty

    make(str(tmp_path / "a.wav"), np.zeros(2_000_000), 48000)
    ours, theirs = pty.openpty() if terminal else os.pipe()
    with subprocess.Popen(
        [*COMMAND, "reconstruct", "a.wav", "-o", "b.wav"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:  # how Linux says that the other end of a terminal is closed
            pass
        finally:
            os.close(ours)
        out = process.stdout.read()
    assert process.returncode == 0
    assert b"b.wav" in out and b"\x1b" not in out
    if terminal:
        assert b"a.wav" in shown and b"ETA" in shown and b"%" in shown
    else:
        assert shown == b""


def test_ffmpeg_is_where_ci_needs_it():
    assert os.environ.get("CI") != "true" or (shutil.which("ffmpeg") and shutil.which("ffprobe"))
