"""Error figures against formulas written out, running ones against those at once."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import scipy.signal

from audiocos.metrics import RunningFigures, compare, segment_length, snr_db

RATE, SEGMENT = 8000, 256


def pair_of_signals(channels=2, samples=5000, noise=1e-2, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (channels, samples)) * np.linspace(0, 1, samples) ** 3
    return x.astype(dtype), (x + noise * rng.standard_normal(x.shape)).astype(dtype)


def segments(x):
    """Each channel cut into segments, the last filled up with zeros."""
    padded = np.pad(x, ((0, 0), (0, -x.shape[1] % SEGMENT)))
    return padded.reshape(-1, SEGMENT)


def brute_force_segmental_snr_db(x, y):
    ratios = []
    for s, t in zip(segments(x), segments(y), strict=True):
        if np.mean(s**2) > 1e-10:
            lost = np.sum((s - t) ** 2)
            ratios.append(35.0 if lost == 0 else np.clip(10 * np.log10(np.sum(s**2) / lost), -10, 35))
    return np.mean(ratios)


def brute_force_log_spectral_distance_db(x, y):
    window = scipy.signal.windows.hann(SEGMENT, sym=False)
    window /= np.sqrt(np.sum(window**2))
    distances = []
    for s, t in zip(segments(x), segments(y), strict=True):
        a, b = (10 * np.log10(np.abs(np.fft.fft(z * window)[: SEGMENT // 2 + 1]) ** 2 + 1e-10) for z in (s, t))
        distances.append(np.sqrt(np.mean((a - b) ** 2)))
    return np.mean(distances)


@pytest.mark.parametrize("samples", [1, 255, 256, 257, 5000])
@pytest.mark.parametrize("noise", [1.0, 1e-2, 1e-6])
def test_figures_are_their_formulas(samples, noise):
    x, y = pair_of_signals(samples=samples, noise=noise, seed=samples)
    x[0, -1] = 0.5
    f = compare(x, y, RATE)
    assert f.samples == samples
    assert f.mse == pytest.approx(np.mean((x - y) ** 2), rel=1e-12)
    assert f.snr_db == pytest.approx(10 * np.log10(np.sum(x**2) / np.sum((x - y) ** 2)), rel=1e-12)
    assert f.max_abs_error == np.abs(x - y).max()
    assert f.segmental_snr_db == pytest.approx(brute_force_segmental_snr_db(x, y), rel=1e-12)
    assert f.log_spectral_distance_db == pytest.approx(brute_force_log_spectral_distance_db(x, y), rel=1e-9)


def test_segments_that_are_exact_or_silent_count_as_they_should():
    x, y = pair_of_signals(channels=1, samples=4 * SEGMENT)
    y[:, SEGMENT : 2 * SEGMENT] = x[:, SEGMENT : 2 * SEGMENT]  # exact: 35 dB
    x[:, :SEGMENT] = 0  # silent: no segmental SNR
    f = compare(x, y, RATE)
    assert f.segmental_snr_db == pytest.approx(brute_force_segmental_snr_db(x, y), rel=1e-12)
    assert f.log_spectral_distance_db == pytest.approx(brute_force_log_spectral_distance_db(x, y), rel=1e-9)


def test_float32_signals_are_measured_in_float64():
    x, y = pair_of_signals(noise=1e-6, dtype=np.float32)
    assert asdict(compare(x, y, RATE)) == asdict(compare(x.astype(np.float64), y.astype(np.float64), RATE))


CHUNKINGS = [[1] * 600, [17] * 40, [256] * 3, [255, 257, 1, 300], [509, 0, 1, 2], [5000], [1, 4999]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", CHUNKINGS, ids=lambda sizes: f"{sizes[0]}x{len(sizes)}")
def test_running_figures_are_those_at_once(sizes, dtype):
    x, y = pair_of_signals(samples=sum(sizes), noise=1e-5, dtype=dtype)
    running, position = RunningFigures(2, SEGMENT), 0
    for size in sizes:
        part = slice(position, position + size)
        running.update(x[:, part], y[:, part])
        position += size
        running.figures()  # looking changes nothing
    expected = asdict(compare(x, y, RATE))
    assert asdict(running.figures()) == pytest.approx(expected, rel=1e-11)


def test_a_long_signal_is_measured_in_parts():
    x, y = pair_of_signals(channels=1, samples=600 * SEGMENT + 5)
    f = compare(x, y, RATE)
    assert f.mse == pytest.approx(np.mean((x - y) ** 2), rel=1e-12)
    assert f.log_spectral_distance_db == pytest.approx(brute_force_log_spectral_distance_db(x, y), rel=1e-9)


@pytest.mark.parametrize("samples", [0, 1, 256, 1000])
def test_an_exact_copy_has_no_snr_and_no_error(samples):
    x, _ = pair_of_signals(samples=samples)
    f = compare(x, x.copy(), RATE)
    assert (f.mse, f.snr_db, f.max_abs_error, f.log_spectral_distance_db) == (0.0, None, 0.0, 0.0)
    json.dumps(asdict(f), allow_nan=False)


@pytest.mark.parametrize("residual", [0.0, 1e-3, 1e-170])
def test_silence_has_no_snr(residual):
    x = np.zeros((1, 1000))
    f = compare(x, x + residual, RATE)
    assert f.snr_db is None and f.segmental_snr_db is None
    assert f.max_abs_error == residual
    json.dumps(asdict(f), allow_nan=False)


def test_an_empty_signal_has_figures():
    f = compare(np.zeros((2, 0)), np.zeros((2, 0)))
    assert asdict(f) == {
        "samples": 0,
        "mse": 0.0,
        "snr_db": None,
        "segmental_snr_db": None,
        "max_abs_error": 0.0,
        "log_spectral_distance_db": 0.0,
    }


def test_a_residual_too_small_to_square_is_measured():
    x = np.ones((1, SEGMENT))
    x[0, 0] = 0.0
    y = x.copy()
    y[0, 0] = 1e-170
    f = compare(x, y, RATE)
    assert (f.mse, f.snr_db, f.segmental_snr_db, f.max_abs_error) == (0.0, None, 35.0, 1e-170)


@pytest.mark.parametrize(
    ("x", "y", "text"),
    [
        (np.zeros((2, 5)), np.zeros((2, 6)), "x [2, 5], y [2, 6]: give equal [2, samples]."),
        (np.zeros(5), np.zeros(5), "x [5], y [5]: give equal [1, samples]."),
        (np.zeros((1, 5)), np.zeros((2, 5)), "x [1, 5], y [2, 5]: give equal [1, samples]."),
    ],
)
def test_shapes_that_differ_are_refused(x, y, text):
    with pytest.raises(ValueError) as raised:
        compare(x, y)
    assert str(raised.value) == text


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("side", [0, 1])
def test_nan_and_infinity_have_no_figures(bad, side):
    signals = np.ones((2, 1, 500))
    signals[side, 0, 100] = bad
    with pytest.raises(ValueError, match="^NaN or infinite samples: no figure can be told of them"):
        compare(signals[0], signals[1])


def test_complex_samples_are_refused():
    with pytest.raises(ValueError, match=r"^complex samples: sound is real\."):
        compare(np.ones((1, 500), complex), np.ones((1, 500)))


def test_a_later_block_of_other_channels_is_refused():
    running = RunningFigures(2, SEGMENT)
    with pytest.raises(ValueError, match=r"x \[1, 5\], y \[1, 5\]: give equal \[2, samples\]\."):
        running.update(np.zeros((1, 5)), np.zeros((1, 5)))


def test_snr_is_none_where_it_is_not_defined():
    assert snr_db(1.0, 0.001) == pytest.approx(30)
    assert snr_db(0.0, 1.0) is None and snr_db(1.0, 0.0) is None and snr_db(0.0, 0.0) is None


@pytest.mark.parametrize(("rate", "length"), [(8000, 256), (16000, 512), (48000, 2048), (22050, 512), (1, 16)])
def test_a_segment_is_the_power_of_two_nearest_to_32_ms(rate, length):
    assert segment_length(rate) == length
