"""What a stream refuses, in which words, and that nothing changes by it."""

import numpy as np
import pytest
from somestreams import open_stream, run, sound

from audiocos import cosines, framing
from audiocos.errors import DeviceError, FramingError, StreamError
from audiocos.execution import accelerator_present
from audiocos.stream import Stream


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
