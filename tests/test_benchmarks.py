"""The page of the benchmarks: a row measured anew leaves the others as they were."""

from benchmarks.page import Aim, AtLeast, Page, Section, conditions

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
