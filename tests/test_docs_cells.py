"""The picture of the view in the README: cells where they belong, in the view's colours."""

import sys
from pathlib import Path

import numpy as np
import pytest
from rich.segment import Segment

from audiocos.live.drawing import BLUE, text

pytest.importorskip("matplotlib")


def test_blocks_fill_their_cells_and_letters_do_not(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent.parent / "docs")
    cells = __import__("cells")
    pixels = np.asarray(cells.picture([[text("█▄", BLUE), text("⠁a")], [Segment("    ")]]))
    sys.modules.pop("cells")
    assert pixels.shape == (2 * cells.HEIGHT + 2 * cells.MARGIN, 4 * cells.WIDTH + 2 * cells.MARGIN, 3)
    row = pixels[cells.MARGIN : cells.MARGIN + cells.HEIGHT, cells.MARGIN : -cells.MARGIN]
    blue, paper = tuple(bytes.fromhex(BLUE[1:])), cells.PAPER
    full, half, dot, letter = np.split(row, 4, axis=1)
    assert (full == blue).all()
    assert (half[: cells.HEIGHT // 2] == paper).all() and (half[cells.HEIGHT // 2 :] == blue).all()
    inked = (dot != paper).any(axis=2)
    assert 0 < inked.sum() < 20 and not inked[cells.HEIGHT // 4 :].any() and not inked[:, cells.WIDTH // 2 :].any()
    assert 0 < (letter != paper).any(axis=2).mean() < 0.5
    assert (pixels[-cells.MARGIN - cells.HEIGHT :] == paper).all()
