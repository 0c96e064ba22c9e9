"""The engine: the same bits for every chunking, an exact latency, exact edges."""

import numpy as np
import pytest
from somestreams import CASES, GROUPS, N, every_case, every_exact_case, open_stream, run, sound

from audiocos.errors import StreamError


def chunkings(samples):
    rng = np.random.default_rng(1)
    yield "primes", [509] * (samples // 509)
    yield "17", [17] * (samples // 17)
    yield "4096", [4096] * (samples // 4096)
    yield "random", list(rng.integers(0, 300, samples // 300))
    yield "one by one, then the rest", [1] * 700


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("channels", "group"), [(1, 1), (2, 3), (5, 1)])
@every_case
def test_every_chunking_gives_the_same_bits(case, channels, group, dtype):
    x = sound(channels, dtype=dtype)
    settings = {"channels": channels, "dtype": dtype, "group": group}
    whole = run(open_stream(case, **settings), x)
    assert whole.dtype == dtype
    for name, sizes in chunkings(x.shape[1]):
        assert np.array_equal(run(open_stream(case, **settings), x, sizes), whole), name


@pytest.mark.parametrize("group", GROUPS)
@every_exact_case
def test_the_reconstruction_is_exact_to_the_edges(case, group):
    for samples in (0, 1, N - 1, N, N + 1, 1000):
        x = sound(2, samples, np.float64)
        stream = open_stream(case, channels=2, dtype=np.float64, group=group)
        y = run(stream, x)
        assert y.shape == (2, samples + stream.latency)
        assert not y[:, : stream.latency].any()  # silence, not almost
        np.testing.assert_allclose(y[:, stream.latency :], x, atol=1e-12)


@pytest.mark.parametrize("group", GROUPS)
@every_exact_case
def test_an_impulse_comes_out_after_exactly_the_latency(case, group):
    stream = open_stream(case, dtype=np.float64, group=group)
    frame, hop = stream.framing.frame, stream.framing.hop
    assert stream.latency == frame - 1 + (group - 1) * hop
    for position in (0, 1, hop - 1, hop, 200):
        stream.reset()
        x = np.zeros((1, 700))
        x[0, position] = 1.0
        y = run(stream, x)
        assert np.abs(y).argmax() == position + stream.latency
        assert y[0, position + stream.latency] == pytest.approx(1.0)


@pytest.mark.parametrize("group", GROUPS)
@every_case
def test_each_feed_gives_back_as_many_samples(case, group):
    stream = open_stream(case, channels=2, group=group)
    for size in (0, 1, 2, N, 333):
        assert stream.feed(sound(2, size)).shape == (2, size)
    assert stream.flush().shape == (2, stream.latency)


@every_case
def test_before_the_signal_there_is_silence(case):
    """Also for a lossy pair, whose first frames answer on samples before the signal too."""
    stream = open_stream(case, group=3)
    assert not stream.feed(sound(samples=stream.latency)).any()
    assert stream.feed(sound(samples=1)).any()


@every_case
def test_silence_gives_silence(case):
    assert not run(open_stream(case), np.zeros((1, 500), np.float32)).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_case
def test_groups_agree(case, dtype):
    x, results = sound(2, 3000, dtype), []
    for group in (1, 2, 7, 32):
        stream = open_stream(case, channels=2, group=group, dtype=dtype)
        results.append(run(stream, x)[:, stream.latency :])
    for other in results[1:]:
        if stream.way == "fast":
            np.testing.assert_array_equal(other, results[0])
        limit = 1e-6 * max(1.0, np.abs(results[0]).max())
        np.testing.assert_allclose(other, results[0], atol=limit, rtol=0)


@pytest.mark.parametrize("group", [1, 4])
@every_case
def test_a_saved_state_goes_on_to_the_bit(case, group):
    x = sound(2, 2000)
    expected = run(open_stream(case, channels=2, group=group), x)
    for cut in (0, 1, 63, 64, 777):
        first, second = (open_stream(case, channels=2, group=group) for _ in range(2))
        begun = first.feed(x[:, :cut])
        state = first.state_dict()
        first.feed(x[:, :100])  # a copy: what happens later does not change it
        second.feed(x[:, 5:300])  # what was there before is forgotten
        second.load_state_dict(state)
        y = np.concatenate([begun, run(second, x[:, cut:])], axis=1)
        np.testing.assert_array_equal(y, expected)


def test_a_flushed_state_stays_flushed():
    first, second = open_stream("half"), open_stream("half")
    first.flush()
    second.load_state_dict(first.state_dict())
    with pytest.raises(StreamError, match="was flushed"):
        second.feed(sound())


@every_case
def test_reset_begins_another_signal(case):
    stream, x = open_stream(case), sound(samples=500)
    first = run(stream, x)
    stream.reset()
    np.testing.assert_array_equal(run(stream, x), first)


@pytest.mark.parametrize("size", [1, 17, N, 1000])
@every_case
def test_feed_works_in_place(case, size):
    x = sound(2, 1000)
    expected = open_stream(case, channels=2).feed(x)
    stream, block = open_stream(case, channels=2), x.copy()
    for start in range(0, 1000, size):
        part = block[:, start : start + size]
        assert stream.feed(part, out=part) is part
    np.testing.assert_array_equal(block, expected)


def test_feed_leaves_its_block_alone():
    x = sound()
    before = x.copy()
    open_stream("half").feed(x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("case", ["block", "half", "lapped", "off grid factored"])
def test_coefficients_are_those_of_the_last_group(case):
    parameters, f = CASES[case]
    stream = open_stream(case, dtype=np.float64, group=2, coefficients=True)
    x = sound(samples=10 * N, dtype=np.float64)
    stream.feed(x)
    end = 10 * N // (2 * f.hop) * 2 * f.hop
    for i, stop in enumerate((end - f.hop, end)):
        frame = x[0, stop - f.frame : stop] * f.analysis_window
        np.testing.assert_allclose(stream.coefficients[0, i], parameters.analysis_matrix() @ frame, atol=1e-12)
