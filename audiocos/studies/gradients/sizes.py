"""How large the gradients of the six parameter groups are at random starts, before and after balancing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from audiocos import cosines, signals
from audiocos.cosines import CosineParameters, Float64
from audiocos.studies.starts import start_seed
from audiocos.training.layout import Layout
from audiocos.training.objective import Objective

GROUPS = ("a1", "a2", "a3", "a4", "w", "v")
RATE = 48000

FORMULAS = {
    "a1": "1/((M + N)/sqrt(MN))",
    "a2": "1/sqrt(MN)",
    "a3": "1",
    "a4": "sqrt(2)/(N \N{MINUS SIGN} 1)",
    "w": "sqrt(M)/(10N)",
    "v": "sqrt(M)/(5N)",
}
"""The factors of `audiocos.training.stochastic.balance_factors`, as the notebook wrote them."""

SECOND_A4_FORMULA = "\N{GREEK SMALL LETTER PI}/(2(N \N{MINUS SIGN} 1))"

Gradients = dict[str, Float64]


@dataclass(frozen=True)
class Shape:
    """N and M."""

    frame: int
    coefficients: int

    def __str__(self) -> str:
        return f"N = {self.frame}, M = {self.coefficients}"


def start(shape: Shape, seed: int, index: int) -> tuple[CosineParameters, Float64]:
    """Random start number `index`, and a frame of white noise `[N]` for it."""
    own = start_seed(seed, index)
    pair = cosines.random(shape.frame, shape.coefficients, seed=own)
    return pair, signals.noise(shape.frame, RATE, seed=10**6 + own)


def closed_forms(pair: CosineParameters, x: Float64) -> Gradients:
    """Gradients of ||x - y||^2 by the formulas that training uses, per radian; amplitudes `[1]`, w and v `[M]`."""
    ones = np.ones(pair.frame)
    layout = Layout.of(pair)
    objective = Objective(pair.frame, pair.frame, ones, ones, ones, x[:, None])
    _, slope = objective.gradient(layout, layout.pack(pair))
    amplitudes = {name: slope[i : i + 1] for i, name in enumerate(GROUPS[:4])}
    w, v = (slope[part[0]] / layout.bin for part in (layout.analysis_slices, layout.synthesis_slices))
    return {**amplitudes, "w": w, "v": v}


def by_autograd(pair: CosineParameters, x: Float64, device: str = "cpu") -> Gradients:
    """The same from torch, which knows no formula but the pair's own."""
    import torch

    from audiocos.nn import CosinePair
    from audiocos.training.stochastic import parameter_groups

    module = CosinePair.from_parameters(pair).to(device)
    frame = torch.from_numpy(x).to(device)
    loss = (frame - module(frame)).square().sum()
    loss.backward()
    return {name: _numbers(group.grad) for name, group in parameter_groups(module).items()}


def worst_difference(ours: Gradients, theirs: Gradients) -> float:
    """The largest difference of any two numbers, relative to the largest of their group."""
    return max(float(np.abs(ours[name] - theirs[name]).max() / np.abs(theirs[name]).max()) for name in GROUPS)


def factors(shape: Shape) -> dict[str, float]:
    """What each group's gradient is multiplied with; the notebook had a second one for a4, of nearly the same size."""
    from audiocos.training.stochastic import balance_factors

    return balance_factors(shape.frame, shape.coefficients)


def second_a4_factor(shape: Shape) -> float:
    """The notebook's other factor of a4."""
    return math.pi / (2 * (shape.frame - 1))


def summary(shape: Shape, found: list[Gradients]) -> dict[str, Any]:
    """What many starts have in common.

    Args:
        shape: of all.
        found: gradients at each start.

    Returns:
        For each group the size at each start (of w and v the median over the frequencies), the median of these, its
        ratio to a2's, the factor, and the ratio to a2's once each group is multiplied with its factor.
    """
    sizes = {name: [float(np.median(np.abs(each[name]))) for each in found] for name in GROUPS}
    medians = {name: float(np.median(values)) for name, values in sizes.items()}
    own = factors(shape)
    after = {name: medians[name] * own[name] for name in GROUPS}
    return {
        "frame": shape.frame,
        "coefficients": shape.coefficients,
        "starts": len(found),
        "sizes": sizes,
        "median": medians,
        "ratio_to_a2": {name: medians[name] / medians["a2"] for name in GROUPS},
        "factor": own,
        "second_a4_factor": second_a4_factor(shape),
        "ratio_to_a2_after": {name: after[name] / after["a2"] for name in GROUPS},
        "spread": max(medians.values()) / min(medians.values()),
        "spread_after": max(after.values()) / min(after.values()),
    }


def gram(pair: CosineParameters) -> Float64:
    """W1 W1^T, `[M, M]`: how much each cosine has of every other."""
    bank = pair.analysis_matrix()
    return np.asarray(bank @ bank.T)


def gram_closed_form(pair: CosineParameters) -> Float64:
    """The same from sums of cosines: a1^2/N + a2^2/(2N) (D(w_k - w_l) + D(w_k + w_l)).

    D(t) = sum_{n=1}^{N-1} cos(n t) = (sin((N - 1/2) t) / sin(t/2) - 1) / 2, the Dirichlet kernel.
    """
    n, w = pair.frame, pair.analysis_frequencies

    def kernel(t: Float64) -> Float64:
        half = np.sin(t / 2)
        near = np.abs(half) < 1e-12
        ratio = np.sin((n - 0.5) * t) / np.where(near, 1.0, half)
        return np.asarray((np.where(near, 2 * n - 1, ratio) - 1) / 2)

    first, rest = pair.amplitudes[0] ** 2 / n, pair.amplitudes[1] ** 2 / (2 * n)
    return np.asarray(first + rest * (kernel(w[:, None] - w) + kernel(w[:, None] + w)))


def _numbers(gradient: Any) -> Float64:
    return np.atleast_1d(gradient.detach().cpu().numpy())
