"""Where the report may go, and what is left when it is not written."""

import pytest
from recordings import make


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
