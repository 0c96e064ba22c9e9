"""What a signal is to be recovered from: functions that torch can differentiate, float64 throughout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

import audiocos
from audiocos.cosines import CosineParameters
from audiocos.framed import FramedAnalysis
from audiocos.framing import Framing
from audiocos.model import Model
from audiocos.studies import check_extra

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Representation:
    """A function of a signal, and what to say of it.

    Args:
        name: short, for figures and files.
        title: for people.
        numbers: held, positions included.
        apply: of a signal `[samples]`.
    """

    name: str
    title: str
    numbers: int
    apply: Function


def scattering(samples: int, octaves: int, wavelets: int, device: str) -> Representation:
    """Wavelet scattering of two orders (Andén and Mallat 2014), by kymatio.

    Args:
        samples: T.
        octaves: J; averages are taken over 2^J samples.
        wavelets: Q, an octave, of the first order.
        device: where to compute.

    Raises:
        AudiocosError: kymatio is not there, or not with the scipy that is there.
    """
    check_extra("inversion")
    from kymatio.torch import Scattering1D

    transform = Scattering1D(J=octaves, shape=samples, Q=wavelets).double().to(device)
    with torch.no_grad():
        numbers = transform(torch.zeros(samples, dtype=torch.float64, device=device)).numel()
    return Representation("scattering", "wavelet scattering", numbers, transform)


def of_pair(samples: int, kept: int, device: str) -> list[Representation]:
    """Magnitudes and largest coefficients of the exact pair in overlapping frames, moduli of the pair of quadratures.

    Args:
        samples: T.
        kept: M, coefficients a frame that are among the largest.
        device: where to compute.
    """
    model = audiocos.load("exact-overlap")
    cosines = coefficients(model, device)
    waves = coefficients(quadratures(model.framing), device)
    frames, size = cosines(torch.zeros(samples, dtype=torch.float64, device=device)).shape
    numbers = 2 * frames * kept  # values and where they are
    return [
        Representation("magnitudes", "magnitudes", frames * size, lambda x: cosines(x).abs()),
        Representation("moduli", "moduli of cosine and sine", frames * size // 2, lambda x: moduli(waves(x))),
        Representation("largest", f"the {kept} largest of {size} coefficients", numbers, largest(cosines, kept)),
    ]


def coefficients(model: Model, device: str) -> Function:
    """The model's coefficients `[frames, M]` of a signal `[samples]`, as `Model.analyze` has them."""
    return FramedAnalysis(model.parameters, model.framing).to(device)


def quadratures(framing: Framing) -> Model:
    """The orthogonal pair of the phased family that has each frequency (2k + 1) pi / N twice, as cosine and as sine."""
    n = framing.frame
    w = np.repeat((2 * np.arange(n // 2) + 1) * np.pi / n, 2)
    phases = np.tile([0.0, -np.pi / 2], n // 2)
    return Model(CosineParameters(n, n, np.full(4, np.sqrt(2.0)), w, w, phases, phases, tied=True), framing)


def moduli(coefficients: Tensor) -> Tensor:
    """Lengths of neighbours in twos, `[..., M]` to `[..., M / 2]`; where both are zero the gradient is, too."""
    lengths: Tensor = torch.linalg.vector_norm(coefficients.reshape(*coefficients.shape[:-1], -1, 2), dim=-1)
    return lengths


def largest(coefficients: Function, kept: int) -> Function:
    """The largest coefficients of each frame with their signs, zeros elsewhere."""

    def apply(x: Tensor) -> Tensor:
        found = coefficients(x)
        sizes = found.detach().abs()
        return found * (sizes >= sizes.topk(kept, dim=-1).values[:, -1:])

    return apply
