"""A dense layer learns the Fourier transform: the recipes, what is watched, and what theory says of both.

The layer has 2N inputs and outputs, the real parts and then the imaginary parts, and no bias. On complex white noise
with parts of variance 1 the loss (mean squared error over the outputs) is, on average, the sum of squared errors of all
4N^2 weights over 2N: a round bowl of curvature 1/N in every direction. Batches of B frames shake its slope.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audiocos import metrics

BETA1 = 0.9
WINDOWS = 200
"""Parts of a run over which its loss is averaged."""

JUDGED = 1000
RISES = 10.0
"""A loss that ends so many times above its lowest, and above what rounding makes of it, has risen."""


@dataclass(frozen=True)
class Recipe:
    """One way to learn.

    Args:
        steps: how many.
        rate: Adam's learning rate; of gradient descent, in units of the best one.
        beta2: how much of its mean squared gradient Adam keeps from step to step.
        epsilon: what Adam adds to the gradient's size before it divides; 1e-7 as in Keras, where the puzzle was seen.
        scale: of inputs and targets.
        cooling: what the rate is multiplied by over the second half of the run, geometrically.
        amsgrad: divide by the largest mean squared gradient so far.
        adam: or else plain gradient descent without momentum.
        dtype: "float32" or "float64".
        expected: descend on the average over all noise in place of batches.
    """

    steps: int
    rate: float = 1e-3
    beta2: float = 0.999
    epsilon: float = 1e-7
    scale: float = 1.0
    cooling: float = 1.0
    amsgrad: bool = False
    adam: bool = True
    dtype: str = "float32"
    expected: bool = False


@dataclass
class Learned:
    """What came of a recipe.

    Args:
        weights: `[2N, 2N]`.
        losses: mean of each part of the run, of unscaled sound.
        reaches: the same parts' last effective rate times curvature, median over the weights; without batches, where
            each weight descends by itself and meets the edge by itself, the largest.
        ends: the last step of each part.
        moments: (step, weights) where they were asked for.
    """

    weights: NDArray[Any]
    losses: list[float] = field(default_factory=list)
    reaches: list[float] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    moments: list[tuple[int, NDArray[Any]]] = field(default_factory=list)


def fourier(size: int) -> NDArray[np.float64]:
    """The Fourier transform on stacked real and imaginary parts, `[2N, 2N]`, by numpy."""
    f = np.fft.fft(np.eye(size))
    return np.block([[f.real, -f.imag], [f.imag, f.real]])


def noise_factor(inputs: int, batch: int) -> float:
    """kappa: mean squared over squared mean slope, of a batch of Gaussian inputs: 1 + (inputs + 1) / batch.

    It is E[S^2] / E[S]^2 of the batch's second moment S, which is Wishart distributed.
    """
    return 1 + (inputs + 1) / batch


def edge(kappa: float, beta1: float = BETA1) -> float:
    """The effective rate times curvature beyond which descent with Adam's momentum throws errors up.

    With e' = e - h m', m' = beta1 m + (1 - beta1) g, E[g | e] = e and E[g^2 | e] = kappa e^2, the second moments of e
    and m are constant at h = 2 (1 + beta1) / (kappa (1 + beta1) - 2 beta1). Without noise (kappa = 1) that is
    2 (1 + beta1) / (1 - beta1), 38 for 0.9 (Cohen et al. 2022, "Adaptive gradient methods at the edge of stability").
    """
    return 2 * (1 + beta1) / (kappa * (1 + beta1) - 2 * beta1)


def floor_at_edge(size: int, rate: float, kappa: float) -> float:
    """The loss at which Adam's effective rate stays at the edge.

    The gradient's mean square is then (rate curvature / edge)^2, and of an error e in each weight it is
    kappa (curvature e)^2; the loss of such errors is 2N e^2.
    """
    return 2 * size * (rate / edge(kappa)) ** 2 / kappa


def learn(
    size: int,
    recipe: Recipe,
    batch: int,
    seed: int = 0,
    device: str = "cpu",
    keep: Sequence[int] = (),
    tell: Callable[[int], None] = lambda step: None,
) -> Learned:
    """Learn the transform of frames of N complex numbers.

    Args:
        size: N.
        recipe: how.
        batch: frames a step.
        seed: of start and noise.
        device: a torch device.
        keep: steps after which the weights are kept.
        tell: called with the number of steps so far, now and then.
    """
    dtype = getattr(torch, recipe.dtype)
    generator = torch.Generator(device).manual_seed(seed)
    target = torch.tensor(fourier(size), dtype=dtype, device=device)
    layer = torch.nn.Linear(2 * size, 2 * size, bias=False, dtype=dtype, device=device)
    torch.nn.init.uniform_(layer.weight, -1 / math.sqrt(2 * size), 1 / math.sqrt(2 * size), generator=generator)
    optimizer, first_rate = _optimizer(layer.weight, recipe, size, batch)
    losses = torch.zeros(recipe.steps, dtype=torch.float64, device=device)
    ends = np.unique(np.linspace(0, recipe.steps, min(WINDOWS, recipe.steps) + 1).astype(int)[1:])
    found = Learned(np.zeros(0), ends=[int(end) for end in ends])
    stops, kept = set(found.ends), set(keep)
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = first_rate * recipe.cooling ** max(0.0, 2 * step / recipe.steps - 1)
        if recipe.expected:
            loss = recipe.scale**2 * (layer.weight - target).square().sum() / (2 * size)
        else:
            x = recipe.scale * torch.randn(batch, 2 * size, generator=generator, dtype=dtype, device=device)
            loss = torch.nn.functional.mse_loss(layer(x), x @ target.mT)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses[step] = loss.detach() / recipe.scale**2
        if step + 1 in stops:
            found.reaches.append(_reach(optimizer, layer.weight, recipe, size))
            tell(step + 1)
        if step + 1 in kept:
            found.moments.append((step + 1, layer.weight.detach().double().cpu().numpy().copy()))
    every = losses.cpu().numpy()
    found.losses = [float(part.mean()) for part in np.split(every, ends[:-1])]
    found.weights = layer.weight.detach().cpu().numpy()
    return found


def judge(weights: NDArray[Any], seed: int) -> dict[str, Any]:
    """Hold a layer against numpy's FFT on noise that it has not seen.

    Returns:
        Its SNR in dB, the largest error relative to the largest output, and whether numpy.allclose says yes, at its
        default tolerances and at float32's.
    """
    size = len(weights) // 2
    rng = np.random.default_rng([seed, size])
    x = rng.standard_normal((JUDGED, 2 * size)).astype(weights.dtype)
    truth = np.fft.fft(x[:, :size].astype(np.float64) + 1j * x[:, size:])
    y = (x @ weights.T).astype(np.float64)
    given = y[:, :size] + 1j * y[:, size:]
    error = np.abs(given - truth)
    return {
        "snr_db": metrics.snr_db(float(np.sum(np.abs(truth) ** 2)), float(np.sum(error**2))),
        "max_error": float(error.max() / np.abs(truth).max()),
        "allclose": bool(np.allclose(given, truth)),
        "allclose_1e-5": bool(np.allclose(given, truth, rtol=1e-5, atol=1e-5 * np.abs(truth).max())),
    }


def told(size: int, recipe: Recipe, batch: int, learned: Learned, seed: int) -> dict[str, Any]:
    """Figures of a run: its floor, whether it rose, where its effective rate met the edge, and what theory says.

    Losses are judged by their means over parts of the run: a single step can dip far below what it is a part of.
    """
    kappa = 1.0 if recipe.expected else noise_factor(2 * size, batch)
    limit = edge(kappa)
    losses, reaches, ends = np.array(learned.losses), np.array(learned.reaches), np.array(learned.ends)
    last = max(1, len(losses) // 20)
    best = int(losses.argmin())
    lowest, lowest_at, end = float(losses[best]), int(ends[best]), float(losses[-last:].mean())
    rounding = 10 * size * float(np.finfo(recipe.dtype).eps) ** 2
    rose = end > RISES * max(lowest, rounding)
    blown = np.flatnonzero((ends > lowest_at) & (losses > np.sqrt(lowest * end))) if rose else np.zeros(0, int)
    over = np.flatnonzero(reaches > limit)
    ceiling = recipe.rate * recipe.scale**2 / size / recipe.epsilon
    figures: dict[str, Any] = {
        "kappa": kappa,
        "lowest_loss": lowest,
        "lowest_at": lowest_at,
        "end_loss": end,
        "rose": rose,
        "rose_at": int(ends[blown[0]]) if blown.size else None,
        **judge(learned.weights, seed),
        "curve": {"step": learned.ends, "loss": learned.losses, "reach": learned.reaches},
    }
    if not recipe.adam:
        return figures
    return figures | {
        "edge": limit,
        "reach_at_end": float(np.median(reaches[-last:])),
        "met_edge_at": int(ends[over[0]]) if over.size else None,
        "ceiling": ceiling,
        "floor_by_theory": floor_at_edge(size, recipe.rate, kappa),
    }


def forecast(beta2: float, step: int, reach: float, limit: float) -> int:
    """The step at which an effective rate that grows as beta2^(-t/2) meets the edge."""
    return round(step + 2 * math.log(limit / reach) / -math.log(beta2))


def _optimizer(weight: Tensor, recipe: Recipe, size: int, batch: int) -> tuple[torch.optim.Optimizer, float]:
    if recipe.adam:
        betas = (BETA1, recipe.beta2)
        adam = torch.optim.Adam(
            [weight], recipe.rate, betas=betas, eps=recipe.epsilon, amsgrad=recipe.amsgrad, fused=True
        )
        return adam, recipe.rate
    best = size / recipe.scale**2 / (1.0 if recipe.expected else noise_factor(2 * size, batch))
    return torch.optim.SGD([weight], recipe.rate * best), recipe.rate * best


def _reach(optimizer: torch.optim.Optimizer, weight: Tensor, recipe: Recipe, size: int) -> float:
    """Effective rate times curvature, the median over the weights, or the largest where each goes by itself."""
    (group,) = optimizer.param_groups
    curvature = recipe.scale**2 / size
    if not recipe.adam:
        return float(group["lr"]) * curvature
    state = optimizer.state[weight]
    square = state["max_exp_avg_sq" if recipe.amsgrad else "exp_avg_sq"]
    root = (square / (1 - recipe.beta2 ** int(state["step"]))).sqrt()
    every = group["lr"] * curvature / (root + recipe.epsilon)
    return float(every.max() if recipe.expected else every.median())
