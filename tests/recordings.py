"""Recordings that the tests make, and what they read back."""

import os

import numpy as np
import soundfile

from audiocos import signals


def voice(seconds=0.5, rate=16000, channels=1, seed=0):
    return np.stack([signals.speech_like(int(seconds * rate), rate, seed=seed + c) for c in range(channels)], axis=1)


def make(path, samples=None, rate=16000, subtype="PCM_16", **options):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    soundfile.write(path, voice(rate=rate) if samples is None else samples, rate, subtype, **options)
    return path


def ints(path):
    return soundfile.read(path, dtype="int32", always_2d=True)[0]


def tree(folder):
    found = [os.path.relpath(os.path.join(here, name), folder) for here, _, names in os.walk(folder) for name in names]
    return sorted(found)


def write(path, samples, rate=8000, **settings):
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, samples, rate, **settings)
    return path
