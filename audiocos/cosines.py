"""The family of cosine banks: parameters, matrices, starts, and what is exact. numpy, float64.

For a frame x of N samples and M coefficients (k = 0..M-1, n = 0..N-1, t_n = n + origin)

    analysis    X_k = 1/sqrt(N) * sum_n alpha_n cos(w_k t_n + p_k) x_n    alpha_0 = a1, alpha_n = a2 otherwise
    synthesis   y_n = 1/sqrt(M) * beta_n * sum_k cos(v_k t_n + q_k) X_k   beta_0  = a3, beta_n  = a4 otherwise

The base family has origin 0 and no phases: 2M + 4 numbers. The *phased* family adds p and q.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64 = NDArray[np.float64]


def cosines(xp: Any, frequencies: Any, phases: Any, times: Any) -> Any:
    """The one cosine formula, for numpy and torch alike.

    Args:
        xp: the module that computes, `numpy` or `torch`.
        frequencies: radians per sample, `[M]`, float64.
        phases: radians, `[M]`, or None for zero.
        times: sample positions, `[N]`, float64.

    Shape:
        - output: `[M, N]`

    >>> cosines(np, np.array([0.0, np.pi]), None, np.arange(3.0))
    array([[ 1.,  1.,  1.],
           [ 1., -1.,  1.]])
    """
    angles = xp.outer(frequencies, times)
    return xp.cos(angles if phases is None else angles + phases[:, None])


@dataclass(frozen=True, eq=False)
class CosineParameters:
    """The numbers that define a pair of banks. Arrays are float64, copied and read-only.

    Args:
        frame: N, samples a frame.
        coefficients: M, coefficients a frame.
        amplitudes: a1, a2, a3, a4.
        analysis_frequencies: w, radians per sample, `[M]`.
        synthesis_frequencies: v, radians per sample, `[M]`.
        analysis_phases: p, radians, `[M]`; None in the base family.
        synthesis_phases: q, radians, `[M]`; None in the base family.
        origin: the time of the frame's first sample, in samples.
        tied: v (and q) are the same parameters as w (and p).

    Raises:
        ValueError: a size below 1, an array of the wrong shape, or a number that is not finite.
    """

    frame: int
    coefficients: int
    amplitudes: Float64
    analysis_frequencies: Float64
    synthesis_frequencies: Float64
    analysis_phases: Float64 | None = None
    synthesis_phases: Float64 | None = None
    origin: float = 0.0
    tied: bool = False

    def __post_init__(self) -> None:
        check_sizes(self.frame, self.coefficients)
        for name, size in self.shapes().items():
            value = getattr(self, name)
            if value is None:
                continue
            array = np.array(value, dtype=np.float64)
            if array.shape != (size,):
                raise ValueError(f"{name}: shape {list(array.shape)}, expected [{size}].")
            if not np.isfinite(array).all():
                raise ValueError(f"{name}: holds NaN or infinity.")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if (self.analysis_phases is None) != (self.synthesis_phases is None):
            raise ValueError("Phases: give both the analysis and the synthesis phases, or neither.")
        if not np.isfinite(self.origin):
            raise ValueError(f"origin: {self.origin} is not a finite number.")
        if self.tied and not self._banks_agree():
            raise ValueError("tied: the analysis and synthesis frequencies (and phases) must be the same.")

    def shapes(self) -> dict[str, int]:
        """The length of each array field."""
        m = self.coefficients
        return {
            "amplitudes": 4,
            "analysis_frequencies": m,
            "synthesis_frequencies": m,
            "analysis_phases": m,
            "synthesis_phases": m,
        }

    def arrays(self) -> dict[str, Float64]:
        """The array fields that are present, by name."""
        return {name: value for name in self.shapes() if (value := getattr(self, name)) is not None}

    @property
    def phased(self) -> bool:
        """Whether the pair has phases."""
        return self.analysis_phases is not None

    @property
    def times(self) -> Float64:
        """Sample positions t_n = n + origin, `[N]`."""
        return np.arange(self.frame, dtype=np.float64) + self.origin

    @property
    def analysis_amplitudes(self) -> Float64:
        """alpha_n / sqrt(N), `[N]`."""
        return _per_sample(self.amplitudes[:2] / np.sqrt(self.frame), self.frame)

    @property
    def synthesis_amplitudes(self) -> Float64:
        """beta_n / sqrt(M), `[N]`."""
        return _per_sample(self.amplitudes[2:] / np.sqrt(self.coefficients), self.frame)

    def analysis_matrix(self) -> Float64:
        """W1, `[M, N]`: X = W1 x."""
        bank = cosines(np, self.analysis_frequencies, self.analysis_phases, self.times)
        return np.asarray(bank * self.analysis_amplitudes)

    def synthesis_matrix(self) -> Float64:
        """W2, `[N, M]`: y = W2 X."""
        bank = cosines(np, self.synthesis_frequencies, self.synthesis_phases, self.times)
        return np.asarray(bank.T * self.synthesis_amplitudes[:, None])

    def with_phases(self) -> CosineParameters:
        """The same banks in the phased family (phases zero where there were none)."""
        if self.phased:
            return self
        zero = np.zeros(self.coefficients)
        return replace(self, analysis_phases=zero, synthesis_phases=zero)

    def _banks_agree(self) -> bool:
        same = np.array_equal(self.analysis_frequencies, self.synthesis_frequencies)
        if self.analysis_phases is None or self.synthesis_phases is None:
            return same
        return same and np.array_equal(self.analysis_phases, self.synthesis_phases)


def orthogonal(frame: int, coefficients: int | None = None, *, tied: bool = False) -> CosineParameters:
    """The start that is exact where a pair can be.

    M = N: W1 is the orthonormal DCT-III and W2 the orthonormal DCT-II (Makhoul 1980). M > N: the same
    grid of M frequencies, scaled to a tight frame, exact. M < N: the lowest M of the N-point grid,
    scaled to an orthogonal projection.

    Args:
        frame: N, samples a frame.
        coefficients: M; N when None.
        tied: synthesis shares the analysis frequencies.

    >>> pair = orthogonal(8)
    >>> bool(np.allclose(pair.synthesis_matrix() @ pair.analysis_matrix(), np.eye(8)))
    True
    """
    m = frame if coefficients is None else coefficients
    check_sizes(frame, m)
    grid = (2 * np.arange(m) + 1) * np.pi / (2 * max(frame, m))
    scale = (frame / m) ** 0.25 if m > frame else (m / frame) ** 0.25
    amplitudes = scale * np.array([1.0, np.sqrt(2.0), 1.0, np.sqrt(2.0)])
    return CosineParameters(frame, m, amplitudes, grid, grid, tied=tied)


def random(
    frame: int, coefficients: int | None = None, *, seed: int = 0, tied: bool = False, phased: bool = False
) -> CosineParameters:
    """The start that knows nothing: amplitudes in [0.5, 1.5), frequencies in [0, pi), sorted, seeded.

    Args:
        frame: N, samples a frame.
        coefficients: M; N when None.
        seed: seed of numpy's default generator.
        tied: synthesis shares the analysis frequencies.
        phased: also draw phases in [-pi, pi).
    """
    m = frame if coefficients is None else coefficients
    check_sizes(frame, m)
    rng = np.random.default_rng(seed)
    amplitudes = rng.uniform(0.5, 1.5, 4)
    w = np.sort(rng.uniform(0.0, np.pi, m))
    v = w if tied else np.sort(rng.uniform(0.0, np.pi, m))
    if not phased:
        return CosineParameters(frame, m, amplitudes, w, v, tied=tied)
    p = rng.uniform(-np.pi, np.pi, m)
    q = p if tied else rng.uniform(-np.pi, np.pi, m)
    return CosineParameters(frame, m, amplitudes, w, v, p, q, tied=tied)


def lapped(frame: int, rows: ArrayLike | None = None) -> CosineParameters:
    """The MDCT with N = 2H, or some of its rows (Princen, Johnson and Bradley 1987).

    Exact with all H rows and a Princen-Bradley window, by time-domain aliasing cancellation.

    Args:
        frame: N = 2H, even.
        rows: which of the H rows to keep, ascending; all when None.

    Raises:
        ValueError: an odd frame, or rows that are not distinct members of 0..H-1.
    """
    if frame < 2 or frame % 2:
        raise ValueError(f"frame: {frame}; a lapped frame is even, twice the hop.")
    hop = frame // 2
    kept = np.arange(hop) if rows is None else np.asarray(rows, dtype=np.int64)
    if kept.ndim != 1 or not kept.size or np.unique(kept).size != kept.size or not set(kept) <= set(range(hop)):
        raise ValueError(f"rows: give distinct numbers from 0 to {hop - 1}.")
    w = (kept + 0.5) * np.pi / hop
    scale = (8.0 * kept.size / hop) ** 0.25  # a2 a4 = 2 sqrt(2 M / H), shared evenly
    return CosineParameters(frame, kept.size, np.full(4, scale), w, w, origin=0.5 + hop / 2, tied=True)


def with_origin(parameters: CosineParameters, origin: float) -> CosineParameters:
    """The same numbers read at another time origin: other cosines, unless it is the one they had."""
    return replace(parameters, origin=float(origin))


def grid_rows(
    frequencies: Float64, phases: Float64 | None, origin: float, *, size: int, grid_origin: float, frame: int
) -> NDArray[np.int64] | None:
    """Which rows of a fast transform's grid a bank is, or None when it is off the grid.

    The grid is w = (row + 1/2) pi / size with times n + grid_origin. A bank counts as on it when no
    cosine's angle is off by more than float64's rounding of that angle, anywhere in the frame.

    Args:
        frequencies: `[M]`, radians per sample.
        phases: `[M]`, radians, or None.
        origin: the bank's time origin, in samples.
        size: rows in the grid.
        grid_origin: the grid's time origin, in samples.
        frame: N, samples a frame.
    """
    nearest = np.rint(frequencies * size / np.pi - 0.5)
    if nearest.size == 0 or nearest.min() < 0 or nearest.max() >= size or np.any(np.diff(nearest) <= 0):
        return None
    rows = nearest.astype(np.int64)
    exact = (rows + 0.5) * np.pi / size
    tolerance = 4 * np.finfo(np.float64).eps * np.pi * (frame + abs(origin) + abs(grid_origin))
    offset = frequencies * origin - exact * grid_origin + (0.0 if phases is None else phases)
    offset = np.remainder(offset + np.pi, 2 * np.pi) - np.pi
    drift = np.abs(frequencies - exact) * frame
    return rows if np.all(np.abs(offset) + drift <= tolerance) else None


def check_sizes(frame: int, coefficients: int) -> None:
    """Refuse sizes below 1, with a text that says which."""
    for name, value in (("frame", frame), ("coefficients", coefficients)):
        if not isinstance(value, (int, np.integer)):
            raise ValueError(f"{name}: {value}; a whole number is needed.")
        if value < 1:
            raise ValueError(f"{name}: {value}; at least 1 is needed.")


def _per_sample(first_and_rest: Float64, frame: int) -> Float64:
    values = np.full(frame, first_and_rest[1])
    values[0] = first_and_rest[0]
    return values


def grid_distance(frequencies: Float64, grid: Float64, period: float) -> Float64:
    """How far each frequency lies from the nearest line of the grid, above it positive.

    cos(w n) repeats: w, -w and w plus a period are the same line (for whole n).

    Args:
        frequencies: `[F]`.
        grid: `[G]`, rising, from 0 to half the period, in the same unit.
        period: of the frequencies: 2 pi, or 2 N bins.

    Returns:
        `[F]`, or `[0]` where the grid is empty.

    >>> grid_distance(np.array([0.4, 1.7, -2.4]), np.array([0.5, 1.5, 2.5]), 6.0).round(2).tolist()
    [-0.1, 0.2, -0.1]
    """
    if not grid.size:
        return np.zeros(0)
    inside = np.abs(np.remainder(frequencies + period / 2, period) - period / 2)
    above = np.clip(np.searchsorted(grid, inside), 1, max(grid.size - 1, 1))
    upper, lower = inside - grid[np.minimum(above, grid.size - 1)], inside - grid[above - 1]
    return np.where(np.abs(upper) < np.abs(lower), upper, lower)
