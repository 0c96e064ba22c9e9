"""Studies: the frame they share, the command that runs them, and that each says the same figures again."""

import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import scipy
import torch
from PIL import Image
from reportpages import Page, decoded
from smallstudy import FILES, fail, put, small_answer

from audiocos import studies
from audiocos.studies import page
from audiocos.studies.study import Setting


@pytest.fixture
def small_study(monkeypatch):
    """A study that takes no time, beside one that cannot run."""

    put(monkeypatch, exactness=small_answer, inversion=fail)


def test_the_page_begins_with_question_and_answer_and_ends_with_the_answer_and_a_table(tmp_path):
    written = page.write_answer(tmp_path / "new" / "folder", "exactness", Setting(quick=True, seed=3), small_answer())
    shown = Page(written)
    headings = [tag for tag, _ in shown.elements if tag in ("h1", "h2")]
    assert headings == ["h1", "h2", "h2", "h2"]
    assert shown.text.split("<body>")[-1].strip().startswith(studies.STUDIES["exactness"])
    answers = [at.start() for at in re.finditer("It is so. It is.", shown.text)]
    assert len(answers) == 2
    assert answers[0] < shown.text.index("Another <one>.") < answers[1]
    assert shown.text.rindex("1.235e\N{MINUS SIGN}09") > answers[1]
    assert shown.rows[-1] == ["second", "\N{MINUS SIGN}3"]
    assert not [a for _, a in shown.elements for key in ("src", "href") if (a.get(key) or "data:")[:5] != "data:"]


def test_pictures_on_the_page_are_the_files_beside_it(tmp_path):
    shown = Page(page.write_answer(tmp_path, "exactness", Setting(), small_answer()))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"exactness.html", "exactness.json", "still.png", "moving.png", "moving.gif"}
    still, animation = (image["src"] for image in shown.all("img"))
    assert decoded(still, "image/png") == (tmp_path / "still.png").read_bytes()
    assert decoded(animation, "image/gif") == (tmp_path / "moving.gif").read_bytes()
    with Image.open(tmp_path / "moving.gif") as gif:
        assert gif.n_frames == 4
        assert gif.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    (resting,) = (source["srcset"] for source in shown.all("source"))
    assert decoded(resting, "image/png") == (tmp_path / "moving.png").read_bytes()


def test_the_record_holds_question_answer_settings_and_every_figure(tmp_path):
    page.write_answer(tmp_path, "exactness", Setting(quick=True, seed=3), small_answer())
    told = json.loads((tmp_path / "exactness.json").read_text())
    assert told["question"] == studies.STUDIES["exactness"]
    assert (told["answer"], told["quick"], told["seed"], told["device"]) == ("It is so. It is.", True, 3, "cpu")
    assert (told["settings"], told["figures"]) == ({"sizes": [8, 16]}, {"level": 1.5})
    assert told["pictures"] == ["still", "moving"]
    assert told["versions"] == {
        "Python": platform.python_version(),
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "torch": torch.__version__,
    }
    page_text = Page(tmp_path / "exactness.html").text
    assert all(f"{name} {version}" in page_text for name, version in told["versions"].items())


def test_a_figure_that_is_no_number_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        page.write_answer(tmp_path / "out", "exactness", Setting(), small_answer(figures={"level": float("nan")}))
    assert not (tmp_path / "out").exists()


def test_the_command_lists_all_studies_with_their_questions(audiocos_command):
    done = audiocos_command("study")
    assert done.code == 0
    assert all(name in done.out for name in studies.STUDIES)
    assert "Why does descent stop?" in done.out
    assert re.search(r"^. all +. Every one of them, and a page that links", done.out, re.MULTILINE)


def test_the_command_writes_a_folder_and_says_the_answer(audiocos_command, small_study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = audiocos_command("study", "exactness", "--quick")
    assert done.code == 0, done.err
    assert "It is so. It is." in done.out
    assert (tmp_path / "studies" / "exactness" / "exactness.html").exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_what_standard_output_cannot_hold_is_escaped(audiocos_command, small_study, tmp_path, monkeypatch, encoding):
    out = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", out)
    done = audiocos_command("study", "exactness", "-o", tmp_path)
    assert (done.code, done.err) == (0, "")
    assert "\\u22123" in out.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("name", ["all", "exactness"])
def test_where_nobody_reads_all_is_done_and_that_is_said_once(audiocos_command, monkeypatch, tmp_path, name):
    put(monkeypatch, exactness=small_answer, gradients=small_answer)
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as unread:
        monkeypatch.setattr(sys, "stdout", unread)
        done = audiocos_command("study", name, "-o", tmp_path)
    told = "audiocos: standard output: Broken pipe. The files are written all the same.\n"
    assert (done.code, done.err) == (1, told)
    written = ["exactness", "gradients", "index.html"] if name == "all" else FILES
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(written)


def test_what_is_there_is_not_overwritten_without_force(audiocos_command, small_study, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    assert audiocos_command("study", "exactness", "-o", out).code == 0, "an empty folder will do"
    before = (out / "exactness.json").read_bytes()
    done = audiocos_command("study", "exactness", "-o", out, "--seed", 4)
    assert done.code == 1
    assert "exists already and is not empty. Choose another folder or pass --force." in done.err
    assert (out / "exactness.json").read_bytes() == before
    assert audiocos_command("study", "exactness", "-o", out, "--seed", 4, "--force").code == 0
    assert json.loads((out / "exactness.json").read_text())["seed"] == 4


def test_an_unknown_study_is_wrong_usage_and_lists_those_there_are(audiocos_command):
    done = audiocos_command("study", "everything")
    assert done.code == 2
    assert "everything: no such study. There are exactness, gradients, landscape, dft" in done.err


def test_places_that_cannot_be_written_are_said_before_anything_is_computed(audiocos_command, small_study, tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        done = audiocos_command("study", "inversion", "-o", place)
        assert done.code == 1
        assert "file" in done.err and "Choose another" in done.err
        assert "kymatio" not in done.err


def test_cuda_that_is_not_there_is_said(audiocos_command, small_study, tmp_path, monkeypatch):
    monkeypatch.setattr("audiocos.execution.accelerator_present", lambda: None)
    done = audiocos_command("study", "exactness", "--device", "cuda", "-o", tmp_path / "out")
    assert done.code == 1
    assert done.err == "audiocos: device cuda: not available here. Use --device cpu.\n"
    assert not (tmp_path / "out").exists()


def test_a_missing_extra_names_the_pip_command(audiocos_command, small_study, tmp_path, monkeypatch):
    done = audiocos_command("study", "inversion", "-o", tmp_path / "out")
    assert (done.code, 'pip install "audiocos[scattering]"' in done.err) == (1, True)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    done = audiocos_command("study", "exactness", "-o", tmp_path / "out")
    assert (done.code, 'pip install "audiocos[report]"' in done.err) == (1, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["all", "inversion"])
def test_an_extra_that_is_missing_is_said_before_anything_is_computed(audiocos_command, monkeypatch, tmp_path, name):
    put(monkeypatch, exactness=small_answer, inversion=small_answer)
    monkeypatch.setitem(sys.modules, "kymatio.torch", None)
    done = audiocos_command("study", name, "-o", tmp_path / "out")
    told = 'The study of inversion needs kymatio, and scipy below 1.17: pip install "audiocos[scattering]"'
    assert (done.code, done.out, done.err) == (1, "", f"audiocos: {told}\n")
    assert not list(tmp_path.iterdir())


def test_a_place_that_will_not_do_is_said_once(audiocos_command, small_study, tmp_path):
    (tmp_path / "file").write_text("")
    done = audiocos_command("study", "all", "-o", tmp_path / "file")
    expected = f"audiocos: {tmp_path / 'file'}: is a file, and a study writes a folder. Choose another name.\n"
    assert (done.code, done.out, done.err) == (1, "", expected)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
@pytest.mark.parametrize("place", ["/proc/answers", "/proc/answers/below"])
@pytest.mark.parametrize("name", ["all", "inversion"])
def test_what_only_a_trial_shows_to_be_unwritable_is_said_before_anything_is_computed(
    audiocos_command, small_study, place, name
):
    done = audiocos_command("study", name, "-o", place)
    assert done.code == 1
    assert re.fullmatch(rf"audiocos: {place}: cannot be written: .*\. Choose another place\.\n", done.err)


def test_a_disk_without_room_is_said_before_anything_is_computed(audiocos_command, small_study, small_disk):
    disk = small_disk("size=16k")
    (disk / "full").write_bytes(bytes(16384))
    done = audiocos_command("study", "inversion", "-o", disk / "out")
    told = f"{disk / 'out'}: cannot be written: No space left on device. Make room, or choose another place."
    assert (done.code, done.err) == (1, f"audiocos: {told}\n")
    assert [path.name for path in disk.iterdir()] == ["full"]


def test_a_refusal_leaves_no_folder_and_a_run_takes_an_empty_one(audiocos_command, small_study, tmp_path):
    assert audiocos_command("study", "inversion", "-o", tmp_path / "a" / "b").code == 1
    assert not list(tmp_path.iterdir())
    (tmp_path / "mine").mkdir()
    assert audiocos_command("study", "inversion", "-o", tmp_path / "mine").code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_link_that_leads_nowhere_is_no_file(audiocos_command, small_study, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for place in (tmp_path / "link", tmp_path / "link" / "below"):
        done = audiocos_command("study", "inversion", "-o", place)
        assert done.code == 1 and "is a link that leads nowhere" in done.err and "kymatio" not in done.err


@pytest.mark.parametrize("file", ["inversion.html", "inversion.json", "inversion-found.png", "some.gif"])
def test_a_folder_where_a_file_goes_is_said_before_anything_is_computed(audiocos_command, small_study, tmp_path, file):
    (tmp_path / file).mkdir()
    done = audiocos_command("study", "inversion", "-o", tmp_path, "--force")
    assert done.code == 1
    assert done.err == f"audiocos: {tmp_path / file}: is a folder, and a file goes there. Choose another folder.\n"


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["", "--quick"], '"": no such study. There are exactness'),
        (["exactness", "-o", ""], "-o: give the name of a folder."),
        (["all", "-o", ""], "-o: give the name of a folder."),
        (["--quick"], "--quick: for which study? There are exactness"),
        (["--seed", "0"], "--seed: for which study?"),
        (["exactness", "--seed", str(2**64)], "Invalid value for '--seed': 18446744073709551616 is not in the range"),
        (["-o", "answers"], "--output: for which study?"),
    ],
)
def test_wrong_usage_is_said_and_nothing_is_done(audiocos_command, small_study, tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    done = audiocos_command("study", *arguments)
    assert (done.code, done.out) == (2, "") and told in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_clean_leaves_the_studies_of_the_user():
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # not below `make test`
    command = ["make", "--dry-run", "clean"]
    clean = subprocess.run(
        command, cwd=Path(__file__).parents[1], env=alone, capture_output=True, text=True, check=True
    )
    removed = clean.stdout.split()
    assert removed[:2] == ["rm", "-rf"] and "demo" in removed and "studies" not in removed
