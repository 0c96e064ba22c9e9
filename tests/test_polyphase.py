"""The live conversion of rates: right, aligned, the same for every chunking, and soon there."""

import math

import numpy as np
import pytest
import scipy.signal

import audiocos
from audiocos.live.pipeline import make_pipeline
from audiocos.live.polyphase import PASSBAND, Polyphase, can_convert

RATES = [(48000, 8000), (8000, 48000), (44100, 8000), (8000, 44100), (48000, 44100), (16000, 8000)]


def in_pieces(convert, x, sizes):
    pieces, start = [], 0
    for size in sizes:
        pieces.append(convert(x[:, start : start + size]))
        start += size
    return np.concatenate([*pieces, convert(x[:, start:], last=True)], axis=1)


@pytest.mark.parametrize(("old", "new"), RATES)
def test_a_tone_in_the_passband_is_the_same_tone_at_the_other_rate(old, new):
    for frequency in (50.0, 0.45 * PASSBAND * min(old, new), 0.4999 * PASSBAND * min(old, new)):
        x = np.sin(2 * np.pi * frequency * np.arange(old) / old)[None]
        y = Polyphase(old, new, 1, "float64").convert(x, last=True)
        assert y.shape == (1, new)
        middle = slice(new // 4, -new // 4)
        expected = np.sin(2 * np.pi * frequency * np.arange(new) / new)
        assert np.abs(y[0] - expected)[middle].max() < 1e-5, "aligned and as loud"


@pytest.mark.parametrize(("old", "new"), [(48000, 8000), (44100, 8000), (48000, 44100)])
def test_what_the_lower_rate_cannot_hold_is_gone(old, new):
    x = np.sin(np.pi * 1.001 * new * np.arange(old) / old)[None]
    y = Polyphase(old, new, 1, "float64").convert(x, last=True)
    assert np.abs(y[0, new // 4 : -new // 4]).max() < 1e-5


@pytest.mark.parametrize(("up", "down"), [(2, 3), (1, 6), (6, 1), (80, 441)])
def test_it_is_scipys_filter(up, down):
    x = np.random.default_rng(0).standard_normal(4000)
    y = Polyphase(100 * down, 100 * up, 1, "float64").convert(x[None], last=True)[0]
    share = min(1.0, up / down)
    half = math.ceil((120 - 8) / (2.285 * math.pi * (1 - PASSBAND) * share) / 2)
    window = ("kaiser", 0.1102 * (120 - 8.7))
    taps = scipy.signal.firwin(2 * half * up + 1, share * (1 + PASSBAND) / 2 / up, window=window)
    np.testing.assert_allclose(y, scipy.signal.resample_poly(x, up, down, window=taps), atol=1e-5)


@pytest.mark.parametrize(("old", "new"), RATES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_chunking_gives_the_same(old, new, dtype):
    random = np.random.default_rng(1)
    x = random.standard_normal((2, 6000)).astype(dtype)
    at_once = Polyphase(old, new, 2, dtype).convert(x, last=True)
    assert at_once.dtype == dtype and at_once.shape[1] == math.ceil(6000 * new / old)
    for sizes in ([256] * 20, [1] * 50, random.integers(0, 900, 9), [0, 5999]):
        np.testing.assert_array_equal(in_pieces(Polyphase(old, new, 2, dtype).convert, x, sizes), at_once)


def test_rates_that_share_nothing_are_left_to_soxr():
    assert all(can_convert(*rates) for rates in RATES)
    assert not can_convert(48000, 44099)


@pytest.mark.parametrize(("rate", "most_ms"), [(48000, 100), (44100, 100), (16000, 110)])
def test_a_model_at_8_khz_answers_a_microphone_in_a_tenth_of_a_second(rate, most_ms):
    """Of which 64 ms are the model's own; through soxr it was a third of a second."""
    model = audiocos.load("speech-8k")
    live = make_pipeline(model, rate, 1, dtype="float32", device="cpu", block=256, fast=False, soon=True)
    file = make_pipeline(model, rate, 1, dtype="float32", device="cpu", block=256, fast=False)
    assert 1e3 * live.prefill(256) / rate < most_ms < 200 < 1e3 * file.prefill(256) / rate
    x = np.sin(np.arange(2 * rate) * 2 * np.pi * 500 / rate).astype(np.float32)[None]
    heard = [np.concatenate([p.feed(x[:, i : i + 256]) for i in range(0, x.shape[1] - 256, 256)], axis=1)
             for p in (live, file)]  # fmt: skip
    count = min(y.shape[1] for y in heard)
    np.testing.assert_allclose(heard[0][:, rate // 2 : count], heard[1][:, rate // 2 : count], atol=1e-4)
