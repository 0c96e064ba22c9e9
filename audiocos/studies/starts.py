"""What studies that learn from random starts share."""

from __future__ import annotations

_STARTS = 1000


def start_seed(seed: int, index: int) -> int:
    """The seed of start number `index`; no other seed of a study has the same start among its first thousand.

    >>> start_seed(0, 3), start_seed(7, 3)
    (3, 7003)
    """
    return _STARTS * seed + index


def windows_a_step(frame: int) -> int:
    """How many windows of noise first-order learning averages over, at a frame size."""
    return max(64, frame // 2)
