"""Names for files that are done, where other programs make files, too."""

import os
from pathlib import Path

import pytest

from audiocos import atomic
from audiocos.atomic import give_free_name


def put(path, content):
    path.write_text(content)
    return str(path)


@pytest.mark.parametrize("others", [1, 12])
def test_a_name_at_the_limit_of_the_file_system_is_cut_for_its_number(tmp_path, others):
    longest = os.pathconf(tmp_path, "PC_NAME_MAX")
    path = tmp_path / ("x" * (longest - 4) + ".wav")
    given = [give_free_name(put(tmp_path / "new", str(number)), str(path)) for number in range(others + 1)]
    assert [Path(name).read_text() for name in given] == [str(number) for number in range(others + 1)]
    assert given[0] == str(path) and all(name.endswith(f"x-{2 + i}.wav") for i, name in enumerate(given[1:]))
    assert not (tmp_path / "new").exists()


def test_a_file_that_goes_while_its_name_is_wanted_costs_no_more_than_a_number(tmp_path, monkeypatch):
    path, link = put(tmp_path / "take.wav", "theirs"), os.link

    def gone(old, new):
        try:
            link(old, new)
        except FileExistsError:
            os.unlink(new)
            raise

    monkeypatch.setattr(atomic.os, "link", gone)
    assert give_free_name(put(tmp_path / "new", "mine"), path) == str(tmp_path / "take-2.wav")
    assert (tmp_path / "take-2.wav").read_text() == "mine"
