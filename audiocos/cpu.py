"""How a pair runs on the CPU: numpy and scipy, in buffers that are there before the first step."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import DTypeLike, NDArray

from audiocos.cosines import CosineParameters
from audiocos.execution import choose_way, fast_rows, kept_rows, matrices
from audiocos.framing import Framing

Array = NDArray[Any]


class CpuExecution:
    """One group of frames at a time, on the CPU. See `Execution` for the buffers.

    Args:
        parameters: the pair.
        framing: its framing.
        channels: C.
        group: g, frames a step.
        dtype: float32 or float64; of buffers and products. Angles are always formed in float64.
        coefficients: the owner will use `coefficients`, `analyze` or `synthesize`; rules the fused way out.
        way: "fast", "fused" or "factored"; the cheapest when None.
    """

    def __init__(
        self,
        parameters: CosineParameters,
        framing: Framing,
        *,
        channels: int = 1,
        group: int = 1,
        dtype: DTypeLike = np.float32,
        coefficients: bool = False,
        way: str | None = None,
    ) -> None:
        n, h, m = framing.frame, framing.hop, parameters.coefficients
        self.way = way or choose_way(parameters, framing, coefficients)
        self.group, self._hop = group, h
        self.kept: int | None = None
        self._parameters, self._framing = parameters, framing
        self._mask: Array
        self._coefficient_mask: Array
        self.input = np.zeros((channels, n - h + group * h), dtype)
        self._windows = _sliding(self.input, group, n, h)
        self._frames = np.zeros((channels, group, n), dtype)
        self._sums = np.zeros((channels, group + framing.overlap - 1, h), dtype)
        self._hops = self._frames.reshape(channels, group, framing.overlap, h)
        self._addend = np.zeros((group, h), dtype)
        # Block frames do not overlap: the frames are the output and no sum is needed.
        finished = self._frames if framing.overlap == 1 else self._sums
        self.output = finished.reshape(channels, -1)[:, : group * h]
        self._keep = coefficients
        kept = m if coefficients or self.way == "factored" else 0
        self.coefficients = np.zeros((channels, group, kept), dtype)
        self._coefficient_rows = self.coefficients.reshape(channels * group, -1)
        if self.way == "fast":
            self._prepare_fast(parameters, framing)
        else:
            dense = matrices(parameters, framing, np.dtype(dtype), self.way == "fused")
            self._fused = dense if self.way == "fused" else ()
            self._factors = dense if self.way == "factored" else ()
            self._frame_rows = self._frames.reshape(channels * group, n)
            self._fused_rows = np.zeros_like(self._frame_rows) if self.way == "fused" else self._frame_rows

    def step(self) -> None:
        """Input to output."""
        if self.way == "fused" and self.kept is None:
            np.copyto(self._fused_rows.reshape(self._frames.shape), self._windows)
            np.matmul(self._fused_rows, self._fused[0], out=self._frame_rows)
            self._overlap_add()
        elif self.way == "fast" and not self._keep:
            self._transform_forward()
            if not self._fast.complete or self.kept is not None:
                self._grid *= self._mask
            self._transform_back()
            self._overlap_add()
        else:
            self.analyze()
            if self.kept is not None:
                self._coefficient_rows *= self._coefficient_mask
            self.synthesize()
            return
        self._advance()

    def keep(self, count: int | None) -> None:
        """From the next step on, keep the `count` coefficients of the lowest frequencies; all when None."""
        rows = kept_rows(self._parameters, count)
        if self.way == "fast":
            mask = np.zeros_like(self._mask)
            mask[:, :, self._fast.rows[rows]] = 1
            self._mask = mask
        elif self.way == "fused" and not self._factors:
            self._factors = matrices(self._parameters, self._framing, self.input.dtype, False)
            self.coefficients = np.zeros((*self._frames.shape[:2], rows.size), self.input.dtype)
            self._coefficient_rows = self.coefficients.reshape(-1, rows.size)
        if self._coefficient_rows.size:
            # As large as what it multiplies: numpy needs no buffers of its own then.
            full = np.broadcast_to(rows, self._coefficient_rows.shape)
            self._coefficient_mask = np.ascontiguousarray(full, self.input.dtype)
        self.kept = count

    def analyze(self) -> None:
        """Input to `coefficients`; moves the input on."""
        if self.way == "fast":
            self._transform_forward()
            np.take(self._grid, self._grid_indices, out=self._coefficient_rows, mode="clip")
        else:
            np.copyto(self._frames, self._windows)
            np.matmul(self._frame_rows, self._factors[0], out=self._coefficient_rows)
        self._advance()

    def synthesize(self) -> None:
        """`coefficients` to output."""
        if self.way == "fast":
            if not self._fast.complete:
                self._grid[...] = 0
            np.put(self._grid, self._grid_indices, self.coefficients, mode="clip")
            self._transform_back()
        else:
            np.matmul(self._coefficient_rows, self._factors[1], out=self._frame_rows)
        self._overlap_add()

    def reset(self) -> None:
        """Back to silence."""
        for buffer in (self.input, self._frames, self._sums, self.coefficients):
            buffer[...] = 0

    def state(self) -> dict[str, Array]:
        """A copy of what the next step depends on."""
        return {"input": self.input.copy(), "sums": self._sums.copy(), "output": self.output.copy()}

    def load_state(self, state: dict[str, Array]) -> None:
        """Take over what `state` returned."""
        self.input[...] = state["input"]
        self._sums[...] = state["sums"]
        self.output[...] = state["output"]

    # numpy moves overlapping samples in place, and adds without iterator buffers, only where both sides are
    # contiguous: hence one channel at a time, and `_addend`.

    def _advance(self) -> None:
        """Move the last N - H samples to the front."""
        step = self.group * self._hop
        for samples in self.input:
            samples[:-step] = samples[step:]

    def _overlap_add(self) -> None:
        """Sum frames, oldest first whatever the group, so that every grouping rounds alike."""
        g, r, step = self.group, self._hops.shape[2], self.group * self._hop
        if r == 1:
            return
        for sums, hops in zip(self._sums, self._hops, strict=True):
            samples = sums.reshape(-1)
            samples[:-step] = samples[step:]
            sums[r - 1 :] = hops[:, r - 1]
            for i in reversed(range(r - 1)):
                self._addend[...] = hops[:, i]
                sums[i : i + g] += self._addend

    def _prepare_fast(self, parameters: CosineParameters, framing: Framing) -> None:
        found = fast_rows(parameters, framing)
        if found is None:
            raise ValueError("way: fast needs both banks on the grid of a fast transform.")
        self._fast = found
        dtype = self.input.dtype
        # scipy's unnormalised transforms count every cosine twice, but not the DCT-III's first sample.
        halves = np.full(parameters.frame, 0.5)
        analysis = halves.copy()
        if not found.lapped:
            analysis[0] = 1.0
        analysis *= parameters.analysis_amplitudes * framing.analysis_window
        synthesis = halves * parameters.synthesis_amplitudes * framing.synthesis_window
        if found.lapped:
            # The signs of (-c_r - d, a - b_r), to which the MDCT folds the quarters (a, b, c, d).
            analysis[self._hop // 2 :] *= -1
            synthesis[self._hop // 2 :] *= -1
        # One scale a frame, not one for all: numpy multiplies arrays of one shape without buffers of its own.
        shape = self._frames.shape
        self._scale_in = np.ascontiguousarray(np.broadcast_to(analysis, shape), dtype)
        self._scale_out = np.ascontiguousarray(np.broadcast_to(synthesis, shape), dtype)
        grid_shape = (*shape[:2], found.size)
        self._grid = self._frames if found.size == shape[2] else np.zeros(grid_shape, dtype)
        self._folded = np.zeros(grid_shape if found.lapped else 0, dtype)
        every_frame = np.arange(shape[0] * shape[1])[:, None] * found.size
        self._grid_indices = every_frame + found.rows  # of each kept coefficient in the flattened grid
        self._mask = np.zeros(grid_shape, dtype)
        self._mask[:, :, found.rows] = 1

    def _transform_forward(self) -> None:
        frames, grid, n = self._frames, self._grid, self._frames.shape[2]
        np.copyto(frames, self._windows)
        frames *= self._scale_in
        if self._fast.lapped:
            half = self._hop // 2
            a, b, c, d = (frames[:, :, i * half : (i + 1) * half] for i in range(4))
            grid[:, :, :half], grid[:, :, half:] = c[:, :, ::-1], a
            self._folded[:, :, :half], self._folded[:, :, half:] = d, b[:, :, ::-1]
            grid += self._folded
        elif grid is not frames:
            grid[:, :, :n] = frames
            grid[:, :, n:] = 0
        kind = 4 if self._fast.lapped else 3
        self._store(scipy.fft.dct(grid, type=kind, overwrite_x=True))

    def _transform_back(self) -> None:
        kind = 4 if self._fast.lapped else 2
        self._store(scipy.fft.dct(self._grid, type=kind, overwrite_x=True))
        frames, grid = self._frames, self._grid
        if self._fast.lapped:
            half = self._hop // 2
            u, v = grid[:, :, :half], grid[:, :, half:]
            for i, quarter in enumerate((v, v[:, :, ::-1], u[:, :, ::-1], u)):
                frames[:, :, i * half : (i + 1) * half] = quarter
        elif grid is not frames:
            np.copyto(frames, grid[:, :, : frames.shape[2]])
        frames *= self._scale_out

    def _store(self, transformed: Array) -> None:
        """Scipy may transform in place or not; the grid buffer holds the result either way."""
        if transformed is not self._grid and not np.shares_memory(transformed, self._grid):
            self._grid[...] = transformed


def _sliding(buffer: Array, group: int, frame: int, hop: int) -> Array:
    """The overlapping frames of a buffer, as a view `[C, g, N]`."""
    view = np.lib.stride_tricks.sliding_window_view(buffer, frame, axis=1)
    return view[:, ::hop][:, :group]
