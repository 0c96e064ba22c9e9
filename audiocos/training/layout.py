"""The parameters of a pair as one vector: a1..a4, then w and v (and p and q), frequencies in bins, 1 bin = pi/N."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audiocos.cosines import CosineParameters, Float64


@dataclass(frozen=True, eq=False)
class Banks:
    """Windowed banks and their derivatives, each `[M, n]`; synthesis transposed."""

    analysis: Float64
    analysis_derivatives: list[Float64]
    synthesis: Float64
    synthesis_derivatives: list[Float64]


@dataclass(frozen=True)
class Layout:
    """How the parameter vector is laid out.

    Full: a1 a2 a3 a4 | w (p) | v (q). Tied pairs leave out the second half, which repeats the first.
    """

    frame: int
    coefficients: int
    origin: float = 0.0
    phased: bool = False
    tied: bool = False

    @classmethod
    def of(cls, parameters: CosineParameters) -> Layout:
        """The layout that fits a pair."""
        p = parameters
        return cls(p.frame, p.coefficients, p.origin, p.phased, p.tied)

    @property
    def bin(self) -> float:
        """Radians per sample of one bin."""
        return np.pi / self.frame

    @property
    def half(self) -> int:
        """Numbers a bank, without amplitudes."""
        return self.coefficients * (2 if self.phased else 1)

    @property
    def full_size(self) -> int:
        """Length of the full vector."""
        return 4 + 2 * self.half

    @property
    def analysis_slices(self) -> list[slice]:
        """Where w (and p) are in the full vector."""
        m = self.coefficients
        return [slice(4 + i * m, 4 + (i + 1) * m) for i in range(self.half // m)]

    @property
    def synthesis_slices(self) -> list[slice]:
        """Where v (and q) are in the full vector."""
        return [slice(s.start + self.half, s.stop + self.half) for s in self.analysis_slices]

    def pack(self, parameters: CosineParameters) -> Float64:
        """A pair's numbers as one vector."""
        p = parameters
        parts = [p.amplitudes, p.analysis_frequencies / self.bin]
        parts += [p.analysis_phases] if p.analysis_phases is not None else []
        if not self.tied:
            parts += [p.synthesis_frequencies / self.bin]
            parts += [p.synthesis_phases] if p.synthesis_phases is not None else []
        return np.concatenate(parts)

    def unpack(self, theta: Float64) -> CosineParameters:
        """The pair of a vector."""
        full = self.expand(theta)
        a, s = self.analysis_slices, self.synthesis_slices
        return CosineParameters(
            self.frame,
            self.coefficients,
            full[:4],
            full[a[0]] * self.bin,
            full[s[0]] * self.bin,
            full[a[1]] if self.phased else None,
            full[s[1]] if self.phased else None,
            origin=self.origin,
            tied=self.tied,
        )

    def expand(self, theta: Float64) -> Float64:
        """The full vector of a vector."""
        return np.concatenate([theta, theta[4:]]) if self.tied else theta

    def reduce(self, gradient: Float64) -> Float64:
        """A gradient for the full vector as one for the vector."""
        if not self.tied:
            return gradient
        return np.concatenate([gradient[:4], gradient[4 : 4 + self.half] + gradient[4 + self.half :]])

    def reduce_square(self, products: Float64) -> Float64:
        """The same for J^T J, on both sides."""
        if not self.tied:
            return products
        products = np.triu(products) + np.triu(products, 1).T
        return np.apply_along_axis(self.reduce, 1, np.apply_along_axis(self.reduce, 0, products))

    def banks(
        self, theta: Float64, analysis_window: Float64, synthesis_window: Float64, derivatives: bool = True
    ) -> Banks:
        """Both windowed banks at `theta`, on the windows' samples."""
        full = self.expand(theta)
        n = len(analysis_window)
        times = np.arange(n) + self.origin
        parts = []
        for slices, (first, rest), scale, window in (
            (self.analysis_slices, full[0:2], self.frame, analysis_window),
            (self.synthesis_slices, full[2:4], self.coefficients, synthesis_window),
        ):
            gain = np.full(n, rest / np.sqrt(scale)) * window
            gain[0] = first / np.sqrt(scale) * window[0]
            gain = gain.astype(window.dtype, copy=False)
            angles = np.outer(full[slices[0]] * self.bin, times)
            if self.phased:
                angles += full[slices[1]][:, None]
            angles = angles.astype(window.dtype, copy=False)
            moved = []
            if derivatives:
                slope = np.sin(angles)
                slope *= -gain
                turned = slope * (self.bin * times).astype(window.dtype, copy=False)
                moved = [turned, slope] if self.phased else [turned]
            bank = np.cos(angles, out=angles)
            bank *= gain
            parts.append((bank, moved))
        return Banks(*parts[0], *parts[1])
