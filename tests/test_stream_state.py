"""A stream's state: through copies, files and damage."""

import copy
import pickle

import numpy as np
import pytest

from audiocos import cosines, framing
from audiocos.errors import StreamError
from audiocos.stream import Stream


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda stream: pickle.loads(pickle.dumps(stream))])
def test_a_copy_goes_on_by_itself(clone):
    x = np.random.default_rng(0).uniform(-1, 1, (2, 100)).astype("float32")
    stream = Stream(cosines.lapped(16), framing.lapped(16), channels=2)
    stream.feed(x)
    other = clone(stream)
    np.testing.assert_array_equal(other.feed(x), stream.feed(x))
    np.testing.assert_array_equal(other.flush(), stream.flush())


def test_a_state_survives_a_file(tmp_path):
    x = np.random.default_rng(0).uniform(-1, 1, (1, 100)).astype("float32")
    stream, other = (Stream(cosines.orthogonal(16), framing.overlap(16)) for _ in range(2))
    stream.feed(x)
    np.savez(tmp_path / "state.npz", **stream.state_dict())
    with np.load(tmp_path / "state.npz") as state:
        other.load_state_dict(dict(state))
    np.testing.assert_array_equal(other.feed(x), stream.feed(x))


@pytest.mark.parametrize("damage", [{"fill": 3.5}, {"ahead": "x"}, {"fill": -1}, {"ahead": 10**9}])
def test_damaged_counters_are_refused(damage):
    stream = Stream(cosines.orthogonal(8), framing.block(8))
    with pytest.raises(StreamError, match="state: damaged"):
        stream.load_state_dict({**stream.state_dict(), **damage})
