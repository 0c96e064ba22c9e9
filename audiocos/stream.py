"""The engine: a pair running on sound that never ends.

A `Stream` belongs to one thread at a time. `feed` computes whole groups of frames in buffers of one fixed
shape, whatever the sizes of the blocks it is fed, so every chunking of a signal gives the same bits.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from audiocos.cosines import CosineParameters
from audiocos.errors import StreamError
from audiocos.execution import choose_device, make_execution
from audiocos.framing import Framing

Array = NDArray[Any]


_COUNTERS = ("fill", "ahead", "flushed")


class Stream:
    """Reconstruct a signal block by block, delayed by exactly `latency` samples.

    Args:
        parameters: the pair.
        framing: its framing.
        channels: C, at least 1.
        dtype: float32 or float64; of the blocks fed and returned.
        device: "auto", "cpu", "cuda" or "mps".
        group: frames computed at once. 1 has the least latency; more is faster and adds a hop each.
        coefficients: keep each group's coefficients in `coefficients`, `[C, g, M]`.

    Raises:
        StreamError: a frame that the pair does not have, channels, group or dtype that cannot be.
        DeviceError: a device that is not there.

    >>> from audiocos import cosines, framing
    >>> stream = Stream(cosines.orthogonal(4), framing.block(4), dtype="float64")
    >>> x = np.arange(6.0)[None]
    >>> y = np.concatenate([stream.feed(x), stream.flush()], axis=1)
    >>> stream.latency, y.round(9).tolist()
    (3, [[0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]])
    """

    def __init__(
        self,
        parameters: CosineParameters,
        framing: Framing,
        *,
        channels: int = 1,
        dtype: DTypeLike = np.float32,
        device: str = "auto",
        group: int = 1,
        coefficients: bool = False,
    ) -> None:
        if parameters.frame != framing.frame:
            raise StreamError(f"The pair's frame is {parameters.frame} samples, the framing's {framing.frame}.")
        framing.check_coefficients(parameters.coefficients)
        self._settings = (parameters, framing, channels, dtype, device, group, coefficients)
        if not all(isinstance(count, (int, np.integer)) and count >= 1 for count in (channels, group)):
            raise StreamError(f"channels {channels}, group {group}: both must be whole and at least 1.")
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise StreamError(f"dtype {np.dtype(dtype)}: a stream computes in float32 or float64.")
        self.channels, self.group, self.framing = channels, group, framing
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.device = choose_device(device, parameters, framing)
        self._execution = make_execution(
            self.device,
            parameters,
            framing,
            channels=channels,
            group=group,
            dtype=self.dtype,
            coefficients=coefficients,
        )
        self._flushed = False
        self._history = framing.frame - framing.hop
        self._step = group * framing.hop
        self.reset()

    @property
    def latency(self) -> int:
        """Samples by which the output lags the input: N - 1 + (g - 1) H."""
        return self.framing.latency(self.group)

    @property
    def way(self) -> str:
        """How the pair is computed: "fast", "fused" or "factored"."""
        return self._execution.way

    @property
    def coefficients(self) -> Array:
        """The last group's coefficients, `[C, g, M]`, overwritten by the next group."""
        return self._execution.coefficients

    def feed(self, block: Array, out: Array | None = None) -> Array:
        """Take any number of samples and give as many back.

        Args:
            block: `[channels, samples]` in the stream's dtype.
            out: where to write the result, of the same shape and dtype; may be `block` itself, but not overlap it.

        Returns:
            The reconstruction, delayed by `latency` samples, silence before that.

        Raises:
            StreamError: another channel count, dtype or shape, an `out` that cannot be written or overlaps the
                block, or a stream that was flushed.
        """
        if self._flushed:
            raise StreamError("This stream was flushed: its signal has ended. Call reset() to begin another.")
        self._check(block, "block")
        if out is None:
            out = np.empty_like(block)
        else:
            self._check(out, "out")
            if out.shape != block.shape:
                raise StreamError(f"out: shape {list(out.shape)}, the block has {list(block.shape)}.")
            if not out.flags.writeable:
                raise StreamError("out: cannot be written to. Give an array of your own.")
            if out is not block and np.may_share_memory(out, block) and _overlap(out, block):
                raise StreamError("out: overlaps the block at another place. Give the block itself, or other memory.")
        self._run(block, out)
        return out

    def step(self, group: Array, out: Array) -> None:
        """Take exactly one group of samples and give all that it completes: N - H samples late, the least there is.

        `feed` gives one sample for one sample, so it holds samples back that are known already. Where whole groups are
        at hand anyway, this gives them H - 1 samples earlier (g H - 1 for g frames), bit for bit the same. Use one or
        the other in a signal.

        Args:
            group: `[channels, g H]` in the stream's dtype.
            out: where to write the result, of the same shape and dtype.

        Raises:
            StreamError: another shape or dtype, a stream that was flushed, or one fed part of a group.
        """
        if self._flushed or self._fill:
            raise StreamError("step: needs a signal that was neither flushed nor fed a part of a group. Call reset().")
        for block, name in ((group, "group"), (out, "out")):
            self._check(block, name)
            if block.shape[1] != self._step:
                raise StreamError(f"{name}: {block.shape[1]} samples; a step takes {self._step}.")
        self._execution.input[:, self._history :] = group
        self._compute()
        out[...] = self._execution.output

    @property
    def keep(self) -> int | None:
        """How many coefficients are kept, those of the lowest frequencies; None: all. Settable between feeds.

        A setting, not a part of the signal's state. Setting it allocates, and on the fused way builds matrices the
        first time; the steps after it allocate nothing.

        Raises:
            StreamError: set to less than 1 or to more than the pair has.
        """
        return self._execution.kept

    @keep.setter
    def keep(self, count: int | None) -> None:
        most = self._settings[0].coefficients
        if count is not None and not 1 <= count <= most:
            raise StreamError(f"keep {count}: the pair has {most} coefficients; keep 1 to {most} of them.")
        if count != self._execution.kept:
            self._execution.keep(count)

    def flush(self) -> Array:
        """End the signal: the last `latency` samples, `[channels, latency]`.

        Raises:
            StreamError: the stream was flushed before.
        """
        if self._flushed:
            raise StreamError("This stream was flushed already. Call reset() to begin another signal.")
        silence = np.zeros((self.channels, self.latency), self.dtype)
        self._run(silence, silence)
        self._flushed = True
        return silence

    def reset(self) -> None:
        """Forget the signal and begin another."""
        self._execution.reset()
        self._fill = 0  # new samples in the execution's input, of group * hop
        self._ahead = self._history  # output samples still to come that lie before the signal's start
        self._flushed = False

    def state_dict(self) -> dict[str, Any]:
        """A copy of everything that the rest of the output depends on besides the parameters."""
        return {
            "frame": self.framing.frame,
            "hop": self.framing.hop,
            "channels": self.channels,
            "group": self.group,
            "dtype": self.dtype.name,
            "fill": self._fill,
            "ahead": self._ahead,
            "flushed": self._flushed,
            **self._execution.state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken, in a stream of the same settings.

        Raises:
            StreamError: a state of other settings; the text says which differ.
        """
        mine = self.state_dict()
        if not isinstance(state, dict) or state.keys() != mine.keys():
            raise StreamError("state: not a stream's state; it must come from Stream.state_dict().")
        for name in ("frame", "hop", "channels", "group", "dtype"):
            if state[name] != mine[name]:
                raise StreamError(f"state: its {name} is {state[name]}, this stream's is {mine[name]}.")
        arrays = {name: value for name, value in state.items() if isinstance(mine[name], np.ndarray)}
        for name, value in arrays.items():
            if np.shape(value) != mine[name].shape:
                raise StreamError(f"state: {name} has shape {list(np.shape(value))}, not {list(mine[name].shape)}.")
        try:  # numbers that went through a file come back as numpy's
            fill, ahead, flushed = (operator.index(np.asarray(state[name]).item()) for name in _COUNTERS)
        except (TypeError, ValueError) as error:
            raise StreamError(f"state: damaged: {', '.join(_COUNTERS)} must be whole numbers.") from error
        if not 0 <= fill < self._step or not -self._step < ahead <= self._history:
            raise StreamError(f"state: damaged: fill is {fill}, of {self._step} samples.")
        self._execution.load_state(arrays)
        self._fill, self._ahead, self._flushed = fill, ahead, bool(flushed)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle through the state: a plain copy of the buffers would part those that share memory."""
        return _rebuild, (self._settings, self.state_dict(), self.keep)

    def _run(self, block: Array, out: Array) -> None:
        """Copy in, compute full groups, copy out.

        Sample i of a group's input is answered by sample i + 1 of the output that the group before
        made; the input sample that completes a group, by the first sample of the group's own output.
        """
        execution, step = self._execution, self._step
        fresh = execution.input[:, self._history :]
        position, total = 0, block.shape[1]
        while position < total:
            fill = self._fill
            take = min(step - fill, total - position)
            fresh[:, fill : fill + take] = block[:, position : position + take]
            old = min(take, step - fill - 1)
            out[:, position : position + old] = execution.output[:, fill + 1 : fill + 1 + old]
            self._fill = fill + take
            position += take
            if self._fill == step:
                self._compute()
                out[:, position - 1] = execution.output[:, 0]
                self._fill = 0

    def _compute(self) -> None:
        """One step of the execution; what lies before the signal's first sample becomes silence."""
        self._execution.step()
        if self._ahead > 0:
            self._execution.output[:, : min(self._step, self._ahead)] = 0
            self._ahead -= self._step

    def _check(self, block: Array, name: str) -> None:
        if not isinstance(block, np.ndarray):
            kind = type(block).__name__
            raise StreamError(f"{name}: expected a numpy array [{self.channels}, samples], got a {kind}.")
        if block.ndim != 2:
            shape = list(block.shape)
            raise StreamError(f"{name}: expected an array [{self.channels}, samples], got shape {shape}.")
        if block.shape[0] != self.channels:
            raise StreamError(f"{name}: {block.shape[0]} channels; this stream has {self.channels}.")
        if block.dtype != self.dtype:
            raise StreamError(f"{name}: dtype {block.dtype}; this stream computes in {self.dtype}. Convert it first.")


def _overlap(out: Array, block: Array) -> bool:
    """Whether they share memory other than sample for sample."""
    same = out.__array_interface__["data"] == block.__array_interface__["data"] and out.strides == block.strides
    return not same and np.shares_memory(out, block)


def _rebuild(settings: tuple[Any, ...], state: dict[str, Any], keep: int | None = None) -> Stream:
    parameters, framing, channels, dtype, device, group, coefficients = settings
    stream = Stream(
        parameters, framing, channels=channels, dtype=dtype, device=device, group=group, coefficients=coefficients
    )
    stream.keep = keep
    stream.load_state_dict(state)
    return stream
