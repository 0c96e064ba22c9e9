"""The closed forms of the loss against the real stream, finite differences and brute force."""

import numpy as np
import pytest

from audiocos import cosines, framing
from audiocos.stream import Stream
from audiocos.training.layout import Layout
from audiocos.training.newton import GaussNewton
from audiocos.training.objective import objective_for, tapered
from audiocos.training.starts import untied
from audiocos.training.statistics import Accumulator, Moment, probes

N = 16
FRAMINGS = {
    "block": framing.block(N),
    "half": framing.overlap(N),
    "quarter": framing.overlap(N, N // 4, "hann"),
    "lapped": framing.lapped(N),
    "kbd": framing.lapped(N, "kbd"),
}


def pair(m=N, seed=0, phased=False, tied=False, origin=0.0):
    """Numbers that nothing is special about: signed amplitudes, frequencies beyond 0..pi."""
    rng = np.random.default_rng(seed)
    amplitudes = rng.uniform(0.5, 1.5, 4) * [1, -1, 1, 1]
    w, v = rng.uniform(-0.3, 3.4, (2, m))
    p, q = rng.uniform(-3, 3, (2, m)) if phased else (None, None)
    w, p = (v, q) if tied else (w, p)
    return cosines.CosineParameters(N, m, amplitudes, w, v, p, q, origin=origin, tied=tied)


def coloured(samples, seed=0):
    """Noise through a resonance."""
    x = np.random.default_rng(seed).standard_normal(samples)
    for t in range(2, samples):
        x[t] += 1.4 * x[t - 1] - 0.8 * x[t - 2]
    return x / np.abs(x).max()


def moment_of(x, framed):
    moment = Moment.of(framed)
    accumulator = Accumulator(moment)
    accumulator.add(x)
    accumulator.finish()
    return moment


def streamed_residual(parameters, framed, x):
    """Energy of what the engine loses of x, silence around it included."""
    padded = np.concatenate([np.zeros(2 * N), x, np.zeros(3 * N)])[None]
    stream = Stream(parameters, framed, dtype=np.float64, device="cpu")
    out = np.concatenate([stream.feed(padded), stream.flush()], axis=1)[:, stream.latency :]
    return float(np.sum((padded - out) ** 2))


def loss_of(parameters, framed, second_moment):
    layout = Layout.of(parameters)
    return objective_for(framed, probes(second_moment, 0.0)).loss(layout, layout.pack(parameters))


PAIRS = {
    "square": pair(),
    "fewer": pair(5, 1),
    "more": pair(23, 2),
    "phased": pair(9, 3, phased=True),
    "tied": pair(7, 4, tied=True),
    "tied and phased": pair(7, 5, phased=True, tied=True),
    "origin": pair(8, 6, origin=0.5 + N / 4),
    "one": pair(1, 7),
}


RUNS = [  # a lapped hop has no more coefficients than samples
    (name, kind)
    for name, parameters in PAIRS.items()
    for kind, framed in FRAMINGS.items()
    if framed.kind != "lapped" or parameters.coefficients <= framed.hop
]


# The loss


@pytest.mark.parametrize(("name", "kind"), RUNS)
def test_the_loss_is_what_the_stream_loses_of_the_same_sound(name, kind):
    framed, parameters = FRAMINGS[kind], PAIRS[name]
    x = coloured(40 * N)
    moment = moment_of(x, framed)
    measured = streamed_residual(parameters, framed, x) / moment.hops
    assert loss_of(parameters, framed, moment.full()) == pytest.approx(measured, rel=1e-9)


@pytest.mark.parametrize("kind", FRAMINGS)
def test_the_loss_expects_what_the_stream_loses_of_stationary_sound(kind):
    framed, parameters = FRAMINGS[kind], PAIRS["fewer"]
    x = coloured(4096 * N)
    moment = moment_of(x, framed)
    measured = streamed_residual(parameters, framed, x) / moment.hops
    assert loss_of(parameters, framed, moment.stationary()) == pytest.approx(measured, rel=0.01)


@pytest.mark.parametrize(("name", "kind"), [run for run in RUNS if "tied" not in run[0] and run[0] != "one"])
def test_the_loss_of_white_sound_is_what_the_stream_loses_of_noise(name, kind):
    framed, parameters = FRAMINGS[kind], PAIRS[name]
    white = np.eye(2 * N - framed.hop)
    x = np.random.default_rng(1).standard_normal(4096 * N)
    measured = streamed_residual(parameters, framed, x) / (len(x) / framed.hop)
    assert loss_of(parameters, framed, white) == pytest.approx(measured, rel=0.03)


def test_white_block_sound_needs_no_probes():
    for parameters in PAIRS.values():
        layout = Layout.of(parameters)
        bare = objective_for(FRAMINGS["block"]).loss(layout, layout.pack(parameters))
        assert bare == pytest.approx(loss_of(parameters, FRAMINGS["block"], np.eye(N)), rel=1e-12)
        error = np.eye(N) - parameters.synthesis_matrix() @ parameters.analysis_matrix()
        assert bare == pytest.approx(np.sum(error**2), rel=1e-12)


def test_exact_pairs_lose_nothing():
    exact = [(cosines.orthogonal(N), FRAMINGS[kind]) for kind in ("block", "half", "quarter")]
    exact += [(cosines.orthogonal(N, 23), FRAMINGS["half"]), (cosines.lapped(N), FRAMINGS["lapped"])]
    for parameters, framed in exact:
        assert loss_of(parameters, framed, np.eye(2 * N - framed.hop)) < 1e-24


# Its derivatives


def brute_residual(objective, layout, theta):
    """The error of every probe, straight from the definition."""
    banks = layout.unpack(theta)
    n, h, r = len(objective.analysis_window), objective.hop, objective.overlap
    w1 = banks.analysis_matrix()[:, :n] * objective.analysis_window
    w2 = banks.synthesis_matrix()[:n] * objective.synthesis_window[:, None]
    sound = np.eye(n) if objective.probes is None else objective.probes
    out = np.zeros(((2 * r - 1) * h, sound.shape[1]))
    for f in range(r):
        out[f * h : f * h + n] += w2 @ w1 @ sound[f * h : f * h + n]
    middle = slice((r - 1) * h, r * h)
    return (objective.target[:, None] * sound[middle] - out[middle]).ravel()


def jacobian(objective, layout, theta, step=1e-5):
    columns = []
    for direction in np.eye(len(theta)) * step:
        ahead = brute_residual(objective, layout, theta + direction)
        columns.append((ahead - brute_residual(objective, layout, theta - direction)) / (2 * step))
    return np.stack(columns, axis=1)


def objectives():
    sound = moment_of(coloured(200 * N), FRAMINGS["half"])
    yield "white", objective_for(FRAMINGS["block"])
    for kind, framed in FRAMINGS.items():
        yield kind, objective_for(framed, probes(moment_of(coloured(200 * N), framed).full()))
    taper = np.exp(-0.5 * (np.arange(11) / 3) ** 2)
    yield "tapered white", tapered(objective_for(FRAMINGS["block"]), taper)
    block = objective_for(FRAMINGS["block"], probes(sound.stationary()[:N, :N]))
    yield "tapered", tapered(block, taper)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("kind", [kind for kind, _ in objectives()])
def test_gradient_and_normal_equations_are_those_of_finite_differences(kind, name):
    objective, layout = dict(objectives())[kind], Layout.of(PAIRS[name])
    theta = layout.pack(PAIRS[name])
    residual, slopes = brute_residual(objective, layout, theta), jacobian(objective, layout, theta)
    gradient, products = slopes.T @ residual, slopes.T @ slopes
    loss, slope = objective.gradient(layout, theta)
    assert objective.loss(layout, theta) == pytest.approx(residual @ residual, rel=1e-10)
    assert loss == pytest.approx(residual @ residual, rel=1e-10)
    assert slope == pytest.approx(2 * gradient, rel=1e-6, abs=1e-6 * np.abs(gradient).max())
    loss, half, upper = objective.normal_equations(layout, theta)
    assert loss == pytest.approx(residual @ residual, rel=1e-10)
    assert half == pytest.approx(gradient, rel=1e-6, abs=1e-6 * np.abs(gradient).max())
    assert np.triu(upper) == pytest.approx(np.triu(products), rel=1e-6, abs=1e-6 * products.max())


@pytest.mark.parametrize("index", range(4))
def test_an_amplitude_of_zero_has_finite_derivatives(index):
    objective, start = dict(objectives())["half"], PAIRS["square"]
    layout = Layout.of(start)
    theta = layout.pack(start)
    theta[index] = 0.0
    slopes, residual = jacobian(objective, layout, theta), brute_residual(objective, layout, theta)
    _, half, upper = objective.normal_equations(layout, theta)
    assert half == pytest.approx(slopes.T @ residual, rel=1e-6, abs=1e-6)
    assert np.triu(upper) == pytest.approx(np.triu(slopes.T @ slopes), rel=1e-6, abs=1e-6)


def test_the_taper_weighs_each_sample_of_a_white_frame():
    parameters, taper = PAIRS["square"], np.linspace(1.0, 0.1, N)
    layout, root = Layout.of(parameters), np.sqrt(taper)
    error = np.eye(N) - parameters.synthesis_matrix() @ parameters.analysis_matrix()
    weighted = root[:, None] * error * root
    loss = tapered(objective_for(FRAMINGS["block"]), taper).loss(layout, layout.pack(parameters))
    assert loss == pytest.approx(np.sum(weighted**2), rel=1e-12)


# The layout


@pytest.mark.parametrize("name", PAIRS)
def test_pack_and_unpack_are_inverse(name):
    parameters = PAIRS[name]
    layout = Layout.of(parameters)
    theta = layout.pack(parameters)
    assert len(theta) == 4 + (1 if parameters.tied else 2) * (2 if parameters.phased else 1) * parameters.coefficients
    back = layout.unpack(theta)
    assert (back.origin, back.tied, back.phased) == (parameters.origin, parameters.tied, parameters.phased)
    for key, value in parameters.arrays().items():
        assert np.allclose(getattr(back, key), value, rtol=1e-15, atol=0)


def test_a_bin_is_the_distance_of_the_grid():
    theta = Layout(N, N).pack(cosines.orthogonal(N))
    assert theta[4 : 4 + N] == pytest.approx(np.arange(N) + 0.5, rel=1e-14)


# The step


def test_a_step_with_little_damping_solves_a_linear_problem():
    start = untied(cosines.orthogonal(N))
    theta = Layout.of(start).pack(start)
    theta[4:] += 1e-3 * np.random.default_rng(0).standard_normal(2 * N)
    newton = GaussNewton(Layout.of(start), theta, floor=1e-14)
    newton.damping = 1e-14
    before, after = newton.step(objective_for(FRAMINGS["block"]))
    assert before > 1e-6 and after < 1e-4 * before


def test_the_spring_pulls_the_banks_together():
    layout = Layout.of(PAIRS["square"])
    newton = GaussNewton(layout, layout.pack(PAIRS["square"]))
    w, v = layout.analysis_slices[0], layout.synthesis_slices[0]
    gap = np.linalg.norm(newton.theta[w] - newton.theta[v])
    before, after = newton.step(objective_for(FRAMINGS["block"]), spring=1e3)
    assert after < before
    assert np.linalg.norm(newton.theta[w] - newton.theta[v]) < 0.5 * gap


def test_a_step_never_raises_the_loss():
    objective = objective_for(FRAMINGS["block"])
    for seed in range(5):
        start = pair(seed=seed)
        newton = GaussNewton(Layout.of(start), Layout.of(start).pack(start))
        last = np.inf
        for _ in range(10):
            before, after = newton.step(objective)
            assert after <= before <= last * (1 + 1e-12)
            last = after
