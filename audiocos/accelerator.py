"""How a pair is applied on an accelerator: dense products in torch, one CUDA graph a step on cuda.

The same contract as `cpu.CpuExecution`; `input`, `output` and `coefficients` are host arrays.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import DTypeLike

from audiocos.cosines import CosineParameters
from audiocos.errors import DeviceError
from audiocos.execution import Array, cheaper_matrices, kept_rows, matrices
from audiocos.framing import Framing


class TorchExecution:
    """One group of frames at a time, on a torch device. See `execution.Execution` for the buffers.

    Args:
        parameters: the pair.
        framing: its framing.
        device: a torch device, "cuda" or "mps" ("cpu" works too, and is how the code is tested anywhere).
        channels: C.
        group: g, frames a step.
        dtype: float32 or float64.
        coefficients: the owner will use `coefficients`, `analyze` or `synthesize`; rules the fused way out.
        way: "fused" or "factored"; the cheaper when None.

    Raises:
        DeviceError: float64 on mps, which has none.
    """

    def __init__(
        self,
        parameters: CosineParameters,
        framing: Framing,
        *,
        device: str,
        channels: int = 1,
        group: int = 1,
        dtype: DTypeLike = np.float32,
        coefficients: bool = False,
        way: str | None = None,
    ) -> None:
        if device == "mps" and np.dtype(dtype) == np.float64:
            raise DeviceError("device mps: it computes in float32 only. Use --dtype float32 or --device cpu.")
        n, h, m = framing.frame, framing.hop, parameters.coefficients
        self.way = way or cheaper_matrices(parameters, coefficients)
        self.group, self._hop, self._overlap = group, h, framing.overlap
        self.kept: int | None = None
        self._parameters, self._framing = parameters, framing
        self._device = torch.device(device)
        kind = torch.float64 if np.dtype(dtype) == np.float64 else torch.float32
        pinned = self._device.type == "cuda"

        def host(*shape: int) -> torch.Tensor:
            return torch.zeros(shape, dtype=kind, pin_memory=pinned)

        def there(*shape: int) -> torch.Tensor:
            return torch.zeros(shape, dtype=kind, device=self._device)

        self._host_input = host(channels, n - h + group * h)
        self._host_output = host(channels, group * h)
        self._host_coefficients = host(channels, group, m if coefficients else 0)
        self._keep = coefficients
        self.input, self.output = self._host_input.numpy(), self._host_output.numpy()
        self.coefficients = self._host_coefficients.numpy()
        self._input = there(*self._host_input.shape)
        self._sums = there(channels, group + framing.overlap - 1, h)
        self._spectrum = there(channels, group, m)
        dense = matrices(parameters, framing, np.dtype(dtype), self.way == "fused")
        self._matrices = [torch.from_numpy(matrix).to(self._device) for matrix in dense]
        self._mask: torch.Tensor | None = None
        self._graphs: dict[str, torch.cuda.CUDAGraph] = {}
        self._windows = self._input.unfold(1, n, h)

    def step(self) -> None:
        """Input to output."""
        self._input.copy_(self._host_input, non_blocking=True)
        self._run("fused" if self.way == "fused" and self._mask is None else "both")
        self._fetch()
        self._advance()

    def analyze(self) -> None:
        """Input to `coefficients`; moves the input on."""
        self._input.copy_(self._host_input, non_blocking=True)
        self._run("analyze")
        self._host_coefficients.copy_(self._spectrum)
        self._advance()

    def synthesize(self) -> None:
        """`coefficients` to output."""
        self._spectrum.copy_(self._host_coefficients)
        self._run("synthesize")
        self._fetch()

    def keep(self, count: int | None) -> None:
        """From the next step on, keep the `count` coefficients of the lowest frequencies; all when None."""
        self.kept = count
        if len(self._matrices) == 1:  # fused: the product first, the factors behind it
            kind = np.dtype(self.input.dtype)
            dense = matrices(self._parameters, self._framing, kind, False)
            self._matrices += [torch.from_numpy(matrix).to(self._device) for matrix in dense]
        rows = torch.from_numpy(kept_rows(self._parameters, count)).to(self._spectrum)
        self._mask = None if count is None else rows
        self._graphs.clear()

    def reset(self) -> None:
        """Back to silence."""
        for buffer in (
            self._host_input,
            self._host_output,
            self._host_coefficients,
            self._sums,
            self._spectrum,
        ):
            buffer.zero_()

    def state(self) -> dict[str, Array]:
        """A copy of what the next step depends on."""
        return {
            "input": self.input.copy(),
            "sums": self._sums.cpu().numpy().copy(),
            "output": self.output.copy(),
        }

    def load_state(self, state: dict[str, Array]) -> None:
        """Take over what `state` returned."""
        self.input[...] = state["input"]
        self.output[...] = state["output"]
        self._sums.copy_(torch.from_numpy(np.ascontiguousarray(state["sums"])))

    def _fetch(self) -> None:
        done = self._sums[:, : self.group].reshape(self._host_output.shape)
        self._host_output.copy_(done)
        if self._keep:
            self._host_coefficients.copy_(self._spectrum)

    def _advance(self) -> None:
        step, kept = self.group * self._hop, self.input.shape[1] - self.group * self._hop
        for start in range(0, kept, step):
            stop = min(start + step, kept)
            self.input[:, start:stop] = self.input[:, start + step : stop + step]

    def _run(self, name: str) -> None:
        work: dict[str, Callable[[], None]] = {
            "fused": self._fused,
            "both": self._both,
            "analyze": self._analyze,
            "synthesize": self._synthesize,
        }
        if self._device.type != "cuda":
            work[name]()
            return
        if name not in self._graphs:
            self._graphs[name] = self._capture(work[name])
        self._graphs[name].replay()

    def _capture(self, work: Callable[[], None]) -> torch.cuda.CUDAGraph:
        """Record the step's kernels once; replaying them costs one launch. Warm-up must leave no trace."""
        sums, spectrum = self._sums.clone(), self._spectrum.clone()
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call, unused-ignore]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                work()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            work()
        self._sums.copy_(sums)
        self._spectrum.copy_(spectrum)
        return graph

    def _fused(self) -> None:
        self._overlap_add(self._windows @ self._matrices[0])

    def _both(self) -> None:
        self._analyze()
        if self._mask is not None:
            self._spectrum *= self._mask
        self._synthesize()

    def _analyze(self) -> None:
        torch.matmul(self._windows, self._matrices[-2], out=self._spectrum)

    def _synthesize(self) -> None:
        self._overlap_add(self._spectrum @ self._matrices[-1])

    def _overlap_add(self, frames: torch.Tensor) -> None:
        """Sum frames, oldest first whatever the group (as on the CPU)."""
        g, r, sums = self.group, self._overlap, self._sums
        hops = frames.reshape(*frames.shape[:-1], r, self._hop)
        sums[:, : r - 1] = sums[:, g:].clone()
        sums[:, r - 1 :] = hops[:, :, r - 1]
        for i in reversed(range(r - 1)):
            sums[:, i : i + g] += hops[:, :, i]
