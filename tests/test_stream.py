"""The engine: the same bits for every chunking, an exact latency, exact edges, and refusals."""

import numpy as np
import pytest

from audiocos import cosines, framing
from audiocos.errors import DeviceError, FramingError, StreamError
from audiocos.execution import accelerator_present
from audiocos.stream import Stream

N = 64
EXACT = {
    "block": (cosines.orthogonal(N), framing.block(N)),
    "block M > N": (cosines.orthogonal(N, 80), framing.block(N)),
    "half": (cosines.orthogonal(N), framing.overlap(N)),
    "quarter": (cosines.orthogonal(N), framing.overlap(N, N // 4)),
    "lapped": (cosines.lapped(N), framing.lapped(N)),
    "lapped odd hop": (cosines.lapped(62), framing.lapped(62, "kbd")),
}
LOSSY = {
    "off grid block": (cosines.random(N, seed=2), framing.block(N)),
    "off grid factored": (cosines.random(N, 20, phased=True), framing.overlap(N, N // 4)),
    "off grid lapped": (cosines.random(N, 32), framing.lapped(N)),
    "lapped rows": (cosines.lapped(N, range(0, 32, 3)), framing.lapped(N)),
    "block rows": (cosines.orthogonal(N, 40), framing.block(N)),
}
CASES = EXACT | LOSSY
GROUPS = [1, 2, 5]
every_case = pytest.mark.parametrize("case", CASES)
every_exact_case = pytest.mark.parametrize("case", EXACT)


def sound(channels=1, samples=9001, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (channels, samples)).astype(dtype)


def open_stream(case, **settings):
    return Stream(*CASES[case], **{"device": "cpu", **settings})


def run(stream, x, sizes=None):
    """Feed in blocks of these sizes, the last block the rest; feeds and flush joined."""
    done, position = [], 0
    for size in sizes if sizes is not None else [x.shape[1]]:
        done.append(stream.feed(x[:, position : position + size]))
        position += size
    done += [stream.feed(x[:, position:]), stream.flush()]
    return np.concatenate(done, axis=1)


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


def attempt(change=None, **settings):
    return Stream(cosines.orthogonal(8), change or framing.block(8), device=settings.pop("device", "cpu"), **settings)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: attempt(framing.block(9)),
            StreamError,
            "The pair's frame is 8 samples, the framing's 9.",
        ),
        (lambda: attempt(channels=0), StreamError, "channels 0, group 1: both must be whole and at least 1."),
        (lambda: attempt(group=0), StreamError, "channels 1, group 0: both must be whole and at least 1."),
        (
            lambda: attempt(dtype=np.int16),
            StreamError,
            "dtype int16: a stream computes in float32 or float64.",
        ),
        (
            lambda: attempt(dtype="float16"),
            StreamError,
            "dtype float16: a stream computes in float32 or float64.",
        ),
        (
            lambda: attempt(device="tpu"),
            DeviceError,
            'device "tpu": unknown; choose one of auto, cpu, cuda, mps.',
        ),
    ],
)
def test_a_stream_that_cannot_be_is_refused(make, error, text):
    with pytest.raises(error) as raised:
        make()
    assert str(raised.value) == text


@pytest.mark.skipif(accelerator_present() == "cuda", reason="cuda is here")
def test_cuda_that_is_not_there_is_refused():
    with pytest.raises(DeviceError) as raised:
        attempt(device="cuda")
    assert str(raised.value) == "device cuda: not available here. Use --device cpu or auto."


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (np.zeros((1, 4), np.float32), "block: 1 channels; this stream has 2."),
        (
            np.zeros((2, 4)),
            "block: dtype float64; this stream computes in float32. Convert it first.",
        ),
        (np.zeros(4, np.float32), "block: expected an array [2, samples], got shape [4]."),
        (np.zeros((2, 4, 1), np.float32), "block: expected an array [2, samples], got shape [2, 4, 1]."),
        ([[0.0], [0.0]], "block: expected a numpy array [2, samples], got a list."),
        (None, "block: expected a numpy array [2, samples], got a NoneType."),
    ],
)
def test_a_block_that_does_not_fit_is_refused_and_changes_nothing(block, text):
    stream, x = open_stream("half", channels=2), sound(2, 500)
    expected = run(open_stream("half", channels=2), x)
    begun = stream.feed(x[:, :100])
    with pytest.raises(StreamError) as raised:
        stream.feed(block)
    assert str(raised.value) == text
    np.testing.assert_array_equal(np.concatenate([begun, run(stream, x[:, 100:])], axis=1), expected)


def test_an_out_that_does_not_fit_is_refused():
    stream, x = open_stream("half"), sound(samples=10)
    with pytest.raises(StreamError, match=r"^out: shape \[1, 9\], the block has \[1, 10\]\.$"):
        stream.feed(x, out=np.zeros((1, 9), np.float32))
    with pytest.raises(StreamError, match=r"^out: dtype float64; this stream computes in float32\."):
        stream.feed(x, out=np.zeros((1, 10)))


def test_an_out_that_would_spoil_the_block_is_refused():
    memory = sound(channels=2, samples=100)
    for block, out in ((memory[:, :50], memory[:, 10:60]), (memory, memory[::-1])):
        with pytest.raises(StreamError, match=r"^out: overlaps the block at another place\."):
            open_stream("half", channels=2).feed(block, out=out)
    left, right = memory[:, :50], memory[:, 50:]  # interleaved in memory, with no sample in common
    expected = open_stream("half", channels=2).feed(left.copy())
    assert np.array_equal(open_stream("half", channels=2).feed(left, out=right), expected)
    right.flags.writeable = False
    with pytest.raises(StreamError, match=r"^out: cannot be written to\."):
        open_stream("half", channels=2).feed(left, out=right)


def test_a_flushed_stream_takes_no_more():
    stream = open_stream("half")
    stream.flush()
    with pytest.raises(StreamError) as raised:
        stream.feed(sound())
    assert str(raised.value) == ("This stream was flushed: its signal has ended. Call reset() to begin another.")
    with pytest.raises(StreamError) as raised:
        stream.flush()
    assert str(raised.value) == "This stream was flushed already. Call reset() to begin another signal."


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"channels": 2}, "state: its channels is 1, this stream's is 2."),
        ({"group": 2}, "state: its group is 1, this stream's is 2."),
        ({"dtype": np.float64}, "state: its dtype is float32, this stream's is float64."),
    ],
)
def test_a_state_of_other_settings_is_refused(change, text):
    state = open_stream("half").state_dict()
    with pytest.raises(StreamError) as raised:
        open_stream("half", **change).load_state_dict(state)
    assert str(raised.value) == text


def test_a_state_of_another_framing_is_refused():
    state = open_stream("half").state_dict()
    with pytest.raises(StreamError, match=r"^state: its hop is 32, this stream's is 16\.$"):
        open_stream("quarter").load_state_dict(state)
    with pytest.raises(StreamError, match=r"^state: its frame is 64, this stream's is 62\.$"):
        open_stream("lapped odd hop").load_state_dict(state)


def test_what_is_no_state_is_refused():
    stream = open_stream("half")
    state = stream.state_dict()
    with pytest.raises(StreamError, match=r"^state: input has shape \[1, 3\], not \[1, 64\]\.$"):
        stream.load_state_dict(state | {"input": np.zeros((1, 3))})
    with pytest.raises(StreamError, match=r"^state: not a stream's state; it must come from Stream.state_dict"):
        stream.load_state_dict({"frame": 64})


def test_a_damaged_state_is_refused():
    stream = Stream(cosines.orthogonal(8), framing.block(8))
    state = {**stream.state_dict(), "fill": 10**6}
    with pytest.raises(StreamError, match="state: damaged: fill is 1000000, of 8 samples"):
        stream.load_state_dict(state)


def test_a_lapped_hop_runs_no_more_coefficients_than_it_has():
    with pytest.raises(FramingError, match="lapped framing: 16 coefficients a hop of 8 samples; at most 8 tell"):
        Stream(cosines.orthogonal(16), framing.lapped(16))
