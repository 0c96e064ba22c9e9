"""The cosine pair on the same transforms.

The DCT is its synthesis bank, found by giving noise back; the Fourier transform an analysis bank with phases, shown it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from audiocos import cosines
from audiocos.cosines import CosineParameters, Float64
from audiocos.studies.butterfly.transforms import transform
from audiocos.studies.starts import start_seed
from audiocos.training.growth import FIRST_TAPER, Growth, NoiseWindows, default_batch, folded

Rows = NDArray[np.bool_]

ROUNDS = 20
"""At most so often rows that end in a wrong bowl start anew."""

_FACTOR = 1.5
_STEPS = 8
_LAST_STEPS = 30
_FITTED = 1e-6  # of a row's energy
_TINY = 1e-300


def learn_pair(frame: int, seed: int) -> tuple[CosineParameters, int]:
    """The product's window growth from the random start; it is told nothing but to give noise back.

    Only the products a1 a3 and a2 a4 are determined by that; each is shared evenly, as in the orthonormal transform,
    and frequencies are put in order.

    Returns:
        The pair and the steps.
    """
    growth = Growth(cosines.random(frame, frame, seed=start_seed(seed, 0)), NoiseWindows(default_batch(frame), seed))
    while not growth.done:
        growth.advance()
    found = folded(growth.layout.unpack(growth.theta))
    a1, a2, a3, a4 = found.amplitudes
    shared = np.sqrt(np.abs([a1 * a3, a2 * a4]))
    ordered = replace(
        found,
        amplitudes=np.tile(shared, 2),
        analysis_frequencies=np.sort(found.analysis_frequencies),
        synthesis_frequencies=np.sort(found.synthesis_frequencies),
    )
    return ordered, growth.step


def learn_fourier(frame: int, seed: int) -> tuple[CosineParameters, int, int]:
    """An analysis bank with phases, N of them, shown the Fourier transform: every row is a cosine.

    Windows grow as in the product. A row depends on its own frequency and phase and on the amplitudes alone, so its
    damped Gauss-Newton steps are solved row by row; rows that end in the wrong bowl start anew.

    Returns:
        The bank (as both of a pair, of which the analysis counts), the steps in all, and how often rows started.
    """
    target = transform("dft", frame)
    bank = _Bank(target, cosines.random(frame, frame, seed=start_seed(seed, 0), phased=True))
    wrong = np.ones(frame, bool)
    for attempt in range(1, ROUNDS + 1):
        bank.grow(wrong, amplitudes=attempt == 1)
        wrong = np.sum(bank.errors(slice(None), frame) ** 2, axis=1) > _FITTED
        if not wrong.any():
            break
        again = cosines.random(frame, frame, seed=start_seed(seed, 7919 * attempt), phased=True)
        assert again.analysis_phases is not None
        bank.w[wrong], bank.p[wrong] = again.analysis_frequencies[wrong], again.analysis_phases[wrong]
    bank.finish()
    amplitudes = np.tile(bank.amplitudes, 2)
    return CosineParameters(frame, frame, amplitudes, bank.w, bank.w, bank.p, bank.p), bank.steps, attempt


class _Bank:
    """Rows alpha_n cos(w n + p) / sqrt(N) that are fitted to those of a target."""

    def __init__(self, target: Float64, start: CosineParameters) -> None:
        assert start.analysis_phases is not None
        self.target, self.times = target, start.times
        self.w, self.p = start.analysis_frequencies.copy(), start.analysis_phases.copy()
        self.amplitudes = start.amplitudes[:2].copy()
        self.steps = 0

    def alpha(self, samples: int) -> Float64:
        """Amplitudes of the first samples, over sqrt(N)."""
        values = np.full(samples, self.amplitudes[1])
        values[0] = self.amplitudes[0]
        return np.asarray(values / np.sqrt(len(self.target)))

    def errors(self, rows: Rows | slice, samples: int) -> Float64:
        """Rows minus the target's."""
        bank = cosines.cosines(np, self.w[rows], self.p[rows], self.times[:samples])
        return np.asarray(bank * self.alpha(samples) - self.target[rows, :samples])

    def grow(self, rows: Rows, *, amplitudes: bool) -> None:
        """Fit some rows under a window that grows, then on whole frames."""
        frame = len(self.target)
        n0, damping = FIRST_TAPER, np.full(int(rows.sum()), 1e-2)
        while n0 < 2 * frame:
            samples = min(frame, int(4 * n0 + 2))
            taper = np.exp(-0.5 * (self.times[:samples] / n0) ** 2)
            damping = self._fit(rows, taper, damping, _STEPS)
            if amplitudes:
                self._set_amplitudes(taper)
            n0 *= _FACTOR
        self._fit(rows, np.ones(frame), damping, _LAST_STEPS)

    def finish(self) -> None:
        """Fit all rows together with the amplitudes, on whole frames."""
        ones, every = np.ones(len(self.target)), np.ones(len(self.target), bool)
        error = np.inf
        for _ in range(ROUNDS):
            self._set_amplitudes(ones)
            self._fit(every, ones, np.full(len(ones), 1e-9), _STEPS)
            before, error = error, float(np.sum(self.errors(slice(None), len(ones)) ** 2))
            if error > before / 4:
                break

    def _set_amplitudes(self, taper: Float64) -> None:
        """The median of what each row would choose: some rows may be in the wrong bowl."""
        samples, root = len(taper), np.sqrt(len(self.target))
        bank, truth = cosines.cosines(np, self.w, self.p, self.times[:samples]), self.target[:, :samples]
        later = (bank * taper)[:, 1:]
        gains = np.sum(later * truth[:, 1:], axis=1) / (np.sum(later * bank[:, 1:], axis=1) + _TINY)
        self.amplitudes[1] = np.median(np.abs(gains)) * root
        clear = np.abs(bank[:, 0]) > 0.7
        if clear.any():
            self.amplitudes[0] = np.median(np.abs(truth[clear, 0] / bank[clear, 0])) * root

    def _fit(self, rows: Rows, taper: Float64, damping: Float64, steps: int) -> Float64:
        """Levenberg-Marquardt on two numbers a row; gives the damping in the end."""
        times, alpha, truth = self.times[: len(taper)], self.alpha(len(taper)), self.target[rows, : len(taper)]
        w, p = self.w[rows], self.p[rows]

        def residual(w: Float64, p: Float64) -> Float64:
            return np.asarray(cosines.cosines(np, w, p, times) * alpha - truth)

        damping = np.minimum(damping, 1e-2)
        error = residual(w, p)
        for _ in range(steps):
            slope = cosines.cosines(np, w, p + np.pi / 2, times) * alpha  # d cos / d phase = cos of a quarter turn on
            weighted = slope * taper
            g_p, g_w = np.sum(weighted * error, axis=1), (weighted * error) @ times
            h_pp, h_pw, h_ww = (
                np.sum(weighted * slope, axis=1),
                (weighted * slope) @ times,
                (weighted * slope) @ times**2,
            )
            d_pp, d_ww = h_pp * (1 + damping) + _TINY, h_ww * (1 + damping) + _TINY
            determinant = d_pp * d_ww - h_pw**2
            new_p, new_w = p - (d_ww * g_p - h_pw * g_w) / determinant, w - (d_pp * g_w - h_pw * g_p) / determinant
            new_error = residual(new_w, new_p)
            better = (new_error**2) @ taper < (error**2) @ taper
            w, p = np.where(better, new_w, w), np.where(better, new_p, p)
            error = np.where(better[:, None], new_error, error)
            damping = np.where(better, np.maximum(damping / 5, 1e-12), np.minimum(damping * 10, 1e3))
            self.steps += 1
        self.w[rows], self.p[rows] = w, p
        return damping
