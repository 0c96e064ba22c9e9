"""A disk that is full: what was recorded of sound that does not come again is kept, finished, and that is said."""

import json
import os
import resource

import numpy as np
import pytest
import soundfile
from recordings import tree

from audiocos.audio.reader import Reader
from audiocos.errors import AudioFileError
from audiocos.live.alarmstate import AlarmEvent, AlarmState
from audiocos.live.capture import Capture
from audiocos.live.recorder import Recorder
from audiocos.live.sinks import FileSink

RATE = 1000


def sound(samples):
    x = np.random.default_rng(0).normal(0, 0.1, (2, samples)).astype(np.float32)
    return x, (x * 0.9).astype(np.float32)


@pytest.fixture
def limit():
    """Files grow to 256 KiB, whoever runs the tests; what is open may not be larger already."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**18, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill(sink):
    """Write noise until no more gets in; what was written, and the words for that."""
    rng, written = np.random.default_rng(0), []
    for _ in range(2000):
        written.append(rng.uniform(-0.5, 0.5, (2, 4410)).astype(np.float32))
        try:
            sink.write(written[-1])
        except AudioFileError as error:
            sink.commit()
            sink.abort()
            return np.concatenate(written, axis=1), str(error)
    raise AssertionError("the disk is not full")


@pytest.mark.parametrize("name", ["o.wav", "o.flac", "o.ogg", "o.aiff", "o.caf", "o.mp3"])
def test_a_recording_on_a_full_disk_is_whole_up_to_then(tmp_path, small_disk, name):
    disk = small_disk("size=600k")
    written, text = fill(FileSink(str(disk / name), 44100, 2, "PCM_16"))
    assert tree(disk) == [name]
    with Reader(str(disk / name)) as reader:
        read = np.concatenate([*reader.blocks(4096)]).T
    assert reader.frames == read.shape[1] and not reader.warnings
    assert written.shape[1] - 4410 <= read.shape[1] <= written.shape[1]
    kept = f"The {read.shape[1] / 44100:.1f} s before that are in it."
    remedy = "Free some space or choose another place with -o."
    assert text.endswith(f"{name}: cannot be written: No space left on device. {remedy} {kept}")
    if name in ("o.wav", "o.flac"):
        np.testing.assert_allclose(read / 2**15, written[:, : read.shape[1]], atol=2**-15)


@pytest.mark.parametrize("name", ["o.wav", "o.aiff", "o.w64"])
def test_so_it_is_where_no_room_can_be_made(tmp_path, limit, name):
    written, text = fill(FileSink(str(tmp_path / name), 44100, 2, "PCM_16"))
    assert "cannot be written: File too large" in text and "s before that are in it." in text
    read, _ = soundfile.read(tmp_path / name, dtype="float64")
    assert len(read) == written.shape[1] - 4410
    np.testing.assert_allclose(read.T, written[:, : len(read)], atol=2**-15)


def test_so_it_is_where_another_file_has_got_the_name(tmp_path, limit):
    sink = FileSink(str(tmp_path / "o.wav"), 44100, 2, "PCM_16")
    (tmp_path / "o.wav").write_text("mine")
    written, text = fill(sink)
    read, _ = soundfile.read(tmp_path / "o-2.wav")
    assert text.endswith(f" The {len(read) / 44100:.1f} s before that are in {tmp_path}/o-2.wav.")
    assert len(read) == written.shape[1] - 4410 and (tmp_path / "o.wav").read_text() == "mine"


def test_a_monitored_stretch_is_kept_and_the_exit_code_says_that_it_is_short(monitor, small_disk):
    small_disk("size=600k")
    done = monitor("synth:noise", "--speed", "max", "--seconds", "60", "-o", "disk/o.wav", code=1)
    assert "disk/o.wav: cannot be written: No space left on device." in done.err
    assert 0 < soundfile.info("disk/o.wav").duration < 5
    assert os.listdir("disk") == ["o.wav"]


def test_an_alarm_is_recorded_as_far_as_it_fits(small_disk):
    folder, said = small_disk("size=256k"), []
    x, y = sound(60 * RATE)
    recorder = Recorder(folder, RATE, 2, model="m", say=said.append, wait_s=30)
    recorder.feed(x[:, :8000], y[:, :8000])
    recorder.change(AlarmEvent(AlarmState(True, 9.0, 5.0, (0.0,) * 16, tuple(range(17)), 3.0), 8, 7))
    recorder.feed(x[:, 8000:], y[:, 8000:])
    with pytest.raises(AudioFileError, match="1 recording of alarms could not be written to the end"):
        recorder.close()
    (place,) = folder.iterdir()
    note = json.loads((place / "alarm.json").read_text())
    heard, lost = (soundfile.read(place / name, dtype="float32")[0].T for name in ("input.wav", "residual.wav"))
    assert note["cut"] == "no more could be written" and note["seconds"] == min(heard.shape[1], lost.shape[1]) / RATE
    assert 5 < note["seconds"] < 30 and note["start_s"] == 2
    np.testing.assert_array_equal(heard, x[:, 2000 : 2000 + heard.shape[1]])
    np.testing.assert_array_equal(lost, (x - y)[:, 2000 : 2000 + lost.shape[1]])
    assert len(said) == 1 and said[0].startswith(f"An alarm is recorded for {note['seconds']:.1f} s: ")


def test_the_key_record_keeps_what_it_had(tmp_path, limit):
    capture = Capture(8000, 2, lambda: "input", folder=str(tmp_path))
    name = capture.start()
    x, y = sound(8000)
    for _ in range(10):
        capture.feed(x, y)
    remedy = "Free some space or choose another place."  # no option says where
    assert capture.news().endswith(f"{remedy} The 4.0 s before that are in it.") and not capture.running
    assert capture.failed.endswith(" The 4.0 s before that are in it.")  # for the end, too
    read, _ = soundfile.read(name, dtype="float32")
    np.testing.assert_array_equal(read.T, np.tile(x, 4))
