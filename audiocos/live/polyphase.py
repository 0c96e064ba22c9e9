"""Conversion of a stream's rate with as little delay as its filter needs, for sound that is played while it comes.

soxr filters by transforms of long blocks and gives what is ready in bursts: down to 8 kHz and back it keeps a stream
waiting for a fifth of a second. Here each sample is a product with a filter of a few hundred taps, and comes as soon
as the last of them is there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]

PASSBAND = 0.913
"""Of half the lower rate; the stopband begins at all of it. soxr's very high quality passes as much."""

_ATTENUATION_DB = 120.0
_MOST_TAPS = 2**20


def can_convert(from_rate: int, to_rate: int) -> bool:
    """Whether the rates share a divisor large enough: each of to_rate / gcd phases has a filter of its own."""
    return to_rate // math.gcd(from_rate, to_rate) * 2 * _half(from_rate, to_rate) <= _MOST_TAPS


class Polyphase:
    """One conversion: a windowed sinc (Kaiser 1974), aligned, so that sample j lies at j / to_rate seconds.

    Args:
        from_rate: Hz.
        to_rate: Hz.
        channels: C.
        dtype: of what is converted.
    """

    def __init__(self, from_rate: int, to_rate: int, channels: int, dtype: str) -> None:
        divisor = math.gcd(from_rate, to_rate)
        self._up, self._down = to_rate // divisor, from_rate // divisor
        self._half = _half(from_rate, to_rate)
        self._taps = _taps(self._up, self._half, min(1.0, to_rate / from_rate)).astype(dtype)
        self._held = np.zeros((channels, self._half - 1), dtype)  # silence before the first sample
        self._first = 1 - self._half  # where in the signal it begins
        self._given = 0

    def convert(self, x: Array, last: bool = False) -> Array:
        """Take `[channels, samples]`, give what has become ready."""
        pieces = [self._held, x]
        if last:
            pieces.append(np.zeros((x.shape[0], self._half), x.dtype))
        held = np.concatenate(pieces, axis=1)
        # Output j lies at j down / up; its filter ends `half` samples after the last before that.
        complete = self._first + held.shape[1] - self._half
        end = max(self._given, -(-complete * self._up // self._down))
        places, phases = np.divmod(np.arange(self._given, end) * self._down, self._up)
        starts = places + 1 - self._half - self._first
        y = np.zeros((x.shape[0], 0), held.dtype)
        if starts.size:
            windows = sliding_window_view(held, 2 * self._half, axis=1)[:, starts]
            y = np.einsum("cjw,jw->cj", windows, self._taps[phases])
        self._given = end
        kept = end * self._down // self._up + 1 - self._half  # where the next one's filter begins
        self._held, self._first = held[:, kept - self._first :].copy(), kept
        return y


def _half(from_rate: int, to_rate: int) -> int:
    """Half the filter's length in samples of `from_rate` (Kaiser's formula)."""
    transition = math.pi * (1 - PASSBAND) * min(1.0, to_rate / from_rate)
    return math.ceil((_ATTENUATION_DB - 8) / (2.285 * transition) / 2)


def _taps(phases: int, half: int, share: float) -> Array:
    """The filter of each phase, `[phases, 2 half]`, for a cut-off at about `share` of half the input's rate."""
    offsets = np.arange(phases)[:, None] / phases + (half - 1 - np.arange(2 * half))
    cutoff = share * (1 + PASSBAND) / 2
    window = np.i0(0.1102 * (_ATTENUATION_DB - 8.7) * np.sqrt(np.maximum(0.0, 1 - (offsets / half) ** 2)))
    taps = np.sinc(cutoff * offsets) * window
    return np.asarray(taps / taps.sum(axis=1, keepdims=True))
