"""How a pair is applied fast: which way, on which device. `cpu` does it in numpy and scipy, `accelerator` in torch.

Three ways, which agree to rounding:

- *fast*: both banks are rows of one fast cosine transform's grid (DCT-III/II, or DCT-IV after folding for
  lapped frames): O(N log N) a frame;
- *fused*: one N x N matrix, diag(s) W2 W1 diag(a), where that costs less than two products and nobody looks
  at the coefficients;
- *factored*: the two matrices W1 diag(a) and diag(s) W2.

An execution owns its buffers, is used by one thread at a time, and allocates nothing per step.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from audiocos.cosines import CosineParameters, Float64, grid_rows
from audiocos.errors import DeviceError
from audiocos.framing import Framing

Array = NDArray[Any]
DEVICES = ("auto", "cpu", "cuda", "mps")


class Execution(Protocol):
    """What a stream needs of an execution, on any device. C channels, g frames a group.

    `input` `[C, N - H + g H]` holds the last N - H samples and g H new ones; the owner writes the new ones.
    `step` turns them into `output` `[C, g H]` and moves the input on; `analyze` and `synthesize` are its
    halves.
    """

    way: str
    group: int
    kept: int | None
    input: Array
    output: Array
    coefficients: Array

    def step(self) -> None:
        """Input to output."""

    def analyze(self) -> None:
        """Input to `coefficients`; moves the input on."""

    def synthesize(self) -> None:
        """`coefficients` to output."""

    def keep(self, count: int | None) -> None:
        """From the next step on, keep the `count` coefficients of the lowest frequencies; all when None."""

    def reset(self) -> None:
        """Back to silence."""

    def state(self) -> dict[str, Array]:
        """A copy of what the next step depends on."""

    def load_state(self, state: dict[str, Array]) -> None:
        """Take over what `state` returned."""


def kept_rows(parameters: CosineParameters, count: int | None) -> NDArray[np.bool_]:
    """Which of the M coefficients are the `count` of the lowest analysis frequencies, `[M]`; all when None."""
    rows = np.zeros(parameters.coefficients, bool)
    rows[np.argsort(parameters.analysis_frequencies, kind="stable")[:count]] = True
    return rows


@dataclass(frozen=True, eq=False)
class FastRows:
    """Which fast transform the banks are rows of: DCT-III then II, or DCT-IV after folding (lapped)."""

    size: int
    rows: NDArray[np.int64]
    lapped: bool

    @property
    def complete(self) -> bool:
        """Whether every row of the transform is kept."""
        return self.rows.size == self.size


def fast_rows(parameters: CosineParameters, framing: Framing) -> FastRows | None:
    """The fast transform that computes both banks, or None when a bank is off its grid."""
    n = parameters.frame
    candidates = [(max(n, parameters.coefficients), 0.0, False)]
    if framing.kind == "lapped" and framing.hop % 2 == 0:
        candidates.append((framing.hop, 0.5 + framing.hop / 2, True))
    for size, grid_origin, is_lapped in candidates:
        found = [
            grid_rows(w, p, parameters.origin, size=size, grid_origin=grid_origin, frame=n)
            for w, p in (
                (parameters.analysis_frequencies, parameters.analysis_phases),
                (parameters.synthesis_frequencies, parameters.synthesis_phases),
            )
        ]
        if found[0] is not None and found[1] is not None and np.array_equal(found[0], found[1]):
            return FastRows(size, found[0], is_lapped)
    return None


@lru_cache(maxsize=32)
def choose_way(parameters: CosineParameters, framing: Framing, coefficients: bool = False) -> str:
    """How these parameters run: "fast" wherever it can be, else the cheaper of "fused" and "factored"."""
    if fast_rows(parameters, framing) is not None:
        return "fast"
    return cheaper_matrices(parameters, coefficients)


def cheaper_matrices(parameters: CosineParameters, coefficients: bool = False) -> str:
    """Name the cheaper: "fused", one product of N^2, or "factored", two of M N; coefficients need the latter."""
    return "fused" if parameters.frame < 2 * parameters.coefficients and not coefficients else "factored"


# Parameters and framings never change and compare by identity, so a changed parameter is a new key and
# the matrices of the old one fall out of the cache.
@lru_cache(maxsize=8)
def matrices(parameters: CosineParameters, framing: Framing, dtype: DTypeLike, fused: bool) -> tuple[Array, ...]:
    """The dense matrices, transposed for frames in rows and with the windows inside.

    Returns:
        `(K,)` with K `[N, N]` when fused, else `(A, B)` with A `[N, M]` and B `[M, N]`.
    """
    analysis: Float64 = parameters.analysis_matrix() * framing.analysis_window
    synthesis: Float64 = framing.synthesis_window[:, None] * parameters.synthesis_matrix()
    chosen = (synthesis @ analysis,) if fused else (analysis, synthesis)
    return tuple(np.ascontiguousarray(matrix.T, dtype=dtype) for matrix in chosen)


def accelerator_present() -> str | None:
    """Name the accelerator that can be used, "cuda" or "mps", or None.

    Torch is imported only where there is a driver.
    """
    cuda = any(os.path.exists(path) for path in ("/dev/nvidiactl", "/dev/dxg")) or sys.platform == "win32"
    if not cuda and sys.platform != "darwin":
        return None
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else None


def choose_device(device: str, parameters: CosineParameters, framing: Framing) -> str:
    """The device a request means here: auto takes an accelerator for matrices, the CPU for fast transforms.

    Raises:
        DeviceError: an unknown device, or an accelerator that is not there.
    """
    if device not in DEVICES:
        raise DeviceError(f'device "{device}": unknown; choose one of {", ".join(DEVICES)}.')
    if device == "cpu":
        return "cpu"
    if device == "auto":
        return (accelerator_present() or "cpu") if fast_rows(parameters, framing) is None else "cpu"
    if accelerator_present() != device:
        raise DeviceError(f"device {device}: not available here. Use --device cpu or auto.")
    return device


def make_execution(device: str, parameters: CosineParameters, framing: Framing, **settings: Any) -> Execution:
    """An execution on a chosen device ("cpu", "cuda" or "mps"); settings as for `cpu.CpuExecution`."""
    if device == "cpu":
        from audiocos.cpu import CpuExecution

        return CpuExecution(parameters, framing, **settings)
    from audiocos.accelerator import TorchExecution

    return TorchExecution(parameters, framing, device=device, **settings)
