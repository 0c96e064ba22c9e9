"""Running models, and changing them."""

import numpy as np
import pytest
import torch
from somemodels import EXACT, LENGTHS, LOSSY, OTHERS, noise

import audiocos
from audiocos import cosines, framing
from audiocos.errors import StreamError


def frame_by_frame(model, x):
    """Coefficients and reconstruction by matrices, one frame at a time."""
    n, h = model.framing.frame, model.framing.hop
    w1, w2 = model.numbers.analysis_matrix(), model.numbers.synthesis_matrix()
    frames = -(-(x.shape[1] + n - h) // h)
    padded = np.zeros((x.shape[0], (frames - 1) * h + n))
    padded[:, n - h : n - h + x.shape[1]] = x
    spectrum = np.stack(
        [padded[:, j * h : j * h + n] * model.framing.analysis_window @ w1.T for j in range(frames)], axis=1
    )
    y = np.zeros_like(padded)
    for j in range(frames):
        y[:, j * h : j * h + n] += spectrum[:, j] @ w2.T * model.framing.synthesis_window
    return spectrum, y[:, n - h : n - h + x.shape[1]]


@pytest.mark.parametrize("samples", LENGTHS)
@pytest.mark.parametrize("name", EXACT)
def test_an_exact_model_gives_back_what_it_is_fed(name, samples):
    x = noise(2, samples)
    y = audiocos.load(name).reconstruct(x)
    assert y.shape == x.shape and y.dtype == x.dtype
    np.testing.assert_allclose(y, x, rtol=0, atol=1e-13)


@pytest.mark.parametrize("samples", [1, 31, 32, 33, 1000])
@pytest.mark.parametrize("name", OTHERS)
def test_any_model_is_its_matrices_frame_by_frame(name, samples):
    model, x = OTHERS[name], noise(3, samples)
    spectrum, y = frame_by_frame(model, x)
    np.testing.assert_allclose(model.analyze(x), spectrum, rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.synthesize(model.analyze(x), samples), y, rtol=0, atol=1e-11)
    np.testing.assert_allclose(model.reconstruct(x, device="cpu"), y, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", [*EXACT, *LOSSY])
def test_shipped_models_are_their_matrices_frame_by_frame(name):
    model, x = audiocos.load(name), noise(2, 3001)
    spectrum, y = frame_by_frame(model, x)
    np.testing.assert_allclose(model.analyze(x), spectrum, rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.reconstruct(x), y, rtol=0, atol=1e-12)


def test_synthesis_without_a_length_gives_all_that_the_frames_reach():
    model, x = OTHERS["base"], noise(1, 100)
    assert model.synthesize(model.analyze(x)).shape == (1, 128)


@pytest.mark.parametrize("name", ["base", "custom"])
def test_a_stream_is_the_reconstruction_delayed_by_its_latency(name):
    model, x = OTHERS[name], noise(2, 777)
    stream = model.stream(2, dtype="float64", device="cpu")
    blocks = [stream.feed(x[:, start : start + 50]) for start in range(0, 777, 50)]
    y = np.concatenate([*blocks, stream.flush()], axis=1)
    assert stream.latency == 31
    assert not y[:, :31].any()
    np.testing.assert_allclose(y[:, 31:], model.reconstruct(x, device="cpu"), rtol=0, atol=1e-12)


def test_float32_stays_float32():
    x = noise(1, 4000, np.float32)
    y = audiocos.load("exact").reconstruct(x)
    assert y.dtype == np.float32
    assert 0 < np.abs(y - x).max() < 1e-6


@pytest.mark.parametrize("x", [np.zeros(10), np.zeros((1, 10), np.int16), np.zeros((1, 1, 10))])
def test_other_shapes_and_types_are_refused(x):
    model = audiocos.load("exact")
    for run in (model.reconstruct, model.analyze):
        with pytest.raises(StreamError, match=r"expected float32 or float64 \[channels, samples\], got "):
            run(x)
    with pytest.raises(StreamError, match=r"expected float \[channels, frames, 512\]"):
        model.synthesize(x)


def test_what_the_pair_learns_is_what_the_model_runs():
    model = audiocos.Model(cosines.random(16, seed=4), framing.block(16))
    x = noise(1, 1600)
    frames = torch.from_numpy(x.reshape(-1, 16))

    def mse():
        return float(np.mean((model.reconstruct(x, device="cpu") - x) ** 2))

    optimizer = torch.optim.Adam(model.pair.parameters(), lr=0.01)
    before = mse()
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = torch.mean((model.pair(frames) - frames) ** 2)
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    assert losses[0] == pytest.approx(before, rel=1e-9)
    assert mse() < 0.7 * before
    assert mse() == pytest.approx(torch.mean((model.pair(frames) - frames) ** 2).item(), rel=1e-9)


def test_a_change_by_hand_reaches_everything(tmp_path):
    model, x = audiocos.load("exact"), noise(1, 2000)
    assert model.parameters is model.parameters
    with torch.no_grad():
        model.pair.synthesis.a3 *= 2
        model.pair.synthesis.a4 *= 2
    np.testing.assert_allclose(model.reconstruct(x, device="cpu"), 2 * x, rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.synthesize(model.analyze(x), 2000), 2 * x, rtol=0, atol=1e-12)
    model.save(tmp_path / "louder")
    np.testing.assert_allclose(audiocos.load(tmp_path / "louder").reconstruct(x, device="cpu"), 2 * x, atol=1e-12)


@pytest.mark.parametrize("samples", [-1, 1.5, 4097])
def test_a_length_that_the_frames_do_not_reach_is_refused(samples):
    model = audiocos.load("exact")
    spectrum = model.analyze(noise(1, 4096))
    assert model.synthesize(spectrum, np.int64(4096)).shape == (1, 4096)
    with pytest.raises(StreamError, match=r"samples .*: a whole number from 0 to 4096, as far as 8 frames reach\."):
        model.synthesize(spectrum, samples)
