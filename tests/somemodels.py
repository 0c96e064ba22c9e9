"""Models that several test files run: the shipped ones by what they promise, and one of each family."""

import numpy as np

import audiocos
from audiocos import cosines, framing
from audiocos.framing import Framing

EXACT = ["exact", "exact-lapped", "exact-overlap"]
LOSSY = ["lapped-quarter"]
RECORDED = ["music-44k", "speech-8k"]  # as the recordings are
LENGTHS = [0, 1, 255, 256, 511, 512, 513, 5000, 140_000]


def noise(channels, samples, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (channels, samples)).astype(dtype)


def other_models():
    """One of each family and framing, none of them on a fast transform's grid."""
    rng = np.random.default_rng(3)
    half = np.sqrt(rng.uniform(0.1, 0.9, 16))
    window = np.concatenate([half, np.sqrt(1 - half**2)])  # squares sum to one at hop 16
    phased = cosines.random(32, 20, seed=1, phased=True)
    lapped = cosines.random(40, 20, seed=1, phased=True)
    return {
        "base": audiocos.Model(cosines.random(32, 24, seed=2), framing.block(32)),
        "tied": audiocos.Model(cosines.random(32, 24, tied=True), framing.overlap(32, 8, "hann")),
        "phased": audiocos.Model(cosines.with_origin(lapped, 10.5), framing.lapped(40, "kbd:3")),
        "custom": audiocos.Model(phased, Framing("overlap", 32, 16, "custom", window, 0.7 * window)),
        "8 kHz": audiocos.Model(cosines.orthogonal(32), framing.block(32), sample_rate=8000),
    }


OTHERS = other_models()
