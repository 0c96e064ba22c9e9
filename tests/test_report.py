"""The report: one page that needs nothing else and tells the truth."""

import os
import re
import stat
import subprocess
import sys

import numpy as np
import pytest
from reportpages import MINUS, ODD, PNG, decoded, item, noise, written

from audiocos import cosines
from audiocos.errors import AudiocosError
from audiocos.metrics import compare
from audiocos.report import ErrorCurve, Excerpt, ReportItem, write_report
from audiocos.report.pictures import bank_figure


@pytest.mark.parametrize("name", ODD)
def test_odd_sounds_make_a_whole_page(tmp_path, name):
    x, y, rate = ODD[name]
    finite = [np.nan_to_num(z, posinf=0, neginf=0) for z in (x, y)]
    shown = item(name, *finite, rate)
    page = written(tmp_path, ReportItem(name, rate, shown.figures, Excerpt(0.0, x, y), shown.curve))
    assert not re.search(r"\b(nan|inf)\b", page.text, re.IGNORECASE)
    for image in page.all("img"):
        assert decoded(image["src"], "image/png").startswith(PNG)
    for samples, played_rate, _ in page.sounds():
        assert 8000 <= played_rate <= 48000
        assert np.isfinite(samples).all() and samples.shape[1] <= 2
        assert samples.shape[0] >= 0.1 * played_rate
    drawn = 0 if name == "no sample" else 1 if name == "silence" else 2
    assert len(page.all("img")) == drawn + 1
    assert len(page.source) < 1.5e6


def test_page_is_one_file_that_refers_to_nothing_else(tmp_path):
    page = written(tmp_path, item("a.wav", noise(), 0.9 * noise()), item("b.wav", noise(), noise()))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html"]
    written_out = re.sub(r'"data:[^"]*"', '""', page.source)
    assert not re.search(r"https?:|//[a-z]|url\(|@import", written_out)
    ids = {a["id"] for _, a in page.elements if "id" in a}
    links = [a[key] for _, a in page.elements for key in ("src", "href", "srcset", "action") if key in a]
    assert len(links) > 8
    for link in links:
        assert link.startswith("data:") or (link[0] == "#" and link[1:] in ids)
    assert not page.all("link") and not page.all("iframe")
    (policy,) = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy


def test_page_can_be_read_by_everyone(tmp_path):
    page = written(tmp_path, item("a.wav", noise(), 0.9 * noise()))
    assert page.all("html") == [{"lang": "en"}]
    assert all(a["alt"] for a in page.all("img")) and len(page.all("img")) == 3
    assert all(a["scope"] in ("col", "row") for a in page.all("th"))
    assert all(a["aria-label"] for a in page.all("audio"))
    assert "prefers-color-scheme: dark" in page.source
    assert any(a.get("name") == "viewport" for a in page.all("meta"))


def test_summary_has_the_figures(tmp_path):
    x = noise(samples=16000)
    page = written(
        tmp_path, item("tenth.wav", x, 0.9 * x), item("same.wav", x, x), item("none.wav", 0 * x, 0.1 + 0 * x)
    )
    header, tenth, same, silent = page.rows
    assert header[0] == "File" and len(header) == 8
    peak = f"{20 * np.log10(0.1 * np.abs(x).max()):.1f}".replace("-", MINUS)
    distance = f"{compare(x, 0.9 * x, 8000).log_spectral_distance_db:.2f}"
    assert tenth == ["tenth.wav", "2.00 s", "20.00", "20.00", peak, distance, "3", "123.4"]
    assert same[2:6] == ["exact", "35.00", "none", "0.00"]
    assert silent[2:5] == ["\N{EN DASH}", "\N{EN DASH}", f"{MINUS}20.0"]
    assert "80 samples, 10.0 ms" in page.text and "0.25 s" in page.text


def test_items_and_failures_keep_their_order_and_anchors(tmp_path):
    names = ["b.wav", "a.wav", "c.wav"]
    items = [ReportItem(n, 8000, failed=f"{n}: cannot be read." if n == "a.wav" else None) for n in names]
    failures = [("z.mp3", "z.mp3: not audio."), ("y.mp3", "y.mp3: empty.")]
    page = written(tmp_path, *items, failures=failures, model_facts=[("Frame", "512 samples")], subtitle="three files")
    assert [row[0] for row in page.rows[1:]] == names
    assert page.rows[2][1] == "a.wav: cannot be read."
    assert [a["href"] for a in page.all("a") if a["href"].startswith("#item")] == ["#item-1", "#item-2", "#item-3"]
    assert page.text.index("z.mp3: not audio.") < page.text.index("y.mp3: empty.")
    assert "Frame512 samples" in page.text and "three files" in page.text


def test_names_cannot_break_the_page(tmp_path):
    evil = "a\"><script>alert(1)</script>\n\udcff\u202e&amp;'.wav"
    page = written(
        tmp_path,
        item(evil, noise(), 0.9 * noise(), notes=[evil]),
        ReportItem(evil, 8000, failed=evil),
        title=evil,
        subtitle=evil,
        model_facts=[(evil, evil)],
        failures=[(evil, evil)],
    )
    shown = evil.replace("\n", "\\n").replace("\udcff", "\\xff").replace("\u202e", "\\u202e")
    assert page.text.count(shown) >= 12
    assert len(page.all("script")) == 1
    assert page.rows[1][0] == shown
    assert all(shown in a["alt"] for a in page.all("img"))


def test_an_exact_copy_says_so_and_has_no_residual_to_play(tmp_path):
    page = written(tmp_path, item("a.wav", noise(), noise()))
    assert "bit-exact: the residual is zero everywhere" in page.text
    assert [label for _, _, label in page.sounds()] == ["input", "output"]


def test_an_exact_excerpt_of_an_inexact_file_is_not_called_exact(tmp_path):
    whole = item("a.wav", noise(), 0.9 * noise())
    page = written(tmp_path, ReportItem("a.wav", 8000, whole.figures, Excerpt(0.0, noise(), noise())))
    assert "bit-exact" not in page.text


def test_curves_have_a_floor_and_no_nan():
    curve = ErrorCurve([0, 1, 2, 3], [np.nan, -np.inf, -200, -3], [np.inf, -1, -2, -3])
    np.testing.assert_array_equal(curve.input_dbfs, [-150, -150, -150, -3])
    np.testing.assert_array_equal(curve.residual_dbfs, [0, -1, -2, -3])
    with pytest.raises(ValueError, match=r"curve: residual_dbfs \[1\], times_s \[2\]; give equal \[P\]."):
        ErrorCurve([0, 1], [0, 0], [0])
    with pytest.raises(ValueError, match=r"excerpt: input \[1, 2\], output \[1, 3\]"):
        Excerpt(0.0, np.zeros((1, 2)), np.zeros((1, 3)))


def test_a_page_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("before")
    monkeypatch.setattr("audiocos.report.pictures.waveform_figure", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(path, [item("a.wav", noise(), 0.9 * noise())], title="t")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "before"
    write_report(path, [], title="after")
    assert "after" in path.read_text()
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_a_folder_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "nowhere" / "report.html"
    message = f"{path}: the report cannot be written: No such file or directory. Name a file in a folder that is there"
    with pytest.raises(AudiocosError, match=re.escape(message)):
        write_report(path, [], title="t")


def test_a_full_disk_asks_for_room(small_disk):
    path = small_disk("size=4k") / "report.html"
    message = f"{path}: the report cannot be written: No space left on device. Make room, or choose another place."
    with pytest.raises(AudiocosError, match=f"^{re.escape(message)}$"):
        write_report(path, [], title="t" * 10_000)
    assert not path.exists()


@pytest.mark.parametrize("missing", ["matplotlib", "jinja2"])
def test_missing_extra_names_the_remedy(tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    expected = re.escape('The report needs matplotlib, pillow and jinja2: pip install "audiocos[report]"')
    with pytest.raises(AudiocosError, match=f"^{expected}$"):
        write_report(tmp_path / "r.html", [], title="t")
    with pytest.raises(AudiocosError, match=f"^{expected}$"):
        bank_figure(cosines.orthogonal(4))
    assert not list(tmp_path.iterdir())


def test_importing_the_report_imports_neither_matplotlib_nor_librosa():
    code = "import sys, audiocos.report; print(sorted({'matplotlib', 'librosa', 'jinja2', 'torch'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
