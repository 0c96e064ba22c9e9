"""Synthetic signals: what each promises about length, range, repeatability and spectrum."""

import numpy as np
import pytest
from scipy import signal

from audiocos.errors import SignalError
from audiocos.signals import SIGNALS, chirp, harmonic, impulse, noise, pink, speech_like, tone

RATES = [8000, 44100, 48000.0, 96000]


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("samples", [0, 1, 2, 3, 7, 1000, 20011])
def test_every_signal_has_its_length_and_stays_in_range(name, rate, samples):
    x = SIGNALS[name](samples, rate)
    assert x.shape == (samples,) and x.dtype == np.float64
    assert np.isfinite(x).all() and np.abs(x).max(initial=0) <= 1.0


@pytest.mark.parametrize("name", SIGNALS)
def test_every_signal_is_the_same_each_time(name):
    np.testing.assert_array_equal(SIGNALS[name](5000, 16000), SIGNALS[name](5000, 16000))


@pytest.mark.parametrize("name", sorted(set(SIGNALS) - {"silence"}))
def test_every_signal_sounds(name):
    assert np.abs(SIGNALS[name](16000, 16000)).max() > 0.85


def test_silence_is_silent():
    assert not SIGNALS["silence"](100, 48000).any()


@pytest.mark.parametrize("make", [noise, pink, harmonic, speech_like])
def test_another_seed_gives_another_signal(make):
    assert not np.array_equal(make(1000, 8000, seed=0), make(1000, 8000, seed=1))


def test_noise_is_white_and_uniform():
    x = noise(100000, 48000)
    assert x.var() == pytest.approx(1 / 3, rel=0.02)
    correlations = [x[lag:] @ x[: x.size - lag] / (x @ x) for lag in range(1, 20)]
    assert np.abs(correlations).max() < 5 / np.sqrt(x.size)


def test_pink_noise_has_equal_power_in_every_octave():
    x = pink(2**17, 48000)
    power = np.abs(np.fft.rfft(x)) ** 2
    octaves = [power[2**i : 2 ** (i + 1)].sum() for i in range(7, 16)]
    assert max(octaves) / min(octaves) < 1.4
    assert np.abs(x).max() == 1.0


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frequency", [440.0, 1000.0, 3123.0])
def test_a_tone_has_its_frequency(rate, frequency):
    x = tone(int(rate), rate, frequency=frequency)  # one second: a bin is one hertz
    assert np.abs(np.fft.rfft(x)).argmax() == frequency
    assert np.abs(x).max() == pytest.approx(0.9, abs=1e-3)


def test_a_chirp_sweeps_exponentially_from_20_hz_to_nearly_half_the_rate():
    rate, seconds = 48000, 4
    x = chirp(rate * seconds, rate)
    frequency = np.diff(np.unwrap(np.angle(signal.hilbert(x)))) * rate / (2 * np.pi)
    t = np.arange(frequency.size) / rate
    expected = 20 * (0.45 * rate / 20) ** (t / seconds)
    middle = slice(rate, -rate // 2)  # the Hilbert transform is poor where the signal begins and ends
    np.testing.assert_allclose(frequency[middle], expected[middle], rtol=0.02)
    rises = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    last = np.abs(np.fft.rfft(x[-480:])).argmax() * rate / 480
    assert last == pytest.approx(0.45 * rate, rel=0.02)
    assert rises[0] / rate == pytest.approx(1 / 20, rel=0.1)  # the first period, at a little over 20 Hz


@pytest.mark.parametrize("rate", RATES)
def test_impulses_come_every_quarter_second_after_a_tenth(rate):
    x = impulse(int(rate), rate)
    expected = [0.1 * rate + i * 0.25 * rate for i in range(4)]
    np.testing.assert_array_equal(np.flatnonzero(x), np.floor(expected).astype(int))
    assert set(np.unique(x)) == {0.0, 1.0}


def test_harmonic_notes_have_their_partials_and_their_decay():
    rate, harmonics, gamma = 16000, 6, 0.5
    x = harmonic(2 * rate, rate, notes=1, harmonics=harmonics, gamma=gamma, seed=3)
    pitch = 110.0 * 4.0 ** np.random.default_rng(3).uniform()
    note = x[: 2 * rate]
    spectrum = np.abs(np.fft.rfft(note, 2**18))
    at = np.arange(spectrum.size) * rate / 2**18
    peaks = []
    for h in range(1, harmonics + 1):
        near = np.abs(at - h * pitch) < pitch / 4
        peaks.append(spectrum[near].max())
        assert at[near][spectrum[near].argmax()] == pytest.approx(h * pitch, abs=0.2)
    np.testing.assert_allclose(np.divide(peaks[1:], peaks[:-1]), gamma, rtol=0.01)
    above = spectrum[np.abs(at - (harmonics + 1) * pitch) < pitch / 4]
    assert above.max() < 1e-3 * peaks[-1]


def test_harmonic_notes_follow_one_another_and_overlap_by_half():
    rate = 8000
    x = harmonic(5 * rate, rate, notes=4)
    loudness = np.sqrt((x.reshape(5, -1) ** 2).mean(axis=1))
    assert (loudness > 0.05).all()
    assert x[0] == 0.0 and np.abs(x).max() == pytest.approx(0.9)


def test_harmonics_above_half_the_rate_are_left_out():
    x = harmonic(4000, 500, notes=1, harmonics=50, seed=1)
    pitch = 110.0 * 4.0 ** np.random.default_rng(1).uniform()
    kept = int(250 / pitch)
    spectrum = np.abs(np.fft.rfft(x))
    at = np.fft.rfftfreq(4000, 1 / 500)
    far = np.min([np.abs(at - h * pitch) for h in range(1, kept + 1)], axis=0) > 5
    assert spectrum[far].max() < 1e-3 * spectrum.max()


@pytest.mark.parametrize("settings", [{"notes": 0}, {"harmonics": 0}])
def test_no_notes_are_silence(settings):
    assert not harmonic(1000, 8000, **settings).any()


@pytest.mark.parametrize(
    "settings, told",
    [
        ({"notes": -1}, "notes -1: give 0 or more, a whole number"),
        ({"notes": 2.5}, "notes 2.5: give 0 or more"),
        ({"harmonics": -1}, "harmonics -1: give 0 or more"),
        ({"gamma": float("nan")}, "gamma nan: give a finite number"),
        ({"gamma": float("inf")}, "gamma inf: give a finite number"),
    ],
)
def test_notes_that_cannot_be_are_refused(settings, told):
    with pytest.raises(SignalError, match=told):
        harmonic(1000, 8000, **settings)
    assert issubclass(SignalError, ValueError)


def test_numpys_numbers_make_notes():
    plain = harmonic(1000, 8000, notes=2, harmonics=3, gamma=0.5)
    np.testing.assert_array_equal(
        harmonic(1000, 8000, notes=np.int64(2), harmonics=np.int32(3), gamma=np.float64(0.5)), plain
    )


def test_speech_like_sound_has_most_power_in_the_range_of_speech():
    x = speech_like(5 * 16000, 16000)
    at, power = signal.welch(x, 16000, nperseg=1024)
    assert power[(at > 80) & (at < 3500)].sum() > 0.9 * power.sum()
    assert np.abs(x).max() == pytest.approx(0.9)
