"""Damped Gauss-Newton (Levenberg 1944, Marquardt 1963) on an `Objective`."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from audiocos.cosines import Float64
from audiocos.training.layout import Layout
from audiocos.training.objective import Objective

_RETRIES = 4


class GaussNewton:
    """Takes damped steps; the damping goes down where they succeed and up where they do not.

    Args:
        layout: of the parameter vector.
        theta: where to start.
        floor: the least damping, relative to the largest diagonal entry of J^T J.
    """

    def __init__(self, layout: Layout, theta: Float64, floor: float = 1e-8) -> None:
        self.layout, self.theta, self.floor = layout, theta.copy(), floor
        self.damping = 1e-2

    def step(self, objective: Objective, spring: float = 0.0) -> tuple[float, float]:
        """One step: the loss before it and after it (equal when no damping helped).

        Args:
            objective: what to lower; may be another batch each time.
            spring: weight of ||w - v||^2 in bins, which holds the banks together.
        """
        loss, slope, products = objective.normal_equations(self.layout, self.theta)
        if spring and not self.layout.tied:
            loss += self._pull(spring, slope, products)
        top = float(products.diagonal().max())
        solve = scipy.linalg.get_lapack_funcs("posv", (products,))
        goal = slope.astype(products.dtype, copy=False)
        for _ in range(1 + _RETRIES):
            damped = products.copy()
            damped[np.diag_indices_from(damped)] += self.damping * top
            # Cholesky; the upper triangle in numpy's order is the lower one in Fortran's.
            _, move, failed = solve(damped.T, goal, lower=True, overwrite_a=True)
            if failed:
                self.damping *= 10
                continue
            theta = self.theta - move
            after = objective.loss(self.layout, theta) + self._spring_energy(theta, spring)
            if after < loss:
                self.theta = theta
                self.damping = max(self.floor, self.damping / (10 if after < loss / 2 else 2))
                return loss, after
            self.damping *= 10
        self.damping = min(self.damping, 1e-2)
        return loss, loss

    def _frequencies(self) -> tuple[slice, slice]:
        return self.layout.analysis_slices[0], self.layout.synthesis_slices[0]

    def _spring_energy(self, theta: Float64, spring: float) -> float:
        if not spring or self.layout.tied:
            return 0.0
        w, v = self._frequencies()
        gap = theta[w] - theta[v]
        return spring * float(gap @ gap)

    def _pull(self, spring: float, slope: Float64, products: Float64) -> float:
        w, v = self._frequencies()
        gap = self.theta[w] - self.theta[v]
        slope[w] += spring * gap
        slope[v] -= spring * gap
        i, j = np.arange(w.start, w.stop), np.arange(v.start, v.stop)
        products[i, i] += spring
        products[j, j] += spring
        products[i, j] -= spring
        return spring * float(gap @ gap)
