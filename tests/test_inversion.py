"""From a representation back to a signal."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.optimize
import torch

import audiocos
from audiocos.errors import InversionError
from audiocos.inversion import METHODS


def mixing(rows=24, columns=16, seed=0):
    """A linear representation with one solution; column sizes differ, so that descent has work to do."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.standard_normal((rows, columns)) * np.geomspace(1, 0.3, columns))


@pytest.mark.parametrize("method", METHODS)
def test_a_linear_representation_is_inverted(method):
    matrix, wanted = mixing(), torch.linspace(-1, 1, 16, dtype=torch.float64)
    found = audiocos.invert(lambda x: matrix @ x, matrix @ wanted, 16, method=method, step=1.0, iterations=800)
    torch.testing.assert_close(found.signal, wanted, atol=1e-3, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_what_has_no_solution_ends_at_the_least_squares(method):
    matrix, target = mixing(), torch.ones(24, dtype=torch.float64)
    found = audiocos.invert(lambda x: matrix @ x, target, 16, method=method, step=1.0, iterations=500)
    least = np.linalg.norm(matrix.numpy() @ scipy.optimize.lsq_linear(matrix.numpy(), target.numpy()).x - 1)
    assert found.losses[-1] == pytest.approx(least, rel=1e-5)


def test_the_bold_driver_is_its_textbook_loop():
    matrix, target = mixing(), torch.ones(24, dtype=torch.float64)
    found = audiocos.invert(lambda x: matrix @ x, target, torch.zeros(16, dtype=torch.float64), step=3.0, iterations=40)
    x, step, losses = np.zeros(16), 3.0, []
    a = matrix.numpy()
    for _ in range(41):
        residual = a @ x - 1
        losses.append(np.linalg.norm(residual))
        tried = x - step * a.T @ residual / losses[-1]
        fell = np.linalg.norm(a @ tried - 1) < losses[-1]
        x, step = (tried, step * 1.1) if fell else (x, step * 0.55)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-9)
    assert len(set(found.losses)) < 41  # some steps were undone


@pytest.mark.parametrize("method", METHODS)
def test_losses_never_rise_and_the_last_is_the_signals(method):
    magnitudes = lambda x: torch.fft.rfft(x.unfold(-1, 32, 8)).abs()  # noqa: E731
    target = magnitudes(torch.from_numpy(audiocos.signals.harmonic(256, 4000)))
    found = audiocos.invert(magnitudes, target, 256, method=method, iterations=30)
    assert np.all(np.diff(found.losses) <= 0) and found.losses[-1] < 0.5 * found.losses[0]
    assert found.losses[-1] == pytest.approx(float((magnitudes(found.signal) - target).norm()), rel=1e-9)
    assert len(found.losses) == 31 and found.evaluations >= 31


@pytest.mark.parametrize("method", METHODS)
def test_every_iteration_is_shown(method):
    matrix, target = mixing(), torch.ones(24, dtype=torch.float64)
    seen = []
    found = audiocos.invert(
        lambda x: matrix @ x, target, 16, method=method, iterations=10, watch=lambda *what: seen.append(what)
    )
    assert [iteration for iteration, _, _ in seen] == list(range(11))
    assert tuple(loss for _, loss, _ in seen) == found.losses
    for _, loss, signal in seen:  # signals are kept, not overwritten by the next
        assert float((matrix @ signal - target).norm()) == pytest.approx(loss, rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_the_seed_decides_the_start(method):
    def start(seed):
        return audiocos.invert(lambda x: mixing() @ x, target, 16, seed=seed, iterations=0, method=method).signal

    target = torch.ones(24, dtype=torch.float64)
    starts = [start(seed) for seed in (0, 0, 1)]
    assert torch.equal(starts[0], starts[1]) and not torch.equal(starts[0], starts[2])
    assert starts[0].dtype == torch.float64


def test_a_start_is_not_written_to():
    start = torch.zeros(16, dtype=torch.float64)
    found = audiocos.invert(lambda x: mixing() @ x, torch.ones(24, dtype=torch.float64), start, step=1.0, iterations=3)
    assert not start.any() and found.signal.any() and not found.signal.requires_grad


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_and_dtype_are_the_starts(method, dtype):
    start = torch.zeros(2, 3, 8, dtype=dtype)
    found = audiocos.invert(lambda x: (x - 1) * 2, start, start, method=method, step=0.5)
    assert found.signal.shape == (2, 3, 8) and found.signal.dtype == dtype
    torch.testing.assert_close(found.signal, torch.ones_like(start), atol=1e-3, rtol=0)


def test_a_complex_representation_can_be_wanted():
    wanted = torch.linspace(-1, 1, 32)
    found = audiocos.invert(torch.fft.rfft, torch.fft.rfft(wanted), 32, method="l-bfgs")
    torch.testing.assert_close(found.signal, wanted, atol=1e-4, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_a_start_that_is_right_ends_at_once(method):
    wanted = torch.ones(16, dtype=torch.float64)
    found = audiocos.invert(lambda x: mixing() @ x, mixing() @ wanted, wanted, method=method)
    assert found.losses[-1] == 0.0 and found.evaluations <= 2 and torch.equal(found.signal, wanted)


@pytest.mark.parametrize("method", METHODS)
def test_a_step_into_nan_is_undone(method):
    found = audiocos.invert(torch.log, torch.log(torch.full((4,), 0.1)), torch.full((4,), 3.0), method=method, step=9.0)
    torch.testing.assert_close(found.signal, torch.full((4,), 0.1), atol=1e-3, rtol=0)


def test_l_bfgs_ends_by_iterations_and_not_by_evaluations(monkeypatch):
    asked = []

    def minimize(*arguments, options, **more):
        asked.append(options)
        return scipy_minimize(*arguments, options=options, **more)

    scipy_minimize = scipy.optimize.minimize
    monkeypatch.setattr(scipy.optimize, "minimize", minimize)
    matrix, iterations = mixing(), 10**6
    found = audiocos.invert(lambda x: matrix @ x, torch.ones(24).double(), 16, method="l-bfgs", iterations=iterations)
    assert len(found.losses) < 1000, "it has settled"
    assert asked[0]["maxiter"] == iterations
    assert asked[0]["maxfun"] >= 20 * iterations, "as many as a line search takes at most"


@pytest.mark.parametrize("method", METHODS)
def test_no_iterations_are_none(method):
    start = torch.zeros(16, dtype=torch.float64)
    found = audiocos.invert(lambda x: mixing() @ x, torch.ones(24).double(), start, method=method, iterations=0)
    assert torch.equal(found.signal, start) and len(found.losses) == 1 and found.evaluations == 1


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_l_bfgs_does_not_mind_the_scale_of_the_representation(scale):
    matrix, target = mixing(), torch.ones(24, dtype=torch.float64)
    plain, scaled = (
        audiocos.invert(lambda x, s=s: s * (matrix @ x), s * target, 16, method="l-bfgs", iterations=40)
        for s in (1.0, scale)
    )
    assert len(plain.losses) > 10
    shared = min(len(plain.losses), len(scaled.losses))  # where it cannot fall further, rounding says when to end
    np.testing.assert_allclose(np.array(scaled.losses[:shared]) / scale, plain.losses[:shared], rtol=1e-6)
    assert scaled.losses[-1] / scale == pytest.approx(plain.losses[-1], rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_caller_without_gradients_gets_the_same(method, mode):
    matrix = mixing()

    def run():
        target, start = torch.ones(24, dtype=torch.float64), torch.zeros(16, dtype=torch.float64)
        return audiocos.invert(lambda x: matrix @ x, target, start, method=method, iterations=5)

    expected = run().losses
    with mode():
        assert run().losses == expected


def test_what_watches_cannot_disturb():
    matrix, target = mixing(), torch.ones(24, dtype=torch.float64)
    plain, watched = (
        audiocos.invert(lambda x: matrix @ x, target, 16, step=1.0, iterations=5, watch=watch)
        for watch in (None, lambda iteration, loss, signal: signal.zero_())
    )
    assert watched.losses == plain.losses and torch.equal(watched.signal, plain.signal)


@pytest.mark.parametrize("method", METHODS)
def test_a_representation_may_write_to_what_it_is_given(method):
    matrix, target = mixing(), torch.ones(24, dtype=torch.float64)
    plain, in_place = (
        audiocos.invert(function, target, 16, method=method, step=1.0, iterations=5)
        for function in (lambda x: matrix @ (2 * x), lambda x: matrix @ x.mul_(2))
    )
    assert in_place.losses == plain.losses and torch.equal(in_place.signal, plain.signal)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", [StopIteration, KeyError])
def test_what_watches_can_end_it_by_an_error(method, error):
    def watch(iteration, loss, signal):
        if iteration == 3:
            raise error("enough")

    with pytest.raises(error, match="enough"):
        audiocos.invert(
            lambda x: mixing() @ x, torch.ones(24).double(), 16, method=method, iterations=9, step=1.0, watch=watch
        )


def test_a_step_may_be_a_fraction():
    found, plain = (
        audiocos.invert(lambda x: mixing() @ x, torch.ones(24).double(), 16, step=step, iterations=3)
        for step in (Fraction(1, 2), 0.5)
    )
    assert found.losses == plain.losses


def test_numpys_whole_numbers_are_whole_numbers():
    wanted = torch.ones(24, dtype=torch.float64)
    found, plain = (
        audiocos.invert(lambda x: mixing() @ x, wanted, kind(16), seed=kind(3), iterations=kind(2))
        for kind in (np.int64, int)
    )
    assert torch.equal(found.signal, plain.signal)


ONES = torch.ones(4)
BAD = [
    (dict(method="newton"), 'method "newton": unknown; choose one of bold-driver, l-bfgs'),
    (dict(start=0), "start: 0 samples; give at least 1"),
    (
        dict(start=torch.ones(4, dtype=torch.int64)),
        "start: neither a tensor of finite, real floating-point",
    ),
    (dict(start=ONES * torch.nan), "start: neither a tensor of finite"),
    (dict(target=ONES * torch.inf), "target: not a tensor of finite"),
    (dict(target=torch.ones(4, dtype=torch.int64)), "target: not a tensor of finite"),
    (dict(target=np.ones(4)), "see torch.from_numpy"),
    (dict(start=np.ones(4)), "start: neither"),
    (dict(iterations=-1), "iterations -1: give 0 or more"),
    (dict(iterations=2.5), "iterations 2.5: give 0 or more, a whole number"),
    (dict(iterations=2.5, method="l-bfgs"), "iterations 2.5: give 0 or more, a whole number"),
    (dict(start=True), "start: neither a tensor of finite"),
    (dict(step="a"), "step a: give a finite number above 0"),
    (dict(seed=1.5), "seed 1.5: give a whole number from 0"),
    (dict(seed=2**70), "seed 1180591620717411303424: give a whole number from 0"),
    (dict(representation=lambda x: x.tolist()), "representation: gives a list. Let it give a torch tensor"),
    (dict(representation=lambda x: x.detach().numpy()), "representation: gives a ndarray. Let it give a torch tensor"),
    (dict(representation=torch.sqrt, start=torch.zeros(4)), "it, or its gradient, is not finite at the start"),
    (dict(step=0.0), "step 0.0: give a finite number above 0"),
    (dict(step=float("inf")), "step inf"),
    (dict(start=5), r"target: shape \[4\], but the start's representation has \[5\]. Give a start of as many samples"),
    (
        dict(representation=lambda x: x.unfold(-1, 64, 16), start=3),
        r"representation: fails on the start, of shape \[3\] \(RuntimeError: .* 0 is 3.*Give a start of as many",
    ),
    (dict(representation=audiocos.CosinePair(frame=8)), r"of shape \[4\] \(ValueError: expected \[\.\.\., frame\]"),
    (dict(representation=lambda x: x.detach()), "does not depend on the signal in a way that torch can differentiate"),
    (dict(representation=lambda x: x / 0), "not finite at the start"),
    (dict(representation=torch.sign), "its gradient is zero at the start, so that no direction leads on"),
    (dict(representation=torch.round, method="l-bfgs"), "its gradient is zero at the start"),
    (dict(step=10**400), "step of very many digits: give a finite number above 0"),
    (dict(step=10**5000), "step of very many digits: give a finite"),
    (dict(iterations=-(10**5000)), "iterations of very many digits: give 0 or more"),
    (dict(start=2**70), "start: 1180591620717411303424 samples are more than there is memory for"),
    (dict(start=2**60), "samples are more than there is memory for"),
    (dict(start=ONES.to_sparse()), "start: neither a tensor of finite"),
    (dict(start=ONES.to("meta")), "start: neither a tensor of finite"),
    (dict(start=ONES.to(torch.float8_e4m3fn)), "start: neither a tensor of finite"),
    (dict(target=ONES.to_sparse()), "target: not a tensor of finite"),
    (dict(target=ONES.to("meta")), "target: not a tensor of finite"),
    (dict(target=ONES.to(torch.float8_e5m2)), "target: not a tensor of finite"),
    (dict(representation=lambda x: x.to_sparse()), "representation: gives a tensor torch.sparse_coo on cpu"),
    (dict(representation=lambda x: x.to("meta")), "representation: gives a tensor torch.strided on meta, and the tar"),
    (dict(representation=torch.ones(4)), "representation: a Tensor, which cannot be called"),
    (dict(representation=None, start=None), "representation: a NoneType, which cannot be called"),
    (dict(representation=lambda x: x.exp().mul_(x.exp_())), "torch cannot differentiate it: one of the variables"),
]


@pytest.mark.parametrize("wrong, told", BAD)
def test_what_cannot_be_inverted_is_said(wrong, told):
    given = {"representation": lambda x: 2 * x, "target": ONES, "start": 4} | wrong
    with pytest.raises(InversionError, match=told) as error:
        audiocos.invert(**given)
    assert isinstance(error.value, ValueError)
