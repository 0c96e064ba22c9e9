"""First-order learning on batches: how far it comes, what the balance does, that it can be carried on."""

import math
import re

import numpy as np
import pytest
import torch

from audiocos import cosines, framing
from audiocos.errors import AudiocosError
from audiocos.nn import CosinePair
from audiocos.training.growth import NoiseWindows, WhiteSound, white_snr_db
from audiocos.training.learners import NewtonLearner
from audiocos.training.objective import objective_for
from audiocos.training.stochastic import (
    StochasticLearner,
    StochasticSettings,
    balance,
    balance_factors,
    cooling,
    parameter_groups,
    taper_length,
)


@pytest.fixture(autouse=True)
def one_thread():
    """Small products are slower on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def learner(n=16, seed=0, start=None, batch=32, **settings):
    start = cosines.random(n, seed=seed) if start is None else start
    return StochasticLearner(start, NoiseWindows(batch, seed), StochasticSettings(**settings))


def run(descent):
    losses = []
    while not descent.done:
        losses.append(descent.advance())
    return descent.layout.unpack(descent.theta), losses


# How far it comes


@pytest.mark.slow
def test_adam_in_float32_learns_a_frame_of_64_and_is_polished_to_float64():
    pair, _ = run(learner(64, steps=2000, batch=64))
    assert white_snr_db(pair) >= 95
    polish = NewtonLearner(pair, objective_for(framing.block(64)), 64)
    while not polish.done:
        polish.advance()
    assert white_snr_db(polish.layout.unpack(polish.theta)) >= 200


@pytest.mark.parametrize("settings", [{"tied": True}, {"coefficients": 20}])
def test_adam_learns_the_rest_of_the_family(settings):
    pair, _ = run(learner(start=cosines.random(16, seed=1, **settings), steps=700, dtype="float64"))
    assert white_snr_db(pair) >= 40
    assert pair.tied == settings.get("tied", False)


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("growth", [False, True])
def test_sgd_lowers_the_loss(balanced, growth):
    start = cosines.random(16, seed=2)
    pair, losses = run(learner(start=start, optimizer="sgd", steps=300, balance=balanced, growth=growth))
    assert np.isfinite(losses).all()
    if not growth:
        assert white_snr_db(pair) > white_snr_db(start)


def test_sgd_that_runs_away_says_so():
    descent = learner(optimizer="sgd", steps=500, rate=1e3, rate_bins=1e3)
    with pytest.raises(AudiocosError) as error:
        run(descent)
    assert re.fullmatch(
        r"--optimizer sgd: the numbers have run away at step \d+\. "
        r"Use --optimizer adam or gauss-newton, or another --seed\.",
        str(error.value),
    )


# Schedules


def test_the_window_grows_from_two_samples_to_half_a_frame_and_then_is_gone():
    lengths = [taper_length(step, 100, 64) for step in range(100)]
    growing = [length for length in lengths if math.isfinite(length)]
    assert lengths[0] == 2 and 25 < growing[-1] < 32
    assert np.diff(np.log(growing)) == pytest.approx(math.log(growing[1] / 2))
    assert lengths[len(growing) :] == [math.inf] * (100 - len(growing))
    rates = [cooling(step, 100) for step in range(101)]
    assert rates[: len(growing) + 1] == [1.0] * (len(growing) + 1)
    assert rates[-1] == pytest.approx(1e-3)
    assert all(b < a for a, b in zip(rates[len(growing) :], rates[len(growing) + 1 :], strict=False))


# Balance


def gradients(n, m, seed, balanced):
    pair = CosinePair.from_parameters(cosines.random(n, m, seed=seed))
    x = torch.from_numpy(np.random.default_rng(seed).standard_normal((64, n)))
    (x - pair(x)).square().sum().backward()
    if balanced:
        balance(pair)
    return {name: float(parameter.grad.abs().mean()) for name, parameter in parameter_groups(pair).items()}


@pytest.mark.parametrize(("n", "m"), [(16, 16), (64, 64), (64, 32)])
def test_the_balance_scales_the_six_groups_by_the_closed_forms(n, m):
    root = math.sqrt(m * n)
    expected = {
        "a1": root / (m + n),
        "a2": 1 / root,
        "a3": 1.0,
        "a4": math.sqrt(2) / (n - 1),
        "w": math.sqrt(m) / (10 * n),
        "v": math.sqrt(m) / (5 * n),
    }
    assert balance_factors(n, m) == pytest.approx(expected)
    before, after = ([gradients(n, m, seed, balanced) for seed in range(15)] for balanced in (False, True))
    for name, factor in expected.items():
        plain, scaled = (np.median([found[name] for found in runs]) for runs in (before, after))
        assert scaled == pytest.approx(factor * plain)


def test_the_balance_brings_the_groups_only_a_little_closer():
    """From 22 to 15 times between the largest and the smallest: the rates matter more."""
    spread = {}
    for balanced in (False, True):
        found = [gradients(64, 64, seed, balanced) for seed in range(15)]
        medians = [np.median([one[name] for one in found]) for name in ("a1", "a2", "a3", "a4", "w", "v")]
        spread[balanced] = max(medians) / min(medians)
    assert spread[True] < 0.8 * spread[False]


def test_tied_frequencies_are_balanced_once():
    pair = CosinePair.from_parameters(cosines.random(8, seed=0, tied=True))
    pair.analysis.frequencies.grad = torch.ones(8, dtype=torch.float64)
    balance(pair)
    assert pair.synthesis.frequencies.grad.tolist() == pytest.approx([math.sqrt(8) / 80] * 8)


# Batches and resuming


@pytest.mark.slow
def test_batches_from_another_process_are_the_same():
    here, there = (run(learner(steps=30, workers=workers)) for workers in (0, 1))
    assert here[1] == there[1]
    assert np.array_equal(here[0].analysis_frequencies, there[0].analysis_frequencies)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("stop", [1, 25, 59])
def test_descent_goes_on_to_the_bit_where_its_state_was_taken(optimizer, stop):
    whole, rest = (learner(optimizer=optimizer, steps=60) for _ in range(2))
    for _ in range(stop):
        whole.advance()
    state = whole.state()
    loss = run(whole)[1]
    rest.load_state(state)  # only now: what was taken must not have moved on
    assert run(rest)[1] == loss
    assert np.array_equal(whole.theta, rest.theta)


def test_an_expectation_has_no_batches():
    descent = StochasticLearner(cosines.random(8), WhiteSound(), StochasticSettings(steps=1))
    with pytest.raises(ValueError, match="needs batches, not an expectation"):
        descent.advance()


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(ValueError, match='optimizer: "lion" is unknown; choose "adam" or "sgd".'):
        learner(optimizer="lion")
