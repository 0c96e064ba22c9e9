"""The way a run took: a bounded number of its parameter vectors, evenly spread however long it lasts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from audiocos.cosines import Float64

MOST = 120


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Where a run was.

    Args:
        step: after so many steps.
        taper: n0 of the window then, in samples; infinity without.
        snr_db: what was reached then; NaN where it was not measured.
        theta: the parameters.
    """

    step: int
    taper: float
    snr_db: float
    theta: Float64


class History:
    """Keeps the first vector and every k-th after it; k doubles whenever there are too many.

    >>> history = History(most=4)
    >>> for step in range(10):
    ...     history.add(Snapshot(step, 2.0, 0.0, np.zeros(3)))
    >>> [snapshot.step for snapshot in history]
    [0, 4, 8]

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most, self._every, self._seen = max(most, 2), 1, 0
        self._kept: list[Snapshot] = []

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(self._kept)

    def add(self, snapshot: Snapshot) -> None:
        """See one; it is kept when its turn has come."""
        if self._seen % self._every == 0:
            self._kept.append(Snapshot(snapshot.step, snapshot.taper, snapshot.snr_db, snapshot.theta.copy()))
        self._seen += 1
        if len(self._kept) > self._most:
            self._kept = self._kept[::2]
            self._every *= 2

    def state(self) -> dict[str, Any]:
        """Everything, for a checkpoint."""
        return {
            "every": self._every,
            "seen": self._seen,
            "steps": np.array([s.step for s in self._kept], dtype=np.int64),
            "tapers": np.array([s.taper for s in self._kept]),
            "snrs_db": np.array([s.snr_db for s in self._kept]),
            "thetas": np.array([s.theta for s in self._kept]),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._every, self._seen = int(state["every"]), int(state["seen"])
        columns = (state["steps"].tolist(), state["tapers"].tolist(), state["snrs_db"].tolist(), state["thetas"])
        self._kept = [Snapshot(*row) for row in zip(*columns, strict=True)]
