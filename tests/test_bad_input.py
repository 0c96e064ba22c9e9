"""Bad input: one line on stderr that names the file and the remedy, the rest of the batch done, nothing left over."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile as sf
from conftest import needs
from oddfiles import command, cut, floats, forget_length, garble, leftovers, noise, run, sound, wav

from audiocos.audio.reader import Reader


@pytest.fixture
def audiocos(audiocos_command, tmp_path, monkeypatch):
    """The command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return audiocos_command


@pytest.fixture
def refused(audiocos, tmp_path):
    """Run one bad file beside a good one: the bad one's line; the good one is done and the bad one untouched."""

    def check(name, *options):
        good = sound(tmp_path / "good.wav")
        before = (tmp_path / name).read_bytes() if (tmp_path / name).is_file() else None
        code, out, err = audiocos("reconstruct", name, good.name, "--force", *options)
        assert code == 1
        assert np.array_equal(sf.read("good.reconstructed.wav")[0], sf.read(good)[0])
        assert not leftovers(tmp_path) and len(list(tmp_path.glob("*.reconstructed*"))) == 1
        assert before is None or (tmp_path / name).read_bytes() == before
        (line,) = [line for line in err.splitlines() if not line.startswith(("Warning: Xing", "[src/libmpg123"))]
        assert line.startswith(f"Error: {name}: ")
        return line.removeprefix(f"Error: {name}: ")

    return check


@pytest.fixture
def warned(audiocos, tmp_path, refused):
    """Run one damaged file: with --strict it is refused; without, its warning and what was written."""

    def check(name):
        assert "Leave out --strict" in refused(name, "--strict")
        code, out, err = audiocos("reconstruct", name, "-o", "whole.wav", "--force", "--json")
        assert code == 0 and not leftovers(tmp_path)
        line = next(line for line in err.splitlines() if line.startswith(f"Warning: {name}: "))
        assert line.endswith("Processing what is there; --strict refuses it.")
        written = sf.read("whole.wav")[0]
        assert json.loads(out)["frames"] == len(written) > 0
        return line, written

    return check


NO_AUDIO = {
    "missing.wav": (lambda path: None, r"no such file or folder\. Check the path\."),
    "folder": (lambda path: path.mkdir(), r"no audio files in this folder\. Check the path\."),
    "dir.wav": (lambda path: path.mkdir(), r"no audio files in this folder"),
    "empty.wav": (lambda path: path.touch(), r"empty, 0 bytes\. Get it from its source again, or leave it out\."),
    "text.wav": (lambda path: path.write_text("la la\n" * 99), r"not audio .*looks like text\)\. Convert it to WAV"),
    "png.wav": (
        lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99)),
        r"not audio .*PNG picture\)\. Convert",
    ),
    "m4a.wav": (
        lambda path: path.write_bytes(bytes(3) + b"\x20ftypM4A " + bytes(99)),
        r"not audio .*MP4 or M4A.*\. Convert it",
    ),
    "samples.raw": (
        lambda path: path.write_bytes(bytes(999)),
        r"raw samples without a header\. Give it one.*ffmpeg -f",
    ),
    "no-frames.wav": (wav, r"holds no sound: its header counts 0 frames\. .*leave it out\."),
    "after-header.wav": (lambda path: cut(sound(path), 44), r"holds no sound: cut off right after its header\. Get it"),
    "pipe.wav": (os.mkfifo, r"a pipe, not a file\. Feed it in by standard input \(- < PIPE\)\."),
    "link.wav": (
        lambda path: path.symlink_to("nowhere"),
        r"no such file \(the link leads nowhere\)\. Check the path\.",
    ),
    "*.flac": (lambda path: None, r"matches no file\. Check the pattern\."),
}


@pytest.mark.parametrize("name", NO_AUDIO)
def test_what_holds_no_sound_is_refused_with_the_reason(refused, tmp_path, name):
    make, text = NO_AUDIO[name]
    make(tmp_path / name)
    assert re.match(text, refused(name))


def test_a_device_is_refused(audiocos):
    code, _, err = audiocos("reconstruct", os.devnull, "-o", "out.wav")
    assert (code, err) == (1, f"Error: {os.devnull}: a device, not a file. Give a recording.\n")
    assert os.listdir() == []


FORMATS = {"wav": "WAV", "aiff": "AIFF", "au": "AU", "w64": "W64", "rf64": "RF64", "caf": "CAF", "flac": "FLAC"}
FORMATS |= {"ogg": "OGG", "mp3": "MP3", "opus": "OGG"}


def ordinary(path):
    """A second and more of noise in the format of the extension."""
    extension = path.suffix[1:]
    subtype = {"opus": "OPUS", "caf": "PCM_16", "rf64": "PCM_16"}.get(extension)
    return sound(path, frames=40000, format=FORMATS[extension], subtype=subtype)


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("keep", [6, 20])
def test_a_file_cut_inside_its_header_is_refused(refused, tmp_path, extension, keep):
    cut(ordinary(tmp_path / f"cut.{extension}"), keep)
    text = refused(f"cut.{extension}")
    assert re.match(
        r"(its header is damaged or cut off|not audio that can be read|holds no sound|no sound in it)", text
    )
    assert re.search(r"Get it from its source again|Convert it to WAV", text)


@pytest.mark.parametrize("extension", FORMATS)
def test_a_file_cut_inside_its_sound_is_done_as_far_as_it_goes(warned, tmp_path, extension):
    path = ordinary(tmp_path / f"cut.{extension}")
    whole = sf.read(path)[0]
    cut(path, 0.6)
    line, written = warned(path.name)
    assert re.search(r"cut off: its (header promises .* are there|last page is missing)|damaged at \d", line)
    assert 0.3 * len(whole) < len(written) < 0.7 * len(whole)
    if extension not in ("ogg", "opus", "mp3"):
        assert np.array_equal(written, whole[: len(written)])


@pytest.mark.parametrize("extension", ["ogg", "opus"])
def test_an_ogg_file_cut_between_two_pages_is_noticed(warned, tmp_path, extension):
    path = ordinary(tmp_path / f"cut.{extension}")
    cut(path, path.read_bytes().rfind(b"OggS"))
    assert "its last page is missing" in warned(path.name)[0]


@pytest.mark.parametrize("extension", FORMATS)
def test_a_whole_file_is_not_called_damaged(audiocos, tmp_path, extension):
    ordinary(tmp_path / f"whole.{extension}")
    assert audiocos("reconstruct", f"whole.{extension}", "-o", "out.wav", "--strict")[0::2] == (0, "")


@needs("ffmpeg")
def test_a_header_without_a_size_names_a_remedy_that_works(refused, audiocos, tmp_path):
    samples = noise()[:, 0].astype("<i4") >> 16
    wav(tmp_path / "open.wav", samples.astype("<i2").tobytes(), claimed=0)
    text = refused("open.wav")
    assert text.startswith("its header says 0 bytes of sound, but the file has 8044 bytes: a recording that was not")
    remedy = text.partition("for example: ")[2].replace("IN.wav", "open.wav").replace("OUT.wav", "mended.wav")
    subprocess.run([*shlex.split(remedy), "-loglevel", "error"], check=True, timeout=60)
    assert audiocos("reconstruct", "mended.wav")[0] == 0
    assert np.array_equal(sf.read("mended.reconstructed.wav", dtype="int16")[0], samples)


MEASURED = """
import sys
from audiocos.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print([line for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads the peak memory from /proc")
@pytest.mark.parametrize("channels", [1, 1024])
def test_a_tiny_file_that_claims_4_gib_costs_no_memory(tmp_path, channels):
    def peak_kib(name):
        arguments = ["reconstruct", name, "-o", name + ".out.wav"]
        child = subprocess.run(
            [sys.executable, "-c", MEASURED, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert child.returncode == 0
        return int(re.search(r"VmHWM:\s*(\d+) kB", child.stdout)[1]), child.stderr

    data = noise(64, channels).astype("<i4").tobytes()
    wav(tmp_path / "honest.wav", data, channels=channels, bits=32)
    wav(tmp_path / "liar.wav", data, claimed=2**32 - 4096, channels=channels, bits=32)
    honest, liar = peak_kib("honest.wav"), peak_kib("liar.wav")
    assert f"its header promises {2**32 - 4096} bytes of sound, {len(data)} are there" in liar[1]
    assert liar[0] < honest[0] + 20_000


def test_a_corrupted_flac_is_done_up_to_the_damage(warned, tmp_path):
    path = ordinary(tmp_path / "bad.flac")
    whole = sf.read(path)[0]
    garble(path)
    line, written = warned("bad.flac")
    assert re.search(r"damaged at \d\.\d\d s of \d\.\d\d s, the rest is lost", line)
    assert np.array_equal(written[:12000], whole[:12000])


def test_what_damage_costs_does_not_depend_on_who_reads(tmp_path):
    garble(path := ordinary(tmp_path / "bad.flac"))
    found = []
    for size in (4096, 8192, 1024, 1000, 5000, 441, 100000):
        with Reader(str(path)) as reader:
            found.append((np.concatenate([*reader.blocks(size)]), reader.read, reader.warnings))
    assert len(found[0][0]) >= 12000
    for samples, read, warnings in found[1:]:
        assert np.array_equal(samples, found[0][0])
        assert (read, warnings) == found[0][1:]


def test_a_flac_whose_writer_was_killed_is_done(warned, tmp_path):
    path = ordinary(tmp_path / "killed.flac")
    whole = sf.read(path)[0]
    assert sf.info(forget_length(path)).frames == 2**63 - 1
    line, written = warned("killed.flac")
    assert "unfinished: its header has no length; 5.00 s are there" in line
    assert np.array_equal(written, whole)


@pytest.mark.parametrize("frames, channels", [(1, 1), (100, 2), (4000, 1), (4000, 3), (4000, 64), (600, 1024)])
def test_few_samples_and_many_channels_come_back_whole(audiocos, tmp_path, frames, channels):
    path = sound(tmp_path / "in.wav", frames, channels)
    code, out, err = audiocos("reconstruct", "in.wav", "-o", "out.wav", "--json")
    assert (code, err) == (0, "")
    assert (json.loads(out)["frames"], json.loads(out)["channels"]) == (frames, channels)
    assert np.array_equal(sf.read("out.wav")[0], sf.read(path)[0])


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_no_sound_has_fail_or_are_counted(refused, audiocos, tmp_path, subtype, odd):
    samples = noise(3000)[:, 0] / 2**31
    samples[[700, 2900]] = odd
    floats(tmp_path / "odd.wav", samples, subtype)
    assert refused("odd.wav") == (
        f"sample 700 is {odd:g}, which no sound is. Pass --sanitize to replace such samples by silence."
    )
    code, out, err = audiocos("reconstruct", "odd.wav", "--sanitize", "--json")
    assert (code, err) == (0, "Warning: odd.wav: no sound and silent now: 2 samples.\n")
    assert json.loads(out)["sanitized_samples"] == 2
    samples[[700, 2900]] = 0
    assert np.allclose(sf.read("odd.reconstructed.wav")[0], samples, atol=1e-6)


def test_samples_beyond_full_scale_are_kept_in_floats_and_clipped_and_counted_in_integers(audiocos, tmp_path):
    samples = np.tile([0.5, 1.5, -3.0], 400)
    floats(tmp_path / "hot.wav", samples)
    code, out, err = audiocos("reconstruct", "hot.wav", "-o", "float.wav", "--json")
    assert (code, err, json.loads(out)["clipped_samples"]) == (0, "", 0)
    assert np.allclose(sf.read("float.wav")[0], samples, atol=1e-5)
    code, out, err = audiocos("reconstruct", "hot.wav", "-o", "int.wav", "--subtype", "pcm_16", "--json")
    assert err == (
        "Warning: int.wav: beyond full scale and clipped: 800 samples. A .wav with --subtype float keeps them.\n"
    )
    assert (code, json.loads(out)["clipped_samples"]) == (0, 800)
    assert np.allclose(sf.read("int.wav")[0], samples.clip(-1, 1), atol=2**-14)


SUBTYPES = [
    ("wav", "ULAW"),
    ("wav", "ALAW"),
    ("wav", "PCM_U8"),
    ("aiff", "PCM_S8"),
    ("wav", "PCM_24"),
    ("wav", "PCM_32"),
]


@pytest.mark.parametrize("extension, subtype", [*SUBTYPES, ("wav", "DOUBLE")])
def test_every_sample_type_comes_back_the_same(audiocos, tmp_path, extension, subtype):
    path = sound(tmp_path / f"in.{extension}", subtype=subtype)
    code, out, _ = audiocos("reconstruct", path.name, "-o", f"out.{extension}", "--json")
    assert (code, json.loads(out)["subtype"]) == (0, subtype)
    got, expected = (sf.read(name, dtype="float64")[0] for name in (f"out.{extension}", path))
    if subtype == "DOUBLE":
        assert np.abs(got - expected).max() < 1e-14
    else:
        assert np.array_equal(got, expected)


def test_20_bits_in_24_keep_their_low_bits_zero(audiocos, tmp_path):
    samples = noise(bits=20)
    packed = (samples >> 8).astype("<i4").view("u1").reshape(-1, 4)[:, :3].tobytes()
    wav(tmp_path / "in.wav", packed, bits=24, valid_bits=20)
    assert audiocos("reconstruct", "in.wav", "-o", "out.wav")[0] == 0
    got = sf.read("out.wav", dtype="int32", always_2d=True)[0]
    assert np.array_equal(got, samples) and not np.any(got & 0xFFF)


@pytest.mark.skipif(os.name == "nt" or (os.geteuid() == 0 and not shutil.which("setpriv")), reason="root reads all")
def test_a_folder_that_cannot_be_searched_is_named_and_the_rest_is_done(tmp_path):
    (tmp_path / "tree/closed").mkdir(parents=True)
    sound(tmp_path / "tree/a.wav"), sound(tmp_path / "tree/closed/b.wav")
    (tmp_path / "tree/closed").chmod(0)
    gone = "-dac_override,-dac_read_search"
    as_user = ["setpriv", "--bounding-set", gone, "--inh-caps", gone] if os.geteuid() == 0 else []
    line = [*as_user, *command("reconstruct", str(tmp_path / "tree"), "-o", str(tmp_path / "out"))]
    done = subprocess.run(line, capture_output=True, text=True)
    (tmp_path / "tree/closed").chmod(0o755)
    assert done.returncode == 1 and os.listdir(tmp_path / "out") == ["a.wav"]
    assert "tree/closed: cannot be searched: Permission denied. Check its permissions." in done.stderr


def test_standard_input_that_is_no_sound_is_refused():
    text = "Error: standard input: "
    for feed, message in (
        (b"", "empty, 0 bytes."),
        (b"la la\n" * 99, "not audio that can be read (it looks like text)"),
    ):
        done = run("reconstruct", "-", input=feed)
        assert (done.code, done.out) == (1, "") and done.err.startswith(text + message) and done.err.count("\n") == 1
    shell = subprocess.run(
        ["sh", "-c", shlex.join(command("reconstruct", "-")) + " <&-"], capture_output=True, text=True, timeout=60
    )
    assert (shell.returncode, shell.stdout) == (1, "")
    assert shell.stderr == text + "closed. Feed it a recording (- < in.wav), or give a file.\n"
