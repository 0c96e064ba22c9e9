"""Framing: how a signal is cut into frames and summed back, and when that loses nothing.

Three kinds:

- *block*: rectangular windows, hop = N. Exact when the pair is exact on one frame (W2 W1 = I).
- *overlap*: a window pair a, s whose products sum to one over all frames that cover a sample,
  sum_j a[n + jH] s[n + jH] = 1 (the overlap-add condition). Exact when W2 W1 = I.
- *lapped*: N = 2H, M <= H, windows that meet Princen and Bradley's condition a[n]s[n] + a[n+H]s[n+H] = 1
  and whose aliases cancel, s[n] a[H-1-n] = s[n+H] a[2H-1-n]. Exact when the pair is the MDCT with M = H
  (Princen, Johnson and Bradley 1987, time-domain aliasing cancellation).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from audiocos.cosines import CosineParameters, Float64
from audiocos.errors import FramingError

KINDS = ("block", "overlap", "lapped")

CONDITIONS = {
    "block": "exact when the pair is exact on one frame (synthesis times analysis is the identity)",
    "overlap": "exact when the pair is exact on one frame: the windows already sum to one",
    "lapped": ("exact when the pair is the MDCT with as many coefficients as the hop: aliases cancel between frames"),
}

_TOLERANCE = 1e-10
_FROM_NAME: Any = None  # __post_init__ puts the array in its place


@dataclass(frozen=True, eq=False)
class Framing:
    """Frame, hop and windows. Use `block`, `overlap` or `lapped` to make one.

    Args:
        kind: "block", "overlap" or "lapped".
        frame: N, samples a frame.
        hop: H, samples from one frame's start to the next; divides N.
        window: a name (see `named_window`), or "custom" with both arrays given.
        analysis_window: `[N]`, applied before analysis; from the name when None.
        synthesis_window: `[N]`, applied after synthesis, scaled so that the windows sum to one;
            the analysis window when None.

    Raises:
        FramingError: a frame, hop and window that cannot reconstruct; the text says why.
    """

    kind: str
    frame: int
    hop: int
    window: str
    analysis_window: Float64 = field(default=_FROM_NAME, repr=False)
    synthesis_window: Float64 = field(default=_FROM_NAME, repr=False)

    def __post_init__(self) -> None:
        self._check_sizes()
        given = self.analysis_window
        analysis = _array(named_window(self.window, self.frame) if given is None else given, self.frame)
        synthesis = analysis if self.synthesis_window is None else _array(self.synthesis_window, self.frame)
        synthesis = synthesis / self._overlap_sum(analysis, synthesis)
        if self.kind == "lapped":
            self._check_aliases(analysis, synthesis)
        for name, array in (("analysis_window", analysis), ("synthesis_window", synthesis)):
            array = array.copy()
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def overlap(self) -> int:
        """Frames that cover each sample, N / H."""
        return self.frame // self.hop

    @property
    def condition(self) -> str:
        """When this framing reconstructs exactly, in one phrase."""
        return CONDITIONS[self.kind]

    def latency(self, group: int = 1) -> int:
        """Samples by which a stream's output lags its input when `group` frames are computed at once."""
        return self.frame - 1 + (group - 1) * self.hop

    def deviation(self, parameters: CosineParameters) -> float:
        """How far framing plus pair are from the identity: the largest entry of the difference.

        The whole system is periodic in the hop, so it is the sum over r of the H x H blocks
        K[r, r + d] of K = diag(s) W2 W1 diag(a), compared with I at d = 0 and with 0 elsewhere.
        """
        h, r = self.hop, self.overlap
        bank = parameters.synthesis_matrix() @ parameters.analysis_matrix()
        blocks = (self.synthesis_window[:, None] * bank * self.analysis_window).reshape(r, h, r, h)
        worst = 0.0
        for d in range(-(r - 1), r):
            total = sum(blocks[i, :, i + d, :] for i in range(max(0, -d), min(r, r - d)))
            worst = max(worst, float(np.abs(total - (np.eye(h) if d == 0 else 0.0)).max()))
        return worst

    def check_coefficients(self, coefficients: int) -> None:
        """Refuse a pair that this framing cannot run.

        Raises:
            FramingError: more coefficients than a lapped hop has.
        """
        if self.kind == "lapped" and coefficients > self.hop:
            raise FramingError(
                f"lapped framing: {coefficients} coefficients a hop of {self.hop} samples; at most {self.hop} tell "
                "anything new. Use fewer, or overlap framing."
            )

    def _check_sizes(self) -> None:
        n, h = self.frame, self.hop
        if not isinstance(n, (int, np.integer)) or not isinstance(h, (int, np.integer)):
            raise FramingError(f"frame {n}, hop {h}: both must be whole numbers.")
        if self.kind not in KINDS:
            raise FramingError(f'framing "{self.kind}": unknown; choose one of {", ".join(KINDS)}.')
        if n < 1 or h < 1:
            raise FramingError(f"frame {n}, hop {h}: both must be at least 1.")
        if self.kind == "block" and h != n:
            raise FramingError(f"block framing: hop {h} is not the frame {n}; frames would overlap or leave gaps.")
        if self.kind == "lapped" and n != 2 * h:
            raise FramingError(f"lapped framing: frame {n} is not twice the hop {h}; its aliases could not cancel.")
        if n % h:
            raise FramingError(
                f"{self.kind} framing: hop {h} does not divide frame {n}; samples would be covered unevenly. "
                f"Try hop {_nearest_divisor(n, h)}."
            )

    def _overlap_sum(self, analysis: Float64, synthesis: Float64) -> float:
        total = (analysis * synthesis).reshape(self.overlap, self.hop).sum(axis=0)
        low, high = float(total.min()), float(total.max())
        if not low > 0.0 or high - low > _TOLERANCE * high:
            raise FramingError(
                f'{self.kind} framing: window "{self.window}" at hop {self.hop} does not meet the '
                f"overlap-add condition: the window products sum to {low:.6g}..{high:.6g} "
                "instead of a constant above 0. Use a smaller hop or another window, for example sqrt-hann."
            )
        return float(total.mean())

    def _check_aliases(self, analysis: Float64, synthesis: Float64) -> None:
        h = self.hop
        early = synthesis[:h] * analysis[:h][::-1]
        late = synthesis[h:] * analysis[h:][::-1]
        worst = float(np.abs(early - late).max())
        if worst > _TOLERANCE:
            raise FramingError(
                f'lapped framing: window "{self.window}" leaves aliases of up to {worst:.3g}: '
                "s[n] a[H-1-n] must equal s[n+H] a[2H-1-n]. Use sine or kbd."
            )


def block(frame: int) -> Framing:
    """Frames side by side, hop = N."""
    return Framing("block", frame, frame, "rectangular")


def overlap(frame: int, hop: int | None = None, window: str = "sqrt-hann") -> Framing:
    """Overlapping windowed frames, hop N/2 when None.

    >>> overlap(512, 128)
    Framing(kind='overlap', frame=512, hop=128, window='sqrt-hann')
    """
    return Framing("overlap", frame, frame // 2 if hop is None else hop, window)


def lapped(frame: int, window: str = "sine") -> Framing:
    """The MDCT's framing, N = 2H, window "sine" or "kbd" ("kbd:6" sets its alpha)."""
    return Framing("lapped", frame, frame // 2, window)


def named_window(name: str, frame: int) -> Float64:
    """A window by name.

    Args:
        name: "rectangular"; "sqrt-hann" (periodic); "sine" (the MDCT's); "kbd" or "kbd:ALPHA"
            (Kaiser-Bessel derived, alpha 4); any of scipy.signal.get_window's (periodic), such as "hann" or
            "blackman"; or "sqrt-" and one of those.
        frame: N, samples.

    Raises:
        FramingError: no window has this name.
    """
    n = np.arange(frame)
    if name == "rectangular":
        return np.ones(frame)
    if name == "sqrt-hann":
        return np.asarray(np.sin(np.pi * n / frame))
    if name == "sine":
        return np.asarray(np.sin(np.pi * (n + 0.5) / frame))
    if name == "kbd" or name.startswith("kbd:"):
        return _kaiser_bessel_derived(name, frame)
    from scipy.signal import get_window  # slow to import, rarely needed

    try:
        window = np.asarray(get_window(name.removeprefix("sqrt-"), frame), dtype=np.float64)
    except ValueError as error:
        raise FramingError(
            f'window "{name}": unknown; try rectangular, sqrt-hann, sine, kbd, kbd:ALPHA or a scipy.signal window.'
        ) from error
    return np.sqrt(window.clip(0.0)) if name.startswith("sqrt-") else window


def _kaiser_bessel_derived(name: str, frame: int) -> Float64:
    try:
        alpha = float(name.partition(":")[2] or 4.0)
        if not 0.0 <= alpha <= 100.0 or frame % 2:
            raise ValueError
    except ValueError:
        raise FramingError(f'window "{name}": kbd needs an even frame and an alpha from 0 to 100.') from None
    kaiser = np.cumsum(np.kaiser(frame // 2 + 1, np.pi * alpha))
    half = np.sqrt(kaiser[:-1] / kaiser[-1])
    return np.concatenate([half, half[::-1]])


def _array(values: ArrayLike, frame: int) -> Float64:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (frame,) or not np.isfinite(array).all():
        raise FramingError(f"window: shape {list(array.shape)}; expected [{frame}] finite numbers.")
    return array


def _nearest_divisor(frame: int, hop: int) -> int:
    return min((d for d in range(1, frame + 1) if frame % d == 0), key=lambda d: abs(d - hop))
