"""What a model's card tells of how it was learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audiocos.counting import counted
from audiocos.training.growth import white_snr_db

if TYPE_CHECKING:
    from audiocos.cli.training import Session
    from audiocos.training.run import Run


def description(session: Session) -> str:
    """One line: what it was learned from."""
    corpus = session.corpus
    if corpus is None:
        return f"Learned from white noise, start: {_start(session)}."
    kept = session.config.m / session.framing.hop
    heard = f"{counted(len(corpus.train), 'recording')} at {corpus.sample_rate} Hz"
    return f"Learned from {heard}; keeps {kept:.3g} coefficients a sample."


def training(session: Session, run: Run, seconds: float) -> dict[str, Any]:
    """The table of the training: settings, and what it heard.

    Args:
        session: that is over.
        run: of the descent.
        seconds: that it took.
    """
    config = session.config
    told: dict[str, Any] = {"start": _start(session), "optimizer": config.optimizer}
    if config.growth or config.first_order:
        told["polish"] = config.polish
    if config.first_order:
        told["device"] = config.stochastic.device
    told |= {"window growth": "yes" if config.growth else "no", "seed": config.seed, "learned in (s)": seconds}
    if session.corpus is None:
        told["judged on"] = session.judged_on
        told["white SNR (dB)"] = white_snr_db(run.parameters) if session.framing.kind == "block" else None
        return told
    heeded = session.heeded
    return told | {
        "files": heeded.learned.files,
        "hours learned from": heeded.learned.seconds / 3600,
        "held-out files": heeded.judging.files if heeded.judging else 0,
        "held-out hours": heeded.judging.seconds / 3600 if heeded.judging else 0.0,
        "channels": "their mean; normal is of each" if session.request.channels == "mix" else "each",
        "judged on": session.judged_on,
        "corpus": session.corpus.digest,
        "second moment": "every sample offset" if session.train.stationary else "every hop",
    }


def _start(session: Session) -> str:
    return session.config.start if session.request.base is None else f"the model {session.request.base}"
