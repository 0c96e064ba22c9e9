"""The residual of each second in its bands."""

import math

import numpy as np
import pytest
import scipy.signal
import scipy.spatial

from audiocos import signals
from audiocos.residuals import BANDS, BandLevels, band_edges, band_weights

RATE = 2000


def pair(seconds, rate=RATE, channels=1, seed=0, dtype=np.float64):
    random = np.random.default_rng(seed)
    x = random.normal(0, 0.1, (channels, int(seconds * rate))).astype(dtype)
    return x, x + random.normal(0, 0.01, x.shape).astype(dtype)


def rows_of(x, y, rate=RATE, chunks=None):
    levels, rows, position = BandLevels(rate, x.shape[0]), [], 0
    for size in chunks or [x.shape[1]]:
        rows += levels.feed(x[:, position : position + size], y[:, position : position + size])
        position += size
    return rows


def by_hand(x, y, rate, segment):
    """Straight from the definition: every segment by itself, every bin into its band."""
    window = scipy.signal.get_window("hann", segment)
    edges, step, rows = band_edges(rate), rate / segment, []
    for second in range(x.shape[1] // rate):
        bands, whole = np.zeros(BANDS), 0.0
        for start in range(0, x.shape[1] - segment + 1, segment // 2):
            if not second * rate < start + segment <= (second + 1) * rate:
                continue
            for channel in range(x.shape[0]):
                own = x[channel, start : start + segment]
                whole += np.sum((window * own) ** 2)
                power = np.abs(np.fft.fft(window * (own - y[channel, start : start + segment]))) ** 2 / segment
                for k in range(segment):  # both halves of the spectrum
                    centre = min(k, segment - k) * step
                    low, high = max(centre - step / 2, 0), min(centre + step / 2, rate / 2)
                    for band in range(BANDS):
                        shared = min(high, edges[band + 1]) - max(low, edges[band])
                        bands[band] += power[k] * max(shared, 0) / (high - low)
        rows.append(10 * np.log10(bands / whole))
    return np.array(rows)


@pytest.mark.parametrize("channels", [1, 2])
def test_levels_are_those_of_the_definition(channels):
    x, y = pair(3.3, channels=channels)
    rows = rows_of(x, y)
    assert len(rows) == 3
    np.testing.assert_allclose([row.levels for row in rows], by_hand(x, y, RATE, 64), atol=1e-9)
    for second, row in enumerate(rows):
        own = slice(second * RATE, (second + 1) * RATE)
        lost = np.sum((x[:, own] - y[:, own]) ** 2)
        assert row.snr_db == pytest.approx(10 * math.log10(np.sum(x[:, own] ** 2) / lost), abs=1e-9)
        assert row.input_dbfs == pytest.approx(10 * math.log10(np.mean(x[:, own] ** 2)), abs=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_chunking_gives_the_same_bits(dtype):
    x, y = pair(4.5, channels=2, dtype=dtype)
    once = rows_of(x, y)
    for size in (1, 17, 509, 2000, 4001):
        rows = rows_of(x, y, chunks=[0] + [size] * (x.shape[1] // size + 1))
        assert len(rows) == len(once) == 4
        for row, other in zip(rows, once, strict=True):
            assert (row.snr_db, row.input_dbfs) == (other.snr_db, other.input_dbfs)
            assert np.array_equal(row.levels, other.levels)


@pytest.mark.parametrize("rate", [8, 1000, 8000, 44100, 192000])
def test_bands_share_out_the_whole_spectrum(rate):
    edges = band_edges(rate)
    assert (edges[0], edges[-1]) == (0, pytest.approx(rate / 2))
    assert (np.diff(edges, 2) > 0).all()
    for segment in (16, 256):
        weights = band_weights(rate, segment)
        np.testing.assert_allclose(weights.sum(axis=0), 1)
        assert (weights.sum(axis=1) > 0).all()


def test_a_tone_in_the_residual_shows_in_its_band_at_its_level():
    x, _ = pair(2, rate=8000)
    tone = signals.tone(16000, 8000, frequency=1000)[None] * 0.01
    levels = rows_of(x, x + tone, 8000)[1].levels
    band = int(np.searchsorted(band_edges(8000), 1000)) - 1
    assert int(levels.argmax()) == band
    assert 10 * math.log10(np.sum(10 ** (levels / 10))) == pytest.approx(
        10 * math.log10(np.mean(tone**2) / np.mean(x[:, 8000:] ** 2)), abs=0.1
    )


def test_a_click_is_heard_wherever_it_falls():
    x = pair(4)[0]
    for position in range(RATE, 2 * RATE, 37):
        click = np.zeros_like(x)
        click[0, position] = 1.0
        assert max(row.levels.max() for row in rows_of(x, x + click)) > -60


def test_silence_and_exact_copies_stay_finite():
    x, y = pair(2)
    silence = np.zeros_like(x)
    for row in rows_of(silence, silence) + rows_of(x, x) + rows_of(silence, y) + rows_of(x * 1e9, y):
        assert np.isfinite(row.levels).all()
        assert np.isfinite(row.input_dbfs)
    assert all(row.silent and row.snr_db is None for row in rows_of(silence, y))
    for row in rows_of(x, x):
        assert not row.silent
        assert row.snr_db is None
        assert (row.levels == -120).all()


def test_what_is_fed_must_fit():
    with pytest.raises(ValueError, match=r"x \[1, 5\], y \[1, 4\]: give equal \[1, samples\]"):
        BandLevels(8000, 1).feed(np.zeros((1, 5)), np.zeros((1, 4)))


@pytest.mark.parametrize("rate", [1, 10, 22.05])
def test_rates_below_a_segment_a_second_work(rate):
    x, y = pair(1, rate=1000)
    assert all(np.isfinite(row.levels).all() for row in rows_of(x, y, rate))
