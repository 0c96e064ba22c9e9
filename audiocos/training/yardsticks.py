"""What a pair is measured against before it learns: fixed transforms and bounds at as many coefficients a hop."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from audiocos.cosines import Float64
from audiocos.framing import Framing, lapped
from audiocos.training import bounds
from audiocos.training.statistics import Moment

LARGEST_HOP = 4096
"""Second moments of longer hops take more memory than the MDCT's rows are worth."""


def reach(framing: Framing) -> int | None:
    """How many hops the sound that judges must be heard in for all yardsticks; None where the framing's own do.

    Two where frames do not overlap and say nothing of their neighbours: an MDCT's frame is two hops long.
    """
    return 2 if framing.overlap == 1 and framing.hop <= LARGEST_HOP else None


def yardsticks(
    framing: Framing, coefficients: int, train: Float64, judging: Float64, moment: Moment
) -> dict[str, float]:
    """SNR in dB of each scheme, chosen on the training sound and measured on the sound that judges.

    Args:
        framing: of the pair; all schemes have its hop.
        coefficients: M a hop; from H on, all schemes keep everything and none is listed.
        train: C of the training sound, at least `[H, H]`.
        judging: C of the sound that judges; without two hops there are no rows for the MDCT.
        moment: of the sound that judges; of a lapped framing, with the autocorrelation, for its bound.
    """
    n, m = framing.hop, coefficients
    if m >= n:
        return {}
    found = {
        "first M of the DCT": bounds.dct_db(train, judging, n, m, best=False),
        "best M of the DCT": bounds.dct_db(train, judging, n, m, best=True),
    }
    if len(judging) >= 2 * n:
        frames = lapped(2 * n, framing.window if framing.kind == "lapped" else "sine")
        chosen = train if len(train) >= 2 * n else _continued(train, n)
        found["first M of the MDCT"] = bounds.mdct_db(chosen, judging, frames, m, best=False)
        found["best M of the MDCT"] = bounds.mdct_db(chosen, judging, frames, m, best=True)
    if framing.kind == "lapped":
        found["bound of every linear scheme"] = bounds.dynamic_pca_db(moment, n, m)
    found["KLT of the training sound"] = bounds.klt_db(train, judging, n, m)
    return found


def _continued(second_moment: Float64, hop: int) -> Float64:
    """C of two hops from that of one, by its spectrum: good enough to choose frequencies by.

    The sums along the diagonals, which taper off to nothing at the lag of a hop, are the mean periodogram of a hop.
    """
    lags = np.zeros(2 * hop)
    lags[:hop] = [np.trace(second_moment[:hop, :hop], lag) / hop for lag in range(hop)]
    return np.asarray(scipy.linalg.toeplitz(lags))
