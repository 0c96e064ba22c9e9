"""The report of a run: one page that shows what was reached, beside what can be reached, and the way there."""

import base64
import io
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from audiocos import cosines
from audiocos.errors import AudiocosError
from audiocos.report import learning
from audiocos.report.training import LearningCurve, Moment, write_training_report
from audiocos.training.growth import Growth, WhiteSound

N = 16
GRID = cosines.orthogonal(N).analysis_frequencies
HELD_OUT = [("Learned pair", 13.65), ("Best M of the DCT", 13.43), ("KLT", 14.22), ("MDCT", None)]


def learned(size=N, **kind):
    """Moments and curve of a run from the random start."""
    learner = Growth(cosines.random(size, size, seed=2, **kind), WhiteSound())
    moments, tapers = [Moment(0, learner.layout.unpack(learner.theta), np.nan)], []
    while not learner.done:
        tapers.append(learner.taper)
        snr_db = -10 * np.log10(learner.advance())
        moments.append(Moment(learner.step, learner.layout.unpack(learner.theta), tapers[-1], snr_db))
    return moments, LearningCurve(np.arange(1, len(moments)), [m.snr_db for m in moments[1:]], tapers)


@pytest.fixture(scope="module")
def run():
    return learned()


def written(tmp_path, moments, curve, grid=GRID, **more):
    path = tmp_path / "training.html"
    write_training_report(path, moments, curve, grid, title="A run", **more)
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(run, tmp_path_factory):
    return written(
        tmp_path_factory.mktemp("page"),
        *run,
        held_out=HELD_OUT,
        notes=["2 files were skipped."],
        settings=[("Optimizer", "gauss-newton")],
        corpus=[("Files", "12 <held out>")],
    )


def images(page):
    uris = re.findall(r'(?:src|srcset)="data:image/(?:png|gif);base64,([^"]*)"', page)
    return [Image.open(io.BytesIO(base64.b64decode(uri, validate=True))) for uri in uris]


def test_the_page_has_every_part_in_one_file(page):
    headings = re.findall(r"<h2>(.*)</h2>", page)
    assert headings == [
        "Figures of the held-out files",
        "Learning",
        "Frequencies finding their places",
        "Frequencies against the grid",
        "Banks at start and end",
        "Banks on their way",
        "Settings",
        "Corpus",
    ]
    assert "12 &lt;held out&gt;" in page and "2 files were skipped." in page and "gauss-newton" in page
    assert not re.search(r'(src|href|srcset)="(?!data:|#)', page) and "url(" not in page
    assert [image.width >= 960 for image in images(page)] == [True] * 7
    assert all(re.findall(r'<img alt="([^"]+)"', page))


def test_the_table_holds_the_model_against_each_scheme(page):
    rows = re.findall(r"<tr><th scope=\"row\">(?:<strong>)?([^<]*)(?:</strong>)?</th><td>(.*)</td><td>(.*)</td>", page)
    minus, dash = "\N{MINUS SIGN}", "\N{EN DASH}"
    assert rows == [
        ("Learned pair", "13.65", dash),
        ("Best M of the DCT", "13.43", f"{minus}0.22"),
        ("KLT", "14.22", "+0.57"),
        ("MDCT", dash, dash),
    ]


def test_the_animation_ends_on_the_grid_and_is_small(run):
    moments, _ = run
    uri, still = learning.animation([(m.step, m.taper, m.snr_db, m.pair) for m in moments], GRID)
    assert len(uri) < 1_300_000  # base64 of less than 0.9 MB
    moving, last = (Image.open(io.BytesIO(base64.b64decode(u.split(",")[1]))) for u in (uri, still))
    assert moving.n_frames == len(moments) and last.mode == "RGBA"
    heights = []
    for frame in (0, moving.n_frames - 1):
        moving.seek(frame)
        pixels = np.asarray(moving.convert("RGBA")).astype(int)[60:]  # below the legend
        dots = (pixels[..., 3] > 200) & (np.abs(pixels[..., 0] - pixels[..., 2]) > 60)
        rows = np.nonzero(dots.any(axis=1))[0]
        heights.append(rows.max() - rows.min())
    assert heights[0] > 80 and heights[1] < 12  # from everywhere to one line; nothing of a frame stays behind
    np.testing.assert_array_equal(np.asarray(moving.convert("RGBA")), np.asarray(last))


def test_long_runs_give_small_animations(monkeypatch):
    moments, _ = learned(64)
    monkeypatch.setattr(learning, "MOST_BYTES", 100_000)
    steps = [(m.step, m.taper, m.snr_db, m.pair) for m in moments]
    for uri, _ in (learning.animation(steps, GRID), learning.banks_animation(steps)):
        assert len(base64.b64decode(uri.split(",")[1])) <= 100_000


def test_the_banks_move_from_the_start_to_the_end(run):
    moments, _ = run
    uri, still = learning.banks_animation([(m.step, m.taper, m.snr_db, m.pair) for m in moments])
    moving, last = (Image.open(io.BytesIO(base64.b64decode(u.split(",")[1]))) for u in (uri, still))
    assert 2 <= moving.n_frames <= min(len(moments), learning.BANK_FRAMES)
    first = np.asarray(moving.convert("RGB")).astype(int)
    moving.seek(moving.n_frames - 1)
    end = np.asarray(moving.convert("RGB")).astype(int)
    assert np.abs(first - end).mean() > 5
    assert np.abs(end - np.asarray(last.convert("RGB"))).mean() < 5  # but for GIF's fewer colours


def test_the_curve_shows_windowed_and_whole_steps_apart():
    steps, taper = np.arange(1.0, 7), np.array([2, 2, 4, 4, np.inf, np.nan])
    figure = learning.curve_figure(steps, 10 * steps, taper)
    windowed, whole = figure.axes[0].lines
    np.testing.assert_array_equal(windowed.get_ydata(), [10, 20, 30, 40, np.nan, np.nan])
    np.testing.assert_array_equal(whole.get_ydata(), [np.nan] * 4 + [50, 60])
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_ydata(), [2, 2, 4, 4, np.nan, np.nan])
    assert len(learning.curve_figure(steps, steps, np.full(6, np.nan)).axes) == 1


def test_frequencies_are_drawn_in_bins_where_they_are_heard():
    w = np.array([0.5, 1.5, 2.5]) * np.pi / 8
    start = cosines.CosineParameters(8, 3, np.ones(4), w, w)
    end = cosines.CosineParameters(8, 3, np.ones(4), -w, 2 * np.pi - w - 0.25 * np.pi / 8)
    top, below = learning.frequencies_figure(start, end, cosines.orthogonal(8).analysis_frequencies).axes
    dots = [line.get_ydata() for line in top.lines if line.get_marker() == "o"]
    expected = [[0.5, 1.5, 2.5]] * 3 + [[0.75, 1.75, 2.75]]
    np.testing.assert_allclose(dots, expected, atol=1e-12)
    np.testing.assert_allclose(below.lines[1].get_ydata(), 0.25, atol=1e-12)


@pytest.mark.parametrize(
    "case",
    ["tied", "no grid", "one moment", "no curve", "one coefficient", "nothing measured"],
)
def test_odd_runs_have_a_page_too(tmp_path, run, case):
    moments, curve = run
    moments, grid = moments[::6], GRID
    if case == "tied":
        moments = [Moment(s, cosines.random(N, N, seed=s, tied=True)) for s in range(2)]
    elif case == "no grid":
        grid = np.zeros(0)
    elif case == "one moment":
        moments = moments[:1]
    elif case == "no curve":
        curve = LearningCurve([], [], [])
    elif case == "one coefficient":
        moments, grid = [Moment(s, cosines.random(1, 1, seed=s)) for s in range(2)], np.array([np.pi / 2])
    else:
        curve = LearningCurve([1, 2], [None, np.nan], [None, 3.0])
    page = written(tmp_path, moments, curve, grid)
    assert len(images(page)) == 7 - {"no grid": 2, "one moment": 4, "no curve": 1}.get(case, 0)


def test_what_does_not_fit_is_refused(tmp_path, run):
    moments, curve = run
    with pytest.raises(ValueError, match=r"curve: steps \[2\], snr_db \[1\], taper \[2\]; give equal \[points\]"):
        LearningCurve([1, 2], [1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="moments: none; give at least the learned pair"):
        write_training_report(tmp_path / "a.html", [], curve, GRID, title="t")
    with pytest.raises(AudiocosError, match="none/a.html: the report cannot be written"):
        write_training_report(tmp_path / "none" / "a.html", moments[:1], curve, np.zeros(0), title="t")
    assert not list(tmp_path.iterdir())


COUNT = """<pre id="found"></pre><script>onload = () => document.getElementById("found").textContent =
[[...document.images].every(i => i.complete && i.naturalWidth > 500), document.images.length,
document.documentElement.scrollWidth - document.documentElement.clientWidth].join(" ")</script></body>"""


def test_chromium_shows_every_picture_and_nothing_sticks_out(tmp_path, page):
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs chromium: apt-get install chromium")
        pytest.skip("chromium is not installed: apt-get install chromium")
    path = tmp_path / "page.html"
    path.write_text(page.replace("</body>", COUNT), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += ["--proxy-server=127.0.0.1:9", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=500,900"]
    command += ["--virtual-time-budget=20000", "--dump-dom", path.as_uri()]
    answer = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120)
    found = re.search(r'<pre id="found">([^<]*)</pre>', answer.stdout)
    assert found and found[1] == "true 5 0", answer.stderr[-2000:]
