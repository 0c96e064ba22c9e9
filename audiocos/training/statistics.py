"""The second moment of a corpus: all that a linear pair and a quadratic loss can know of it.

A `Moment` holds sums over hops h_j of H samples, K_d = sum_j h_j h_{j+d}^T, from which the second moment of
any run of whole hops is put together, and the autocorrelation, which serves when the sound counts as stationary
(every sample offset instead of every hop). Both are sums: parts of a corpus, files and machines add up.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.fft
import scipy.linalg
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from audiocos.cosines import Float64
from audiocos.framing import Framing

_ZEROS: Any = None  # __post_init__ puts the array in its place
_SAMPLES_A_TRANSFORM = 2**17  # enough that the calls cost little beside the transforms
_HOPS_A_PRODUCT = 1024  # enough that adding a product costs little beside making it


@dataclass
class Moment:
    """Sums over sound, float64.

    Args:
        hop: H.
        reach: how many hops belong together, 2N/H - 1: the frames that make one hop of output see so many.
        blocks: K_d, `[reach, H, H]`.
        autocorrelation: sum_t x_t x_{t+lag}, `[reach H]`; zeros where it was not asked for.
        hops: hops counted.
        samples: samples counted.
    """

    hop: int
    reach: int
    blocks: Float64 = field(default=_ZEROS, repr=False)
    autocorrelation: Float64 = field(default=_ZEROS, repr=False)
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
        r = self.reach
        rows = []
        for i in range(r):
            rows.append([self.blocks[j - i] if j >= i else self.blocks[i - j].T for j in range(r)])
        return np.block(rows) / max(self.hops, 1)

    def stationary(self) -> Float64:
        """C = E[x x^T] of runs at every sample offset: Toeplitz, `[span, span]`.

        Raises:
            ValueError: the sound was heard without them.
        """
        if self.autocorrelation[0] == 0 and self.blocks.any():
            raise ValueError("this sound was heard at every hop only, not at every sample offset.")
        return np.asarray(scipy.linalg.toeplitz(self.autocorrelation / max(self.samples, 1)))


class Accumulator:
    """Adds one signal after another, block by block, to a moment. Each signal counts as surrounded by silence.

    Signals that follow one another share products, with hops of silence between them, so that short ones cost no more
    than long ones. Channels are signals that run side by side.

    Args:
        moment: where the sums go; complete after `finish`.
        channels: signals side by side.
        executor: its threads share the products of a chunk, while the caller fills the next one; each sum is
            still added in the order of the sound, so the bits do not depend on them.
        offsets: whether to count every sample offset, too.
    """

    def __init__(
        self, moment: Moment, channels: int = 1, executor: Executor | None = None, *, offsets: bool = True
    ) -> None:
        self._moment, self._channels, self._executor = moment, channels, executor
        h, r = moment.hop, moment.reach
        self._fresh = max(r, 2**17 // h, -(-_HOPS_A_PRODUCT // channels))
        self._spare = [np.zeros((channels, r + self._fresh, h)) for _ in range(1 if executor is None else 2)]
        self._buffer = self._spare.pop()
        self._fill = r * h  # what precedes the first sample is silence
        self._pending: list[Future[None]] = []
        self._lags = _Autocorrelation(moment.span) if offsets else None
        self._length = 0  # samples of the signal that is coming in

    def add(self, samples: NDArray[np.floating]) -> None:
        """Take the next samples, `[channels, samples]` or `[samples]`, any length."""
        samples = np.atleast_2d(samples)
        self._length += samples.shape[1]
        self._put(samples)

    def end_signal(self) -> None:
        """What comes next is another signal: fill up the last hop and leave `reach` hops of silence."""
        h, r = self._moment.hop, self._moment.reach
        whole = -(-self._fill // h) * h
        self._put(np.zeros((self._channels, whole - self._fill + r * h)))
        self._count()

    def finish(self) -> None:
        """End the last signal, its last hop filled up with silence, and complete the moment."""
        h, r = self._moment.hop, self._moment.reach
        self._count()
        hops = -(-self._fill // h) - r
        if hops:
            self._silence(self._fill)
            self._flush(hops)
        self._wait()
        self._silence(0)
        self._fill = r * h
        if self._lags is not None:
            self._moment.autocorrelation += self._lags.take()

    def _count(self) -> None:
        self._moment.samples += self._channels * self._length
        self._moment.hops += self._channels * -(-self._length // self._moment.hop)
        self._length = 0

    def _put(self, samples: NDArray[np.floating]) -> None:
        size, position = self._buffer.shape[1] * self._buffer.shape[2], 0
        flat = self._buffer.reshape(self._channels, -1)
        while position < samples.shape[1]:
            taken = min(size - self._fill, samples.shape[1] - position)
            flat[:, self._fill : self._fill + taken] = samples[:, position : position + taken]
            self._fill += taken
            position += taken
            if self._fill == size:
                self._flush(self._fresh)
                flat = self._buffer.reshape(self._channels, -1)

    def _silence(self, start: int) -> None:
        self._buffer.reshape(self._channels, -1)[:, start:] = 0

    def _flush(self, fresh: int) -> None:
        """Add the newest `fresh` hops, each with the hops before it."""
        m, full = self._moment, self._buffer
        # One product for all channels: what comes before a channel's first hop counts as old, but not as new.
        new = full.copy() if self._channels > 1 else full
        if self._channels > 1:
            new[:, : m.reach] = 0
        start = m.reach
        stop = (self._channels - 1) * full.shape[1] + start + fresh
        olds, news = full.reshape(-1, m.hop), new.reshape(-1, m.hop)
        self._wait()
        for d in range(m.reach):
            old = news if d == 0 else olds  # the same array twice: BLAS computes half of it
            self._run(_add_product, m.blocks[d], old[start - d : stop - d], news[start:stop])
        if self._lags is not None:
            self._run(self._lags.add, full.reshape(self._channels, -1)[:, : (start + fresh) * m.hop])
        self._turn(fresh)

    def _turn(self, fresh: int) -> None:
        """Go on in a buffer that is free, after the newest `reach` hops."""
        m, full = self._moment, self._buffer
        if self._spare:
            self._buffer = self._spare.pop()
            self._spare.append(full)
        self._buffer[:, : m.reach] = full[:, fresh : fresh + m.reach].copy()
        self._fill = m.reach * m.hop

    def _run(self, work: Callable[..., None], *arguments: Float64) -> None:
        if self._executor is None:
            work(*arguments)
        else:
            self._pending.append(self._executor.submit(work, *arguments))

    def _wait(self) -> None:
        for future in self._pending:
            future.result()
        self._pending.clear()


def _add_product(total: Float64, old: Float64, new: Float64) -> None:
    total += old.T @ new


class _Autocorrelation:
    """Sums sum_t x_t x_{t+lag} for lag = 0..lags-1, by power spectra.

    A segment is B new samples and the `lags` before them. Its own autocorrelation, less that of those before, has
    each pair with its later sample among the new ones once. Both are transforms of squared spectra, which add up over
    segments, so that only two sums are transformed back.
    """

    def __init__(self, lags: int) -> None:
        self._lags = lags
        self._size: int = scipy.fft.next_fast_len(max(8 * lags, 4096), real=True)
        self._new = self._size - 2 * lags  # and as many zeros as there are lags, so that nothing wraps
        self._small: int = scipy.fft.next_fast_len(2 * lags, real=True)
        self._group = max(1, _SAMPLES_A_TRANSFORM // self._size)
        self._segments = _PowerSum(self._group, self._size)
        self._overlaps = _PowerSum(self._group, self._small)

    def add(self, samples: Float64) -> None:
        """Take `[channels, lags + samples]`: only pairs whose later sample is beyond the first `lags` count."""
        for channel in samples:
            whole = (len(channel) - self._lags) // self._new
            if whole:
                segments = sliding_window_view(channel, self._lags + self._new)[:: self._new]
                for first in range(0, whole, self._group):
                    self._add_segments(segments[first : first + self._group])
            rest = channel[whole * self._new :]
            if len(rest) > self._lags:
                self._add_segments(rest[None])

    def take(self) -> Float64:
        """The sums so far, `[lags]`; starts again from zero."""
        return self._segments.take(self._lags) - self._overlaps.take(self._lags)

    def _add_segments(self, segments: Float64) -> None:
        self._segments.add(segments)
        self._overlaps.add(segments[:, : self._lags])


class _PowerSum:
    """Squared spectra of at most `rows` rows at a time, filled up with zeros to `size`, summed."""

    def __init__(self, rows: int, size: int) -> None:
        self._size, self._total = size, np.zeros(size // 2 + 1)
        self._rows = np.zeros((rows, size))  # kept: fresh memory would cost as much as the transforms

    def add(self, rows: Float64) -> None:
        count, length = rows.shape
        padded = self._rows[:count]
        padded[:, :length] = rows
        padded[:, length:] = 0
        spectra = scipy.fft.rfft(padded)
        parts = spectra.view(np.float64)
        self._total += np.einsum("ij,ij->j", parts, parts).reshape(-1, 2).sum(axis=1)

    def take(self, lags: int) -> Float64:
        sums = np.fft.irfft(self._total, self._size)[:lags]
        self._total[:] = 0
        return sums


def probes(second_moment: Float64, keep: float = 1e-12) -> Float64:
    """Signals F, `[span, probes]`, with F F^T = C; directions with less than `keep` of the energy are left out."""
    values, vectors = scipy.linalg.eigh(second_moment)
    order = np.argsort(values)[::-1]
    values, vectors = values[order].clip(0.0), vectors[:, order]
    rest = np.cumsum(values[::-1])[::-1]
    count = max(1, int(np.count_nonzero(rest > keep * rest[0]))) if rest[0] > 0 else 1
    return np.asarray(vectors[:, :count] * np.sqrt(values[:count]))
