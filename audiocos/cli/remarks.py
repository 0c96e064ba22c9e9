"""What a run's figures mean, in plain words, where they are not what one hopes for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from audiocos.training.growth import EXACT_DB
from audiocos.training.settings import TrainingConfig

_NOTHING_DB = 0.05
_FAR_DB = 0.5  # learning moves a pair by less, once its frequencies are where the sound is


def remarks(results: Mapping[str, float], config: TrainingConfig, hop: int, judged_on: str) -> Iterator[str]:
    """Sentences on what was not reached.

    Args:
        results: SNR in dB of "start", "learned" and, where coefficients are fewer than samples, the yardsticks.
        config: what was asked for, decided.
        hop: samples a frame brings.
        judged_on: what the figures are of.
    """
    start, learned = results["start"], results["learned"]
    if config.start == "random" and config.m >= hop and learned < EXACT_DB:
        yield f"This is not the exact pair, which has {EXACT_DB:g} dB and more; {_towards_exact(config)}."
    before, after = f"{start:.2f}", f"{learned:.2f}"
    if learned < min(start, EXACT_DB) and before != after:  # above it is rounding
        yield (
            f"On the {judged_on} the learned pair is below its start ({after} against {before} dB): "
            "give more recordings to learn from."
        )
    fixed = "best M of the MDCT" if config.kind == "lapped" else "best M of the DCT"
    if fixed not in results or learned >= min(results[fixed] + _NOTHING_DB, EXACT_DB):
        return
    behind = f"{learned - results[fixed]:+z.2f} dB"
    if config.start != "spectral" and results[fixed] - learned > _FAR_DB:
        yield (
            f"Far below the {fixed} ({behind}): the frequencies it began with are not those that carry these "
            "recordings, and descent moves each by about a bin, not to another band. Leave --init out: auto begins "
            "with those that carry the recordings."
        )
    else:
        yield f"Learning gains nothing here over the {fixed}: {behind}."


def _towards_exact(config: TrainingConfig) -> str:
    """What may lead to the exact pair."""
    if config.m < config.exact_at:
        elsewhere = f", --framing lapped at {config.m}" if 2 * config.m == config.frame else ""
        return f"{config.kind} frames of {config.frame} have it at --coefficients {config.exact_at}{elsewhere}"
    if not config.growth:
        return "leave --no-growth out"
    remedies = ["another --seed"]
    if config.phased:
        remedies.append("leave --phased out")
    if config.first_order:
        remedies = ["more --steps", *remedies, "leave --optimizer out"]
    elif not config.phased:
        remedies.append("--init orthogonal")
    return f"try {', '.join(remedies[:-1])}{',' if len(remedies) > 1 else ''} or {remedies[-1]}"
