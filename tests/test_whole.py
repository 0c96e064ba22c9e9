"""Whole signals: the bits of one stream fed once, whatever the length and the number of threads."""

from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from audiocos import cosines, framing, whole
from audiocos.stream import Stream


def off_grid(parameters):
    moved = parameters.analysis_frequencies + 1e-3 * np.random.default_rng(1).standard_normal(parameters.coefficients)
    return replace(parameters, analysis_frequencies=moved, synthesis_frequencies=moved)


PAIRS = {
    "block": (cosines.orthogonal(64), framing.block(64)),
    "overlap": (cosines.orthogonal(64), framing.overlap(64, 16)),
    "lapped": (cosines.lapped(64), framing.lapped(64)),
    "factored": (off_grid(cosines.orthogonal(64, 16)), framing.overlap(64, 16)),
    "fused": (off_grid(cosines.orthogonal(64)), framing.overlap(64)),
}


def fed_once(parameters, frames, x, group):
    stream = Stream(parameters, frames, channels=len(x), dtype=x.dtype, device="cpu", group=group)
    with threadpool_limits(1, "blas"):
        return np.concatenate([stream.feed(x), stream.flush()], axis=1)[:, stream.latency :]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("group_samples", [128, 1024])
def test_every_number_of_threads_gives_the_bits_of_one_stream(monkeypatch, pair, channels, group_samples):
    monkeypatch.setattr(whole, "_GROUP_SAMPLES", group_samples)
    monkeypatch.setattr(whole, "_LEAST_GROUPS", 2)
    parameters, frames = PAIRS[pair]
    group = whole.best_group(frames, channels)
    signal = np.random.default_rng(0).standard_normal((channels, 20000)).astype(np.float32)
    for samples in (0, 1, 63, 64, 100, 2047, 2048, 2049, 20000):
        x = signal[:, :samples]
        expected = fed_once(parameters, frames, x, group)
        for threads in (1, 2, 3, 7, None):
            y = whole.reconstruct(parameters, frames, x, device="cpu", threads=threads)
            assert y.shape == x.shape
            assert np.array_equal(y, expected), (samples, threads)


def test_an_error_in_a_part_reaches_the_caller(monkeypatch):
    monkeypatch.setattr(whole, "_LEAST_GROUPS", 1)

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(Stream, "feed", fail)
    with pytest.raises(MemoryError):
        whole.reconstruct(cosines.orthogonal(8), framing.block(8), np.zeros((1, 2**18), np.float32), device="cpu")
