"""A model as the worker runs it: fixed chunks in, aligned reconstruction out, whatever the rates.

The output begins with the reconstruction of the input's first sample: the model's own delay is cut off. When it comes
out is a matter of counting, which `written` does, and from which the session knows its latency to the sample.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from audiocos.live.polyphase import Polyphase, can_convert
from audiocos.live.prefill import least_prefill, prefill_of
from audiocos.model import Model
from audiocos.stream import Stream
from audiocos.whole import best_group

Array = NDArray[Any]

_COUNTED_S = 10.0
_MOST_GROUP = 32  # larger ones gain little, and a switch acts once a group


class Pipeline(Protocol):
    """What the worker needs of a model."""

    chunk: int
    stream: Stream
    algorithmic: int
    resampling: int

    @property
    def timed(self) -> str:
        """What a chunk is, in words: what is timed."""

    def feed(self, x: Array) -> Array:
        """Take exactly `chunk` samples, `[C, chunk]`; give what is ready, valid until the next call."""

    def finish(self, x: Array, missing: int) -> Array:
        """Take the last samples, fewer than a chunk, and give the last `missing` samples of output."""

    def restart(self) -> None:
        """Forget the signal and begin another."""

    def prefill(self, block: int, period: int | None = None) -> int:
        """Samples of silence before the output with which a device of such blocks, and period, never runs dry."""


def make_pipeline(
    model: Model,
    sample_rate: int,
    channels: int,
    *,
    dtype: DTypeLike,
    device: str,
    block: int,
    fast: bool,
    soon: bool = False,
) -> Pipeline:
    """The pipeline for a signal.

    Args:
        model: the model.
        sample_rate: the signal's, Hz.
        channels: C.
        dtype: to compute in.
        device: where to compute.
        block: samples that the source hands over at once.
        fast: larger groups of frames: more speed, more latency.
        soon: convert rates with little delay; else as files are converted, so that their figures are the same.
    """
    group = min(best_group(model.framing, channels), _MOST_GROUP) if fast else 1
    stream = model.stream(channels, dtype=dtype, device=device, group=group)
    if model.sample_rate is None or model.sample_rate == sample_rate:
        return DirectPipeline(stream)
    chunk = max(block, group * model.framing.hop * sample_rate // model.sample_rate if fast else 1)
    one = None
    if channels > 1:
        mono = model.stream(1, dtype=dtype, device=device, group=group)
        one = ResampledPipeline(mono, sample_rate, model.sample_rate, chunk, soon=soon)
    return ResampledPipeline(stream, sample_rate, model.sample_rate, chunk, soon=soon, one=one)


class DirectPipeline:
    """The signal's rate is the model's: a chunk is a group of hops, and nothing is allocated per chunk."""

    resampling = 0

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.chunk = stream.group * stream.framing.hop
        self.algorithmic = stream.latency
        self._history = stream.framing.frame - stream.framing.hop
        self._out = np.zeros((stream.channels, self.chunk), stream.dtype)
        self._cut = self._history

    @property
    def timed(self) -> str:
        """See `Pipeline`."""
        group, hop = self.stream.group, self.stream.framing.hop
        return f"hops of {hop} samples" if group == 1 else f"groups of {group} hops, {self.chunk} samples"

    def feed(self, x: Array) -> Array:
        """See `Pipeline`."""
        self.stream.step(x, self._out)
        cut = min(self._cut, self.chunk)
        self._cut -= cut
        return self._out[:, cut:]

    def finish(self, x: Array, missing: int) -> Array:
        """See `Pipeline`."""
        rest = np.zeros_like(self._out)
        rest[:, : x.shape[1]] = x
        pieces = [np.zeros((x.shape[0], 0), x.dtype)]
        while sum(piece.shape[1] for piece in pieces) < missing:
            pieces.append(self.feed(rest).copy())
            rest[...] = 0
        return np.concatenate(pieces, axis=1)[:, :missing]

    def restart(self) -> None:
        """See `Pipeline`."""
        self.stream.reset()
        self._cut = self._history

    def prefill(self, block: int, period: int | None = None) -> int:
        """See `Pipeline`; the model's delay in front of whole hops, and what the hops need."""
        return self._history + least_prefill(block, self.chunk, period)


class ResampledPipeline:
    """The signal is converted to the model's rate and back; the converters allocate their results.

    Args:
        stream: a fresh stream.
        sample_rate: the signal's, Hz.
        model_rate: the model's, Hz.
        chunk: samples that are fed at a time.
        soon: with little delay, where the rates allow it.
        one: the same with one channel, to count with: of many it would take as long as the sound.
    """

    def __init__(
        self,
        stream: Stream,
        sample_rate: int,
        model_rate: int,
        chunk: int,
        *,
        soon: bool = False,
        one: ResampledPipeline | None = None,
    ) -> None:
        self.stream, self.chunk = stream, chunk
        self.algorithmic = round(stream.latency * sample_rate / model_rate)
        self.resampling = 0  # known once `prefill` has counted
        self._rates = sample_rate, model_rate
        both = can_convert(sample_rate, model_rate) and can_convert(model_rate, sample_rate)
        self._converter = Polyphase if soon and both else None
        self._written: list[int] = []
        self._one = one or self
        self.restart()

    @property
    def timed(self) -> str:
        """See `Pipeline`; hops come unevenly out of a conversion, so it is not they that are timed."""
        return f"blocks of {self.chunk} samples, converted both ways"

    def feed(self, x: Array) -> Array:
        """See `Pipeline`."""
        return self._aligned.feed(x)

    def finish(self, x: Array, missing: int) -> Array:
        """See `Pipeline`."""
        y = self._aligned.feed(x)
        return np.concatenate([y, self._aligned.finish(missing - y.shape[1])], axis=1)

    def restart(self) -> None:
        """See `Pipeline`."""
        from audiocos.audio.aligned import AlignedStream

        self.stream.reset()
        self._aligned = AlignedStream(self.stream, *self._rates, converter=self._converter)

    def prefill(self, block: int, period: int | None = None) -> int:
        """See `Pipeline`. How unevenly the converters give has no short formula, so it is counted, over 10 s.

        Counted the first time, which must be before anything is fed.
        """
        margin = 2  # the counts repeat only after the least common multiple of rates, chunks and hops
        self._written = self._written or self._one._count()
        self.resampling = self._one.resampling
        return prefill_of(block, self.chunk, self._written, period) + margin

    def _count(self) -> list[int]:
        """Samples that have come out after each chunk."""
        silence = np.zeros((self.stream.channels, self.chunk), self.stream.dtype)
        written, lags = [0], []
        for j in range(1, 2 + int(_COUNTED_S * self._rates[0]) // self.chunk):
            written.append(written[-1] + self.feed(silence).shape[1])
            lags.append(j * self.chunk - written[-1])
        self.restart()
        settled = lags[len(lags) // 2 :]
        self.resampling = max(0, min(settled) - self.algorithmic)
        return written
