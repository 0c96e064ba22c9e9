"""From starts that know nothing to the exact pair, and the ways that stay near 0 dB."""

import numpy as np
import pytest
import scipy.optimize

from audiocos import cosines, framing
from audiocos.training.growth import Growth, NoiseWindows, WhiteSound, default_batch, folded, white_snr_db
from audiocos.training.layout import Layout
from audiocos.training.learners import LbfgsLearner, NewtonLearner
from audiocos.training.objective import objective_for
from audiocos.training.plan import stages
from audiocos.training.run import Run
from audiocos.training.settings import StochasticSettings, TrainingConfig
from audiocos.training.sound import white
from audiocos.training.stochastic import StochasticLearner


def grow(start, windows=None, **settings):
    growth = Growth(start, windows or WhiteSound(), **settings)
    while not growth.done:
        growth.advance()
    return growth.layout.unpack(growth.theta)


def polished(start):
    learner = NewtonLearner(start, objective_for(framing.block(start.frame)), start.frame)
    while not learner.done:
        learner.advance()
    return learner.layout.unpack(learner.theta)


def shuffled(n, seed):
    """Unsorted frequencies, amplitudes of either sign."""
    rng = np.random.default_rng([seed, 1])
    amplitudes = rng.uniform(0.5, 1.5, 4) * rng.choice([-1, 1], 4)
    w, v = rng.uniform(0, np.pi, (2, n))
    return cosines.CosineParameters(n, n, amplitudes, w, v)


# White sound


@pytest.mark.parametrize("n", [16, 64])
@pytest.mark.parametrize("seed", range(5))
def test_the_expectation_of_white_sound_teaches_the_exact_pair(n, seed):
    assert white_snr_db(grow(cosines.random(n, seed=seed), factor=1.3)) >= 200


@pytest.mark.parametrize("n", [16, 64])
@pytest.mark.parametrize("seed", range(5))
def test_batches_of_noise_teach_the_exact_pair(n, seed):
    windows = NoiseWindows(default_batch(n), seed)
    assert white_snr_db(grow(cosines.random(n, seed=seed), windows)) >= 200


def test_larger_frames_learn_too():
    assert white_snr_db(grow(cosines.random(128, seed=0), factor=1.3)) >= 200


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("batches", [False, True])
def test_unsorted_starts_with_amplitudes_of_either_sign_learn_too(seed, batches):
    windows = NoiseWindows(default_batch(64), seed) if batches else WhiteSound()
    assert white_snr_db(grow(shuffled(64, seed), windows, factor=1.3)) >= 200


@pytest.mark.parametrize("seed", range(3))
def test_tied_banks_learn_the_exact_pair(seed):
    learned = grow(cosines.random(64, seed=seed, tied=True), factor=1.3)
    assert learned.tied and white_snr_db(learned) >= 200


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 2), (3, 3), (1, 4), (5, 8)])
def test_the_smallest_frames_learn_too(n, m):
    learned = polished(grow(cosines.random(n, m, seed=1), factor=1.3))
    assert white_snr_db(learned) >= (200 if m == n else 150)  # with M > N two frequencies may meet: a flat valley


@pytest.mark.parametrize("m", [65, 96, 128])
@pytest.mark.parametrize("seed", range(2))
def test_more_coefficients_than_samples_are_exact(m, seed):
    assert white_snr_db(grow(cosines.random(64, m, seed=seed), factor=1.3)) >= 200


@pytest.mark.parametrize("m", [32, 48, 60, 63])
@pytest.mark.parametrize("seed", range(2))
def test_fewer_coefficients_than_samples_reach_the_bound(m, seed):
    learned = polished(grow(cosines.random(64, m, seed=seed), factor=1.3))
    assert white_snr_db(learned) == pytest.approx(10 * np.log10(64 / (64 - m)), abs=0.01)


@pytest.mark.parametrize("m", [32, 48, 60, 63])
@pytest.mark.parametrize("seed", range(2))
def test_batches_reach_the_bound_too(m, seed):
    config = TrainingConfig(frame=64, coefficients=m, start="random", expected=False)
    sound = white(framing.block(64))
    run = Run(cosines.random(64, m, seed=seed), stages(config, sound, NoiseWindows(16, seed), True))
    while not run.done:
        run.advance()
    assert white_snr_db(run.parameters) == pytest.approx(10 * np.log10(64 / (64 - m)), abs=0.01)


def test_what_is_learned_is_the_grid_of_the_dct():
    learned = folded(grow(cosines.random(64, seed=2), factor=1.3))
    grid = (np.arange(64) + 0.5) * np.pi / 64
    assert np.sort(learned.analysis_frequencies) == pytest.approx(grid, abs=1e-10)
    a = learned.amplitudes
    assert [a[0] * a[2], a[1] * a[3]] == pytest.approx([1, 2], abs=1e-10)


# Without growth


@pytest.mark.parametrize("seed", range(3))
def test_gauss_newton_alone_stays_near_0_db(seed):
    assert white_snr_db(polished(cosines.random(64, seed=seed))) < 10


@pytest.mark.parametrize("seed", range(3))
def test_lbfgs_alone_stays_near_0_db(seed):
    learner = LbfgsLearner(cosines.random(64, seed=seed), objective_for(framing.block(64)), 64)
    while not learner.done:
        learner.advance()
    assert white_snr_db(learner.layout.unpack(learner.theta)) < 10


def test_adam_alone_stays_near_0_db():
    settings = StochasticSettings(steps=400, growth=False)
    learner = StochasticLearner(cosines.random(64, seed=0), NoiseWindows(32), settings)
    while not learner.done:
        learner.advance()
    assert white_snr_db(learner.layout.unpack(learner.theta)) < 10


# Learners on a fixed loss


@pytest.mark.parametrize("kind", [NewtonLearner, LbfgsLearner])
def test_a_start_inside_the_bowl_needs_no_growth(kind):
    exact = cosines.orthogonal(32)
    layout = Layout(32, 32)
    theta = layout.pack(exact) + 0.1 * np.random.default_rng(0).standard_normal(68)
    learner = kind(layout.unpack(theta), objective_for(framing.block(32)), 32)
    losses = []
    while not learner.done:
        losses.append(learner.advance())
    assert white_snr_db(layout.unpack(learner.theta)) > (200 if kind is NewtonLearner else 90)
    assert losses == sorted(losses, reverse=True)


def test_lbfgs_finds_what_scipy_finds_in_one_go():
    start, objective = cosines.orthogonal(16, 6), objective_for(framing.block(16), np.diag(1.1 ** np.arange(16.0)))
    layout = Layout(16, 6)
    learner = LbfgsLearner(start, objective, 1.0)
    while not learner.done:
        loss = learner.advance()
    found = scipy.optimize.minimize(lambda theta: objective.loss(layout, theta), layout.pack(start), tol=1e-12)
    assert loss <= found.fun * (1 + 1e-3)


# Folding


@pytest.mark.parametrize("phased", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_folded_frequencies_make_the_same_banks(phased, tied):
    rng = np.random.default_rng(3)
    w, v, p, q = rng.uniform(-20, 20, (4, 12))
    w[:4], v[:2] = [0.0, np.pi, 1.0, -0.0], [np.pi, 2.0]
    v, q = (w, p) if tied else (v, q)
    phases = (p, q) if phased else (None, None)
    pair = cosines.CosineParameters(16, 12, np.array([1, -1.2, 0.7, 1.4]), w, v, *phases, tied=tied)
    inside = folded(pair)
    for frequencies in (inside.analysis_frequencies, inside.synthesis_frequencies):
        assert frequencies.min() >= 0 and frequencies.max() <= np.pi
    assert inside.analysis_matrix() == pytest.approx(pair.analysis_matrix(), abs=1e-12)
    assert inside.synthesis_matrix() == pytest.approx(pair.synthesis_matrix(), abs=1e-12)
    assert inside.tied == tied
    kept = (w >= 0) & (w <= np.pi)
    assert np.array_equal(inside.analysis_frequencies[kept], w[kept])


def test_another_time_origin_is_not_folded():
    pair = cosines.with_origin(cosines.CosineParameters(4, 1, np.ones(4), [4.0], [-1.0]), 1.5)
    assert folded(pair) is pair


# Resuming


@pytest.mark.parametrize("stop", [1, 8, 11])
@pytest.mark.parametrize("batches", [False, True])
def test_growth_goes_on_to_the_bit_where_its_state_was_taken(stop, batches):
    start = cosines.random(16, seed=4)

    def fresh():
        return Growth(start, NoiseWindows(16, 4) if batches else WhiteSound())

    whole = fresh()
    state = None
    while not whole.done:
        whole.advance()
        state = whole.state() if whole.step == stop else state
    rest = fresh()
    rest.load_state(state)
    while not rest.done:
        rest.advance()
    assert rest.step == whole.step and np.array_equal(rest.theta, whole.theta)


@pytest.mark.parametrize("kind", [NewtonLearner, LbfgsLearner])
def test_learners_go_on_to_the_bit_where_their_state_was_taken(kind):
    layout = Layout(16, 8)
    colours = np.diag(1.2 ** np.arange(16.0))
    theta = layout.pack(cosines.orthogonal(16, 8)) + 0.05 * np.random.default_rng(0).standard_normal(20)

    def fresh():
        return kind(layout.unpack(theta), objective_for(framing.block(16), colours), 1.0)

    whole, rest = fresh(), fresh()
    for _ in range(2):
        whole.advance()
    rest.load_state(whole.state())
    while not whole.done:
        whole.advance()
    while not rest.done:
        rest.advance()
    assert rest.step == whole.step and np.array_equal(rest.theta, whole.theta)
