"""The page of a training, from what its session knows."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from audiocos.cli.console import length_text
from audiocos.cli.learning import grid_of
from audiocos.model import Model
from audiocos.modelcard import facts
from audiocos.training.layout import Layout

if TYPE_CHECKING:
    from audiocos.cli.training import Session


def report_training(path: str, session: Session, model: Model, *, force: bool) -> None:
    """Write the page; `force`: in the place of a file that is there.

    Raises:
        AudiocosError: it cannot be written, or not under its name.
    """
    from audiocos.report.training import LearningCurve, Moment, write_training_report

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    layout = Layout.of(model.numbers)
    history = session.history
    config = session.config
    learned = ("learned", session.results["learned"])
    others = [(name, value) for name, value in session.results.items() if name != "learned"]
    corpus = session.corpus
    write_training_report(
        path,
        [Moment(s.step, layout.unpack(s.theta), s.taper, s.snr_db) for s in history] or [Moment(0, model.numbers)],
        LearningCurve([s.step for s in history], [s.snr_db for s in history], [s.taper for s in history]),
        grid_of(config.frame, config.kind == "lapped"),
        title=f"How {model.name} learned",
        subtitle=model.description,
        facts=facts(model),
        held_out=[learned, *others],
        judged_on=session.judged_on,
        settings=[(name, str(value)) for name, value in asdict(config).items() if name != "stochastic"],
        corpus=[]
        if corpus is None
        else [
            ("files learned from", str(len(corpus.train))),
            ("held-out files", str(len(corpus.held_out))),
            ("sound, held-out files included", length_text(corpus.seconds)),
            ("bytes", str(corpus.size)),
            ("digest", corpus.digest),
        ],
        replace=force,
    )
