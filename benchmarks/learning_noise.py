"""Learning from white noise: from a start that knows nothing to the exact pair, beside other ways."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from audiocos import cosines, framing
from audiocos.cosines import CosineParameters
from audiocos.training.growth import NoiseWindows, WhiteSound, default_batch, white_snr_db
from audiocos.training.learners import LbfgsLearner, Learner, NewtonLearner
from audiocos.training.objective import objective_for
from audiocos.training.plan import stages
from audiocos.training.run import Run
from audiocos.training.settings import StochasticSettings, TrainingConfig
from audiocos.training.sound import white
from audiocos.training.stochastic import StochasticLearner
from benchmarks.learning_sound import Room
from benchmarks.page import Aim, AtLeast, Section

SEEDS = {16: 200, 64: 200, 256: 20, 512: 5, 1024: 3, 2048: 1}
MOST_SECONDS = {64: 0.1, 256: 1.0, 512: 3.0, 1024: 20.0}
WAYS = {"expected loss": True, "batches": False}


def learn(start: CosineParameters, expected: bool, seed: int) -> tuple[float, float]:
    """White SNR and processor seconds of what `audiocos train synth:noise` does from a start."""
    config = TrainingConfig(frame=start.frame, coefficients=start.coefficients, start="random", expected=expected)
    windows = WhiteSound() if expected else NoiseWindows(default_batch(start.frame), seed)
    began = time.process_time()
    run = Run(start, stages(config, white(framing.block(start.frame)), windows, True))
    while not run.done:
        run.advance()
    return white_snr_db(run.parameters), time.process_time() - began


def random_starts(room: Room) -> Section:
    section = Section(
        "From the random start, white sound, N = M",
        "Amplitudes in [0.5, 1.5), both banks' frequencies random and sorted. 200 dB and more is exact to float64.",
        ["N", "learned on", "starts", "least", "median", "exact", "median s", "longest s"],
    )
    for n, seeds in SEEDS.items():
        if room.quick and n > 256:
            continue
        count = min(seeds, 3) if room.quick else seeds
        for way, expected in WAYS.items():
            found = [learn(cosines.random(n, seed=seed), expected, seed) for seed in range(count)]
            section.rows.append([str(n), way, str(count), *_summary(found)])
            least = min(snr for snr, _ in found)
            section.aims.append(AtLeast(f"random start, N = {n}, {way}, each of {count}", least, 200.0, " dB"))
            if n in MOST_SECONDS:
                seconds = statistics.median(taken for _, taken in found)
                section.aims.append(Aim(f"its time, N = {n}, {way}", seconds, MOST_SECONDS[n], " s"))
    return section


def odd_starts(room: Room) -> Section:
    section = Section(
        "Stranger starts, N = M = 64",
        "The random start with its frequencies shuffled, each bank by itself, or with amplitudes of random sign.",
        ["start", "learned on", "starts", "least", "median", "exact", "median s", "longest s"],
    )
    count = 3 if room.quick else 200
    for name, twist in (("unsorted", _shuffled), ("signed", _signed)):
        for way, expected in WAYS.items():
            found = [learn(twist(cosines.random(64, seed=seed), seed), expected, seed) for seed in range(count)]
            section.rows.append([name, way, str(count), *_summary(found)])
            least = min(snr for snr, _ in found)
            section.aims.append(AtLeast(f"{name} start, N = 64, {way}, each of {count}", least, 200.0, " dB"))
    return section


def other_sizes(room: Room) -> Section:
    section = Section(
        "M other than N = 64, white sound, expected loss",
        "With more coefficients than samples the pair can be exact; with fewer, no pair is better than "
        "10 log10(N / (N - M)).",
        ["M", "starts", "least", "median", "the most there is"],
    )
    for m in (65, 72, 96, 128, 160, 32, 48, 60, 63):
        count = 2 if room.quick else 20 if m > 64 else 10
        found = [learn(cosines.random(64, m, seed=seed), True, seed)[0] for seed in range(count)]
        bound = 10 * np.log10(64 / (64 - m)) if m < 64 else np.inf
        section.rows.append(
            [str(m), str(count), f"{min(found):.3f}", f"{statistics.median(found):.3f}", f"{bound:.3f}"]
        )
        if m > 64:
            section.aims.append(AtLeast(f"M = {m} of N = 64, each of {count}", min(found), 200.0, " dB"))
        else:
            short = float(bound - min(found))
            section.aims.append(Aim(f"M = {m} of N = 64: below the bound", short, 0.01, " dB"))
    return section


def rivals(room: Room) -> Section:
    section = Section(
        "The same starts without window growth, and other ways to a transform",
        "White SNR. Adam and balanced SGD: 3000 steps on batches, the rates of `audiocos train`; dense: both matrices "
        "free, Adam, 3000 steps. Butterfly: cited, not measured (Dao et al. 2019, Learning Fast Algorithms for Linear "
        "Transforms Using Butterfly Factorizations: RMSE 4e-6 at N = 8 to 7e-5 at N = 1024 for the DCT, best of "
        "20 to 320 trials each).",
        ["way", "N", "starts", "least", "median", "most", "median s"],
    )
    steps = 300 if room.quick else 3000
    plain = StochasticSettings(steps=steps, growth=False)
    for n, count in ((64, 1 if room.quick else 3), (256, 0 if room.quick else 1)):
        ways: dict[str, Callable[[int], tuple[float, float]]] = {
            "plain Adam": _stochastic(n, plain),
            "balanced gradients (SGD)": _stochastic(n, replace(plain, optimizer="sgd", balance=True)),
            "plain L-BFGS, expected loss": _lbfgs(n),
            f"dense matrices, {2 * n * n} numbers, Adam": _dense(n, steps),
        }
        for name, way in ways.items():
            if count:
                section.rows.append([name, str(n), str(count), *_spread([way(seed) for seed in range(count)])])
    for n, rmse in ((8, 4e-6), (1024, 7e-5)):
        section.rows.append([f"butterfly factorisation, cited: RMSE {rmse:g}", str(n), "20 to 320", "", "", "", ""])
    return section


def first_order(room: Room) -> Section:
    section = Section(
        "Adam on batches of windows in float32, with window growth, then a Gauss-Newton polish",
        "3000 steps from the random start, N = M.",
        ["N", "starts", "Adam: least", "median", "median s", "polished: least", "median s"],
    )
    for n, count, aim in ((64, 3, 95.0), (256, 1, 90.0)):
        if room.quick and n > 64:
            continue
        rough, polished = [], []
        for seed in range(1 if room.quick else count):
            began = time.process_time()
            windows = NoiseWindows(max(64, n // 2), seed)
            pair = _through(StochasticLearner(cosines.random(n, seed=seed), windows, StochasticSettings()))
            rough.append((white_snr_db(pair), time.process_time() - began))
            began = time.process_time()
            pair = _through(NewtonLearner(pair, objective_for(framing.block(n)), float(n)))
            polished.append((white_snr_db(pair), time.process_time() - began))
        least, after = min(snr for snr, _ in rough), min(snr for snr, _ in polished)
        a, b = _spread(rough), _spread(polished)
        section.rows.append([str(n), str(len(rough)), a[0], a[1], a[3], b[0], b[3]])
        section.aims.append(AtLeast(f"Adam on batches, float32, N = {n}", least, aim, " dB"))
        section.aims.append(AtLeast(f"then polished, N = {n}", after, 200.0, " dB"))
    return section


def _stochastic(n: int, settings: StochasticSettings) -> Callable[[int], tuple[float, float]]:
    return lambda seed: _timed(
        lambda: StochasticLearner(cosines.random(n, seed=seed), NoiseWindows(max(64, n // 2), seed), settings)
    )


def _lbfgs(n: int) -> Callable[[int], tuple[float, float]]:
    objective = objective_for(framing.block(n))
    return lambda seed: _timed(lambda: LbfgsLearner(cosines.random(n, seed=seed), objective, float(n)))


def _dense(n: int, steps: int) -> Callable[[int], tuple[float, float]]:
    def way(seed: int) -> tuple[float, float]:
        began = time.process_time()
        generator = torch.Generator().manual_seed(seed)
        w1, w2 = (torch.randn(n, n, generator=generator).div(n**0.5).requires_grad_() for _ in range(2))
        optimizer = torch.optim.Adam([w1, w2], lr=1e-3)
        cooling = torch.optim.lr_scheduler.ExponentialLR(optimizer, 1e-3 ** (1 / steps))
        for _ in range(steps):
            x = torch.randn(max(64, n // 2), n, generator=generator)
            optimizer.zero_grad()
            (x - x @ w1.T @ w2.T).square().mean().backward()
            optimizer.step()
            cooling.step()
        error = torch.eye(n) - (w2 @ w1).detach()
        return float(10 * torch.log10(n / error.square().sum())), time.process_time() - began

    return way


def _timed(make: Callable[[], Learner]) -> tuple[float, float]:
    began = time.process_time()
    return white_snr_db(_through(make())), time.process_time() - began


def _through(learner: Learner) -> CosineParameters:
    while not learner.done:
        learner.advance()
    return learner.layout.unpack(learner.theta)


def _shuffled(pair: CosineParameters, seed: int) -> CosineParameters:
    order = np.random.default_rng([9, seed])
    w, v = order.permutation(pair.analysis_frequencies), order.permutation(pair.synthesis_frequencies)
    return replace(pair, analysis_frequencies=w, synthesis_frequencies=v)


def _signed(pair: CosineParameters, seed: int) -> CosineParameters:
    signs = np.random.default_rng([9, seed]).choice([-1.0, 1.0], 4)
    return replace(pair, amplitudes=pair.amplitudes * signs)


def _summary(found: Sequence[tuple[float, float]]) -> list[str]:
    snrs, seconds = zip(*found, strict=True)
    exact = sum(snr >= 200 for snr in snrs)
    dbs = [f"{min(snrs):.0f}", f"{statistics.median(snrs):.0f}", f"{exact} of {len(snrs)}"]
    return [*dbs, f"{statistics.median(seconds):.3g}", f"{max(seconds):.3g}"]


def _spread(found: Sequence[tuple[float, float]]) -> list[str]:
    snrs, seconds = zip(*found, strict=True)
    ordered = [min(snrs), statistics.median(snrs), max(snrs)]
    return [*(f"{snr:.1f}" for snr in ordered), f"{statistics.median(seconds):.3g}"]
