"""A stream whose output lines up with its input: latency cut off, other sample rates converted on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from audiocos.stream import Stream

Array = NDArray[Any]


class Converter(Protocol):
    """One conversion of a stream's rate, without a shift: it begins with the signal's first sample."""

    def convert(self, x: Array, last: bool = False) -> Array:
        """Take `[channels, samples]`, give what has become ready; all of it where they are the last."""


class AlignedStream:
    """Feed a signal in blocks and get its reconstruction from its first sample on, in blocks of any length.

    Args:
        stream: a fresh stream.
        sample_rate: the signal's, in Hz.
        model_rate: the rate the stream is to run at.
        converter: what converts to it and back, made with rates, channels and dtype; None: soxr, very high quality.
        watch: called with what goes into the stream and its reconstruction, `[channels, samples]` each, aligned,
            at the rate the stream runs at.
    """

    def __init__(
        self,
        stream: Stream,
        sample_rate: int,
        model_rate: int | None = None,
        *,
        converter: Callable[[int, int, int, str], Converter] | None = None,
        watch: Callable[[Array, Array], None] | None = None,
    ) -> None:
        self._stream = stream
        self._cut = stream.latency
        self._watch = watch
        self._unanswered = Pending(axis=1)
        self._converters: tuple[Converter, Converter] | None = None
        if model_rate is not None and model_rate != sample_rate:
            channels, dtype = stream.channels, stream.dtype.name
            make = converter or Resampler
            down = make(sample_rate, model_rate, channels, dtype)
            self._converters = (down, make(model_rate, sample_rate, channels, dtype))

    def feed(self, x: Array) -> Array:
        """Take a block, `[channels, samples]`, give what has become ready."""
        if self._converters is None:
            return self._run(x)
        down, up = self._converters
        return up.convert(self._run(down.convert(x)))

    def finish(self, missing: int) -> Array:
        """End the signal: the last `missing` samples of its reconstruction."""
        if self._converters is None:
            tail = self._flush()
        else:
            down, up = self._converters
            rest = down.convert(np.zeros((self._stream.channels, 0), self._stream.dtype), last=True)
            done = self._run(rest)
            tail = up.convert(np.concatenate([done, self._flush()], axis=1), last=True)
        # Two conversions may come out a sample short or long.
        out = np.zeros((tail.shape[0], missing), tail.dtype)
        kept = min(missing, tail.shape[1])
        out[:, :kept] = tail[:, :kept]
        return out

    def _run(self, x: Array) -> Array:
        y = self._stream.feed(x)
        cut = min(self._cut, y.shape[1])
        self._cut -= cut
        y = y[:, cut:]
        if self._watch is not None:
            self._unanswered.push(x)
        self._show(y)
        return y

    def _flush(self) -> Array:
        y = self._stream.flush()[:, self._cut :]
        self._show(y)
        return y

    def _show(self, y: Array) -> None:
        if self._watch is not None and y.shape[1]:
            self._watch(self._unanswered.pop(y.shape[1]), y)


class Pending:
    """Blocks of samples that wait for their reconstruction, oldest first.

    Args:
        axis: along which the samples lie.
    """

    def __init__(self, axis: int) -> None:
        self._axis = axis
        self._blocks: deque[Array] = deque()

    def push(self, samples: Array) -> None:
        """Add the newest block, of any length."""
        if samples.shape[self._axis]:
            self._blocks.append(samples)

    def pop(self, count: int) -> Array:
        """Take the oldest `count` samples; as many must wait."""
        pieces = []
        while count:
            block = self._blocks.popleft()
            if block.shape[self._axis] > count:
                block, rest = np.split(block, [count], axis=self._axis)
                self._blocks.appendleft(rest)
            pieces.append(block)
            count -= block.shape[self._axis]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=self._axis)


class Resampler:
    """One conversion of a stream's rate, by soxr at very high quality.

    Args:
        from_rate: Hz.
        to_rate: Hz.
        channels: C.
        dtype: of what is converted.
    """

    def __init__(self, from_rate: int, to_rate: int, channels: int, dtype: str) -> None:
        self._stream = soxr.ResampleStream(from_rate, to_rate, channels, dtype=dtype, quality="VHQ")

    def convert(self, x: Array, last: bool = False) -> Array:
        """Take `[channels, samples]`, give what has become ready."""
        y = self._stream.resample_chunk(np.ascontiguousarray(x.T), last=last)
        return np.ascontiguousarray(y.reshape(len(y), x.shape[0]).T)
