"""Make the shipped models anew: `make models`."""

from __future__ import annotations

from pathlib import Path

from audiocos import cosines, framing
from audiocos.model import Model

HERE = Path(__file__).resolve().parent
FRAME = 512

MODELS = [
    Model(
        cosines.orthogonal(FRAME),
        framing.block(FRAME),
        name="exact",
        description="The orthogonal start: orthonormal DCT-III and DCT-II, side by side. Gives back what it is fed.",
    ),
    Model(
        cosines.orthogonal(FRAME),
        framing.overlap(FRAME),
        name="exact-overlap",
        description="The orthogonal pair in half-overlapping square-root Hann windows: exact, and free of block edges "
        "when coefficients are changed in between.",
    ),
    Model(
        cosines.lapped(FRAME),
        framing.lapped(FRAME),
        name="exact-lapped",
        description="The MDCT with a sine window: exact at one coefficient a sample, without block edges.",
    ),
    Model(
        cosines.lapped(FRAME, range(FRAME // 8)),
        framing.lapped(FRAME),
        name="lapped-quarter",
        description="The lowest quarter of the MDCT's frequencies: what a fixed choice keeps, and a lower bound for "
        "what learning should give. Lossy: sound above a quarter of the band is lost.",
    ),
]

if __name__ == "__main__":
    for model in MODELS:
        model.save(HERE / model.name, force=True)
        print(HERE / model.name)
