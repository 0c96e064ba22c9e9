"""The key "record": what was listened to, to the sample, in a file that takes nobody's place."""

import os
import threading

import numpy as np
import pytest
import soundfile
from recordings import tree

from audiocos.audio import formats
from audiocos.audio.writer import Writer
from audiocos.errors import AudioFileError
from audiocos.live.capture import Capture


def sounds(count=1000, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (2, 2, count)).astype(np.float32)


def test_a_recording_holds_what_was_listened_to(tmp_path):
    heard = {"what": "output"}
    capture = Capture(8000, 2, lambda: heard["what"], folder=str(tmp_path))
    x, y = sounds()
    capture.feed(x, y)  # before the start: not in it
    name = capture.start()
    for heard["what"] in ("output", "input", "residual"):
        capture.feed(x, y)
    assert capture.time_s == 3000 / 8000
    assert [path for path in tree(tmp_path) if not path.startswith(".")] == [os.path.basename(name)]
    assert capture.stop() == name
    capture.feed(x, y)
    assert capture.stop() is None
    sound, rate = soundfile.read(name, dtype="float32")
    assert rate == 8000
    np.testing.assert_array_equal(sound.T, np.concatenate([y, x, x - y], axis=1))
    assert tree(tmp_path) == [os.path.basename(name)]


def test_sound_does_not_wait_for_a_file_that_is_being_finished(tmp_path, monkeypatch):
    capture = Capture(8000, 2, lambda: "input", folder=str(tmp_path))
    name = capture.start()
    capture.feed(*sounds())
    commit, fed = Writer.commit, []

    def slow(writer):
        feeding = threading.Thread(target=capture.feed, args=sounds(), daemon=True)
        feeding.start()
        feeding.join(5.0)
        fed.append(not feeding.is_alive())
        commit(writer)

    monkeypatch.setattr(Writer, "commit", slow)
    assert capture.stop() == name
    assert fed == [True]
    assert soundfile.info(name).frames == 1000


def test_recordings_of_the_same_second_have_names_of_their_own(tmp_path):
    captures = [Capture(8000, 2, lambda: "input", folder=str(tmp_path)) for _ in range(3)]
    names = {capture.start() for capture in captures}
    assert len(names) == 3
    for capture in captures:
        capture.feed(*sounds())
        capture.stop()
    assert all(soundfile.info(name).frames == 1000 for name in names)


def test_starting_twice_goes_on_with_the_first(tmp_path):
    capture = Capture(8000, 2, lambda: "input", folder=str(tmp_path))
    assert capture.start() == capture.start()
    capture.stop()
    assert len(tree(tmp_path)) == 1


def test_a_folder_that_is_none_is_an_error_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    capture = Capture(8000, 2, lambda: "input", folder=str(tmp_path / "file"))
    with pytest.raises(AudioFileError, match="cannot be made") as error:
        capture.start()
    assert not capture.running
    assert capture.failed == str(error.value)  # for the end, too
    assert tree(tmp_path) == ["file"]


def test_a_full_container_is_followed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "LIMIT_BYTES", 20_000)  # 2500 frames
    capture = Capture(8000, 2, lambda: "input", folder=str(tmp_path))
    x, y = sounds(6000)
    capture.start()
    for start in range(0, 6000, 500):
        capture.feed(x[:, start : start + 500], y[:, start : start + 500])
    capture.stop()
    assert capture.news() is None
    names = sorted(tree(tmp_path), key=lambda name: os.stat(tmp_path / name).st_mtime_ns)
    parts = [soundfile.read(tmp_path / name, dtype="float32")[0].T for name in names]
    assert [part.shape[1] for part in parts] == [2500, 2500, 1000]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), x)


def test_a_disk_that_fails_is_told_once_and_ends_the_recording(tmp_path, monkeypatch):
    capture = Capture(8000, 2, lambda: "input", folder=str(tmp_path))
    capture.start()
    capture.feed(*sounds())

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AudioFileError, match="No space left on device"):
        capture.stop()
    assert not capture.running
    assert tree(tmp_path) == []


def test_a_write_that_fails_is_told_once(tmp_path, monkeypatch):
    capture = Capture(8000, 2, lambda: "input", folder=str(tmp_path))
    capture.start()
    monkeypatch.setattr(formats, "LIMIT_BYTES", 100)  # not even one block fits: the next file cannot take it, either
    capture.feed(*sounds())
    assert "4 GiB" in capture.news()
    assert capture.news() is None
    assert not capture.running
