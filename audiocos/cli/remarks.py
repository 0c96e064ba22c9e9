"""What a run's figures mean, in plain words, where they are not what one hopes for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from audiocos.training.growth import EXACT_DB
from audiocos.training.settings import TrainingConfig

_NOTHING_DB = 0.05


def remarks(results: Mapping[str, float], config: TrainingConfig, hop: int, judged_on: str) -> Iterator[str]:
    """Sentences on what was not reached.

    Args:
        results: SNR in dB of "start", "learned" and, where coefficients are fewer than samples, the yardsticks.
        config: what was asked for.
        hop: samples a frame brings.
        judged_on: what the figures are of.
    """
    start, learned = results["start"], results["learned"]
    if config.start == "random" and config.m >= hop and learned < EXACT_DB:
        other = "--seed, or leave --phased out" if config.phased else "--seed, or --init orthogonal"
        yield f"This is not the exact pair, which has {EXACT_DB:g} dB and more; try another {other}."
    if learned < min(start, EXACT_DB):  # above it is rounding
        yield (
            f"On the {judged_on} the learned pair is below its start ({learned:.2f} against {start:.2f} dB): "
            "give more recordings to learn from."
        )
    fixed = "best M of the MDCT" if config.kind == "lapped" else "best M of the DCT"
    if fixed in results and learned - results[fixed] < _NOTHING_DB:
        yield f"Learning gains nothing here over the {fixed}: {learned - results[fixed]:+z.2f} dB."
