"""The second moment of a corpus: all that a linear pair and a quadratic loss can know of it.

A `Moment` holds sums over hops h_j of H samples, K_d = sum_j h_j h_{j+d}^T, from which the second moment of
any run of whole hops is put together, and the autocorrelation, which serves when the sound counts as stationary
(every sample offset instead of every hop). Both are sums: parts of a corpus, files and machines add up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.fft
import scipy.linalg
from numpy.typing import NDArray

from audiocos.cosines import Float64
from audiocos.framing import Framing


@dataclass
class Moment:
    """Sums over sound, float64.

    Args:
        hop: H.
        reach: how many hops belong together, 2N/H - 1: the frames that make one hop of output see so many.
        blocks: K_d, `[reach, H, H]`.
        autocorrelation: sum_t x_t x_{t+lag}, `[reach H]`.
        hops: hops counted.
        samples: samples counted.
    """

    hop: int
    reach: int
    blocks: Float64 = field(default=None, repr=False)  # type: ignore[assignment]
    autocorrelation: Float64 = field(default=None, repr=False)  # type: ignore[assignment]
    hops: int = 0
    samples: int = 0

    def __post_init__(self) -> None:
        if self.blocks is None:
            self.blocks = np.zeros((self.reach, self.hop, self.hop))
        if self.autocorrelation is None:
            self.autocorrelation = np.zeros(self.reach * self.hop)

    @classmethod
    def of(cls, framing: Framing) -> Moment:
        """An empty moment for a framing."""
        return cls(framing.hop, 2 * framing.overlap - 1)

    @property
    def span(self) -> int:
        """Samples that belong together, 2N - H."""
        return self.reach * self.hop

    def __add__(self, other: Moment) -> Moment:
        return Moment(
            self.hop,
            self.reach,
            self.blocks + other.blocks,
            self.autocorrelation + other.autocorrelation,
            self.hops + other.hops,
            self.samples + other.samples,
        )

    def full(self) -> Float64:
        """C = E[x x^T] of runs of whole hops, `[span, span]`."""
        h, r = self.hop, self.reach
        rows = []
        for i in range(r):
            rows.append([self.blocks[j - i] if j >= i else self.blocks[i - j].T for j in range(r)])
        return np.block(rows) / max(self.hops, 1)

    def stationary(self) -> Float64:
        """C = E[x x^T] of runs at every sample offset: Toeplitz, `[span, span]`."""
        return np.asarray(scipy.linalg.toeplitz(self.autocorrelation / max(self.samples, 1)))


class Accumulator:
    """Adds one signal, block by block, to a moment. The signal counts as surrounded by silence.

    Args:
        moment: where the sums go.
    """

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        h, r = moment.hop, moment.reach
        self._hops = max(r, 2**16 // h)  # hops a product: big enough to be GEMM-bound
        self._buffer = np.zeros((self._hops + r - 1) * h)
        self._fill = (r - 1) * h  # the hops before the first are silence
        self._size = 1 << (4 * len(self._buffer) - 1).bit_length() - 1

    def add(self, samples: NDArray[np.floating]) -> None:
        """Take the next samples, `[samples]`, any length."""
        self._moment.samples += len(samples)
        position = 0
        while position < len(samples):
            taken = min(len(self._buffer) - self._fill, len(samples) - position)
            self._buffer[self._fill : self._fill + taken] = samples[position : position + taken]
            self._fill += taken
            position += taken
            if self._fill == len(self._buffer):
                self._flush(self._hops)

    def finish(self) -> None:
        """End the signal; the last hop is filled up with silence."""
        h, r = self._moment.hop, self._moment.reach
        fresh = self._fill - (r - 1) * h
        hops = -(-fresh // h)
        self._buffer[self._fill :] = 0
        if hops:
            self._flush(hops)
        self._buffer[:] = 0
        self._fill = (r - 1) * h

    def _flush(self, fresh: int) -> None:
        """Add the newest `fresh` hops, each with the reach - 1 hops before it."""
        m, kept = self._moment, self._moment.reach - 1
        hops = self._buffer.reshape(-1, m.hop)
        new = hops[kept : kept + fresh]
        for d in range(m.reach):
            m.blocks[d] += hops[kept - d : kept - d + fresh].T @ new
        lags = m.span
        spectrum = scipy.fft.rfft(self._buffer[: (kept + fresh) * m.hop], self._size)
        newer = self._buffer[: (kept + fresh) * m.hop].copy()
        newer[: kept * m.hop] = 0
        cross = scipy.fft.irfft(np.conj(spectrum) * scipy.fft.rfft(newer, self._size), self._size)
        m.autocorrelation += cross[:lags]
        m.hops += fresh
        hops[:kept] = hops[fresh : fresh + kept].copy()
        self._fill = kept * m.hop


def probes(second_moment: Float64, keep: float = 1e-12) -> Float64:
    """Signals F, `[span, probes]`, with F F^T = C; directions with less than `keep` of the energy are left out."""
    values, vectors = scipy.linalg.eigh(second_moment)
    order = np.argsort(values)[::-1]
    values, vectors = values[order].clip(0.0), vectors[:, order]
    rest = np.cumsum(values[::-1])[::-1]
    count = max(1, int(np.count_nonzero(rest > keep * rest[0]))) if rest[0] > 0 else 1
    return np.asarray(vectors[:, :count] * np.sqrt(values[:count]))
