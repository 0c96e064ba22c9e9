"""Draw the README's pictures anew: `make pictures`. `docs/make.py NAME...` draws those of some studies only."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import cells
import numpy as np
import soundfile as sf
from matplotlib.figure import Figure
from PIL import Image

import audiocos
from audiocos import studies
from audiocos.cli.alarming import AlarmOptions, make_alarms
from audiocos.live.layout import Layout
from audiocos.live.meters import Meters
from audiocos.live.session import Session
from audiocos.live.sources import FileSource
from audiocos.live.status import Stage
from audiocos.live.view import View
from audiocos.report.pictures import spectrogram_figure
from audiocos.studies.study import Picture, Setting

HERE = Path(__file__).resolve().parent
DPI = 70
COLOURS = 48
CELLS = 100, 30
MONITORED_S = 12.0


def draw_report() -> None:
    """A recording, its reconstruction and what was lost."""
    samples, rate = sf.read(HERE.parent / "samples" / "speech-demo.wav", dtype="float32", always_2d=True)
    x = np.ascontiguousarray(samples.T[:, : 6 * rate])
    y = audiocos.load("lapped-quarter").reconstruct(x)
    spectrogram_figure(x, y, rate, 0.0).savefig(HERE / "report.png", dpi=80)
    print(HERE / "report.png")


def draw_monitor() -> None:
    """What `audiocos monitor samples/speech-demo.wav --model speech-8k --alarm` shows after some seconds."""
    model, source = audiocos.load("speech-8k"), FileSource(str(HERE.parent / "samples" / "speech-demo.wav"))
    meters = Meters(source.sample_rate, source.channels, model=model)
    alarms = make_alarms(AlarmOptions(alarm=True), model, source.sample_rate, source.channels, say=print)
    assert alarms is not None
    session = Session(model, source, judges=[alarms], taps=[meters], seconds=MONITORED_S)
    session.run()
    alarms.close()
    stage = Stage(model.name, model.parameters.coefficients, "samples/speech-demo.wav")
    lines = Layout().lines(View(session, meters, model, stage, alarms).scene(), *CELLS)
    cells.picture(lines).quantize(COLOURS, dither=Image.Dither.NONE).save(HERE / "monitor.png", optimize=True)
    print(HERE / "monitor.png")


def draw_study(name: str) -> None:
    """The picture that stands for a study, from a full run, small."""
    picture = studies.run(name, Setting()).pictures()[0]
    path = HERE / f"study-{name}.png"
    image = _image(picture).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path)


def _image(picture: Picture) -> Image.Image:
    if not isinstance(picture.figure, Figure):
        return picture.figure[-1]
    file = io.BytesIO()
    picture.figure.savefig(file, format="png", dpi=DPI, facecolor="white")
    return Image.open(file)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        draw_report()
        draw_monitor()
    for name in sys.argv[1:] or studies.STUDIES:
        draw_study(name)
