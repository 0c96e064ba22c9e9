"""Learning that goes on from a model: what of it must be as asked."""

from __future__ import annotations

import numpy as np

from audiocos.cosines import CosineParameters
from audiocos.errors import TrainingError
from audiocos.framing import Framing
from audiocos.model import Model
from audiocos.training.settings import TrainingConfig
from audiocos.training.starts import untied


def start_from(model: Model, name: str, config: TrainingConfig) -> CosineParameters:
    """The numbers of a model as a start, if it is what the settings ask for.

    Args:
        model: what to go on from.
        name: what the user called it.
        config: what was asked.

    Raises:
        TrainingError: it differs in size, framing, window, time origin or family; the text lists in what.
    """
    numbers, asked = model.numbers, config.framing()
    origin = 0.5 + config.frame / 4 if config.kind == "lapped" else 0.0
    pairs = [
        ("frame", numbers.frame, config.frame),
        ("coefficients", numbers.coefficients, config.m),
        ("framing", model.framing.kind, config.kind),
        ("hop", model.framing.hop, asked.hop),
        ("window", model.framing.window, asked.window),
        ("time origin", numbers.origin, origin),
    ]
    if numbers.phased and not config.phased:  # the other way round, phases begin at zero
        pairs.append(("family", "phased", "base"))
    if config.tied and not numbers.tied:
        pairs.append(("banks", "untied", "tied"))
    differing = [f"{what} {has}, asked {wanted}" for what, has, wanted in pairs if has != wanted]
    if not differing and not _same_windows(model.framing, asked):
        differing = [f"window {asked.window} of other numbers"]
    if differing:
        raise TrainingError(
            f"--init {name}: differs from what is asked ({'; '.join(differing)}). Ask for the same, or begin elsewhere."
        )
    numbers = numbers.with_phases() if config.phased else numbers
    return numbers if config.tied else untied(numbers)


def check_rate(model: Model, name: str, sample_rate: int) -> None:
    """Refuse to go on from a model of another rate: the same frequencies in bins are other ones in Hz.

    Raises:
        TrainingError: it is.
    """
    if model.sample_rate not in (None, sample_rate):
        raise TrainingError(
            f"--init {name}: is for {model.sample_rate} Hz, the recordings are heard at {sample_rate} Hz. "
            f"Pass --sample-rate {model.sample_rate} to resample them."
        )


def _same_windows(one: Framing, other: Framing) -> bool:
    pairs = ((one.analysis_window, other.analysis_window), (one.synthesis_window, other.synthesis_window))
    return all(np.array_equal(a, b) for a, b in pairs)
