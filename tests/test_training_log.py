"""The log of a run: true figures, the same lines after a kill, and a history that does not grow without end."""

import importlib.util
import json
import os
import resource

import numpy as np
import pytest

from audiocos import cosines
from audiocos.errors import AudiocosError
from audiocos.training import checkpoint
from audiocos.training.growth import Growth, WhiteSound
from audiocos.training.history import MOST, History, Snapshot
from audiocos.training.layout import Layout
from audiocos.training.log import NAME, NOTE, RunLog, read

N = 8
GRID = cosines.orthogonal(N).analysis_frequencies


@pytest.fixture
def no_tensorboard(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "tensorboard" else found(name))


def pair(w, v, amplitudes=(1, 2, 3, 4), **kind):
    w, v = (np.asarray(bins, dtype=float) * np.pi / N for bins in (w, v))
    return cosines.CosineParameters(N, len(w), np.array(amplitudes, dtype=float), w, v, **kind)


def logged(folder, start, end, **more):
    layout = Layout.of(start)
    with RunLog(folder, layout, layout.pack(start), GRID) as log:
        log.record(5, layout.pack(end), 1e-4, **more)
    return json.loads((folder / NAME).read_text())


def test_a_line_says_what_happened(tmp_path, no_tensorboard):
    start = pair([0.5, 1.5, 2.5], [0.5, 1.5, 2.5])
    line = logged(tmp_path, start, pair([0.5, 2.75, 2.5], [1.5, 1.25, 1.0], (5, 6, 7, 8)), taper=3.5)
    assert line.pop("seconds") >= 0
    assert line == {
        "step": 5,
        "loss": 1e-4,
        "snr_db": pytest.approx(40),
        "taper": 3.5,
        "drift_bins_mean": pytest.approx((0 + 1.25 + 0 + 1 + 0.25 + 1.5) / 6),
        "drift_bins_max": pytest.approx(1.5),
        "grid_bins_mean": pytest.approx((0 + 0.25 + 0 + 0 + 0.25 + 0.5) / 6),
        "grid_bins_max": pytest.approx(0.5),
        "crossings": 3,
        "a1": 5.0,
        "a2": 6.0,
        "a3": 7.0,
        "a4": 8.0,
    }


def test_lines_are_json_for_any_reader(tmp_path, no_tensorboard):
    start = pair([1, 2], [1, 2])
    layout = Layout.of(start)
    with RunLog(tmp_path, layout, layout.pack(start), np.zeros(0)) as log:
        log.record(1, layout.pack(start), 0.0)
    assert "Infinity" not in (tmp_path / NAME).read_text() and "NaN" not in (tmp_path / NAME).read_text()
    (line,) = read(tmp_path)
    assert (line.snr_db, line.taper, line.grid_bins_mean, line.grid_bins_max) == (None, None, None, None)


def test_tied_banks_count_once_and_phases_are_no_frequencies(tmp_path, no_tensorboard):
    tied = logged(tmp_path / "a", pair([1, 2], [1, 2], tied=True), pair([4, 2], [4, 2], tied=True))
    assert (tied["crossings"], tied["drift_bins_mean"]) == (1, pytest.approx(1.5))
    start = pair([1, 2], [1, 2]).with_phases()
    moved = cosines.CosineParameters(
        N, 2, start.amplitudes, start.analysis_frequencies, start.synthesis_frequencies, np.ones(2), np.ones(2)
    )
    assert logged(tmp_path / "b", start, moved)["drift_bins_max"] == 0


def test_frequencies_beyond_pi_are_held_against_the_grid_where_they_are_heard():
    period = 2 * N
    inside = np.array([0.1, 0.6, 3.9, 7.5, 7.9])
    grid = np.arange(N) + 0.5
    expected = [min(abs(f - g) for g in grid) for f in inside]
    for same in (inside, -inside, inside + period, period - inside):
        np.testing.assert_allclose(np.abs(cosines.grid_distance(same, grid, period)), expected, atol=1e-12)
    np.testing.assert_allclose(cosines.grid_distance(inside, np.array([2.0]), period), inside - 2.0)
    assert cosines.grid_distance(inside, np.zeros(0), period).shape == (0,)


def run(folder, steps, kept=None, every=3, save_at=None):
    """Learn and log; gives the learner's and the log's state at step `save_at`."""
    learner = Growth(cosines.random(N, N, seed=1), WhiteSound())
    saved = None
    log = RunLog(folder, learner.layout, learner.theta, GRID, kept and kept["log"])
    if kept:
        learner.load_state(kept["learner"])
    with log:
        while learner.step < steps:
            taper, loss = learner.taper, learner.advance()
            if learner.step % every == 0:
                log.record(learner.step, learner.theta, loss, taper)
            if learner.step == save_at:
                path = folder / "checkpoint"
                checkpoint.save(path, {"learner": learner.state(), "log": log.state()}, {})
                saved, _ = checkpoint.load(path)
        return saved, [(s.step, s.taper, s.snr_db, s.theta.tobytes()) for s in log.history]


def without_seconds(folder):
    lines = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


@pytest.mark.parametrize("damage", [b"", b'{"step": 27, "seco', b"\x00\xff\n"])
def test_a_run_carried_on_logs_what_the_unbroken_run_logs(tmp_path, no_tensorboard, damage):
    _, history = run(tmp_path / "unbroken", 30)
    kept, _ = run(tmp_path / "broken", 22, save_at=13)
    assert [line["step"] for line in without_seconds(tmp_path / "broken")] == [3, 6, 9, 12, 15, 18, 21]
    with open(tmp_path / "broken" / NAME, "ab") as file:
        file.write(damage)
    _, resumed = run(tmp_path / "broken", 30, kept)
    assert without_seconds(tmp_path / "broken") == without_seconds(tmp_path / "unbroken")
    assert repr(resumed) == repr(history)  # repr: the start's SNR is NaN
    seconds = [record.seconds for record in read(tmp_path / "broken")]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_log_is_not_written_through_a_link(link, tmp_path, no_tensorboard):
    (tmp_path / "words.txt").write_text("precious")
    (tmp_path / "run").mkdir()
    link(tmp_path / "words.txt", tmp_path / "run" / NAME)
    run(tmp_path / "run", 3)
    assert (tmp_path / "words.txt").read_text() == "precious"
    assert [record.step for record in read(tmp_path / "run")] == [3]


def test_a_new_run_begins_a_new_log(tmp_path, no_tensorboard):
    run(tmp_path, 9)
    run(tmp_path, 3)
    assert [record.step for record in read(tmp_path)] == [3]


def test_a_new_run_hides_the_events_of_the_one_before_it_and_a_resumed_one_keeps_them(tmp_path, no_tensorboard):
    names = ("events.out.tfevents.1.host.2.0.audiocos", "events.out.tfevents.1.host.2.0", "sub")
    old, other, folder = (tmp_path / name for name in names)
    folder.mkdir()
    for path in (old, other, folder / old.name):
        path.touch()
    kept, _ = run(tmp_path, 6, save_at=3)
    assert not old.exists() and other.exists() and (folder / old.name).exists()  # other is of another program
    old.touch()
    run(tmp_path, 9, kept)
    assert old.exists()


def test_a_line_cut_short_is_left_out_when_reading(tmp_path, no_tensorboard):
    run(tmp_path, 9)
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole[:-3])
    assert [record.step for record in read(tmp_path)] == [3, 6]
    with pytest.raises(AudiocosError, match=r"none/log.jsonl: the log cannot be read: No such file or directory."):
        read(tmp_path / "none")


def test_a_folder_that_cannot_be_written_is_named(tmp_path, no_tensorboard):
    (tmp_path / "file").write_text("")
    layout = Layout.of(pair([1], [1]))
    with pytest.raises(AudiocosError, match=r"file/log.jsonl: the log cannot be written: .*\. Choose another place."):
        RunLog(tmp_path / "file", layout, layout.pack(pair([1], [1])), GRID)


def test_without_tensorboard_a_note_says_how_to_get_it(tmp_path, no_tensorboard):
    layout = Layout.of(pair([1], [1]))
    with RunLog(tmp_path, layout, layout.pack(pair([1], [1])), GRID) as log:
        assert log.note == NOTE
        assert 'pip install "audiocos[tensorboard]"' in NOTE


@pytest.mark.filterwarnings("default:::tensorboard", "default:::google")
def test_events_hold_the_figures_of_the_lines_and_hide_what_was_cut(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    kept, _ = run(tmp_path, 22, save_at=13)
    run(tmp_path, 30, kept)
    assert len(list(tmp_path.glob("events.out.tfevents.*.audiocos"))) == 2  # a new run may remove them
    events = EventAccumulator(str(tmp_path)).Reload()
    records = read(tmp_path)
    assert [record.step for record in records] == list(range(3, 31, 3))
    for tag, key in (("training/snr_db", "snr_db"), ("training/crossings", "crossings"), ("amplitudes/a4", "a4")):
        found = {event.step: event.value for event in events.Scalars(tag)}
        assert found == {r.step: pytest.approx(getattr(r, key), rel=1e-6) for r in records}
        assert len(events.Scalars(tag)) == len(records)


@pytest.mark.filterwarnings("default:::tensorboard", "default:::google")
@pytest.mark.parametrize("room", [0, 50])
def test_a_full_disk_is_said_at_once_and_leaves_no_events_file(room, tmp_path, capfd):
    layout = Layout.of(pair([1], [1]))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(AudiocosError, match="the log cannot be written: File too large. Make room, or choose"):
            RunLog(tmp_path / "run", layout, layout.pack(pair([1], [1])), GRID)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path / "run") == [NAME] and capfd.readouterr().err == ""


@pytest.mark.filterwarnings("default:::tensorboard", "default:::google")
def test_a_disk_that_fills_up_is_said_in_a_line(tmp_path):
    layout = Layout.of(pair([1], [1]))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with (
            pytest.raises(AudiocosError, match="the log cannot be written: File too large. Make room, or choose"),
            RunLog(tmp_path, layout, layout.pack(pair([1], [1])), GRID) as log,
        ):
            resource.setrlimit(resource.RLIMIT_FSIZE, (500, before[1]))
            for step in range(10):
                log.record(step, layout.pack(pair([1], [1])), 0.5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_history_is_bounded_and_evenly_spread():
    history = History()
    for step in range(100_000):
        history.add(Snapshot(step, 2.0, 0.0, np.zeros(1)))
        assert len(history) <= MOST
    steps = [snapshot.step for snapshot in history]
    assert len(steps) >= MOST // 2 and steps[0] == 0 and len(set(np.diff(steps))) == 1
    assert steps[-1] > 100_000 - 2 * steps[1]


def test_history_keeps_copies():
    theta, history = np.zeros(2), History()
    history.add(Snapshot(0, 2.0, 0.0, theta))
    theta += 1
    (snapshot,) = history
    np.testing.assert_array_equal(snapshot.theta, [0, 0])
