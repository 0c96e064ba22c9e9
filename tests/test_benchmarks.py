"""The page of the benchmarks: a row measured anew leaves the others as they were."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from jack_server import needs_jack

import benchmarks.__main__ as bench
import benchmarks.learning
from audiocos.live.log import Journal, Log
from benchmarks import detection
from benchmarks.live_device import HEADER, told_xruns
from benchmarks.page import ORDER, Aim, AtLeast, Page, Section, conditions

CONDITIONS = {"date": "2026-01-01", "machine": "one", "versions": "none", "busy": 0.02, "quick": False}


def test_a_row_measured_anew_leaves_the_others(tmp_path):
    page = Page(tmp_path / "R.md")
    page.put(
        "live", Section("Live", "Hops.", ["a", "b"], [["1", "2"]], [Aim("fast", 2.0, 1.0, " s", "why")]), CONDITIONS
    )
    page.put("startup", Section("Start", "Wall.", [], [], [AtLeast("good", 3.0, 1.0, " dB")]), CONDITIONS)
    first = page.path.read_text()
    assert "## Aims: 1 of 2 met" in first and first.index("## Start") < first.index("## Live")
    assert (
        "| fast | 2 s | **missed by 100%** | why |" in first and "| good | 3.00 dB | met, 2.00 dB to spare |" in first
    )
    page.put("live", Section("Live", "Hops.", ["a"], [["9"]], [Aim("fast", 0.5, 1.0, " s")]), CONDITIONS)
    second = page.path.read_text()
    assert "## Aims: 2 of 2 met" in second and "Wall." in second and "| 9 |" in second and "| 1 | 2 |" not in second


def test_every_row_has_its_place_on_the_page():
    assert sorted({*bench.ROWS, *benchmarks.learning.ROWS}) == sorted(ORDER)


def test_parts_of_a_table_are_measured_one_by_one(tmp_path):
    page = Page(tmp_path / "R.md")
    for name, part, row in (("device-64-busy", "64, busy", "c"), ("device-64-idle", "64, idle", "a")):
        page.put(name, Section("Device", "Words.", ["x"], [[row]], part=part), CONDITIONS)
    page.put("device-128-idle", Section("Device", "Words.", ["x"], [["b"]], part="128, idle"), CONDITIONS)
    text = page.path.read_text()
    assert text.count("## Device") == text.count("Words.") == 1
    assert "| x |\n| --- |\n| a |\n| b |\n| c |" in text
    assert "| Device: 128, idle | 2026-01-01 |" in text and "| Device: 64, busy | 2026-01-01 |" in text


@needs_jack
@pytest.mark.paced
def test_a_cell_of_the_device_is_measured_alone_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("DEVICE_SECONDS", "0.5")
    target = tmp_path / "R.md"
    done = CliRunner().invoke(bench.main, ["device-256-idle", "--output", str(target)])
    assert done.exit_code == 0, done.output
    kept = json.loads(target.with_suffix(".json").read_text())
    assert list(kept) == ["device-256-idle"]
    (row,) = kept["device-256-idle"]["rows"]
    assert row[:3] == ["idle", "256", "0.5"] and len(row) == len(HEADER)
    cell = dict(zip(HEADER, row, strict=True))
    # What the device of a busy machine lost is of the half second, too.
    assert 40 <= int(cell["hops"]) + int(cell["dropped samples"]) / 512 <= 50


def test_xruns_are_those_that_the_device_tells_of_in_whatever_words(monkeypatch):
    monkeypatch.setattr("audiocos.live.log._UNCOUNTED", {})
    log = Log(48000)
    for position in (480, 960, 1440, 480_000):
        log.note("input_overflow", position, 0)  # of each cycle it tells both ways
        log.note("output_underflow", position, 0)
    log.note("output_underflow", 2000, 256)  # by the ring
    log.note("input_overflow", 2000, 256)
    journal = Journal([log], lambda: 10.0)
    journal.collect()
    assert told_xruns(journal.by_time()) == 4


def test_what_is_said_of_the_drums_is_so(monkeypatch):
    assert detection.spread_db([np.full(8, 0.1), np.ones(4), np.full(4, -0.5)]) == pytest.approx(20)
    monkeypatch.setattr(detection, "LOOPS", ("one", "two"))
    monkeypatch.setattr(detection, "HELD_OUT", 0.3)
    text = detection.about([np.full(8, 0.1), np.ones(4)])
    assert "Drums are 2 loops" in text and "(20 dB apart)" in text and "70% of the files" in text and "(15%)" in text
    assert "dB apart" not in detection.about([])


def test_device_means_all_cells_and_none_is_lost_where_there_is_no_jack(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(bench.page, "conditions", lambda quick: CONDITIONS)
    target = tmp_path / "R.md"
    Page(target).put("device-64-idle", Section("Device", "", ["x"], [["1"]]), CONDITIONS)
    done = CliRunner().invoke(bench.main, ["device", "--output", str(target)])
    assert done.exit_code == 0
    assert done.output.count("not measured: jackd is not installed") == 8
    assert "| 1 |" in target.read_text()


def test_quick_and_busy_rows_are_not_for_quoting(tmp_path):
    page = Page(tmp_path / "R.md")
    page.put("live", Section("Live", "", []), CONDITIONS | {"busy": 0.5})
    page.put("gpu", Section("GPU", "", []), CONDITIONS | {"quick": True})
    page.put("files", Section("Files", "", []), CONDITIONS)
    text = page.path.read_text()
    assert "Quick runs, not for quoting: GPU.**" in text and "are not touched): Live.**" in text


def test_conditions_are_those_of_this_machine():
    found = conditions(quick=True)
    assert "Python 3." in found["versions"] and "numpy 2" in found["versions"] and found["quick"] is True
    assert found["busy"] is None or 0.0 <= found["busy"] <= 1.0
