"""The report: pictures that draw every sound, and one page that needs nothing else and tells the truth."""

import base64
import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from audiocos import cosines, framing
from audiocos.errors import AudiocosError
from audiocos.metrics import compare
from audiocos.report import ErrorCurve, Excerpt, ReportItem, write_report
from audiocos.report.banks import tone_response
from audiocos.report.pictures import bank_figure, error_figure, spectrogram_figure, waveform_figure
from audiocos.report.sound import players
from audiocos.report.spectra import spectrogram
from audiocos.report.style import png
from audiocos.stream import Stream

MINUS = "\N{MINUS SIGN}"
PNG = b"\x89PNG\r\n\x1a\n"


class Page(HTMLParser):
    """Collects a page's elements, the text of its table cells and all visible text."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.rows, self.text, self._open = [], [], "", []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "br", "img"):
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, text):
        if not {"style", "script"} & set(self._open):
            self.text += text
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += text

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def sounds(self):
        """Return samples, rate and label of each player."""
        return [
            (*soundfile.read(io.BytesIO(decoded(a["src"], "audio/flac")), always_2d=True), a["aria-label"])
            for a in self.all("audio")
        ]


def decoded(uri, kind):
    head, content = uri.split(",", 1)
    assert head == f"data:{kind};base64"
    return base64.b64decode(content, validate=True)


def noise(channels=1, samples=4000, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal((channels, samples))


def item(name, x, y, sample_rate=8000, **more):
    figures = compare(x, y, sample_rate)
    row = {
        "input": name,
        "output": f"out/{name}",
        "frames": x.shape[1],
        "channels": x.shape[0],
        "sample_rate": sample_rate,
        "subtype": "PCM_16",
        "model": "exact",
        "snr_db": figures.snr_db,
        "segmental_snr_db": figures.segmental_snr_db,
        "mse": figures.mse,
        "max_abs_error": figures.max_abs_error,
        "log_spectral_distance_db": figures.log_spectral_distance_db,
        "clipped_samples": 3,
        "latency_samples": 80,
        "seconds": 0.25,
        "realtime_factor": 123.44,
    }
    curve = ErrorCurve([0.0, 0.1, 0.2], [-20.0, -21.0, -150.0], [-60.0, -np.inf, np.nan])
    return ReportItem(name, sample_rate, row, Excerpt(0.0, x, y), curve, **more)


def written(tmp_path, *items, title="Report", **more):
    path = tmp_path / "report.html"
    write_report(path, items, title=title, **more)
    return Page(path)


ODD = {
    "silence": (np.zeros((1, 4000)), np.zeros((1, 4000)), 8000),
    "silence in, noise out": (np.zeros((2, 4000)), noise(2), 8000),
    "noise in, silence out": (noise(2), np.zeros((2, 4000)), 8000),
    "exact": (noise(), noise(), 44100),
    "one sample": (np.array([[0.5]]), np.array([[0.25]]), 8000),
    "one exact sample": (np.ones((1, 1)), np.ones((1, 1)), 8000),
    "no sample": (np.zeros((1, 0)), np.zeros((1, 0)), 8000),
    "64 channels": (noise(64, 3000), 0.9 * noise(64, 3000), 48000),
    "192 kHz": (noise(2, 20000), 0.9 * noise(2, 20000), 192000),
    "100 Hz": (noise(1, 500), 0.9 * noise(1, 500), 100),
    "constant": (np.full((1, 2000), 0.5), np.full((1, 2000), 0.4), 16000),
    "not finite": (np.array([[np.nan, 0.5, np.inf, -np.inf]]), np.array([[0.0, np.nan, 0.2, 0.1]]), 8000),
    "far past full scale": (1e6 * noise(), 1.1e6 * noise(), 8000),
    "hardly any error": (noise(), noise() + 1e-16, 8000),
    "float32": (noise().astype(np.float32), 0.9 * noise().astype(np.float32), 22050),
    "residual cancels in the mix": (np.zeros((4, 100)), np.array([[0.1], [-0.1]] * 2).repeat(100, axis=1), 8000),
}


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


def test_players_hold_the_sound_and_state_the_gain(tmp_path):
    x = noise(2, 8000)
    page = written(tmp_path, item("a.wav", x, 0.99 * x))
    (heard_in, rate, _), (heard_out, _, _), (heard_residual, _, label) = page.sounds()
    assert rate == 8000
    np.testing.assert_allclose(heard_in.T, x, atol=2**-16)
    np.testing.assert_allclose(heard_out.T, 0.99 * x, atol=2**-16)
    gain_db = int(re.fullmatch(r"residual \(\+(\d+) dB\)", label)[1])
    np.testing.assert_allclose(heard_residual.T, 0.01 * x * 10 ** (gain_db / 20), atol=2**-16)
    assert -2.0 <= 20 * np.log10(np.abs(heard_residual).max()) <= -1.0 + 1e-3


def test_players_mix_resample_and_shorten_and_say_so():
    made, remark = players(noise(3, 96000), 0.5 * noise(3, 96000), 96000)
    assert remark == "the 3 channels mixed down to one, resampled to 48000 Hz"
    assert [p.label for p in made][:2] == ["input", "output"]
    long = noise(1, 8000 * 21)
    made, remark = players(long, long * 0.999, 8000)
    assert re.fullmatch(r"the first \d+\.\d s", remark)
    lengths = [soundfile.info(io.BytesIO(decoded(p.uri, "audio/flac"))).duration for p in made]
    assert len(set(lengths)) == 1 and 10 < lengths[0] <= 20
    assert sum(len(p.uri) for p in made) < 1.25e6


def test_sound_past_full_scale_is_turned_down_not_clipped():
    made, _ = players(np.array([[2.0, -1.0]]), np.array([[1.0, 4.0]]), 8000)
    assert [p.label for p in made] == [f"input ({MINUS}13 dB)", f"output ({MINUS}13 dB)", f"residual ({MINUS}15 dB)"]


def test_a_sine_at_full_scale_reads_0_db_in_its_band():
    rate, frequency = 16000, 1000.0
    s = spectrogram(np.sin(2 * np.pi * frequency * np.arange(rate) / rate)[None], rate)
    middle = s.level_db[:, s.level_db.shape[1] // 2]
    band = int(np.argmax(middle))
    assert s.frequency_edges_hz[band - 1] <= frequency <= s.frequency_edges_hz[band + 2]
    assert middle[band] == pytest.approx(0.0, abs=0.01)
    assert s.level_db.shape[1] <= 500 and s.time_edges_s[-1] == 1.0


@pytest.mark.parametrize("rate", [8000, 48000])
def test_spectrograms_of_any_length_and_channel_count_agree_on_noise(rate):
    levels = [spectrogram(noise(c, n), rate).level_db for c, n in ((1, 20000), (7, 50000), (1, 700001))]
    means = [10 * np.log10(np.mean(10 ** (level / 10))) for level in levels]
    assert np.ptp(means) < 0.5


def test_magnification_is_stated():
    figure = waveform_figure(np.array([[0.5, -1.0, 0.2]]), np.array([[0.5, -0.99, 0.2]]), 8000)
    top, bottom = figure.axes
    assert bottom.get_title(loc="left") == f"Residual magnified 100 times, its peak is 0.01 ({MINUS}40.0 dBFS)"
    assert top.get_ylim()[1] == pytest.approx(100 * bottom.get_ylim()[1])


def test_long_sounds_are_drawn_as_envelopes_that_keep_every_peak():
    x = np.zeros((2, 1_000_003))
    x[1, 777_777] = 0.9
    figure = waveform_figure(x, 0 * x, 8000)
    vertices = figure.axes[0].collections[0].get_paths()[0].vertices
    assert len(vertices) < 10_000
    assert vertices[:, 1].max() == 0.9
    assert len(png(figure)) < 100_000


def test_spectrograms_share_one_scale():
    figure = spectrogram_figure(noise(), 0.5 * noise(), 8000)
    limits = {axes.collections[0].get_clim() for axes in figure.axes[:3]}
    assert len(limits) == 1
    assert figure.axes[3].get_xlabel() == "dB, 0 is a sine at full scale"


def test_snr_curve_is_the_difference_and_long_curves_are_means():
    figure = error_figure([0, 1, 2], [-20, -150, -30], [-60, -150, -150])
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_ydata(), [40, np.nan, np.nan])
    points = 10_000
    figure = error_figure(np.arange(points), np.tile([-20.0, -150.0], points // 2), np.full(points, -50.0))
    drawn = figure.axes[0].lines[0].get_ydata()
    assert len(drawn) <= 1000
    np.testing.assert_allclose(drawn, -20 + 10 * np.log10(0.5))
    assert len(error_figure([0.0], [-150.0], [-150.0]).axes) == 1


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
    monkeypatch.setattr("audiocos.report.pictures.waveform_figure", lambda *_: 1 / 0)
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


@pytest.mark.parametrize("missing", ["matplotlib", "jinja2"])
def test_missing_extra_names_the_remedy(tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    expected = re.escape('The report needs matplotlib and jinja2: pip install "audiocos[report]"')
    with pytest.raises(AudiocosError, match=f"^{expected}$"):
        write_report(tmp_path / "r.html", [], title="t")
    with pytest.raises(AudiocosError, match=f"^{expected}$"):
        bank_figure(cosines.orthogonal(4))
    assert not list(tmp_path.iterdir())


def test_importing_the_report_imports_neither_matplotlib_nor_librosa():
    code = "import sys, audiocos.report; print(sorted({'matplotlib', 'librosa', 'jinja2', 'torch'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize(
    ("pair", "frames"),
    [
        (cosines.orthogonal(1), None),
        (cosines.orthogonal(8, 3), None),
        (cosines.random(16, 40), framing.overlap(16)),
        (cosines.random(300, 200, phased=True), framing.overlap(300, 100, "sqrt-hann")),
        (cosines.lapped(512, range(64)), framing.lapped(512)),
    ],
)
def test_every_kind_of_pair_has_a_picture(pair, frames):
    figure = bank_figure(pair, frames)
    assert png(figure).startswith(PNG)
    assert len(figure.axes) == 7


def test_bank_figure_refuses_another_frame():
    with pytest.raises(ValueError, match="framing: frame 8, the pair has 4."):
        bank_figure(cosines.orthogonal(4), framing.block(8))


@pytest.mark.parametrize(
    ("pair", "frames"),
    [
        (cosines.orthogonal(64, 40), framing.overlap(64, 16)),
        (cosines.lapped(64, range(20)), framing.lapped(64)),
        (cosines.random(32, 32), framing.block(32)),
    ],
)
def test_tone_response_is_what_the_stream_does_to_a_tone(pair, frames):
    periods, length = 7, 64 * 50
    w = 2 * np.pi * periods / 64  # whole periods in each hop: means over hops are exact
    tone = np.exp(1j * w * np.arange(length))
    stream = Stream(pair, frames, channels=2, dtype="float64", device="cpu")
    x = np.stack([tone.real, tone.imag])
    y = np.concatenate([stream.feed(x), stream.flush()], axis=1)[:, stream.latency :]
    inner = slice(64 * 5, 64 * 45)
    out, tone = (y[0] + 1j * y[1])[inner], tone[inner]
    power, residual = tone_response(pair, frames, np.array([w]))
    assert power[0] == pytest.approx(abs(np.mean(out * tone.conj())) ** 2, abs=1e-12)
    assert residual[0] == pytest.approx(np.mean(np.abs(tone - out) ** 2), abs=1e-12)


def test_tone_response_of_an_exact_pair_is_one():
    power, residual = tone_response(cosines.lapped(64), framing.lapped(64), np.linspace(0, np.pi, 9))
    np.testing.assert_allclose(power, 1, atol=1e-12)
    np.testing.assert_allclose(residual, 0, atol=1e-12)


COUNT = """<script>
addEventListener("load", async () => {
  const media = [...document.querySelectorAll("audio")].map(player => new Promise(done => {
    const end = () => done(player.error ? "error " + player.error.message : player.duration);
    if (player.readyState > 0 || player.error) end();
    player.addEventListener("loadedmetadata", end);
    player.addEventListener("error", end);
  }));
  const found = {sounds: await Promise.all(media),
    widths: [...document.images].map(image => image.complete ? image.naturalWidth : 0),
    table: [...document.querySelectorAll("tbody tr")].map(row => [...row.cells].map(cell => cell.innerText)),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    fetched: performance.getEntriesByType("resource").map(entry => entry.name).filter(n => !n.startsWith("data:"))};
  const answer = document.createElement("pre");
  answer.id = "found"; answer.textContent = btoa(JSON.stringify(found, (k, v) => v).replace(/[^ -~]/g, "?"));
  document.body.append(answer);
});
</script></body>"""


@pytest.mark.slow
def test_chromium_opens_the_page_and_decodes_every_sound(tmp_path):
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs chromium: apt-get install chromium")
        pytest.skip("chromium is not installed: apt-get install chromium")
    cases = {name: case for name, case in ODD.items() if name not in ("no sample", "not finite")}
    page = written(tmp_path, *(item(name, x, y, rate) for name, (x, y, rate) in cases.items()))
    copy = tmp_path / "copy.html"
    copy.write_text(page.source.replace("</body>", COUNT), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += ["--proxy-server=127.0.0.1:9", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=500,900"]
    command += ["--virtual-time-budget=30000", "--dump-dom", copy.as_uri()]
    answer = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120)
    encoded = re.search(r'<pre id="found">([^<]*)</pre>', answer.stdout)
    assert encoded, f"the page did not finish loading: {answer.stderr[-2000:]}"
    found = json.loads(base64.b64decode(encoded[1]))
    lengths = [max(0.1, x.shape[1] / rate) for x, y, rate in cases.values() for _ in range(2 + (x != y).any())]
    assert found["sounds"] == pytest.approx(lengths, rel=0.02)
    assert len(found["widths"]) == 3 * len(cases) - 1 and all(width > 500 for width in found["widths"])
    assert [row[0] for row in found["table"]] == list(cases)
    assert found["overflow"] <= 0
    assert found["fetched"] == []
