"""`audiocos models`: the catalogue."""

from __future__ import annotations

import os
from pathlib import Path

import click

from audiocos.audio.names import shown
from audiocos.cli.console import print_json, print_table, progress_note
from audiocos.errors import AudiocosError, UsageError
from audiocos.model import Model, load
from audiocos.modelcard import LARGEST_MEASURED, exactness, facts
from audiocos.modelfolder import catalogue

LARGEST_DRAWN = 4096
"""Samples a frame; drawing takes time and memory with its square."""


@click.command(
    "models",
    epilog="""\b
Examples:
  audiocos models                               what is shipped
  audiocos models exact                         one model
  audiocos models ./mine --plot mine.png        a picture of its banks""",
)
@click.argument("name", required=False)
@click.option("--plot", metavar="FILE.png", help="Draw the banks (needs audiocos[report]).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a model on stdout.")
@click.option("--force", is_flag=True, help="Replace a picture that exists.")
def command(name: str | None, plot: str | None, as_json: bool, force: bool) -> None:
    """List the shipped models, or show NAME: a name in the catalogue or a model's folder."""
    if name is None:
        if plot is not None:
            raise UsageError("--plot: say which model to draw.")
        models = [load(entry) for entry in catalogue()]
        if as_json:
            for model in models:
                print_json(_row(model))
        else:
            columns = [("model", "left"), ("framing", "left"), ("N", "right"), ("M", "right"), ("hop", "right")]
            columns += [("rate", "right"), ("latency", "right"), ("exact", "left")]
            print_table("", columns, [_cells(model) for model in models])
        return
    model = load(name)
    if plot is not None:
        _plot(model, plot, force)
    if as_json:
        print_json(_row(model))
        return
    print(f"{shown(model.name)}: {shown(model.description)}\n")
    known = [(shown(fact), shown(value)) for fact, value in facts(model)]
    width = max(len(fact) for fact, _ in known) + 2
    for fact, value in known:
        print(f"  {fact:<{width}}{value}")


def _row(model: Model) -> dict[str, object]:
    numbers, framing = model.numbers, model.framing
    return {
        "name": model.name,
        "description": model.description,
        "family": model.family,
        "frame": numbers.frame,
        "coefficients": numbers.coefficients,
        "framing": framing.kind,
        "hop": framing.hop,
        "window": framing.window,
        "sample_rate": model.sample_rate,
        "latency_samples": framing.latency(),
        "deviation": framing.deviation(numbers) if numbers.frame <= LARGEST_MEASURED else None,
        "training": model.training,
        "figures": model.figures,
    }


def _cells(model: Model) -> list[str]:
    numbers, framing = model.numbers, model.framing
    return [
        model.name,
        framing.kind,
        str(numbers.frame),
        str(numbers.coefficients),
        str(framing.hop),
        f"{model.sample_rate} Hz" if model.sample_rate else "any",
        str(framing.latency()),
        exactness(model).partition(",")[0],
    ]


def _plot(model: Model, path: str, force: bool) -> None:
    if os.path.lexists(path) and not force:
        raise AudiocosError(f"--plot {shown(path)}: exists already. Pass --force to replace it.")
    from audiocos.report.banks import bank_figure

    if model.numbers.frame > LARGEST_DRAWN:
        raise AudiocosError(
            f"--plot: a frame of {model.numbers.frame} samples is too large to draw; at most {LARGEST_DRAWN}."
        )
    with progress_note("Drawing"):
        figure = bank_figure(model.parameters, model.framing)
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise AudiocosError(
            f"--plot {shown(path)}: cannot be written: {why}. Choose another name, ending in .png."
        ) from error
