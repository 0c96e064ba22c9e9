"""Make the shipped models anew: `make models`, or `python models/make.py [NAME...] [--corpora FOLDER]`.

Models that are learned from recordings need Debian's packages of them, which are fetched with apt-get when they are
not in FOLDER yet; where that cannot be done those models are left as they are.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from audiocos import cosines, framing
from audiocos.cli.training import Session, TrainingRequest
from audiocos.model import Model
from audiocos.training.settings import TrainingConfig

HERE = Path(__file__).resolve().parent
FRAME = 512
HOLDOUT = 0.2

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

LEARNED = "learned-512"
RECORDED = {
    "speech-8k": ("speech", 512, "English speech at 8 kHz (Debian's asterisk-core-sounds-en-wav)"),
    "music-44k": ("music", 1024, "orchestral music at 44.1 kHz (Debian's wesnoth-1.16-music)"),
}


def learned() -> Model:
    """Exact, though it began with random frequencies and amplitudes."""
    config = TrainingConfig(frame=FRAME, start="random")
    return _learn(
        TrainingRequest(("synth:noise",), config),
        LEARNED,
        "Learned from white noise from random frequencies and amplitudes, by window growth: the exact pair, found and "
        "not put in.",
    )


def recorded(name: str, folder: Path | None) -> Model:
    """Keeps one coefficient in four, those that carry the recordings."""
    sys.path.insert(0, str(HERE.parent))
    from benchmarks.corpora import corpus, default_folder

    which, frame, sound = RECORDED[name]
    config = TrainingConfig(frame=frame, coefficients=frame // 8, kind="lapped")
    request = TrainingRequest((str(corpus(which, folder or default_folder())),), config, holdout=HOLDOUT)
    return _learn(
        request,
        name,
        f"Learned from {sound}; keeps one coefficient in four. Figures are of recordings that it did not learn from; "
        "at this rate the best rows of the MDCT are as good, and learning starts there.",
    )


def _learn(request: TrainingRequest, name: str, description: str) -> Model:
    session = Session(request, synthetic=request.inputs == ("synth:noise",))
    session.prepare()
    model = session.learn(name)
    told = {key: value for key, value in model.training.items() if key != "learned in (s)"}
    rounded = {key: round(value, 3) if isinstance(value, float) else value for key, value in told.items()}
    figures = {key: round(value, 6) for key, value in model.figures.items()}  # the digits that all machines agree on
    return replace(model, description=description, training=rounded, figures=figures)


def main() -> None:
    """Make what is named, or all."""
    parser = argparse.ArgumentParser(description="Make the shipped models anew.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--corpora", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    plain = {model.name: model for model in MODELS}
    for name in arguments.names or [*plain, LEARNED, *RECORDED]:
        try:
            model = plain.get(name) or (learned() if name == LEARNED else recorded(name, arguments.corpora))
        except LookupError as missing:
            print(f"{name}: not made: {missing}", file=sys.stderr)
            continue
        model.save(HERE / name, force=True)
        print(HERE / name)


if __name__ == "__main__":
    main()
