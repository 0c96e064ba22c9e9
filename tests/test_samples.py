"""The sample recordings are what samples/LICENSES.md says they are."""

import re
from pathlib import Path

import pytest
import soundfile

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = sorted(p for p in SAMPLES.iterdir() if p.name != "LICENSES.md")


def table():
    """Return the rows of the table in LICENSES.md, one list of cells for each file name."""
    rows = {}
    for line in (SAMPLES / "LICENSES.md").read_text(encoding="ascii").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and re.search(r"\.(wav|flac)$", cells[0]):
            rows[cells[0]] = cells
    return rows


def test_every_file_is_listed_and_every_listed_file_is_there():
    assert sorted(table()) == [p.name for p in FILES]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_the_row_tells_the_truth(path):
    info = soundfile.info(path)
    _, _, _, _, licence, _, rate, channels, length = table()[path.name]
    assert licence in ("CC0 1.0", "CC BY-SA 3.0")
    assert rate == f"{info.samplerate} Hz"
    assert channels == str(info.channels)
    assert length == f"{info.frames / info.samplerate:.2f} s"


def test_the_set_is_small_and_varied():
    infos = [soundfile.info(p) for p in FILES]
    assert sum(p.stat().st_size for p in FILES) <= 3_000_000
    assert {i.channels for i in infos} == {1, 2}
    assert len({i.samplerate for i in infos}) >= 3
    assert {i.format for i in infos} == {"WAV", "FLAC"}
    assert {i.subtype for i in infos} == {"PCM_16", "PCM_24"}
