"""A dense layer and butterflies learn a transform from white sound."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from audiocos.cosines import Float64
from audiocos.studies.butterfly.network import Butterfly, learn_by_factors
from audiocos.studies.butterfly.transforms import RECOVERED_RMSE, complex_transform, read, score, transformed
from audiocos.studies.dft.training import noise_factor
from audiocos.studies.starts import start_seed

DENSE_DB = 310.0
"""A dense layer's steps are as many as theory needs to get so low."""

RATE = 0.05
COOLING = 1e-3
BETAS = (0.9, 0.99)

READINGS = {"dct, real part": "dct", "dct, both parts": "dct", "dft": "dft"}
"""What a butterfly is told in gradient descent. The DCT is the real part of its output; the imaginary part is free, or
told to be minus coefficient N - k."""


def learn_dense(kind: str, frame: int, seed: int, device: str) -> tuple[Float64, int]:
    """Gradient descent of a dense layer on batches of N frames of white noise, at the best rate.

    Returns:
        Its matrix `[N, N]` and its steps.
    """
    rng = np.random.default_rng([seed, frame])
    start = rng.uniform(-1, 1, (frame, frame)) / math.sqrt(frame)
    weight = torch.tensor(start, device=device, requires_grad=True)
    kappa = noise_factor(frame, frame)
    steps = math.ceil(DENSE_DB / 10 / -math.log10(1 - 1 / kappa))
    optimizer = torch.optim.SGD([weight], 1 / kappa)
    for _ in range(steps):
        noise = rng.standard_normal((frame, frame))
        x, wanted = (torch.from_numpy(values).to(device) for values in (noise, transformed(kind, noise)))
        loss = (x @ weight.mT - wanted).square().sum() / (2 * frame)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return weight.detach().cpu().numpy(), steps


def learn_butterfly(kind: str, frame: int, seed: int, device: str) -> tuple[Butterfly, Float64, int]:
    """A butterfly, factor by factor; gives it, its matrix as read, and the steps."""
    net = Butterfly(frame, kind, seed).to(device)
    steps = learn_by_factors(net, torch.from_numpy(complex_transform(kind, frame)).to(device))
    with torch.no_grad():
        return net, read(kind, net.matrix().cpu().numpy()), steps


def descend(reading: str, frame: int, trials: int, steps: int, seed: int, device: str) -> dict[str, Any]:
    """Adam on a butterfly from several starts at once, on the expectation over white sound.

    Args:
        reading: one of `READINGS`.
        frame: N.
        trials: starts.
        steps: of each.
        seed: of the starts.
        device: a torch device.

    Returns:
        The RMSE of each trial and how many count as learned.
    """
    kind = READINGS[reading]
    nets = [Butterfly(frame, kind, start_seed(seed, trial)).to(device) for trial in range(trials)]
    twiddles = torch.stack([net.twiddles.detach() for net in nets]).requires_grad_()
    eye = torch.eye(frame, dtype=torch.float64, device=device)
    target = torch.tensor(complex_transform(kind, frame), device=device).mT
    optimizer = torch.optim.Adam([twiddles], RATE, betas=BETAS, fused=True)

    def rows(each: Tensor) -> Tensor:
        out: Tensor = torch.func.functional_call(nets[0], {"twiddles": each}, (eye,))
        return out

    every: Callable[[Tensor], Tensor] = torch.func.vmap(rows)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * COOLING ** (step / steps)
        error = every(twiddles) - target
        told = error.real if reading == "dct, real part" else torch.view_as_real(error)
        loss = told.square().sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        matrices = every(twiddles).mT.cpu().numpy()
    rmse = [score(kind, read(kind, matrix))["rmse"] for matrix in matrices]
    learned = int(np.sum(np.array(rmse) < RECOVERED_RMSE))
    return {"frame": frame, "steps": steps, "trials": trials, "rmse": rmse, "learned": learned}
