from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from audiocos.framing import block, lapped, overlap
from audiocos.training.statistics import Accumulator, Moment, probes

FRAMINGS = [block(8), block(1), block(13), overlap(12, 6), overlap(12, 3), lapped(16)]
NAMES = ["block-8", "block-1", "block-13", "overlap-12-6", "overlap-12-3", "lapped-16"]


def noise(samples, seed=0):
    return np.random.default_rng(seed).standard_normal(samples)


def moment_of(framing, *signals, executor=None, blocks=None):
    moment = Moment.of(framing)
    accumulator = Accumulator(moment, np.atleast_2d(signals[0]).shape[0], executor)
    for index, signal in enumerate(signals):
        if index:
            accumulator.end_signal()
        signal, position = np.atleast_2d(signal), 0
        while position < signal.shape[1]:
            taken = blocks or signal.shape[1]
            accumulator.add(signal[:, position : position + taken])
            position += taken
    accumulator.finish()
    return moment


def every_run(signal, span, step):
    """Runs of `span` samples of the signal between silences, starting `step` apart, `[runs, span]`."""
    whole = -(-len(signal) // step) * step
    padded = np.concatenate([np.zeros(span - step), signal, np.zeros(whole - len(signal)), np.zeros(span - step)])
    return np.array([padded[start : start + span] for start in range(0, len(padded) - span + 1, step)])


@pytest.mark.parametrize("framing", FRAMINGS, ids=NAMES)
@pytest.mark.parametrize("length", [1, 2, 7, 16, 99, 400])
def test_full_is_the_mean_over_all_runs_of_hops_edges_included(framing, length):
    signal = noise(length)
    moment = moment_of(framing, signal)
    runs = every_run(signal, moment.span, framing.hop)
    assert moment.hops == -(-length // framing.hop)
    np.testing.assert_allclose(moment.full(), runs.T @ runs / moment.hops, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("framing", FRAMINGS, ids=NAMES)
@pytest.mark.parametrize("length", [1, 2, 7, 16, 99, 400])
def test_stationary_is_the_mean_over_all_runs_at_every_sample_offset(framing, length):
    signal = noise(length)
    moment = moment_of(framing, signal)
    runs = every_run(signal, moment.span, 1)
    assert moment.samples == length
    np.testing.assert_allclose(moment.stationary(), runs.T @ runs / length, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("framing", [block(64), overlap(64, 16), lapped(2 * 331)], ids=["block", "overlap", "lapped"])
def test_signals_longer_than_a_product_are_summed_whole(framing):
    signal = noise(700_000)  # several chunks of products and of transforms, the last one not full
    moment = moment_of(framing, signal)
    hops = np.concatenate([signal, np.zeros(-len(signal) % framing.hop)]).reshape(-1, framing.hop)
    for d in range(moment.reach):
        np.testing.assert_allclose(moment.blocks[d], hops[: len(hops) - d].T @ hops[d:], rtol=1e-10, atol=1e-8)
    for lag in (0, 1, framing.hop - 1, moment.span - framing.hop, moment.span - 1):
        expected = signal[: len(signal) - lag] @ signal[lag:]
        np.testing.assert_allclose(moment.autocorrelation[lag], expected, rtol=1e-10, atol=1e-8)


@pytest.mark.parametrize("framing", [block(8), overlap(32, 8), lapped(16)], ids=["block", "overlap", "lapped"])
def test_every_chunking_gives_the_same_bits(framing):
    signal = noise(150_000)
    whole = moment_of(framing, signal)
    for size in (1, 17, 509, 65_537) if framing.kind == "block" else (17, 65_537):
        parts = moment_of(framing, signal, blocks=size)
        assert np.array_equal(parts.blocks, whole.blocks)
        assert np.array_equal(parts.autocorrelation, whole.autocorrelation)
        assert (parts.hops, parts.samples) == (whole.hops, whole.samples)


@pytest.mark.parametrize("framing", FRAMINGS, ids=NAMES)
def test_signals_after_one_another_are_the_sum_of_each_alone(framing):
    signals = [noise(length, seed) for seed, length in enumerate((5, 1, 24, 99, 0, 30_000))]
    joined = moment_of(framing, *signals)
    alone = [moment_of(framing, signal) for signal in signals]
    total = sum(alone[1:], alone[0])
    np.testing.assert_allclose(joined.blocks, total.blocks, rtol=1e-11, atol=1e-10)
    np.testing.assert_allclose(joined.autocorrelation, total.autocorrelation, rtol=1e-11, atol=1e-9)
    assert (joined.hops, joined.samples) == (total.hops, total.samples)


@pytest.mark.parametrize("channels", [2, 3, 7])
@pytest.mark.parametrize("framing", FRAMINGS, ids=NAMES)
def test_channels_are_the_sum_of_each_alone(framing, channels):
    signal = noise(channels * 20_011).reshape(channels, -1)
    together = moment_of(framing, signal, signal[:, :77])
    alone = [moment_of(framing, part) for row in signal for part in (row, row[:77])]
    total = sum(alone[1:], alone[0])
    np.testing.assert_allclose(together.blocks, total.blocks, rtol=1e-11, atol=1e-10)
    np.testing.assert_allclose(together.autocorrelation, total.autocorrelation, rtol=1e-11, atol=1e-9)
    assert (together.hops, together.samples) == (total.hops, total.samples)


@pytest.mark.parametrize("framing", [block(256), overlap(64, 16)], ids=["block", "overlap"])
def test_helping_threads_do_not_change_a_bit(framing):
    signal = noise(1_000_000).reshape(2, -1)
    alone = moment_of(framing, signal, signal[:, 1234:], blocks=4096)
    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            helped = moment_of(framing, signal, signal[:, 1234:], executor=pool, blocks=4096)
            assert np.array_equal(helped.blocks, alone.blocks)
            assert np.array_equal(helped.autocorrelation, alone.autocorrelation)


def test_an_accumulator_can_be_used_again_after_it_finished():
    moment, twice = moment_of(lapped(16), noise(1000)), Moment.of(lapped(16))
    accumulator = Accumulator(twice)
    for _ in range(2):
        accumulator.add(noise(1000))
        accumulator.finish()
    np.testing.assert_allclose(twice.blocks, 2 * moment.blocks, rtol=1e-15)
    np.testing.assert_allclose(twice.autocorrelation, 2 * moment.autocorrelation, rtol=1e-12, atol=1e-12)


def test_the_first_block_is_symmetric_to_the_bit():
    first = moment_of(lapped(64), noise(100_000)).blocks[0]
    assert np.array_equal(first, first.T)


def test_no_sound_gives_zeros():
    moment = moment_of(block(4), np.zeros(0))
    assert not moment.full().any() and not moment.stationary().any() and moment.hops == 0


def test_probes_have_the_second_moment():
    second = moment_of(lapped(16), noise(5000)).full()
    signals = probes(second)
    np.testing.assert_allclose(signals @ signals.T, second, atol=1e-10)
