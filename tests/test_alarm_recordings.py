"""Recordings of alarms: the right samples, whole or not at all, never over anything, in bounded memory."""

import json
import os
import shutil
import threading
import time
from datetime import datetime

import numpy as np
import pytest
import soundfile
from patience import wait_until
from recordings import tree

from audiocos.errors import AudioFileError
from audiocos.live import recorder as recorder_module
from audiocos.live.alarms import Alarms
from audiocos.live.alarmstate import AlarmEvent, AlarmState, Worst
from audiocos.live.detector import Detector
from audiocos.live.history import History
from audiocos.live.recorder import Recorder

RATE = 1000


def sound(seconds, channels=2, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(0, 0.1, (channels, int(seconds * RATE))).astype(np.float32)
    return x, (x * 0.9).astype(np.float32)


def event(begin_s, time_s, active):
    worst = Worst(9.0 if active else 11.0, (0.0,) * 16, 3.0)
    return AlarmEvent(AlarmState(active, 9.0, 5.0, (0.0,) * 16, tuple(range(17)), 3.0), time_s, begin_s, worst)


def record(folder, changes, seconds, block=100, channels=2, said=None, **options):
    """Feed sound block by block; `changes` maps a time to the event that comes when it has been fed."""
    x, y = sound(seconds, channels)
    recorder = Recorder(
        folder, RATE, channels, model="m", say=(said if said is not None else []).append, wait_s=30, **options
    )
    for start in range(0, x.shape[1], block):
        recorder.feed(x[:, start : start + block], y[:, start : start + block])
        for at, change in changes.items():
            if start < at * RATE <= start + block:
                recorder.change(change)
    recorder.close()
    return x, y


def read(folder):
    note = json.loads((folder / "alarm.json").read_text())
    return note, *(soundfile.read(folder / note[name], dtype="float32")[0].T for name in ("input", "residual"))


def test_history_is_the_newest_samples():
    random = np.random.default_rng(0)
    history, everything = History(2, 50), np.zeros((2, 2, 0), np.float32)
    for size in (0, 1, 30, 49, 50, 51, 170, 7):
        x, r = random.normal(size=(2, 2, size)).astype(np.float32)
        history.push(x, r)
        everything = np.concatenate([everything, np.stack([x, r])], axis=2)
        assert history.end == everything.shape[2]
        assert history.start == max(0, history.end - 50)
        for first in (history.start, (history.start + history.end) // 2, history.end):
            assert np.array_equal(history.between(first, history.end), everything[:, :, first:])
    for first, last in ((history.start - 1, history.end), (history.end, history.end + 1), (300, 299)):
        with pytest.raises(ValueError, match="only 308 to 358 are there"):
            history.between(first, last)


@pytest.mark.parametrize("block", [1, 64, 250, 1000])
def test_five_seconds_before_to_five_seconds_after(block, tmp_path):
    x, y = record(tmp_path, {11: event(10, 11, True), 14: event(10, 14, False)}, 30, block)
    (folder,) = tmp_path.iterdir()
    assert tree(folder) == ["alarm.json", "input.wav", "residual.wav"]
    note, heard, lost = read(folder)
    assert np.array_equal(heard, x[:, 5 * RATE : 19 * RATE])
    assert np.array_equal(lost, (x - y)[:, 5 * RATE : 19 * RATE])
    assert (note["start_s"], note["seconds"], note["cut"]) == (5, 14, None)
    assert (note["sample_rate"], note["channels"], note["model"]) == (RATE, 2, "m")
    (alarm,) = note["alarms"]
    assert (alarm["begin_s"], alarm["end_s"], alarm["score"], alarm["threshold"]) == (10, 14, 9, 5)
    assert alarm["worst_score"] == 11
    assert len(alarm["bands"]) == 16
    assert len(alarm["band_edges_hz"]) == 17


def test_at_the_beginning_there_is_less_before(tmp_path):
    x, _ = record(tmp_path, {2: event(1, 2, True), 3: event(1, 3, False)}, 12)
    note, heard, _ = read(next(tmp_path.iterdir()))
    assert np.array_equal(heard, x[:, : 8 * RATE])
    assert note["start_s"] == 0


def test_an_alarm_soon_after_another_continues_its_recording(tmp_path):
    changes = {
        8: event(7, 8, True), 10: event(7, 10, False), 13: event(12, 13, True), 15: event(12, 15, False),
        30: event(29, 30, True), 31: event(29, 31, False),
    }  # fmt: skip
    x, _ = record(tmp_path, changes, 40)
    (first, second) = sorted(tmp_path.iterdir(), key=lambda each: read(each)[0]["start_s"])
    note, heard, _ = read(first)
    assert [(each["begin_s"], each["end_s"]) for each in note["alarms"]] == [(7, 10), (12, 15)]
    assert np.array_equal(heard, x[:, 2 * RATE : 20 * RATE])
    assert np.array_equal(read(second)[1], x[:, 24 * RATE : 36 * RATE])


def test_an_alarm_that_becomes_known_after_the_recording_it_begins_in_is_in_its_note(tmp_path):
    changes = {
        8: event(7, 8, True), 9: event(7, 9, False),
        14.5: event(13.5, 14.5, True), 16.5: event(13.5, 16.5, False),  # the recording would end at 14 s
    }  # fmt: skip
    x, _ = record(tmp_path, changes, 30)
    (folder,) = tmp_path.iterdir()
    note, heard, _ = read(folder)
    assert [(each["begin_s"], each["end_s"]) for each in note["alarms"]] == [(7, 9), (13.5, 16.5)]
    assert np.array_equal(heard, x[:, 2 * RATE : round(21.5 * RATE)])


def test_two_recordings_may_share_sound(tmp_path):
    changes = {8: event(7, 8, True), 9: event(7, 9, False), 16: event(15, 16, True), 17: event(15, 17, False)}
    x, _ = record(tmp_path, changes, 30)
    (first, second) = sorted(tmp_path.iterdir(), key=lambda each: read(each)[0]["start_s"])
    assert np.array_equal(read(first)[1], x[:, 2 * RATE : 14 * RATE])
    assert np.array_equal(read(second)[1], x[:, 10 * RATE : 22 * RATE])


def test_what_ends_first_is_said_in_the_note(tmp_path):
    x, _ = record(tmp_path / "end", {8: event(7, 8, True)}, 12)
    note, heard, _ = read(next((tmp_path / "end").iterdir()))
    assert np.array_equal(heard, x[:, 2 * RATE :])
    assert note["cut"] == "monitoring ended"
    (alarm,) = note["alarms"]
    assert [alarm[key] for key in ("end_s", "worst_score", "worst_bands", "worst_snr_db")] == [None] * 4
    x, _ = record(tmp_path / "long", {8: event(7, 8, True), 25: event(7, 25, False)}, 40, longest_s=10)
    (folder,) = (tmp_path / "long").iterdir()
    note, heard, _ = read(folder)
    assert np.array_equal(heard, x[:, 2 * RATE : 12 * RATE])
    assert note["cut"] == "longer than 10 s"
    (alarm,) = note["alarms"]  # whether the end is known by then is up to the disk
    assert (alarm["end_s"], alarm["worst_score"]) in ((None, None), (25, 11))


def test_nothing_that_exists_is_touched(tmp_path):
    for _ in range(3):
        record(tmp_path, {2: event(1, 2, True), 3: event(1, 3, False)}, 4)
    first = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(first) == 9
    record(tmp_path, {2: event(1, 2, True), 3: event(1, 3, False)}, 4)
    assert len(list(tmp_path.iterdir())) == 4
    assert all(path.read_bytes() == content for path, content in first.items())


def test_sound_faster_than_the_clock_has_folders_and_times_in_its_own_order(tmp_path):
    changes = {at + 1: event(at, at + 1, True) for at in (7, 40, 80)}
    changes |= {at + 2: event(at, at + 2, False) for at in (7, 40, 80)}
    began = time.time()
    record(tmp_path, changes, 100, fast=True)
    notes = [read(folder)[0] for folder in sorted(tmp_path.iterdir())]
    assert [note["start_s"] for note in notes] == [2, 35, 75]
    times = [datetime.fromisoformat(note["began"]).timestamp() - note["start_s"] for note in notes]
    assert np.ptp(times) < 0.002 and abs(times[0] - began) < 5


def test_the_note_of_an_alarm_that_lasts_knows_what_was_worst_so_far(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(0, 0.1, (1, 12 * RATE))
    error = random.normal(0, 0.1, x.shape)
    error[:, 9 * RATE : 10 * RATE] *= 2
    alarms = Alarms(
        Detector(RATE, 1, normal=None, below_db=10.0), Recorder(tmp_path, RATE, 1, model="m", say=print, wait_s=30)
    )
    alarms.feed(x, x + error)
    alarms.close()
    (alarm,) = read(next(tmp_path.iterdir()))[0]["alarms"]
    assert alarm["end_s"] is None and alarm["snr_db"] == pytest.approx(0, abs=1)
    assert alarm["worst_snr_db"] == pytest.approx(-6, abs=1)


def test_two_monitors_share_a_folder(tmp_path):
    """Alarms of the same second get folders of their own."""
    threads = [
        threading.Thread(target=record, args=(tmp_path, {2: event(1, 2, True), 3: event(1, 3, False)}, 9))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(tmp_path.iterdir())) == 6
    assert all(read(folder)[0]["seconds"] == 8 for folder in tmp_path.iterdir())


def test_files_appear_whole(tmp_path):
    """While an alarm lasts, nothing but hidden files is there."""
    x, y = sound(20)
    recorder = Recorder(tmp_path, RATE, 2, model="m", say=print, wait_s=30)
    recorder.feed(x[:, :8000], y[:, :8000])
    recorder.change(event(7, 8, True))
    recorder.feed(x[:, 8000:], y[:, 8000:])
    deadline = time.monotonic() + 10
    while len(tree(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(tree(tmp_path)) == 2
    assert all(os.path.basename(name).startswith(".") for name in tree(tmp_path))
    recorder.close()
    assert not any(os.path.basename(name).startswith(".") for name in tree(tmp_path))
    assert len(tree(tmp_path)) == 3


def test_a_disk_that_stalls_cuts_the_recording_and_nothing_waits(tmp_path, monkeypatch):
    from audiocos.audio import writer

    go = threading.Event()
    write = writer.Writer.write
    monkeypatch.setattr(writer.Writer, "write", lambda self, block: (go.wait(30), write(self, block))[1])
    (x, y), said = sound(100), []
    recorder = Recorder(tmp_path, RATE, 2, model="m", say=said.append)
    began = time.monotonic()
    recorder.feed(x[:, :8000], y[:, :8000])
    recorder.change(event(7, 8, True))
    recorder.feed(x[:, 8000:], y[:, 8000:])
    recorder.change(event(7, 90, False))
    assert time.monotonic() - began < 5
    go.set()
    with pytest.raises(AudioFileError, match="1 recording of alarms could not be written to the end"):
        recorder.close()
    note = read(next(tmp_path.iterdir()))[0]
    assert note["cut"] == "the disk was too slow"
    assert note["seconds"] < 10
    assert said == [f"An alarm is recorded for {note['seconds']:.1f} s: the disk was too slow."]


@pytest.mark.parametrize("stuck", [False, True])
def test_at_the_end_a_disk_is_waited_for_but_not_for_long(tmp_path, monkeypatch, stuck):
    from audiocos.audio import writer

    monkeypatch.setattr(recorder_module, "_HURRY_S", 0.3 if stuck else 30.0)
    go, write = threading.Event(), writer.Writer.write

    def slowly(self, block):
        go.wait(10) if stuck else time.sleep(0.002)
        return write(self, block)

    monkeypatch.setattr(writer.Writer, "write", slowly)
    x, y = sound(100)
    recorder = Recorder(tmp_path, RATE, 2, model="m", say=print, wait_s=30)
    recorder.feed(x[:, :8000], y[:, :8000])
    recorder.change(event(7, 8, True))
    recorder.hurry()
    recorder.feed(x[:, 8000:], y[:, 8000:])
    go.set()
    if stuck:
        with pytest.raises(AudioFileError, match="could not be written to the end"):
            recorder.close()
    else:
        recorder.close()
        assert read(next(tmp_path.iterdir()))[0]["seconds"] == 98


def test_a_disk_that_never_ends_is_left_by_who_asks_for_it(tmp_path, monkeypatch):
    from audiocos.audio import writer

    monkeypatch.setattr(recorder_module, "_JOIN_S", 0.1)
    go, write = threading.Event(), writer.Writer.write
    monkeypatch.setattr(writer.Writer, "write", lambda self, block: (go.wait(10), write(self, block))[1])
    x, y = sound(20)
    recorder = Recorder(tmp_path, RATE, 2, model="m", say=print)
    recorder.feed(x[:, :8000], y[:, :8000])
    recorder.change(event(7, 8, True))
    with pytest.raises(AudioFileError, match="could not be written to the end"):
        recorder.close(cut=lambda: True)
    go.set()
    recorder._thread.join()


def test_a_folder_that_vanishes_is_said_and_monitoring_goes_on(tmp_path):
    said, folder = [], tmp_path / "alarms"
    x, y = sound(30)
    recorder = Recorder(folder, RATE, 2, model="m", say=said.append, wait_s=30)
    shutil.rmtree(folder)
    recorder.feed(x[:, :8000], y[:, :8000])
    recorder.change(event(7, 8, True))
    recorder.feed(x[:, 8000:10000], y[:, 8000:10000])
    recorder.change(event(7, 10, False))
    wait_until(lambda: recorder.idle)
    assert said == [f"An alarm is not recorded: {folder}: No such file or directory"]
    folder.mkdir()
    recorder.change(event(9, 10, True))  # within 5 s of the one before, whose recording there is not
    recorder.feed(x[:, 10000:], y[:, 10000:])
    with pytest.raises(AudioFileError, match="alarms: 1 recording of alarms could not be written to the end"):
        recorder.close()
    assert [alarm["begin_s"] for alarm in read(next(folder.iterdir()))[0]["alarms"]] == [9]


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    from audiocos.audio import unfinished

    def full(self, content):
        self.error = OSError(28, "No space left on device")
        return 0

    monkeypatch.setattr(unfinished.Unfinished, "write", full)
    said = []
    with pytest.raises(AudioFileError, match="1 recording of alarms could not be written to the end"):
        record(tmp_path, {8: event(7, 8, True), 9: event(7, 9, False)}, 20, said=said)
    assert len(said) == 1
    assert said[0].endswith("No space left on device. Free some space or choose another place with --record-alarms.")
    assert tree(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_alarm(tmp_path):
    import tracemalloc

    x, y = sound(60)
    recorder = Recorder(tmp_path, RATE, 2, model="m", say=print, wait_s=30, longest_s=1000)
    recorder.feed(x, y)
    recorder.change(event(59, 60, True))
    sizes = []
    tracemalloc.start()
    for _ in range(10):
        recorder.feed(x, y)
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    recorder.close()
    assert max(sizes[1:]) - sizes[1] < 100_000  # a minute is 960 kB
    assert read(next(tmp_path.iterdir()))[0]["seconds"] == 606


def test_a_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for folder, text in ((tmp_path / "file", "is a file"), (tmp_path / "file" / "below", "cannot be made")):
        with pytest.raises(AudioFileError, match=text):
            Recorder(folder, RATE, 1, model="m", say=print)


def test_a_detector_and_its_recorder_agree_on_time(tmp_path):
    """However large the blocks: the recording begins 5 s before the odd second."""
    x, _ = sound(40, channels=1)
    quality = np.full(40, 0.1)
    quality[20] = 0.9
    y = x * (1 - np.repeat(quality, RATE))
    for block in (50, 1000, 40000):
        folder = tmp_path / str(block)
        recorder = Recorder(folder, RATE, 1, model="m", say=print, wait_s=30)
        alarms = Alarms(Detector(RATE, 1, normal=None, below_db=10), recorder)
        for start in range(0, x.shape[1], block):
            alarms.feed(x[:, start : start + block], y[:, start : start + block])
        alarms.close()
        note, heard, _ = read(next(folder.iterdir()))
        assert alarms.state.count == 1
        assert np.array_equal(heard, x[0, 15 * RATE : 28 * RATE])
        assert note["alarms"][0]["end_s"] == 23


def test_no_thread_stays(tmp_path):
    before = threading.active_count()
    for _ in range(20):
        Recorder(tmp_path, RATE, 1, model="m", say=print).close()
    assert threading.active_count() == before
