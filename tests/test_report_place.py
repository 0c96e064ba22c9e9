"""Where the report may go, and what is left when it is not written."""

import os

import pytest
from recordings import make

import audiocos
from audiocos.audio.reconstruct import Settings, Task, reconstruct_file
from audiocos.errors import AudioFileError


@pytest.mark.parametrize("place", ["a.wav", "./a.wav", "link.wav"])
def test_a_report_never_overwrites_an_input(place, reconstruct, tmp_path):
    make("a.wav")
    (tmp_path / "link.wav").symlink_to("a.wav")
    before = (tmp_path / "a.wav").read_bytes()
    done = reconstruct("a.wav", "-o", "b.wav", "--report", place, "--force", code=2)
    assert "is an input, and inputs are never overwritten. Choose another name." in done.err
    assert (tmp_path / "a.wav").read_bytes() == before
    assert not (tmp_path / "b.wav").exists()


@pytest.mark.parametrize("place", ["b.wav", "lost.wav"])
def test_a_report_never_overwrites_an_output(place, reconstruct):
    make("a.wav")
    done = reconstruct("a.wav", "-o", "b.wav", "--residual", "lost.wav", "--report", place, "--force", code=2)
    assert f"--report {place}: is an output, too. Choose another name." in done.err


def test_a_report_that_is_there_needs_force(reconstruct, tmp_path):
    make("a.wav")
    (tmp_path / "r.html").write_text("mine")
    done = reconstruct("a.wav", "-o", "b.wav", "--report", "r.html", code=1)
    assert "--report r.html: exists already. Pass --force to replace it." in done.err
    assert (tmp_path / "r.html").read_text() == "mine"


@pytest.mark.parametrize(
    "command",
    ["reconstruct a.wav -o b.wav", "monitor a.wav --speed max", "train synth:noise --frame 4 -o m"],
)
def test_a_page_that_appears_meanwhile_stays(audiocos_command, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    make("a.wav")
    page = tmp_path / "r.html"
    monkeypatch.setattr("audiocos.report.style.require_extra", lambda: page.write_text("mine"))  # just before
    done = audiocos_command(*command.split(), "--report", "r.html")
    told = "r.html: appeared while the report was being made, and was not replaced. The report is r-2.html."
    assert (done.code, done.err.splitlines()[-1]) == (1, f"audiocos: {told}")
    assert page.read_text() == "mine" and "</html>" in (tmp_path / "r-2.html").read_text()
    assert audiocos_command(*command.split(), "--report", "r.html", "--force").code == 0
    assert "</html>" in page.read_text()


def test_an_output_that_appears_meanwhile_is_not_replaced(reconstruct, tmp_path):
    make("a.wav")
    (tmp_path / "b.wav").write_text("mine")
    with pytest.raises(AudioFileError, match=r"b\.wav: appeared while .* not replaced\. Pass --force"):
        reconstruct_file(Task("a.wav", "b.wav"), audiocos.load("exact"), Settings())
    assert (tmp_path / "b.wav").read_text() == "mine" and sorted(os.listdir()) == ["a.wav", "b.wav"]
    reconstruct("a.wav", "-o", "b.wav", "--force")
    assert (tmp_path / "b.wav").read_bytes() == (tmp_path / "a.wav").read_bytes()


def test_a_signal_does_not_replace_what_appears_meanwhile(audiocos_command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.wav").write_text("mine")
    monkeypatch.setattr("audiocos.cli.synth.in_the_way", lambda *_, **__: None)  # asked before it was there
    done = audiocos_command("synth", "tone", "b.wav", "--seconds", "0.1")
    assert done.code == 1 and "b.wav: appeared while" in done.err and (tmp_path / "b.wav").read_text() == "mine"
    assert audiocos_command("synth", "tone", "b.wav", "--seconds", "0.1", "--force").code == 0
    assert (tmp_path / "b.wav").read_bytes()[:4] == b"RIFF"


@pytest.mark.parametrize("option", ["-o", "--residual", "--report"])
def test_an_empty_name_is_refused(option, reconstruct):
    make("a.wav")
    assert f"{option}: give the name of a file or a folder." in reconstruct("a.wav", option, "", code=2).err


def test_the_residual_and_the_report_do_not_go_to_standard_output(reconstruct):
    make("a.wav")
    for option in ("--residual", "--report"):
        assert f"{option}: give the name of a file" in reconstruct("a.wav", option, "-", code=2).err


def test_figures_of_lossy_codecs_say_that_they_are_those_before_the_encoder(reconstruct):
    make("a.wav")
    done = reconstruct("a.wav", "-o", "b.ogg")
    assert "before VORBIS" in done.out
    assert "Figures are of the samples that went into the encoder" in done.err
    assert "before" not in reconstruct("a.wav", "-o", "b.flac").out


def test_a_quality_that_is_no_number_is_refused(reconstruct):
    make("a.wav")
    assert "--min-snr nan: give a number of decibels." in reconstruct("a.wav", "--min-snr", "nan", code=2).err
