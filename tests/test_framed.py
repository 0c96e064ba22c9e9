"""The engine's analysis for torch to differentiate: the engine is the judge."""

import numpy as np
import pytest
import torch

import audiocos
from audiocos import cosines, framing, signals
from audiocos.errors import FramingError


def analysis(model):
    return audiocos.FramedAnalysis(model.parameters, model.framing)


@pytest.mark.parametrize("name", ["exact", "exact-overlap", "exact-lapped", "speech-8k"])
@pytest.mark.parametrize("shape", [(1, 0), (1, 1), (2, 511), (2, 512), (0, 700), (1, 3000)])
def test_coefficients_are_the_engines(name, shape):
    model, x = audiocos.load(name), signals.noise(shape[0] * shape[1] or 1, 8000)[: shape[0] * shape[1]].reshape(shape)
    expected = model.analyze(x)
    found = analysis(model)(torch.from_numpy(x))
    assert found.shape == expected.shape and found.dtype == torch.float64
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_overlap_of_more_than_two_frames_and_any_leading_dimensions():
    model = audiocos.Model(cosines.random(64, 40), framing.overlap(64, 16))
    x = signals.noise(6 * 333, 8000).reshape(2, 3, 333)
    expected = np.stack([model.analyze(channels) for channels in x])
    analyze = analysis(model)
    np.testing.assert_allclose(analyze(torch.from_numpy(x)), expected, atol=1e-12)
    np.testing.assert_allclose(analyze(torch.from_numpy(x[1, 2])), expected[1, 2], atol=1e-12)


def test_float32_is_as_near_as_the_engines_at_a_long_frame():
    model, x = audiocos.Model(cosines.orthogonal(2048), framing.block(2048)), signals.noise(2048, 8000)[None]
    expected = model.analyze(x)
    found = analysis(model)(torch.from_numpy(x.astype(np.float32)))
    assert found.dtype == torch.float32
    assert 10 * np.log10((expected**2).sum() / ((found.numpy() - expected) ** 2).sum()) > 120


def test_the_gradient_is_that_of_a_linear_map():
    analyze = audiocos.FramedAnalysis(cosines.random(8, 6), framing.overlap(8, 4))
    x = torch.from_numpy(signals.noise(21, 8000)).requires_grad_()
    assert torch.autograd.gradcheck(analyze, x)


def test_a_signal_is_inverted_from_coefficients_in_overlapping_frames():
    analyze = audiocos.FramedAnalysis(cosines.orthogonal(16), framing.overlap(16))
    wanted = torch.from_numpy(signals.noise(96, 8000))
    found = audiocos.invert(analyze, analyze(wanted), 96, method="l-bfgs")
    torch.testing.assert_close(found.signal, wanted, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "attempt, error, told",
    [
        (
            lambda: audiocos.FramedAnalysis(cosines.orthogonal(8), framing.block(16)),
            FramingError,
            "The pair's frame is 8 samples, the framing's 16.",
        ),
        (
            lambda: audiocos.FramedAnalysis(cosines.orthogonal(8), framing.lapped(8)),
            FramingError,
            "lapped framing: 8 coefficients a hop of 4 samples",
        ),
        (
            lambda: audiocos.FramedAnalysis(cosines.orthogonal(8), framing.block(8))(torch.arange(9)),
            TypeError,
            "expected a floating-point tensor, got torch.int64.",
        ),
        (
            lambda: audiocos.FramedAnalysis(cosines.orthogonal(8), framing.block(8))(torch.tensor(1.0)),
            ValueError,
            r"expected \[..., samples\], got shape \[\].",
        ),
    ],
)
def test_what_does_not_fit_is_said(attempt, error, told):
    with pytest.raises(error, match=told):
        attempt()


def test_repr_says_how_it_frames():
    shown = repr(audiocos.FramedAnalysis(cosines.orthogonal(8), framing.overlap(8)))
    assert shown == "FramedAnalysis(Framing(kind='overlap', frame=8, hop=4, window='sqrt-hann'), coefficients=8)"
