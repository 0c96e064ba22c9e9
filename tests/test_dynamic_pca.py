"""The bound of every linear scheme, against a process whose spectrum is known."""

import numpy as np
import pytest
import scipy.signal

from audiocos import framing, signals
from audiocos.training import bounds
from audiocos.training.statistics import Accumulator, Moment

H = 32
FRAMED = framing.lapped(2 * H)
POLES = [1.0, -1.5, 0.9]


def moment_of(x):
    moment = Moment.of(FRAMED)
    accumulator = Accumulator(moment)
    accumulator.add(x)
    accumulator.finish()
    return moment


def autoregressive():
    """The exact lags of noise through two poles, as a moment."""
    response = scipy.signal.lfilter([1.0], POLES, np.eye(1, 4096)[0])
    moment = Moment.of(FRAMED)
    moment.autocorrelation = np.array([response[lag:] @ response[: 4096 - lag] for lag in range(moment.span)])
    moment.samples = 1
    return moment


def theory_db(m):
    """M of the H aliases kept at each angle of the true spectrum."""
    angles = np.linspace(0, 2 * np.pi, H * 4096, endpoint=False)
    power = np.abs(scipy.signal.freqz([1.0], POLES, angles)[1]) ** 2
    aliases = np.sort(power.reshape(H, 4096), axis=0)
    return 10 * np.log10(aliases.sum() / aliases[: H - m].sum())


@pytest.mark.parametrize("m", [1, 4, 8, 16, 31])
def test_the_bound_of_a_known_process_is_that_of_its_spectrum(m):
    assert bounds.dynamic_pca_db(autoregressive(), H, m) == pytest.approx(theory_db(m), abs=1e-3)


@pytest.mark.parametrize("m", [4, 8, 16])
def test_sound_of_that_process_has_nearly_its_bound(m):
    x = scipy.signal.lfilter([1.0], POLES, np.random.default_rng(0).standard_normal(400_000))
    assert bounds.dynamic_pca_db(moment_of(x), H, m) == pytest.approx(theory_db(m), abs=0.1)


@pytest.mark.parametrize("m", [1, 4, 8, 16, 24])
@pytest.mark.parametrize("sound", ["process", "voice", "harmonic"])
def test_neither_the_mdct_nor_the_klt_exceeds_the_bound(sound, m):
    if sound == "process":
        moment = autoregressive()
    elif sound == "voice":
        moment = moment_of(signals.speech_like(60_000, 8000, seed=3))
    else:
        t = np.arange(60_000) / 8000
        buzz = sum(np.sin(2 * np.pi * 207.3 * k * t + k) / k for k in range(1, 15))
        moment = moment_of(buzz + 1e-3 * np.random.default_rng(0).standard_normal(60_000))
    c, bound = moment.stationary(), bounds.dynamic_pca_db(moment, H, m)
    assert bounds.mdct_db(c, c, FRAMED, m, best=True) <= bound + 1e-6
    assert bounds.klt_db(c, c, H, m) <= bound + 1e-6


def test_the_bound_has_limits():
    moment = autoregressive()
    assert bounds.dynamic_pca_db(moment, H, H) > 300
    white = Moment.of(FRAMED)
    white.autocorrelation[0], white.samples = 1.0, 1
    assert bounds.dynamic_pca_db(white, H, 8) == pytest.approx(10 * np.log10(H / (H - 8)), abs=1e-6)
    assert bounds.dynamic_pca_db(Moment.of(FRAMED), H, 8) == 0.0
