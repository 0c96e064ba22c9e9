"""`audiocos reconstruct`: what is written where, in which format, with which tags."""

import json
import os
import subprocess

import numpy as np
import pytest
import soundfile
from conftest import needs
from recordings import ints, make, tree, voice

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
    assert tree("out") == ["a.wav", "deep/b.flac", "deep/er/c.AIFF"]
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
    assert tree("all") == ["deep/x3.wav", "x1.wav", "x2.wav"]


def test_a_pattern_that_finds_nothing_but_outputs_says_so(reconstruct):
    make("a.wav")
    reconstruct("a.wav")
    done = reconstruct("a.recon*", code=1)
    assert done.err == (
        "Error: a.recon*: matches only outputs of earlier runs, named *.reconstructed*. "
        "Name one of them in full to take it.\n"
    )


@pytest.mark.skipif(os.path.exists(__file__.upper()), reason="this file system does not tell case apart")
def test_names_that_differ_in_case_are_two_files(reconstruct):
    make("in/a.wav"), make("in/a.WAV")
    reconstruct("in", "-o", "out")
    assert tree("out") == ["a.WAV", "a.wav"]


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
