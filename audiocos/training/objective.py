"""The expected loss of a pair, its gradient and its Gauss-Newton normal equations, in closed form.

The system is linear and the loss quadratic, so sound enters only through its second moment C, here as *probes*:
signals F `[span, probes]` with F F^T = C. The loss is the squared error of all probes after overlap-add, on one
hop, with all the frames that reach it:

    loss = || t . x - sum_f B_f A F_f ||^2      A = W1 diag(a) `[M, N]`,  B = diag(s) W2 `[N, M]`

where frame f = 0..R-1 (R = N/H) sees the probes' rows F_f = F[fH : fH+N] and reaches the hop with the rows
B_f = B[(R-1-f)H : (R-f)H], x = F[(R-1)H : RH], and t = 1 for windows that sum to one. White sound in block
frames has F = I, which is never formed.

Derivatives are rank one in each k, so the normal equations need Gram products only and never the Jacobian itself.

Products are made in the precision of the windows and probes (see `single`); parameters and angles are float64 always.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from audiocos.cosines import Float64
from audiocos.framing import Framing
from audiocos.training.layout import Banks, Layout
from audiocos.training.products import product

_LEAST = 1e-8  # of an amplitude: half of float64's digits are left to its slope, and to its effect


@dataclass(frozen=True, eq=False)
class Objective:
    """What is minimised.

    Args:
        frame: N of the pair (sets the 1/sqrt(N) and the bin).
        hop: H of the framing; equals `len(analysis_window)` for block frames.
        analysis_window: a, `[n]`; n < N only where a taper is cut off (block frames).
        synthesis_window: s, `[n]`.
        target: t, `[hop]`: what the windows sum to.
        probes: F, `[2n - hop, probes]`, or None for white sound in block frames.
    """

    frame: int
    hop: int
    analysis_window: Float64
    synthesis_window: Float64
    target: Float64
    probes: Float64 | None = None

    @property
    def overlap(self) -> int:
        """R, frames that cover a sample."""
        return len(self.analysis_window) // self.hop

    def loss(self, layout: Layout, theta: Float64) -> float:
        """Squared error a hop at parameters `theta`."""
        banks = layout.banks(theta, self.analysis_window, self.synthesis_window, derivatives=False)
        residual = self._residual(banks, self._see(banks.analysis))
        return float(np.vdot(residual, residual))

    def gradient(self, layout: Layout, theta: Float64) -> tuple[float, Float64]:
        """The loss and its gradient, `[parameters]`."""
        theta = _nonzero(theta)
        banks = layout.banks(theta, self.analysis_window, self.synthesis_window)
        seen = self._see(banks.analysis)
        residual = self._residual(banks, seen)
        moved = [self._see(d) for d in banks.analysis_derivatives]
        half = self._half_gradient(layout, theta, banks, seen, moved, residual)
        return float(np.vdot(residual, residual)), layout.reduce(2 * half)

    def normal_equations(self, layout: Layout, theta: Float64) -> tuple[float, Float64, Float64]:
        """The loss, half its gradient g and J^T J: a Gauss-Newton step solves J^T J step = -g.

        Only the upper triangle of J^T J is filled in; what lies below is not to be read.
        """
        theta = _nonzero(theta)
        banks = layout.banks(theta, self.analysis_window, self.synthesis_window)
        seen = self._see(banks.analysis)
        residual = self._residual(banks, seen)
        moved = [self._see(d) for d in banks.analysis_derivatives]
        half = self._half_gradient(layout, theta, banks, seen, moved, residual)
        products = self._products(layout, theta, banks, seen, moved)
        return float(np.vdot(residual, residual)), layout.reduce(half), layout.reduce_square(products)

    def _see(self, rows: Float64) -> list[Float64]:
        """What a bank of rows `[M, n]` makes of the probes in each frame: R arrays `[M, probes]`."""
        if self.probes is None:
            return [rows]
        n = rows.shape[1]
        return [product(rows, self.probes[f * self.hop : f * self.hop + n]) for f in range(self.overlap)]

    def _reach(self, rows: Float64) -> list[Float64]:
        """The part of synthesis rows `[M, n]` with which each frame reaches the hop: R arrays `[M, hop]`."""
        r, h = self.overlap, self.hop
        return [rows[:, (r - 1 - f) * h : (r - f) * h] for f in range(r)]

    def _first(self) -> list[Float64 | None]:
        """The first sample of each frame in every probe: R arrays `[probes]`; None for white sound."""
        if self.probes is None:
            return [None]
        return [self.probes[f * self.hop] for f in range(self.overlap)]

    def _residual(self, banks: Banks, seen: list[Float64]) -> Float64:
        made = sum(product(b.T, y) for b, y in zip(self._reach(banks.synthesis), seen, strict=True))
        if self.probes is None:
            residual = -np.asarray(made)
            residual[np.diag_indices(self.hop)] += self.target
            return residual
        start = (self.overlap - 1) * self.hop
        return np.asarray(self.target[:, None] * self.probes[start : start + self.hop] - made)

    def _half_gradient(
        self,
        layout: Layout,
        theta: Float64,
        banks: Banks,
        seen: list[Float64],
        moved: list[list[Float64]],
        residual: Float64,
    ) -> Float64:
        back = [product(b, residual) for b in self._reach(banks.synthesis)]
        gradient = np.zeros(layout.full_size)
        for group, ys in zip(layout.analysis_slices, moved, strict=True):
            gradient[group] = -sum(np.einsum("kr,kr->k", b, y) for b, y in zip(back, ys, strict=True))
        for group, rows in zip(layout.synthesis_slices, banks.synthesis_derivatives, strict=True):
            pairs = zip(self._reach(rows), seen, strict=True)
            gradient[group] = -sum(np.einsum("kr,kr->k", product(d, residual), y) for d, y in pairs)
        both = -sum(float(np.vdot(b, y)) for b, y in zip(back, seen, strict=True))
        c0, first = banks.analysis[:, 0] / float(theta[0]), self._first()
        one = -sum(float(c0 @ _dot(b, x)) for b, x in zip(back, first, strict=True))
        z = (banks.synthesis[:, 0] / float(theta[2])) @ seen[-1]
        three = -float(residual[0] @ z)
        gradient[:4] = one, (both - theta[0] * one) / theta[1], three, (both - theta[2] * three) / theta[3]
        return gradient

    def _products(
        self, layout: Layout, theta: Float64, banks: Banks, seen: list[Float64], moved: list[list[Float64]]
    ) -> Float64:
        size, r = layout.full_size, self.overlap
        total = np.zeros((size, size), banks.analysis.dtype)
        reach = self._reach(banks.synthesis)
        turned = [self._reach(d) for d in banks.synthesis_derivatives]
        first = self._first()
        c0 = banks.analysis[:, 0] / float(theta[0])
        z = (banks.synthesis[:, 0] / float(theta[2])) @ seen[-1]
        # Inner products of every direction with: a1's, the common gain of a whole bank, and a3's.
        one, both, three = (np.zeros(size) for _ in range(3))
        one_one = both_both = 0.0
        for f in range(r):
            b_first = reach[f][:, 0]
            one_three = float(b_first @ c0) * float(_dot(z[None], first[f])[0])
            one[2] += one_three
            for group, ys in zip(layout.analysis_slices, moved, strict=True):
                three[group] += b_first * (ys[f] @ z)
            for group, ds in zip(layout.synthesis_slices, turned, strict=True):
                three[group] += ds[f][:, 0] * (seen[f] @ z)
            three[3] += float(b_first @ (seen[f] @ z))  # kept aside: <a3, both>
            for g in range(r):
                gram = product(reach[f], reach[g].T)
                inner = product(seen[f], seen[g].T)
                both_both += float(np.vdot(gram, inner))
                seen_first = _dot(seen[g], first[f])
                c0_gram = c0 @ gram
                one_one += float(c0_gram @ c0) * _first_dot(first[f], first[g])
                one[3] += float(c0_gram @ seen_first)  # kept aside: <a1, both>
                crossed = [product(ys[f], seen[g].T) for ys in moved]
                for i, (group, ys) in enumerate(zip(layout.analysis_slices, moved, strict=True)):
                    both[group] += np.einsum("kl,kl->k", gram, crossed[i])
                    one[group] += c0_gram * _dot(ys[g], first[f])
                    for j in range(i, len(moved)):
                        other = layout.analysis_slices[j]
                        total[group, other] += gram * product(ys[f], moved[j][g].T)
                for i, (group, ds) in enumerate(zip(layout.synthesis_slices, turned, strict=True)):
                    mixed = product(reach[f], ds[g].T)
                    both[group] += np.einsum("kl,kl->l", mixed, inner)
                    one[group] += (c0 @ mixed) * seen_first
                    for j in range(i, len(turned)):
                        other = layout.synthesis_slices[j]
                        total[group, other] += product(ds[f], turned[j][g].T) * inner
                    for j, rows in enumerate(layout.analysis_slices):
                        total[rows, group] += mixed * crossed[j]
        _fill_amplitudes(total, theta, one, both, three, one_one, both_both, float(z @ z))
        return total


def _fill_amplitudes(
    total: Float64,
    theta: Float64,
    one: Float64,
    both: Float64,
    three: Float64,
    one_one: float,
    both_both: float,
    three_three: float,
) -> None:
    """Rows 0..3 of J^T J: a2's direction is (gain - a1 a1's) / a2, a4's is (gain - a3 a3's) / a4."""
    a1, a2, a3, a4 = theta[:4]
    one_three, one_both, three_both = one[2], one[3], three[3]
    basis = np.array(  # Gram matrix of: a1's direction, the gain of either bank, a3's direction
        [
            [one_one, one_both, one_three],
            [one_both, both_both, three_both],
            [one_three, three_both, three_three],
        ]
    )
    turn = np.array([[1, 0, 0], [-a1 / a2, 1 / a2, 0], [0, 0, 1], [0, 1 / a4, -a3 / a4]])
    total[:4, :4] = turn @ basis @ turn.T
    total[:4, 4:] = turn @ np.stack([one, both, three])[:, 4:]


def objective_for(framing: Framing, probes: Float64 | None = None) -> Objective:
    """The objective of a framing; probes as for `Objective`."""
    return Objective(
        framing.frame,
        framing.hop,
        np.asarray(framing.analysis_window),
        np.asarray(framing.synthesis_window),
        np.ones(framing.hop),
        probes,
    )


def tapered(objective: Objective, taper: Float64) -> Objective:
    """A block objective with each sample weighted: the window fades by sqrt(v), the error too.

    Args:
        objective: of block frames.
        taper: v, `[n]`; samples past its end are left out.
    """
    n = len(taper)
    root = np.sqrt(taper)
    probes = None if objective.probes is None else objective.probes[:n]
    return replace(objective, hop=n, analysis_window=root, synthesis_window=root, target=taper.copy(), probes=probes)


def single(objective: Objective) -> Objective:
    """The same objective with products in float32: twice as fast, good to about 70 dB."""
    o = objective
    return replace(
        o,
        analysis_window=o.analysis_window.astype(np.float32),
        synthesis_window=o.synthesis_window.astype(np.float32),
        target=o.target.astype(np.float32),
        probes=None if o.probes is None else o.probes.astype(np.float32),
    )


def _dot(rows: Float64, first: Float64 | None) -> Float64:
    """Rows `[M, probes]` times a probe vector; the first column where the probes are the identity."""
    return rows[:, 0] if first is None else rows @ first


def _nonzero(theta: Float64) -> Float64:
    """Move amplitudes off zero: their slopes are found as a bank's own response over its amplitude."""
    amplitudes = theta[:4]
    if np.abs(amplitudes).min() > _LEAST:
        return theta
    moved = np.where(np.abs(amplitudes) > _LEAST, amplitudes, np.copysign(_LEAST, amplitudes))
    return np.concatenate([moved, theta[4:]])


def _first_dot(a: Float64 | None, b: Float64 | None) -> float:
    return 1.0 if a is None or b is None else float(a @ b)
