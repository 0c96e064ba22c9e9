"""`Stream.step` against `feed`, and `Stream.keep` against the matrices."""

import dataclasses
import tracemalloc

import numpy as np
import pytest

from audiocos import cosines, framing
from audiocos.errors import StreamError
from audiocos.stream import Stream


def off_grid(parameters):
    return dataclasses.replace(
        parameters,
        analysis_frequencies=parameters.analysis_frequencies + 1e-3,
        synthesis_frequencies=parameters.synthesis_frequencies + 1e-3,
    )


PAIRS = {
    "fast": (cosines.orthogonal(64), framing.overlap(64)),
    "fast, lapped": (cosines.lapped(64), framing.lapped(64)),
    "fast, some rows": (cosines.lapped(64, range(8)), framing.lapped(64)),
    "fused": (off_grid(cosines.orthogonal(64)), framing.overlap(64)),
    "factored": (off_grid(cosines.lapped(64, range(8))), framing.lapped(64)),
}


@pytest.fixture(params=PAIRS)
def pair(request):
    return request.param, *PAIRS[request.param]


def noise(samples):
    return np.random.default_rng(0).standard_normal((2, samples))


@pytest.mark.parametrize("group", [1, 3])
def test_a_step_gives_what_feed_gives_but_a_hop_less_one_earlier(pair, group):
    _, parameters, frames = pair
    feeding, stepping = (Stream(parameters, frames, channels=2, dtype="float64", group=group) for _ in range(2))
    step = group * frames.hop
    x = noise(30 * step)
    fed = feeding.feed(x)
    stepped = np.empty_like(x)
    for start in range(0, x.shape[1], step):
        stepping.step(x[:, start : start + step], stepped[:, start : start + step])
    np.testing.assert_array_equal(stepped[:, : 1 - step], fed[:, step - 1 :])


@pytest.mark.parametrize("coefficients", [False, True])
def test_keep_is_the_pair_of_the_lowest_rows(pair, coefficients):
    name, parameters, frames = pair
    stream = Stream(parameters, frames, channels=2, dtype="float64", coefficients=coefficients)
    if not coefficients:
        assert stream.way == name.partition(",")[0]
    x = noise(40 * frames.hop)
    before = frames.frame - frames.hop
    padded = np.pad(x, ((0, 0), (before, 0)))
    for keep in (1, 5, None, 8):
        stream.reset()
        stream.keep = keep
        rows = np.argsort(parameters.analysis_frequencies)[:keep]
        analysis = (parameters.analysis_matrix() * frames.analysis_window)[rows]
        synthesis = (frames.synthesis_window[:, None] * parameters.synthesis_matrix())[:, rows]
        expected = np.zeros_like(padded)
        for start in range(0, padded.shape[1] - frames.frame + 1, frames.hop):
            part = slice(start, start + frames.frame)
            expected[:, part] += padded[:, part] @ analysis.T @ synthesis.T
        y = stream.feed(x)[:, stream.latency :]
        settled = y.shape[1] - frames.frame
        np.testing.assert_allclose(y[:, :settled], expected[:, before:][:, :settled], atol=1e-12)


def test_steps_after_a_switch_allocate_nothing(pair):
    _, parameters, frames = pair
    stream = Stream(parameters, frames, channels=2)
    stream.keep = 5
    x = np.ones((2, frames.hop), np.float32)
    out = np.empty_like(x)
    for _ in range(5):
        stream.step(x, out)
    tracemalloc.start()
    stream.step(x, out)
    before = tracemalloc.take_snapshot()
    for _ in range(100):
        stream.step(x, out)
    after = tracemalloc.take_snapshot()
    tracemalloc.stop()
    grown = sum(
        line.size_diff for line in after.compare_to(before, "filename") if "audiocos" in line.traceback[0].filename
    )
    assert grown < 1024


def test_a_copy_keeps_as_many():
    import copy

    stream = Stream(*PAIRS["fused"], dtype="float64")
    stream.keep = 3
    x = noise(512)[:1]
    stream.feed(x)
    other = copy.deepcopy(stream)
    assert other.keep == 3
    np.testing.assert_array_equal(other.feed(x), stream.feed(x))


def test_what_cannot_be_kept_or_stepped():
    stream = Stream(*PAIRS["fast"], channels=2)
    for keep in (0, 65, -1):
        with pytest.raises(StreamError, match=r"keep .*: the pair has 64 coefficients; keep 1 to 64"):
            stream.keep = keep
    block = np.zeros((2, 32), np.float32)
    with pytest.raises(StreamError, match="group: 31 samples; a step takes 32"):
        stream.step(block[:, :31], block)
    with pytest.raises(StreamError, match="out: dtype float64"):
        stream.step(block, block.astype(float))
    stream.feed(block[:, :5])
    with pytest.raises(StreamError, match="neither flushed nor fed a part"):
        stream.step(block, block)


def test_keep_on_the_accelerators_code():
    torch = pytest.importorskip("torch")
    from audiocos.accelerator import TorchExecution
    from audiocos.cpu import CpuExecution

    del torch
    for name in ("fused", "factored"):
        parameters, frames = PAIRS[name]
        ours = CpuExecution(parameters, frames, dtype="float64")
        theirs = TorchExecution(parameters, frames, device="cpu", dtype="float64")
        for keep in (None, 5, 2, None):
            for execution in (ours, theirs):
                execution.keep(keep)
            x = noise(frames.hop)[:1]
            for execution in (ours, theirs):
                execution.input[:, -frames.hop :] = x
                execution.step()
            np.testing.assert_allclose(theirs.output, ours.output, atol=1e-12)
