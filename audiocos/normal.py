"""What is normal: statistics of the residual over seconds of normal sound, and the distance of a second from them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from audiocos.cosines import Float64
from audiocos.residuals import BANDS, Second

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

SHRINKAGE = 0.25
"""Added to the variance of each band, dB squared: no band may count as steadier than half a decibel."""

FEWEST_SECONDS = 3

_SECONDS_AN_HOUR = 3600.0
_FAR = 8, 32  # seconds that the tail beyond them is told by, at least and at most


@dataclass(frozen=True, eq=False)
class Normal:
    """What residuals look like on normal sound, per second.

    Args:
        sample_rate: Hz at which the seconds were taken: the bands depend on it.
        seconds: seconds counted, at least 3.
        silent_seconds: seconds left out because the input was silent.
        snr_quantiles_db: SNR of 1, 5, 25, 50, 75, 95 and 99 % of the seconds; None where the copy is exact.
        mean: of the levels in dB, `[16]`.
        covariance: of the levels, `[16, 16]`, without shrinkage.
        tail: (count, distance) pairs: so many seconds lay at least so far from what the other seconds say is
            normal. Counts grow, first by one, then geometrically, up to all seconds.

    Raises:
        ValueError: numbers that cannot be.
    """

    sample_rate: int
    seconds: int
    silent_seconds: int
    snr_quantiles_db: tuple[float | None, ...]
    mean: Float64
    covariance: Float64
    tail: tuple[tuple[int, float], ...]

    def __post_init__(self) -> None:
        for name, fewest in (("sample_rate", 1), ("seconds", FEWEST_SECONDS), ("silent_seconds", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < fewest:
                raise ValueError(f"normal: {name} is {value!r}, expected a whole number from {fewest}.")
        given = [value for value in self.snr_quantiles_db if value is not None]
        if len(self.snr_quantiles_db) != len(QUANTILES) or not _finite(np.asarray(given)):
            raise ValueError(f"normal: snr_quantiles_db must be {len(QUANTILES)} finite numbers or nulls.")
        if self.mean.shape != (BANDS,) or not _finite(self.mean):
            raise ValueError(f"normal: mean must be {BANDS} finite numbers.")
        if self.covariance.shape != (BANDS, BANDS) or not _finite(self.covariance):
            raise ValueError(f"normal: covariance must be {BANDS} x {BANDS} finite numbers.")
        size = float(np.abs(self.covariance).max())
        if np.abs(self.covariance - self.covariance.T).max() > 1e-9 * size:
            raise ValueError("normal: covariance is not symmetric.")
        if np.linalg.eigvalsh(self.covariance)[0] < -1e-9 * size:
            raise ValueError("normal: covariance has a negative eigenvalue.")
        distances = np.array([distance for _, distance in self.tail])
        if [count for count, _ in self.tail] != _counts(self.seconds) or not _finite(distances):
            raise ValueError(f"normal: tail does not hold the distances that {self.seconds} seconds have.")
        if (distances < 0).any() or (np.diff(distances) > 0).any():
            raise ValueError("normal: the distances in tail must not be negative, nor grow with the count.")

    def to_json(self) -> dict[str, Any]:
        """As plain numbers and lists."""
        return {
            "sample_rate": self.sample_rate,
            "seconds": self.seconds,
            "silent_seconds": self.silent_seconds,
            "snr_quantiles_db": list(self.snr_quantiles_db),
            "mean": self.mean.tolist(),
            "covariance": self.covariance.tolist(),
            "tail": [list(pair) for pair in self.tail],
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Normal:
        """What `to_json` gave.

        Raises:
            ValueError: keys that are missing or unknown, lengths or numbers that cannot be.
        """
        names = list(cls.__dataclass_fields__)
        missing = [name for name in names if name not in fields]
        unknown = sorted(fields.keys() - set(names))
        if missing or unknown:
            raise ValueError(f'normal: "{(missing or unknown)[0]}" is {"missing" if missing else "unknown"}.')
        try:
            quantiles = tuple(None if value is None else float(value) for value in fields["snr_quantiles_db"])
            mean, covariance = (np.array(fields[name], dtype=np.float64) for name in ("mean", "covariance"))
            tail = tuple((count, float(distance)) for count, distance in fields["tail"])
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"normal: not the numbers it must hold ({error}).") from error
        counts = {name: fields[name] for name in ("sample_rate", "seconds", "silent_seconds")}
        return cls(**counts, snr_quantiles_db=quantiles, mean=mean, covariance=covariance, tail=tail)

    def threshold(self, false_alarms_per_hour: float) -> float:
        """The distance that so many seconds an hour of normal sound exceed.

        Up to the furthest twentieth of the seconds, of which 32 will do, it is read off the tail. From there on the
        tail counts as one that falls exponentially, by the mean of how much further those seconds lie (Pickands 1975,
        shape 0): one stray second moves the mean a little, where a line through the furthest ones would hang on it.

        Args:
            false_alarms_per_hour: above 0, below 3600.

        Raises:
            ValueError: another rate.
        """
        if not 0 < false_alarms_per_hour < _SECONDS_AN_HOUR:
            raise ValueError(f"false alarms an hour: {false_alarms_per_hour:g}; must lie between 0 and 3600.")
        counts, distances = np.array(self.tail).T
        count = false_alarms_per_hour / _SECONDS_AN_HOUR * self.seconds
        few = min(max(_FAR[0], self.seconds // 20), _FAR[1], self.seconds - 1)
        every = np.interp(np.log(np.arange(1, few + 2)), np.log(counts), distances)
        if count >= few + 1:
            return float(np.interp(math.log(count), np.log(counts), distances))
        return float(every[few] + np.mean(every[:few] - every[few]) * math.log((few + 1) / count))

    @property
    def promised(self) -> float:
        """False alarms an hour that so many seconds can vouch for; fewer are extrapolated."""
        return _SECONDS_AN_HOUR / self.seconds


def normal_of(rows: Iterable[Second], sample_rate: int) -> Normal | None:
    """What is normal, from seconds of normal sound.

    Args:
        rows: from `BandLevels`; silent ones are only counted.
        sample_rate: theirs.

    Returns:
        None where fewer than three seconds are not silent.
    """
    every = list(rows)
    heard = [row for row in every if not row.silent]
    n = len(heard)
    if n < FEWEST_SECONDS:
        return None
    levels = np.array([row.levels for row in heard])
    mean = levels.mean(axis=0)
    offsets = levels - mean
    covariance = offsets.T @ offsets / (n - 1)
    covariance = (covariance + covariance.T) / 2
    snrs = np.array([np.inf if row.snr_db is None else row.snr_db for row in heard])  # what is heard and exact
    quantiles = np.quantile(snrs, QUANTILES, method="lower")
    distances = np.sort(_distances_to_the_rest(offsets))[::-1]
    return Normal(
        sample_rate,
        n,
        len(every) - n,
        tuple(float(value) if np.isfinite(value) else None for value in quantiles),
        mean,
        covariance,
        tuple((count, float(distances[count - 1])) for count in _counts(n)),
    )


def distance(normal: Normal, levels: Float64) -> float:
    """How unlike the normal ones a second's levels are: Mahalanobis distance, 0.25 added to each variance.

    Args:
        normal: what is normal.
        levels: `[16]`, dB.
    """
    offset = levels - normal.mean
    spread = normal.covariance + SHRINKAGE * np.eye(BANDS)
    return math.sqrt(float(offset @ scipy.linalg.solve(spread, offset, assume_a="pos")))


def shares(normal: Normal, levels: Float64) -> Float64:
    """How much each band adds to the squared distance: not negative, their sum is its square, `[16]`.

    Levels of neighbouring bands go up and down together, so a band is credited with what it says that the others do
    not (the "corr-max" partition, Garthwaite and Koch 2016, section 3).

    Args:
        normal: what is normal.
        levels: `[16]`, dB.
    """
    spread = normal.covariance + SHRINKAGE * np.eye(BANDS)
    deviation = np.sqrt(np.diag(spread))
    values, vectors = scipy.linalg.eigh(spread / np.outer(deviation, deviation))
    white = vectors @ ((vectors.T @ ((levels - normal.mean) / deviation)) / np.sqrt(values))
    return np.asarray(np.square(white))


def _distances_to_the_rest(offsets: Float64) -> Float64:
    """Distance of each second from what the others say is normal, `[n]`, in closed form (Sherman and Morrison 1950).

    Judged by statistics that it took part in, a second always looks more normal than the next one will.
    """
    n = len(offsets)
    # Without second d the mean moves by -d/(n-1) and the scatter loses n/(n-1) d d^T.
    spread = offsets.T @ offsets / (n - 2) + SHRINKAGE * np.eye(BANDS)
    squared = np.einsum("nb,bn->n", offsets, scipy.linalg.solve(spread, offsets.T, assume_a="pos"))
    lost = n / ((n - 1) * (n - 2))
    return np.asarray(n / (n - 1) * np.sqrt(squared / (1 - lost * squared)))


def _counts(seconds: int) -> list[int]:
    """1, 2, 3, ... 16, then by quarters more, and all."""
    counts = list(range(1, min(seconds, 16) + 1))
    while counts[-1] < seconds:
        counts.append(min(counts[-1] * 5 // 4, seconds))
    return counts


def _finite(values: Float64) -> bool:
    return bool(np.isfinite(values).all())
