"""The learnable pair: exactness, precision and manners of a torch module."""

import copy

import numpy as np
import pytest
import torch

from audiocos import cosines
from audiocos.nn import Analysis, CosinePair, Synthesis

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")
needs_mps = pytest.mark.skipif(not torch.backends.mps.is_available(), reason="torch finds no MPS device here")


def uniform(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.default_rng(seed).uniform(-1, 1, shape)).to(dtype)


def snr_db(x, y):
    x, y = x.double(), y.double()
    return float(10 * torch.log10((x**2).sum() / ((x - y) ** 2).sum()))


@pytest.mark.parametrize(("frame", "coefficients"), [(1, 1), (7, 7), (64, 100), (512, 512)])
def test_the_orthogonal_pair_is_exact(frame, coefficients):
    x = uniform(3, frame)
    torch.testing.assert_close(CosinePair(frame, coefficients)(x), x, atol=1e-11, rtol=0)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (64,)])
@pytest.mark.parametrize("frame", [512, 4096])
def test_float32_frames_come_back_at_120_db_and_more(frame, shape):
    x = uniform(*shape, frame, dtype=torch.float32)
    with torch.no_grad():
        y = CosinePair(frame)(x)
    assert y.dtype == torch.float32
    assert snr_db(x, y) >= 120


def float32_reconstruction(x):
    """The same pair with everything in float32, angles too."""
    n = x.shape[-1]
    w = (2 * torch.arange(n, dtype=torch.float32) + 1) * (torch.pi / (2 * n))
    bank = torch.cos(torch.outer(w, torch.arange(n, dtype=torch.float32)))
    amplitude = torch.full((n,), 2.0).sqrt()
    amplitude[0] = 1.0
    matrix = bank * amplitude / torch.tensor(float(n)).sqrt()
    return x @ matrix.mT @ matrix


def test_float64_angles_gain_25_db_over_float32_angles():
    x = uniform(200, 512, dtype=torch.float32)
    with torch.no_grad():
        theirs = float(((x - float32_reconstruction(x)).double() ** 2).mean())
        ours = float(((x - CosinePair(512)(x)).double() ** 2).mean())
    known = 2.4e-10  # mean squared error once measured for float32 angles, x uniform in [-1, 1], N = 512
    assert known / 4 < theirs < known * 4, f"float32 angles: {theirs:.2g}"
    assert 10 * np.log10(theirs / ours) >= 25, f"float32 angles {theirs:.2g}, float64 angles {ours:.2g}"
    assert 10 * np.log10((1 / 3) / theirs) < 100 < 120 < 10 * np.log10((1 / 3) / ours)


def test_tied_banks_share_one_parameter():
    pair = CosinePair(8, tied=True, phased=True)
    assert pair.analysis.frequencies is pair.synthesis.frequencies
    assert pair.analysis.phases is pair.synthesis.phases
    assert sum(p.numel() for p in pair.parameters()) == 8 + 8 + 4
    assert sum(p.numel() for p in CosinePair(8).parameters()) == 2 * 8 + 4
    copied = copy.deepcopy(pair).double()
    assert copied.analysis.frequencies is copied.synthesis.frequencies


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("phased", [False, True])
def test_the_random_start_is_that_of_cosines(tied, phased):
    numbers = CosinePair(8, 5, init="random", seed=7, tied=tied, phased=phased).numbers()
    expected = cosines.random(8, 5, seed=7, tied=tied, phased=phased)
    assert numbers.arrays().keys() == expected.arrays().keys()
    for name, value in expected.arrays().items():
        np.testing.assert_array_equal(getattr(numbers, name), value)


@pytest.mark.parametrize(
    "parameters",
    [
        cosines.random(7, 4, phased=True),
        cosines.orthogonal(4, 6),
        cosines.lapped(12, [1, 2, 5]),
        cosines.random(1, 1, tied=True),
    ],
)
def test_numbers_go_in_and_come_out_again(parameters):
    pair = CosinePair.from_parameters(parameters)
    back = pair.numbers()
    for name in ("frame", "coefficients", "origin", "tied", "phased"):
        assert getattr(back, name) == getattr(parameters, name)
    for name, value in parameters.arrays().items():
        np.testing.assert_array_equal(getattr(back, name), value)
    np.testing.assert_allclose(pair.analysis.matrix().detach(), parameters.analysis_matrix(), atol=1e-15)
    np.testing.assert_allclose(pair.synthesis.matrix().detach(), parameters.synthesis_matrix(), atol=1e-15)


def test_numbers_are_a_copy():
    pair = CosinePair(4)
    before = pair.numbers()
    with torch.no_grad():
        pair.analysis.frequencies += 1
    np.testing.assert_array_equal(before.analysis_frequencies, cosines.orthogonal(4).analysis_frequencies)


def test_the_time_origin_moves_the_cosines():
    pair = CosinePair(6, init="random", origin=2.5)
    w, a = pair.numbers().analysis_frequencies, pair.numbers().amplitudes
    x = torch.zeros(6, dtype=torch.float64)
    x[3] = 1.0
    expected = a[1] * np.cos(w * (3 + 2.5)) / np.sqrt(6)
    np.testing.assert_allclose(pair.analyze(x).detach(), expected, atol=1e-15)


def test_analysis_is_an_encoder_without_its_decoder():
    encoder, x = Analysis(cosines.random(8, 3)), uniform(2, 4, 8)
    assert {name for name, _ in encoder.named_parameters()} == {"frequencies", "a1", "a2"}
    expected = np.einsum("mn,abn->abm", cosines.random(8, 3).analysis_matrix(), x.numpy())
    np.testing.assert_allclose(encoder(x).detach(), expected, atol=1e-14)


def test_synthesis_is_a_decoder_alone():
    decoder, spectrum = Synthesis(cosines.random(8, 3)), uniform(5, 3)
    assert {name for name, _ in decoder.named_parameters()} == {"frequencies", "a3", "a4"}
    expected = spectrum.numpy() @ cosines.random(8, 3).synthesis_matrix().T
    np.testing.assert_allclose(decoder(spectrum).detach(), expected, atol=1e-14)


def test_a_pair_trains_inside_a_bigger_network():
    net = torch.nn.Sequential(Analysis(cosines.random(8, 4)), torch.nn.Linear(4, 2).double())
    net(uniform(3, 8)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_state_dict_goes_round():
    pair, other = (CosinePair(8, 5, init="random", seed=s, phased=True) for s in (0, 1))
    other.load_state_dict(pair.state_dict())
    x = uniform(8)
    assert torch.equal(pair(x), other(x))
    assert "analysis.times" not in pair.state_dict()


@pytest.mark.parametrize("name", ["frequencies", "phases"])
def test_a_tied_pair_refuses_the_state_of_one_whose_banks_differ(name):
    tied, untied = (CosinePair(8, 5, phased=True, tied=t) for t in (True, False))
    net = torch.nn.Sequential(tied)
    state = {f"0.{key}": value for key, value in untied.state_dict().items()}
    net.load_state_dict(state)  # equal as yet
    state[f"0.synthesis.{name}"] = state[f"0.synthesis.{name}"] + 1.0
    with pytest.raises(RuntimeError, match=rf"0\.\*\.{name}: differ between the banks, and this pair is tied\."):
        net.load_state_dict(state)


@pytest.mark.parametrize("cast", [lambda m: m.to(torch.float32), lambda m: m.half(), lambda m: m.float()])
def test_parameters_stay_float64(cast):
    net = cast(torch.nn.Sequential(CosinePair(4096, tied=True), torch.nn.Linear(4096, 1)))
    pair = net[0]
    assert {p.dtype for p in pair.parameters()} == {torch.float64} == {pair.analysis.times.dtype}
    assert net[1].weight.dtype != torch.float64
    assert pair.analysis.frequencies is pair.synthesis.frequencies
    x = uniform(4, 4096, dtype=torch.float32)
    with torch.no_grad():
        assert snr_db(x, pair(x)) >= 120


def test_half_precision_frames_give_half_precision_frames():
    assert CosinePair(8)(uniform(8, dtype=torch.float16)).dtype == torch.float16


def test_a_pair_exports():
    pair, x = CosinePair(16, 12, init="random", phased=True), uniform(2, 16, dtype=torch.float32)
    exported = torch.export.export(pair, (x,)).module()
    torch.testing.assert_close(exported(x), pair(x))


def test_training_moves_the_loss_down():
    pair, x = CosinePair(16, init="random", seed=1), uniform(256, 16)
    optimiser = torch.optim.Adam(pair.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = ((x - pair(x)) ** 2).sum(-1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0] and losses[-1] < min(losses[:30])


@pytest.mark.parametrize(
    ("attempt", "error", "text"),
    [
        (
            lambda: CosinePair(8, init="zeros"),
            ValueError,
            'init: "zeros" is unknown; choose "orthogonal" or "random".',
        ),
        (lambda: CosinePair(0), ValueError, "frame: 0; at least 1 is needed."),
        (lambda: CosinePair(8, 0, init="random"), ValueError, "coefficients: 0; at least 1 is needed."),
        (
            lambda: CosinePair(8)(torch.zeros(8, 7)),
            ValueError,
            "expected [..., frame] with frame = 8, got shape [8, 7].",
        ),
        (
            lambda: CosinePair(8, 5).synthesize(torch.zeros(8)),
            ValueError,
            "expected [..., coefficients] with coefficients = 5, got shape [8].",
        ),
        (
            lambda: CosinePair(1)(torch.tensor(1.0)),
            ValueError,
            "expected [..., frame] with frame = 1, got shape [].",
        ),
        (
            lambda: CosinePair(4)(torch.arange(4)),
            TypeError,
            "expected a floating-point tensor, got torch.int64.",
        ),
    ],
)
def test_errors_say_what_was_expected(attempt, error, text):
    with pytest.raises(error) as raised:
        attempt()
    assert str(raised.value) == text


def test_repr_shows_only_what_is_not_default():
    assert "Analysis(frame=8, coefficients=8)" in repr(CosinePair(8))
    assert "Analysis(frame=8, coefficients=3, origin=2.5, phased)" in repr(CosinePair(8, 3, phased=True, origin=2.5))


@needs_cuda
def test_a_pair_computes_on_cuda():
    pair, x = CosinePair(512, tied=True).to("cuda"), uniform(4, 512, dtype=torch.float32)
    assert pair.analysis.frequencies is pair.synthesis.frequencies
    assert snr_db(x, pair(x.cuda()).detach().cpu()) >= 110


@needs_mps
def test_a_pair_computes_on_mps_with_float64_angles():
    pair, x = CosinePair(512).to("mps"), uniform(4, 512, dtype=torch.float32)
    assert {p.dtype for p in pair.parameters()} == {torch.float64}
    assert snr_db(x, pair(x.to("mps")).detach().cpu()) >= 110
