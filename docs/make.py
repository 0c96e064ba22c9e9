"""Draw the README's pictures anew: `make pictures`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile as sf

import audiocos
from audiocos.report.pictures import spectrogram_figure

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    samples, rate = sf.read(HERE.parent / "samples" / "speech-demo.wav", dtype="float32", always_2d=True)
    x = np.ascontiguousarray(samples.T[:, : 6 * rate])
    y = audiocos.load("lapped-quarter").reconstruct(x)
    spectrogram_figure(x, y, rate, 0.0).savefig(HERE / "report.png", dpi=80)
    print(HERE / "report.png")
