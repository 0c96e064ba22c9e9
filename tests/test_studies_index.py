"""The index of studies, and the command that runs them all."""

import pytest
from reportpages import Page, decoded
from smallstudy import fail, put, small_answer

from audiocos import studies
from audiocos.studies import index, page
from audiocos.studies.study import Setting


@pytest.fixture
def small_study(monkeypatch):
    """A study that takes no time, beside one that cannot run."""
    put(monkeypatch, exactness=small_answer, inversion=fail)


def test_all_runs_the_rest_where_one_fails_and_links_to_what_is_there(audiocos_command, small_study, tmp_path):
    done = audiocos_command("study", "all", "--quick", "-o", tmp_path)
    assert done.code == 1
    assert "inversion: The study needs kymatio" in done.err
    assert "1 of 2 studies failed: inversion." in done.err
    shown = Page(tmp_path / "index.html")
    assert {a["href"] for a in shown.all("a")} == {"exactness/exactness.html"}
    assert studies.STUDIES["exactness"] in shown.text and "It is so. It is." in shown.text
    assert "This time the study inversion failed: The study needs kymatio" in shown.text
    assert "earlier run" not in shown.text
    picture = (tmp_path / "exactness" / "still.png").read_bytes()
    assert [decoded(a["src"], "image/png") for a in shown.all("img")] == [picture]


def test_no_index_where_no_study_was_run(tmp_path):
    assert index.write_index(tmp_path) is None


@pytest.mark.parametrize("name", ["index.html", "letter.txt"])
def test_all_refuses_a_folder_that_is_not_empty_as_one_study_does(audiocos_command, small_study, tmp_path, name):
    foreign = tmp_path / name
    foreign.write_text("mine")
    refused = f"audiocos: {tmp_path}: exists already and is not empty. Choose another folder or pass --force.\n"
    for study in ("all", "exactness"):
        done = audiocos_command("study", study, "-o", tmp_path)
        assert (done.code, done.out, done.err) == (1, "", refused)
    assert foreign.read_text() == "mine" and [path.name for path in tmp_path.iterdir()] == [name]
    assert "failed: inversion" in audiocos_command("study", "all", "-o", tmp_path, "--force").err
    assert "It is so." in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize("force", [False, True])
def test_what_is_done_is_on_the_index_while_the_next_study_runs(audiocos_command, monkeypatch, tmp_path, force):
    seen = []

    def look(setting):
        seen.append(Page(tmp_path / "out" / "index.html"))
        return small_answer()

    put(monkeypatch, exactness=small_answer, gradients=look, inversion=look)
    for _ in range(1 + force):
        done = audiocos_command("study", "all", "-o", tmp_path / "out", *["--force"] * force)
        assert done.code == 0, done.err
    links = [sorted({a["href"].split("/")[0] for a in page.all("a")}) for page in seen]
    assert links[:2] == [["exactness"], ["exactness", "gradients"]]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([*studies.STUDIES, "index.html"])


def test_an_index_that_cannot_be_written_is_said_and_every_study_is_run(audiocos_command, monkeypatch, tmp_path):
    index = tmp_path / "out" / "index.html"

    def appear(setting):
        index.parent.mkdir()
        index.write_text("mine")
        return small_answer()

    put(monkeypatch, exactness=appear, gradients=small_answer)
    done = audiocos_command("study", "all", "-o", tmp_path / "out")
    assert (done.code, index.read_text()) == (1, "mine")
    assert f"{index}: exists already, since this run began; nothing was replaced." in done.err
    assert (tmp_path / "out" / "gradients" / "gradients.html").exists()


BROKEN = {
    "no JSON": lambda folder: (folder / "exactness.json").write_text("{"),
    "no text": lambda folder: (folder / "exactness.json").write_bytes(b"\xff\xfe\x00"),
    "no object": lambda folder: (folder / "exactness.json").write_text("[1]"),
    "no answer": lambda folder: (folder / "exactness.json").write_text('{"pictures": ["still"], "quick": true}'),
    "no pictures": lambda folder: (folder / "exactness.json").write_text('{"pictures": []}'),
    "no PNG": lambda folder: (folder / "still.png").unlink(),
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_cannot_be_read_is_said_on_the_index_and_the_rest_is_shown(tmp_path, how):
    for name in ("exactness", "dft"):
        page.write_answer(tmp_path / name, name, Setting(quick=True), small_answer())
    BROKEN[how](tmp_path / "exactness")
    shown = Page(index.write_index(tmp_path))
    assert {a["href"] for a in shown.all("a")} == {"dft/dft.html"}
    broken = "exactness/still.png: cannot be read" if how == "no PNG" else "exactness/exactness.json: is not the record"
    assert broken in shown.text and str(tmp_path) not in shown.source
    assert "Run the study exactness again." in shown.text


def test_the_index_says_how_each_was_run_and_which_is_from_an_earlier_run(tmp_path):
    page.write_answer(tmp_path / "exactness", "exactness", Setting(quick=True, seed=3), small_answer())
    shown = Page(index.write_index(tmp_path))
    assert "Run: quick, seed 3, on cpu, audiocos " in shown.text and "not all run the same way" not in shown.text
    page.write_answer(tmp_path / "dft", "dft", Setting(), small_answer())
    shown = Page(index.write_index(tmp_path, {"dft": "It went wrong."}, replace=True))
    assert "Run: full, seed 0, on cpu, audiocos " in shown.text and "not all run the same way" in shown.text
    assert "dft failed: It went wrong. What is shown is from an earlier run." in shown.text


def test_one_study_run_again_in_its_folder_is_new_on_the_index(audiocos_command, monkeypatch, tmp_path):
    put(monkeypatch, exactness=lambda setting: small_answer(text=f"Seed {setting.seed}."), dft=small_answer)
    assert audiocos_command("study", "all", "-o", tmp_path).code == 0
    index = tmp_path / "index.html"
    monkeypatch.chdir(tmp_path / "exactness")
    for seed, place in ((7, tmp_path / "exactness"), (8, ".")):
        done = audiocos_command("study", "exactness", "--seed", seed, "-o", place, "--force")
        assert done.code == 0 and done.out.endswith(f"All: {index}\n")
        shown = Page(index)
        assert f"Seed {seed}." in shown.text and "Seed 0." not in shown.text and "seed 0, on cpu" in shown.text
    before = index.read_bytes()
    elsewhere = audiocos_command("study", "exactness", "--seed", 9, "-o", tmp_path / "other")
    assert elsewhere.code == 0 and "All:" not in elsewhere.out and index.read_bytes() == before


@pytest.mark.parametrize("content", [None, "mine", '<meta name="generator" content="audiocos 0.1.0">'])
def test_one_study_alone_leaves_what_is_no_index_of_studies(audiocos_command, small_study, tmp_path, content):
    foreign = tmp_path / "index.html"
    if content is not None:
        foreign.write_text(content)
    done = audiocos_command("study", "exactness", "-o", tmp_path / "exactness", "--force")
    assert done.code == 0 and "All:" not in done.out
    assert (foreign.read_text() if foreign.exists() else None) == content
