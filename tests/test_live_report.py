"""`--report` of a monitored stretch is the report that `reconstruct` writes for the same sound."""

import base64
import io
import re
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from monitored import SAMPLES
from reportpages import Page

import audiocos
from audiocos.cli.livereport import StretchReport
from audiocos.errors import AudiocosError
from audiocos.live.alarms import Alarms
from audiocos.live.detector import Detector

pytest.importorskip("matplotlib")

PICTURE = re.compile(r'src="(data:image/png[^"]+)"')
SOUND = re.compile(r'src="(data:audio/flac[^"]+)"')


@dataclass
class Counters:
    late_hops: int = 0
    dropped_samples: int = 0
    clipped_samples: int = 0


def written(path, x, y, rate, counters=None, events=(), alarms=None, measured=None):
    """The page of a stretch, of which so many samples were `measured`, fed in small blocks."""
    report = StretchReport(str(path), False, rate, alarms)
    for start in range(0, x.shape[1], 777):
        for tap in (alarms, report):
            if tap is not None:
                tap.feed(x[:, start : start + 777], y[:, start : start + 777])
    report.write(
        audiocos.load("lapped-quarter"),
        audiocos.compare(x[:, :measured], y[:, :measured], rate),
        source="speech-demo.wav",
        sink="speakers",
        samples=x.shape[1],
        channels=x.shape[0],
        latency_samples=1234,
        counters=counters or Counters(),
        events=events,
    )
    return path.read_text()


def test_pictures_sound_and_figures_are_those_that_reconstruct_writes(reconstruct, tmp_path):
    source = SAMPLES / "speech-demo.wav"
    reconstruct(source, "-o", "out.wav", "--model", "lapped-quarter", "--report", "file.html")
    x, rate = soundfile.read(source, dtype="float32", always_2d=True)
    y, _ = soundfile.read("out.wav", dtype="float32", always_2d=True)
    page = written(tmp_path / "live.html", np.ascontiguousarray(x.T), np.ascontiguousarray(y.T), rate)
    other = (tmp_path / "file.html").read_text()
    for pattern, count in ((PICTURE, 3), (SOUND, 3)):
        assert len(pattern.findall(page)) == count
        assert pattern.findall(page) == pattern.findall(other)
    cells = [re.findall(r"<td>(.*?)</td>", text)[:6] for text in (page, other)]
    assert cells[0] == cells[1]
    assert "Monitored through the model" in page and "1234 samples" in page


def test_what_went_wrong_is_on_the_page(tmp_path):
    x = np.full((1, 4000), 0.1)
    events = [SimpleNamespace(time_s=float(second), text=f"late <{second}>") for second in range(25)]
    page = written(tmp_path / "page.html", x, 0.9 * x, 8000, Counters(late_hops=25, clipped_samples=7), events)
    assert "Counted: late hops 25, clipped samples 7." in page
    assert "Events: 0:00 late &lt;0&gt;; 0:01 late &lt;1&gt;" in page
    assert "late &lt;19&gt;; and 5 more." in page
    calm = written(tmp_path / "calm.html", x, 0.9 * x, 8000)
    assert "Counted" not in calm and "Events" not in calm


def test_alarms_are_marked_and_listed(tmp_path):
    x = np.random.default_rng(0).normal(0, 0.1, (1, 20000))
    lost = np.repeat([0.1, 0.1, 0.1, 0.5, 0.7, 0.1, 0.1, 0.1, 0.1, 0.6], 2000)  # of ten seconds
    alarms = Alarms(Detector(2000, 1, normal=None, below_db=10, hold_s=1))
    path = tmp_path / "page.html"
    page = written(path, x, x * (1 - lost), 2000, alarms=alarms)
    calm = written(tmp_path / "calm.html", x, x * (1 - lost), 2000)
    assert [row for row in Page(path).rows if row[0] in ("Begins", "0:03", "0:09")] == [
        ["Begins", "Length", "Worst score", "Lowest SNR (dB)", "Bands"],
        ["0:03", "3.00 s", "\N{EN DASH}", "3.1", "\N{EN DASH}"],
        ["0:09", "1.00 s, to the end", "\N{EN DASH}", "4.4", "\N{EN DASH}"],
    ]
    assert "<dt>Alarms</dt><dd>2</dd>" in page and "where its SNR is below 10.0 dB." in page
    assert len(PICTURE.findall(page)) == len(PICTURE.findall(calm)) == 3
    assert not set(PICTURE.findall(page)) & set(PICTURE.findall(calm)), "they are marked"
    assert "Alarms" not in calm


def test_an_alarm_to_the_end_of_a_stretch_with_losses_lasts_until_then(tmp_path):
    x = np.random.default_rng(0).normal(0, 0.1, (1, 20000))
    lost = np.repeat([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.7, 0.6, 0.6], 2000)  # of ten seconds
    alarms = Alarms(Detector(2000, 1, normal=None, below_db=10, hold_s=1))
    page = written(tmp_path / "page.html", x, x * (1 - lost), 2000, alarms=alarms, measured=8000)
    assert [row[1] for row in Page(tmp_path / "page.html").rows if row[0] == "0:07"] == ["3.00 s, to the end"]
    assert "10.00 s" in page and "4.00 s" not in page


def test_the_worst_alarm_can_be_seen_and_heard(tmp_path):
    rate, seconds = 2000, np.full(120, 0.1)
    seconds[[40, 90, 91]] = 0.5, 0.7, 0.6  # the share that is lost of each
    seconds[:15] = 0.3  # most of all in 15 s, and no alarm
    x = np.random.default_rng(0).normal(0, 0.1, (3, 120 * rate))
    y = x * (1 - np.repeat(seconds, rate))
    alarms = Alarms(Detector(rate, 3, normal=None, below_db=8))
    page = written(tmp_path / "page.html", x, y, rate, alarms=alarms)
    assert "Waveform and spectrograms: 1:30 min to 1:44 min, from the worst second of the alarms on." in page
    sound = base64.b64decode(SOUND.findall(page)[0].partition(",")[2])
    heard = soundfile.read(io.BytesIO(sound))[0][:: 8000 // rate]  # players have 8 kHz at least
    part = x[:, round(89.5 * rate) :].mean(axis=0)[: heard.size]
    assert np.corrcoef(part, heard)[0, 1] > 0.9


def test_nothing_monitored_is_a_page_all_the_same(tmp_path):
    page = written(tmp_path / "none.html", np.zeros((2, 0)), np.zeros((2, 0)), 48000)
    assert "speech-demo.wav" in page and not PICTURE.findall(page)


def test_a_page_that_is_there_is_kept(tmp_path):
    (tmp_path / "page.html").write_text("mine")
    with pytest.raises(AudiocosError, match="exists already. Pass --force"):
        StretchReport(str(tmp_path / "page.html"), False, 8000)
    StretchReport(str(tmp_path / "page.html"), True, 8000)
