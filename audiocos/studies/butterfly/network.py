"""The butterfly factorisation as a torch module: log2 N sparse factors behind a fixed permutation.

Factor l = 0, 1, ... has blocks of 2^(l+1) numbers, in which positions q and q + 2^l are mixed by a complex
2 x 2 matrix: 4N log2 N real parameters in all, as the fast Fourier transform of Cooley and Tukey has its twiddles.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_ROWS = 256  # of the identity at once; bounds the memory that N = 1024 takes


def bit_reversal(size: int) -> NDArray[np.int64]:
    """Each index with its bits in reverse order.

    >>> bit_reversal(8).tolist()
    [0, 4, 2, 6, 1, 5, 3, 7]
    """
    order = np.zeros(1, np.int64)
    while len(order) < size:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


def input_order(kind: str, size: int) -> NDArray[np.int64]:
    """In which order a frame enters the first factor.

    Bits reversed; for the DCT after the even samples were put first and the odd ones behind them backwards
    (Makhoul 1980).
    """
    first = np.arange(size)
    if kind == "dct":
        first = np.concatenate([first[::2], first[1::2][::-1]])
    return first[bit_reversal(size)]


def through(factor: Tensor, x: Tensor, index: int) -> Tensor:
    """Put `[..., N]` through factor `index`, `[N/2, 2, 2]`: block by block, place by place."""
    half = 2**index
    parts = x.reshape(*x.shape[:-1], -1, 2, half)
    f = factor.reshape(-1, half, 2, 2)
    a, b = parts[..., 0, :], parts[..., 1, :]
    mixed = [f[..., row, 0] * a + f[..., row, 1] * b for row in (0, 1)]
    return torch.stack(mixed, dim=-2).flatten(-3)


class Butterfly(nn.Module):
    """A butterfly factorisation.

    Args:
        size: N, a power of two.
        kind: "dct" or "dft", for the order in which frames enter.
        seed: of the start.

    Shape:
        - input: `[..., N]`, real or complex
        - output: `[..., N]`, complex128

    Raises:
        ValueError: N is no power of two.

    >>> Butterfly(8, "dft")(torch.zeros(3, 8)).shape
    torch.Size([3, 8])
    """

    order: Tensor

    def __init__(self, size: int, kind: str, seed: int = 0) -> None:
        super().__init__()
        if size < 2 or size & (size - 1):
            raise ValueError(f"size: {size}; a butterfly needs a power of two.")
        self.size = size
        self.factors = int(math.log2(size))
        # Entries of mean square 1/2 keep the power of what passes.
        start = np.random.default_rng([seed, size]).standard_normal((self.factors, size // 2, 2, 2, 2)) / 2
        self.twiddles = nn.Parameter(torch.from_numpy(start))
        self.register_buffer("order", torch.from_numpy(input_order(kind, size)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Frames to complex coefficients."""
        x = x[..., self.order].to(torch.complex128)
        for index, factor in enumerate(torch.view_as_complex(self.twiddles)):
            x = through(factor, x, index)
        return x

    def matrix(self) -> Tensor:
        """What it does to a frame, `[N, N]`, complex128."""
        eye = torch.eye(self.size, dtype=torch.float64, device=self.twiddles.device)
        rows: Tensor = self(eye)
        return rows.mT


def learn_by_factors(net: Butterfly, target: Tensor) -> int:
    """Solve for each factor once, in order, while the others stay as they are.

    One pass is enough where the target is a butterfly. What leads from one output of the first factor to the rest, and
    from its inputs to it, is a block of the target of rank one; so the factor comes out right up to the scale of each
    of its outputs, whatever chance put into the others. Then so does the second, up to the last, which sets the scales.

    Args:
        net: is changed.
        target: `[N, N]`, complex128.

    Returns:
        How many were solved for.
    """
    eye = torch.eye(net.size, dtype=torch.complex128, device=target.device)
    entering = eye[:, net.order]
    with torch.no_grad():
        for index in range(net.factors):
            factor = _best_factor(net, entering, target.mT, index)
            net.twiddles[index] = torch.view_as_real(factor)
            entering = through(factor, entering, index)
    return net.factors


def _best_factor(net: Butterfly, entering: Tensor, truth: Tensor, index: int) -> Tensor:
    """The entries of one factor that are best on white sound, `[N/2, 2, 2]`.

    From an input to an output there is one path, so the matrix is linear in a factor, and each of its entries acts on
    matrix entries of its own: it is the correlation of target and path over the path's energy. The correlation is minus
    the slope of half the squared error at zero; energies go through the squared magnitudes of the factors behind.
    """
    twiddles = torch.view_as_complex(net.twiddles.detach())
    correlation = torch.zeros_like(twiddles[index])
    for rows, wanted in zip(torch.split(entering, _ROWS), torch.split(truth, _ROWS), strict=True):
        factor = torch.zeros_like(correlation, requires_grad=True)
        with torch.enable_grad():
            x = through(factor, rows, index)
            for later in range(index + 1, net.factors):
                x = through(twiddles[later], x, later)
            loss = (x - wanted).abs().square().sum() / 2
        correlation -= torch.autograd.grad(loss, factor)[0]
    squares = twiddles.abs().square()
    behind = torch.ones(net.size, dtype=torch.float64, device=truth.device)
    for later in reversed(range(index + 1, net.factors)):
        behind = through(squares[later].mT, behind, later)
    before = entering.abs().square().sum(0)
    shape = (-1, 2, 2**index)
    energy = torch.einsum("bop,bip->bpoi", behind.view(shape), before.view(shape)).flatten(0, 1)
    return correlation / energy.clamp(min=torch.finfo(torch.float64).tiny)
