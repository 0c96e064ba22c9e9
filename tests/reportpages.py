"""Sounds for reports, and a report's page as a test reads it."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import soundfile

from audiocos.metrics import compare
from audiocos.report import ErrorCurve, Excerpt, ReportItem, write_report

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
        if tag not in ("meta", "br", "img", "source"):
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


def sentences(text):
    """The sentences of a paragraph; a point inside a number or before a small letter ends none."""
    return re.findall(r"\S.*?[.!?](?=\s+[^a-z\s]|\s*$)", text, re.DOTALL)


def unlabelled(answer):
    """Pictures of a study's answer in which a row of plots, a scale of colours or an image's scale has no quantity."""
    found = []
    for picture in answer.pictures():
        axes = getattr(picture.figure, "axes", [])  # an animation is pictures already
        scales = [ax for ax in axes if ax.get_subplotspec() is None]
        first = [ax for ax in axes if ax.get_subplotspec() is not None and ax.get_subplotspec().is_first_col()]
        if any(not ax.get_ylabel() for ax in [*scales, *first]) or (any(ax.images for ax in axes) and not scales):
            found.append(picture.name)
    return found
