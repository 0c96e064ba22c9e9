"""Recordings for the pass over a corpus, and its sums side by side."""

import numpy as np
import soundfile as sf

from audiocos.framing import lapped
from audiocos.training.corpus import gather
from audiocos.training.heard import Listening

EACH = Listening(8000)
FRAMING = lapped(64)


def write(path, sound, rate=8000, **settings):
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, np.asarray(sound).T, rate, **settings)
    return path


def noise(samples, seed=0, channels=1):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (channels, samples))


def files_of(place, **settings):
    return gather([place], holdout=0, max_bad=1.0, **settings).files


def same_bits(a, b):
    counts = (a.hops, a.samples) == (b.hops, b.samples)
    return counts and np.array_equal(a.blocks, b.blocks) and np.array_equal(a.autocorrelation, b.autocorrelation)
