"""Streams of every kind, and how they are fed."""

import numpy as np
import pytest

from audiocos import cosines, framing
from audiocos.stream import Stream

N = 64
EXACT = {
    "block": (cosines.orthogonal(N), framing.block(N)),
    "block M > N": (cosines.orthogonal(N, 80), framing.block(N)),
    "half": (cosines.orthogonal(N), framing.overlap(N)),
    "quarter": (cosines.orthogonal(N), framing.overlap(N, N // 4)),
    "lapped": (cosines.lapped(N), framing.lapped(N)),
    "lapped odd hop": (cosines.lapped(62), framing.lapped(62, "kbd")),
}
LOSSY = {
    "off grid block": (cosines.random(N, seed=2), framing.block(N)),
    "off grid factored": (cosines.random(N, 20, phased=True), framing.overlap(N, N // 4)),
    "off grid lapped": (cosines.random(N, 32), framing.lapped(N)),
    "lapped rows": (cosines.lapped(N, range(0, 32, 3)), framing.lapped(N)),
    "block rows": (cosines.orthogonal(N, 40), framing.block(N)),
}
CASES = EXACT | LOSSY
GROUPS = [1, 2, 5]
every_case = pytest.mark.parametrize("case", CASES)
every_exact_case = pytest.mark.parametrize("case", EXACT)


def sound(channels=1, samples=9001, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (channels, samples)).astype(dtype)


def open_stream(case, **settings):
    return Stream(*CASES[case], **{"device": "cpu", **settings})


def run(stream, x, sizes=None):
    """Feed in blocks of these sizes, the last block the rest; feeds and flush joined."""
    done, position = [], 0
    for size in sizes if sizes is not None else [x.shape[1]]:
        done.append(stream.feed(x[:, position : position + size]))
        position += size
    done += [stream.feed(x[:, position:]), stream.flush()]
    return np.concatenate(done, axis=1)
