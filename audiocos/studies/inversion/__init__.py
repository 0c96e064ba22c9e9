"""Can a signal be recovered from its representation: descent on the signal, from noise and from nearby."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from audiocos import metrics, signals
from audiocos.cosines import Float64
from audiocos.inversion import METHODS
from audiocos.report.words import decimal
from audiocos.studies.study import Answer, Setting

if TYPE_CHECKING:
    from torch import Tensor

    from audiocos.studies.inversion.representations import Representation

RATE = 4000
INTERVALS = 4
NOTES = 2 * INTERVALS - 1
"""One in each interval, a quarter of the signal, and one half over each two of them."""

HARMONICS, GAMMA = 8, 0.7

STEP = 100.0
NEAR_DB = 10.0
NEAR = "near"
NAMES = {"bold-driver": "bold driver", "l-bfgs": "L-BFGS", NEAR: f"L-BFGS from {decimal(NEAR_DB, 0)} dB near"}

_SEGMENT = 256


@dataclass(frozen=True)
class Sizes:
    """What is inverted, and for how long.

    Args:
        samples: T.
        octaves: J of the scattering.
        wavelets: Q of the scattering.
        kept: M of the pair's N coefficients.
        sweep: other M.
        iterations: from noise.
        near_iterations: from nearby.
        sweep_iterations: for each other M.
    """

    samples: int
    octaves: int
    wavelets: int
    kept: int
    sweep: tuple[int, ...]
    iterations: int
    near_iterations: int
    sweep_iterations: int


FULL = Sizes(2**13, 6, 16, 128, (8, 16, 32, 64, 128, 256), 200, 60, 100)
QUICK = Sizes(2**11, 4, 4, 128, (16, 64, 256), 25, 10, 20)


@dataclass
class Run:
    """One descent.

    Args:
        figures: of the signal found, by name; `losses` are relative to the norm of what is wanted.
        signals: by iteration: before, during and after.
        seconds: it took.
    """

    figures: dict[str, Any]
    signals: dict[int, Float64] = field(repr=False)
    seconds: float


Runs = dict[str, dict[str, Run]]


def run(setting: Setting) -> Answer:
    """Run the study.

    Raises:
        AudiocosError: kymatio is not installed.
    """
    from audiocos.studies.inversion.page import answer
    from audiocos.studies.inversion.representations import of_pair, scattering

    sizes = QUICK if setting.quick else FULL
    wanted = signals.harmonic(sizes.samples, RATE, notes=NOTES, harmonics=HARMONICS, gamma=GAMMA, seed=setting.seed)
    listed = [
        scattering(sizes.samples, sizes.octaves, sizes.wavelets, setting.device),
        *of_pair(sizes.samples, sizes.kept, setting.device),
    ]
    bar = _Bar(setting, listed, sizes)
    near = _near(wanted, setting.seed)
    runs = {each.name: _runs(each, wanted, near, sizes, setting, bar) for each in listed}
    sweep = _sweep(wanted, near, sizes, setting, bar)
    free = _free(wanted, near, sweep)
    setting.step("drawing", bar.total, bar.total)
    return answer(setting, sizes, listed, wanted, runs, sweep, free)


def recovered(wanted: Float64, found: Float64) -> dict[str, float | None]:
    """How near a signal is to the one wanted, or its negative, whichever is nearer.

    Args:
        wanted: `[samples]`.
        found: `[samples]`.

    Returns:
        `snr_db`; `log_spectral_distance_db`; `magnitude_snr_db`, of short-time spectra without their phases: their
        energy over that of their difference (the spectral convergence of Griffin and Lim 1984, turned over).
    """
    energy = float(wanted @ wanted)
    sign = 1.0 if float(wanted @ found) >= 0 else -1.0
    figures = metrics.compare(wanted[None], sign * found[None], RATE)
    x, y = _spectrum(wanted), _spectrum(found)
    return {
        "snr_db": metrics.snr_db(energy, figures.mse * wanted.size),
        "log_spectral_distance_db": figures.log_spectral_distance_db,
        "magnitude_snr_db": metrics.snr_db(float((x**2).sum()), float(((x - y) ** 2).sum())),
    }


def _spectrum(x: Float64) -> Float64:
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import hann

    return np.asarray(np.abs(ShortTimeFFT(hann(_SEGMENT, sym=False), _SEGMENT // 4, RATE).stft(x)))


class _Bar:
    """Progress over the whole study, in units of about equal cost."""

    def __init__(self, setting: Setting, listed: list[Representation], sizes: Sizes) -> None:
        self._setting, self._done = setting, 0
        self.iterations = len(METHODS) * sizes.iterations + sizes.near_iterations
        self.costs = {each.name: 30 if each.name == "scattering" else 1 for each in listed}
        self.total = self.iterations * sum(self.costs.values()) + 2 * len(sizes.sweep) * sizes.sweep_iterations

    def goes_on(self, what: str, units: int) -> None:
        """So many units more are done."""
        self._done = min(self._done + units, self.total)
        self._setting.step(what, self._done, self.total)


def _near(wanted: Float64, seed: int) -> Float64:
    """The signal in white noise."""
    noise = np.random.default_rng(seed).standard_normal(wanted.size)
    gain = np.sqrt((wanted @ wanted) / (noise @ noise)) * 10 ** (-NEAR_DB / 20)
    return np.asarray(wanted + gain * noise)


def _runs(
    each: Representation, wanted: Float64, near: Float64, sizes: Sizes, setting: Setting, bar: _Bar
) -> dict[str, Run]:
    """From noise by each method, and from nearby."""
    import torch

    found = {}
    for method in METHODS:
        found[method] = _descend(each, wanted, wanted.size, method, sizes.iterations, setting, bar)
    start = torch.from_numpy(near).to(setting.device)
    found[NEAR] = _descend(each, wanted, start, "l-bfgs", sizes.near_iterations, setting, bar)
    return found


def _free(wanted: Float64, near: Float64, sweep: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """What the start nearby gives without descent: the best mask, true magnitudes, true moduli."""
    from audiocos.studies.inversion.nearby import true_magnitudes, true_moduli

    return {
        "masked": max(sweep["denoised"], key=lambda row: float(row["snr_db"])),
        "magnitudes": recovered(wanted, true_magnitudes(wanted, near)),
        "moduli": recovered(wanted, true_moduli(wanted, near)),
    }


def _sweep(
    wanted: Float64, near: Float64, sizes: Sizes, setting: Setting, bar: _Bar
) -> dict[str, list[dict[str, Any]]]:
    """From more and more of the largest coefficients, with signs and without, and what synthesis gives of them.

    Beside it, without any descent, what is left of the start nearby where only coefficients in their places are kept.
    """
    import torch

    import audiocos
    from audiocos.studies.inversion.representations import Representation, coefficients, largest

    model = audiocos.load("exact-overlap")
    analyze = coefficients(model, setting.device)
    names = ("with signs", "without signs", "synthesized", "denoised")
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in names}

    def spectrum(signal: Float64) -> Float64:
        return np.asarray(analyze(torch.from_numpy(signal).to(setting.device)).cpu().numpy())

    noisy = spectrum(near)
    for kept in sizes.sweep:
        signed = largest(analyze, kept)
        kept_ones = signed(torch.from_numpy(wanted).to(setting.device)).cpu().numpy()
        for name, apply in (("with signs", signed), ("without signs", lambda x, f=signed: f(x).abs())):
            each = Representation(f"{kept} {name}", f"{kept} largest {name}", 0, apply)
            descent = _descend(each, wanted, wanted.size, "bold-driver", sizes.sweep_iterations, setting, bar)
            rows[name].append(descent.figures)
            if name == "with signs":
                error = spectrum(descent.signals[descent.figures["iterations"]] - wanted)
                elsewhere = float((error[kept_ones == 0] ** 2).sum() / (error**2).sum())
                rows[name][-1]["error_elsewhere"] = elsewhere
        for name, given in (("synthesized", kept_ones), ("denoised", np.where(kept_ones != 0, noisy, 0.0))):
            rows[name].append(recovered(wanted, model.synthesize(given[None], wanted.size)[0]))
    return rows


def _descend(
    each: Representation,
    wanted: Float64,
    start: Tensor | int,
    method: str,
    iterations: int,
    setting: Setting,
    bar: _Bar,
) -> Run:
    import torch

    import audiocos

    kept: dict[int, Float64] = {}
    cost = bar.costs.get(each.name, 1)
    what = f"{each.title}, {method}"
    seen = 0

    def watch(iteration: int, _: float, signal: Tensor) -> None:
        nonlocal seen
        seen = iteration
        if iteration in (0, during(iterations)):
            kept[iteration] = signal.cpu().numpy().copy()
        bar.goes_on(what, cost if iteration else 0)

    begun = time.perf_counter()
    with torch.no_grad():
        target = each.apply(torch.from_numpy(wanted).to(setting.device))
    found = audiocos.invert(
        each.apply, target, start, method=method, iterations=iterations, step=STEP, seed=setting.seed, watch=watch
    )
    bar.goes_on(what, cost * (iterations - seen))
    kept[seen] = found.signal.cpu().numpy()
    size = float(torch.linalg.vector_norm(target))
    figures: dict[str, Any] = {
        "iterations": seen,
        "evaluations": found.evaluations,
        "losses": [loss / size for loss in found.losses],
    }
    for when, iteration in (("before", 0), ("during", min(during(iterations), seen)), ("after", seen)):
        figures[when] = recovered(wanted, kept[iteration])
    return Run(figures, kept, time.perf_counter() - begun)


def during(iterations: int) -> int:
    """Which iteration is shown between the first and the last."""
    return max(1, iterations // 10)
