"""Where learning begins and what can be won, against brute force on the sound itself."""

import numpy as np
import pytest
import scipy.fft
import scipy.signal

from audiocos import cosines, framing, signals
from audiocos.errors import UsageError
from audiocos.stream import Stream
from audiocos.training import bounds
from audiocos.training.learners import NewtonLearner
from audiocos.training.objective import objective_for
from audiocos.training.plan import make_start, stages
from audiocos.training.run import Run
from audiocos.training.settings import TrainingConfig
from audiocos.training.sound import sound_of, white
from audiocos.training.starts import energies, spectral, strongest
from audiocos.training.statistics import Accumulator, Moment, probes

N = 32


def voice(seed=0, samples=N * 500):
    return signals.speech_like(samples, 8000, seed=seed)


def moment_of(x, framed):
    moment = Moment.of(framed)
    accumulator = Accumulator(moment)
    accumulator.add(x)
    accumulator.finish()
    return moment


def snr_db(x, y):
    return 10 * np.log10(np.sum(x**2) / np.sum((x - y) ** 2))


def through(parameters, framed, x):
    """What the engine makes of x."""
    stream = Stream(parameters, framed, dtype=np.float64, device="cpu")
    return np.concatenate([stream.feed(x[None]), stream.flush()], axis=1)[0, stream.latency :]


def ar2(samples, seed=0):
    """Noise through two poles near the unit circle, and its spectrum at any angles."""
    poles = [1.0, -1.5, 0.9]
    x = scipy.signal.lfilter([1.0], poles, np.random.default_rng(seed).standard_normal(samples))
    return x, lambda angles: np.abs(scipy.signal.freqz([1.0], poles, angles)[1]) ** 2


# Starts


def test_energies_are_the_mean_squares_of_the_coefficients():
    x, framed = voice(), framing.block(N)
    rows = cosines.random(N, 9, seed=1).analysis_matrix()
    made = rows @ x.reshape(-1, N).T
    assert energies(rows, framed, moment_of(x, framed).full()) == pytest.approx(np.mean(made**2, axis=1))


def test_the_strongest_are_ascending_and_equals_go_to_the_lower():
    assert strongest(np.array([1.0, 3.0, 2.0, 3.0, 2.0]), 3).tolist() == [1, 2, 3]


@pytest.mark.parametrize("m", [1, 7, N])
def test_a_spectral_start_has_the_rows_with_most_energy(m):
    x, framed = voice(), framing.block(N)
    c = moment_of(x, framed).full()
    start = spectral(framed, m, c, probes(c))
    dct3 = scipy.fft.dct(x.reshape(-1, N), type=3, norm="ortho")
    kept = np.sort(np.argsort(-np.sum(dct3**2, axis=0))[:m])
    assert start.analysis_frequencies == pytest.approx((kept + 0.5) * np.pi / N)
    only = np.zeros_like(dct3)
    only[:, kept] = dct3[:, kept]
    y = scipy.fft.idct(only, type=3, norm="ortho").ravel()
    assert through(start, framed, x) == pytest.approx(y, abs=1e-9)


@pytest.mark.parametrize("m", [2, 7, 16])
def test_a_phased_start_takes_the_grid_that_leads_further(m):
    c = moment_of(voice(1), framing.block(N)).stationary()
    reached = []
    grids = [cosines.orthogonal(N).analysis_matrix(), cosines.orthogonal(N).synthesis_matrix().T]
    for kind, rows in zip((3, 2), grids, strict=True):
        kept = strongest(energies(rows, framing.block(N), c), m)
        w = (kept + (0.5 if kind == 3 else 0.0)) * np.pi / N
        p = np.zeros(m) if kind == 3 else np.where(kept == 0, np.pi / 4, w / 2)
        a = (m / N) ** 0.25 * np.array([1 if kind == 3 else np.sqrt(2), np.sqrt(2)] * 2)
        reached.append(learned(cosines.CosineParameters(N, m, a, w, w, p, p), c))
    assert learned(spectral(framing.block(N), m, c, probes(c), phased=True), c) == pytest.approx(min(reached), rel=1e-3)


def learned(start, c):
    """The loss that Gauss-Newton steps end at."""
    learner = NewtonLearner(start, objective_for(framing.block(N), probes(c)), 1.0)
    while not learner.done:
        loss = learner.advance()
    return loss


def test_a_lapped_start_has_the_strongest_rows_of_the_mdct():
    x, framed = voice(2), framing.lapped(N)
    c = moment_of(x, framed).full()
    start = spectral(framed, 5, c, probes(c))
    padded = np.concatenate([np.zeros(N // 2), x, np.zeros(N // 2)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, N)[:: N // 2] * framed.analysis_window
    energy = np.sum((frames @ cosines.lapped(N).analysis_matrix().T) ** 2, axis=0)
    kept = np.sort(np.argsort(-energy)[:5])
    assert start.analysis_frequencies == pytest.approx((kept + 0.5) * np.pi / (N // 2))


def test_a_spectral_start_refuses_more_rows_than_there_are():
    with pytest.raises(ValueError, match="coefficients: 17; a spectral start needs 1 to 16 here"):
        spectral(framing.lapped(N), 17, np.eye(48), np.eye(48))


# Bounds, chosen on one sound and judged on another


@pytest.mark.parametrize("m", [1, 8, 20])
def test_the_klt_is_the_singular_vectors_of_the_frames(m):
    train, held, framed = voice(3), voice(4), framing.block(N)
    _, _, basis = np.linalg.svd(train.reshape(-1, N), full_matrices=False)
    frames = held.reshape(-1, N)
    expected = snr_db(frames, frames @ basis[:m].T @ basis[:m])
    own, other = moment_of(train, framed).full(), moment_of(held, framed).full()
    assert bounds.klt_db(own, other, N, m) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("best", [False, True])
def test_a_dct_subset_reaches_what_it_reconstructs(best):
    train, held, framed, m = voice(5), voice(6), framing.block(N), 8
    energy = np.sum(scipy.fft.dct(train.reshape(-1, N), norm="ortho") ** 2, axis=0)
    kept = np.argsort(-energy)[:m] if best else np.arange(m)
    made = scipy.fft.dct(held.reshape(-1, N), norm="ortho")
    only = np.zeros_like(made)
    only[:, kept] = made[:, kept]
    expected = snr_db(held, scipy.fft.idct(only, norm="ortho").ravel())
    own, other = moment_of(train, framed).full(), moment_of(held, framed).full()
    assert bounds.dct_db(own, other, N, m, best=best) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("best", [False, True])
@pytest.mark.parametrize("window", ["sine", "kbd"])
def test_an_mdct_subset_reaches_what_the_stream_reconstructs(best, window):
    train, held, framed, m = voice(7), voice(8), framing.lapped(N, window), 4
    own, other = moment_of(train, framed).full(), moment_of(held, framed).full()
    kept = strongest(energies(cosines.lapped(N).analysis_matrix(), framed, own), m) if best else np.arange(m)
    padded = np.concatenate([np.zeros(2 * N), held, np.zeros(2 * N)])
    expected = snr_db(padded, through(cosines.lapped(N, kept), framed, padded))
    assert bounds.mdct_db(own, other, framed, m, best=best) == pytest.approx(expected, abs=1e-6)


def test_every_coefficient_kept_is_exact():
    c = moment_of(voice(), framing.lapped(N)).full()
    assert bounds.klt_db(c, c, N // 2, N // 2) > 100
    assert bounds.dct_db(c, c, N // 2, N // 2, best=True) > 100
    assert bounds.mdct_db(c, c, framing.lapped(N), N // 2, best=True) > 100


# What follows from sound


def test_the_snr_of_a_sound_is_what_the_stream_measures():
    x = np.concatenate([np.zeros(4 * N), voice(9), np.zeros(4 * N)])
    for framed in (framing.block(N), framing.overlap(N), framing.lapped(N)):
        sound = sound_of(moment_of(x, framed), framed, stationary=False)
        pair = cosines.orthogonal(N, 12)  # no more than a lapped hop
        assert sound.snr_db(pair) == pytest.approx(snr_db(x, through(pair, framed, x)), abs=1e-6)


def test_short_sound_counts_every_offset_unless_told():
    framed = framing.block(N)
    assert sound_of(moment_of(voice(), framed), framed).stationary
    assert not sound_of(moment_of(voice(), framed), framed, stationary=False).stationary
    assert not sound_of(moment_of(voice(samples=N * 64 * N), framed), framed).stationary


@pytest.mark.parametrize("kind", ["block", "overlap", "lapped"])
def test_the_default_on_white_sound_is_exact_in_every_framing(kind):
    config = TrainingConfig(frame=N, kind=kind)
    sound = white(config.framing())
    from audiocos.training.growth import WhiteSound

    run = Run(make_start(config, sound, True), stages(config, sound, WhiteSound(), True))
    while not run.done:
        run.advance()
    assert sound.snr_db(run.parameters) >= 200


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (TrainingConfig(frame=N, coefficients=17, kind="lapped"), "--coefficients 17: lapped framing holds at most 16"),
        (TrainingConfig(frame=N, coefficients=33, start="spectral"), "--init spectral: M = 33 is above N = 32"),
        (TrainingConfig(frame=N, kind="overlap", optimizer="adam"), "--optimizer adam: learns on windows of block"),
    ],
)
def test_what_cannot_be_is_refused_before_any_sound_is_heard(config, said):
    with pytest.raises(UsageError, match=said):
        config.check()
