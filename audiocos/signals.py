"""Synthetic signals: float64 in [-1, 1], seeded, of any length and rate.

Each takes a length in samples and a sample rate in Hz and returns `[samples]`; `SIGNALS` lists them by name.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from audiocos.errors import SignalError

Float64 = NDArray[np.float64]


def noise(samples: int, sample_rate: float, *, seed: int = 0) -> Float64:
    """White noise, uniform in [-1, 1)."""
    return np.random.default_rng(seed).uniform(-1.0, 1.0, samples)


def pink(samples: int, sample_rate: float, *, seed: int = 0) -> Float64:
    """Noise of equal power in every octave (1/f), peak 1."""
    spectrum = np.fft.rfft(noise(samples, sample_rate, seed=seed)) if samples else np.zeros(0)
    spectrum /= np.sqrt(np.maximum(np.arange(spectrum.size), 1))
    return _peak(np.fft.irfft(spectrum, samples)) if samples else np.zeros(0)


def tone(samples: int, sample_rate: float, *, frequency: float = 440.0) -> Float64:
    """A sine of `frequency` Hz, peak 0.9."""
    return np.asarray(0.9 * np.sin(2 * np.pi * frequency * np.arange(samples) / sample_rate))


def chirp(samples: int, sample_rate: float) -> Float64:
    """A sine that sweeps exponentially from 20 Hz to 0.45 of the sample rate, peak 0.9 (Farina 2000)."""
    low, high = 20.0, 0.45 * sample_rate
    length = max(samples, 1) / sample_rate
    rate = np.log(high / low) / length
    phase = 2 * np.pi * low * np.expm1(rate * np.arange(samples) / sample_rate) / rate
    return np.asarray(0.9 * np.sin(phase))


def impulse(samples: int, sample_rate: float) -> Float64:
    """A one every quarter of a second, the first after one tenth, zeros between."""
    signal = np.zeros(samples)
    signal[int(0.1 * sample_rate) :: max(1, int(0.25 * sample_rate))] = 1.0
    return signal


def silence(samples: int, sample_rate: float) -> Float64:
    """Zeros."""
    return np.zeros(samples)


def harmonic(
    samples: int, sample_rate: float, *, notes: int = 4, harmonics: int = 8, gamma: float = 0.7, seed: int = 0
) -> Float64:
    """Half-overlapping Hann-windowed notes, each a sum of harmonics with amplitudes gamma^h, peak 0.9.

    Args:
        samples: length.
        sample_rate: Hz.
        notes: how many; each lasts 2/(notes + 1) of the signal and begins when the one before is half over. Notes
            that fill k intervals side by side, with others half over two of them, are 2k - 1.
        harmonics: partials a note; those above half the sample rate are left out.
        gamma: decay from one partial to the next.
        seed: of the pitches (110 to 440 Hz) and phases.

    Raises:
        SignalError: notes or harmonics are no whole number from 0, or gamma is not finite.
    """
    for name, count in (("notes", notes), ("harmonics", harmonics)):
        if isinstance(count, bool) or not isinstance(count, numbers.Integral) or count < 0:
            raise SignalError(f"{name} {count}: give 0 or more, a whole number.")
    if isinstance(gamma, bool) or not isinstance(gamma, numbers.Real) or not math.isfinite(gamma):
        raise SignalError(f"gamma {gamma}: give a finite number, below 1 for partials that get weaker.")
    rng = np.random.default_rng(seed)
    signal = np.zeros(samples)
    interval = samples // (notes + 1) if notes else 0
    if not interval:
        return signal
    times = np.arange(2 * interval) / sample_rate
    window = 0.5 - 0.5 * np.cos(np.pi * np.arange(2 * interval) / interval)
    for note in range(notes):
        pitch = 110.0 * 4.0 ** rng.uniform()
        phases = rng.uniform(0, 2 * np.pi, harmonics)
        orders = [h for h in range(1, harmonics + 1) if h * pitch < sample_rate / 2]
        partials = [gamma ** (h - 1) * np.cos(2 * np.pi * h * pitch * times + phases[h - 1]) for h in orders]
        if partials:
            signal[note * interval : (note + 2) * interval] += window * np.sum(partials, axis=0)
    return 0.9 * _peak(signal)


def speech_like(samples: int, sample_rate: float, *, seed: int = 0) -> Float64:
    """Buzz and noise through three formants with a syllable rhythm: no words, but speech's spectrum.

    A pulse train of wandering pitch (90 to 160 Hz), noise in the pauses, and formants near 500, 1500 and
    2500 Hz (Peterson and Barney 1952 give the ranges), peak 0.9.
    """
    from scipy.signal import lfilter

    rng = np.random.default_rng(seed)
    if not samples:
        return np.zeros(0)
    times = np.arange(samples) / sample_rate
    wander = [np.sin(2 * np.pi * rng.uniform(0.3, 1.5) * times + rng.uniform(0, 6.28)) for _ in range(4)]
    cycles = np.cumsum(125.0 + 35.0 * wander[0]) / sample_rate
    buzz = np.diff(np.floor(cycles), prepend=0.0)
    syllables = np.clip(np.sin(2 * np.pi * 3.5 * times + 2 * wander[1]), 0.0, None)
    source = buzz * syllables + 0.02 * rng.standard_normal(samples) * (1 - syllables)
    signal = source
    for center, width in ((500.0, 80.0), (1500.0, 120.0), (2500.0, 160.0)):
        if center < 0.45 * sample_rate:
            radius = np.exp(-np.pi * width / sample_rate)
            angle = 2 * np.pi * center / sample_rate
            resonance = np.array([1, -2 * radius * np.cos(angle), radius**2])
            signal = lfilter([resonance.sum()], resonance, signal)
    return 0.9 * _peak(signal * (1 + 0.2 * wander[2]))


SIGNALS: dict[str, Callable[[int, float], Float64]] = {
    "noise": noise,
    "pink": pink,
    "tone": tone,
    "chirp": chirp,
    "harmonic": harmonic,
    "impulse": impulse,
    "speech-like": speech_like,
    "silence": silence,
}


def _peak(signal: Float64) -> Float64:
    top = float(np.abs(signal).max(initial=0.0))
    return signal / top if top > 0 else signal
