"""Magnitudes only: how well a network with one layer of ReLUs learns |X|, which no linear layer can."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from audiocos import metrics
from audiocos.studies.dft.training import JUDGED, fourier

RATE = 3e-3
BATCH = 256
FRAMES = 10 * JUDGED

CONSTANT_DB = 10 * math.log10(1 / (1 - math.pi / 4))
"""SNR of the best constant: magnitudes of noise are Rayleigh distributed, (E|X|)^2 = pi/4 E|X|^2."""


def weights(size: int, units: int) -> int:
    """Weights of a network with so many ReLUs, biases apart: 2N inputs, N outputs."""
    return 3 * size * units


def same_size(size: int) -> int:
    """The ReLUs that make as many weights as the linear layer has, 4N^2."""
    return round(4 * size / 3)


def learn_magnitudes(size: int, units: int, steps: int, seed: int = 0, device: str = "cpu") -> dict[str, Any]:
    """Train a network on |X| of white noise; Adam, the rate falling to zero as a cosine.

    Args:
        size: N complex inputs, N magnitudes.
        units: ReLUs.
        steps: of 256 frames.
        seed: of start and noise.
        device: a torch device.

    Returns:
        What it has and reaches on noise that it has not seen: SNR in dB, and the share of the magnitudes' variance
        that it explains (a constant explains nothing).
    """
    generator = torch.Generator(device).manual_seed(seed)
    transform = torch.tensor(fourier(size) / math.sqrt(size), dtype=torch.float32, device=device)
    layers = [torch.nn.Linear(*shape, device=device) for shape in ((2 * size, units), (units, size))]
    for layer in layers:
        bound = 1 / math.sqrt(layer.in_features)
        for parameter in (layer.weight, layer.bias):
            torch.nn.init.uniform_(parameter, -bound, bound, generator=generator)
    network = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
    optimizer = torch.optim.Adam(network.parameters(), RATE, fused=True)

    def draw(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(count, 2 * size, generator=generator, device=device) / math.sqrt(2)
        return x, (x @ transform.mT).view(count, 2, size).square().sum(1).sqrt()

    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        x, magnitudes = draw(BATCH)
        loss = torch.nn.functional.mse_loss(network(x), magnitudes)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        x, magnitudes = draw(FRAMES)
        given = network(x)
    truth, error = (values.double().cpu().numpy() for values in (magnitudes, given - magnitudes))
    mse = float(np.mean(error**2))
    return {
        "units": units,
        "weights": weights(size, units),
        "units_per_output": units / size,
        "snr_db": metrics.snr_db(float(np.mean(truth**2)), mse),
        "explained": 1 - mse / float(truth.var(axis=0).mean()),
    }
