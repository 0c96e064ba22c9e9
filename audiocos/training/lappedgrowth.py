"""Window growth for lapped frames: the MDCT has the frequencies of a DCT of one hop, and that DCT can be grown.

The MDCT's rows are cos(w (n + 1/2 + H/2)), n < 2H; the DCT-III's of a block frame of H samples are cos(w n), with the
same frequencies w = (k + 1/2) pi / H (Princen, Johnson and Bradley 1987). Time zero is inside the block pair's
frame, where a short window is smooth in w, and outside a lapped one's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from audiocos.cosines import CosineParameters, Float64
from audiocos.training.growth import Growth, Windows, folded
from audiocos.training.layout import Layout

_ANALYSIS = np.array([np.sqrt(0.5), np.sqrt(0.5), 1.0, 1.0])


class LappedGrowth:
    """Learn a lapped pair's frequencies from any start; call `advance` until `done`.

    Args:
        start: of N = 2H samples. Phases stay as they are.
        windows: the sound of each step, white.
        factor: by which n0 grows from stage to stage.
    """

    def __init__(self, start: CosineParameters, windows: Windows, *, factor: float = 1.5) -> None:
        self.layout = Layout.of(start)
        self.step = 0
        self._start = start
        # Analysis is divided by the root of the frame: the same gain needs other amplitudes on H samples than on 2H.
        amplitudes = start.amplitudes * _ANALYSIS
        self._growth = Growth(
            CosineParameters(
                start.frame // 2,
                start.coefficients,
                amplitudes,
                start.analysis_frequencies,
                start.synthesis_frequencies,
                tied=start.tied,
            ),
            windows,
            factor=factor,
        )

    @property
    def theta(self) -> Float64:
        """The parameters so far, of the lapped pair."""
        # Cosines of whole times repeat in w, those of a lapped frame need not: folded ones are the same in both.
        grown = folded(self._growth.layout.unpack(self._growth.theta))
        _, a2, _, a4 = grown.amplitudes  # the first sample of a lapped frame is like every other: a1 = a2, a3 = a4
        s = self._start
        return self.layout.pack(
            CosineParameters(
                s.frame,
                s.coefficients,
                np.array([a2, a2, a4, a4]) / _ANALYSIS,
                grown.analysis_frequencies,
                grown.synthesis_frequencies,
                s.analysis_phases,
                s.synthesis_phases,
                origin=s.origin,
                tied=s.tied,
            )
        )

    @property
    def taper(self) -> float:
        """n0 of the window, in samples of the hop."""
        return self._growth.taper

    @property
    def done(self) -> bool:
        """Whether it is grown."""
        return self._growth.done

    def advance(self) -> float:
        """Take one step; gives the loss after it, of a hop, relative to the signal's energy."""
        self.step += 1
        return self._growth.advance()

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        state = self._growth.state()
        return {**state, "theta": self.theta, "grown": state["theta"]}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._growth.load_state({**state, "theta": state["grown"]})
        self.step = self._growth.step
