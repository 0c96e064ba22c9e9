"""Gradients of the pair, against closed forms and finite differences."""

import numpy as np
import pytest
import torch

from audiocos.nn import CosinePair

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")
needs_mps = pytest.mark.skipif(not torch.backends.mps.is_available(), reason="torch finds no MPS device here")


def uniform(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.default_rng(seed).uniform(-1, 1, shape)).to(dtype)


def closed_form_gradients(p, x):
    """Gradients of sum_n (x_n - y_n)^2 in every parameter, one frame x.

    With e = y - x, c_kn = cos(w_k t_n + p_k), d_nk = cos(v_k t_n + q_k) and s for the sines:
    dL/dX_k = 2 sum_n e_n beta_n d_nk / sqrt(M), and the rest by the chain rule.
    """
    n_total, m = p.frame, p.coefficients
    a1, a2, a3, a4 = p.amplitudes
    t = np.arange(n_total) + p.origin
    zero = np.zeros(m)
    phases = zero if p.analysis_phases is None else p.analysis_phases
    other = zero if p.synthesis_phases is None else p.synthesis_phases
    angle, back = (
        np.outer(p.analysis_frequencies, t) + phases[:, None],
        np.outer(t, p.synthesis_frequencies) + other,
    )
    alpha, beta = np.full(n_total, a2), np.full(n_total, a4)
    alpha[0], beta[0] = a1, a3
    spectrum = (np.cos(angle) * alpha) @ x / np.sqrt(n_total)
    e = beta * (np.cos(back) @ spectrum) / np.sqrt(m) - x
    to_spectrum = 2 * (e * beta) @ np.cos(back) / np.sqrt(m)
    sums = np.cos(back) @ spectrum  # sum_k d_nk X_k
    return {
        "analysis.a1": to_spectrum @ np.cos(angle[:, 0]) * x[0] / np.sqrt(n_total),
        "analysis.a2": to_spectrum @ (np.cos(angle[:, 1:]) @ x[1:]) / np.sqrt(n_total),
        "synthesis.a3": 2 * e[0] * sums[0] / np.sqrt(m),
        "synthesis.a4": 2 * (e[1:] @ sums[1:]) / np.sqrt(m),
        "analysis.frequencies": -to_spectrum * (np.sin(angle) @ (alpha * t * x)) / np.sqrt(n_total),
        "synthesis.frequencies": -2 * spectrum * ((e * beta * t) @ np.sin(back)) / np.sqrt(m),
        "analysis.phases": -to_spectrum * (np.sin(angle) @ (alpha * x)) / np.sqrt(n_total),
        "synthesis.phases": -2 * spectrum * ((e * beta) @ np.sin(back)) / np.sqrt(m),
    }


def gradients(pair, x):
    pair.zero_grad()
    ((x - pair(x)) ** 2).sum().backward()
    return {name: p.grad.numpy() for name, p in pair.named_parameters()}


@pytest.mark.parametrize("origin", [0.0, 3.5])
@pytest.mark.parametrize("phased", [False, True])
@pytest.mark.parametrize(("frame", "coefficients"), [(8, 8), (7, 3), (5, 9)])
def test_gradients_are_the_closed_forms(frame, coefficients, phased, origin):
    pair = CosinePair(frame, coefficients, init="random", seed=2, phased=phased, origin=origin)
    x = uniform(frame, seed=4)
    expected = closed_form_gradients(pair.numbers(), x.numpy())
    found = gradients(pair, x)
    assert len(found) == (8 if phased else 6)
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-10, atol=1e-12, err_msg=name)


def test_a3_learns_from_the_first_sample_and_the_sum_of_the_coefficients():
    pair, x = CosinePair(8, 5, init="random"), uniform(8)
    with torch.no_grad():
        spectrum, y = pair.analyze(x), pair(x)
    expected = 2 * (y[0] - x[0]) * spectrum.sum() / 5**0.5
    assert gradients(pair, x)["synthesis.a3"] == pytest.approx(float(expected))


def test_tied_gradients_are_the_sums_of_both_banks():
    pair, x = CosinePair(6, 4, init="random", tied=True, phased=True), uniform(6)
    expected = closed_form_gradients(pair.numbers(), x.numpy())
    found = gradients(pair, x)
    for name in ("frequencies", "phases"):
        both = expected[f"analysis.{name}"] + expected[f"synthesis.{name}"]
        np.testing.assert_allclose(found[f"analysis.{name}"], both, rtol=1e-10)


def test_autograd_agrees_with_finite_differences():
    pair, x = CosinePair(5, 4, init="random", phased=True), uniform(2, 5)
    names, values = zip(*pair.named_parameters(), strict=True)

    def loss(x, *values):
        y = torch.func.functional_call(pair, dict(zip(names, values, strict=True)), (x,))
        return ((x - y) ** 2).sum()

    assert torch.autograd.gradcheck(loss, (x.requires_grad_(), *(v.detach().requires_grad_() for v in values)))
