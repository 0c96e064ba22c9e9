"""Products in float32, and how few steps window growth takes with them."""

from __future__ import annotations

import numpy as np
import pytest

from audiocos import cosines
from audiocos.training.growth import Growth, NoiseWindows, WhiteSound, white_snr_db
from audiocos.training.layout import Layout
from audiocos.training.objective import Objective, single


@pytest.mark.parametrize("white", [True, False])
def test_single_products_agree_with_double_ones(white):
    pair = cosines.random(24, 20, seed=3)
    ones = np.ones(24)
    probes = None if white else np.random.default_rng(0).standard_normal((24, 40))
    objective = Objective(24, 24, ones, ones, ones, probes)
    layout = Layout.of(pair)
    loss, slope, products = objective.normal_equations(layout, layout.pack(pair))
    rough_loss, rough_slope, rough_products = single(objective).normal_equations(layout, layout.pack(pair))
    assert rough_products.dtype == np.float32
    assert rough_loss == pytest.approx(loss, rel=1e-5)
    assert np.abs(slope - rough_slope).max() < 1e-5 * np.abs(slope).max()
    assert np.abs(np.triu(products - rough_products)).max() < 1e-5 * np.abs(products).max()


@pytest.mark.parametrize("windows", [WhiteSound(), NoiseWindows(16, 1)], ids=["expected", "batches"])
@pytest.mark.parametrize("frame", [16, 64, 128])
def test_a_random_start_becomes_exact_in_few_steps(frame, windows):
    growth = Growth(cosines.random(frame, seed=5), windows, factor=1.3 if isinstance(windows, WhiteSound) else 1.5)
    while not growth.done:
        growth.advance()
    assert white_snr_db(growth.layout.unpack(growth.theta)) > 200
    assert growth.step <= 50


def test_an_unsorted_start_becomes_exact_where_float32_alone_stays_at_zero():
    start = cosines.random(64, seed=8)
    order = np.random.default_rng([9, 8])
    w, v = order.permutation(start.analysis_frequencies), order.permutation(start.synthesis_frequencies)
    shuffled = cosines.CosineParameters(64, 64, start.amplitudes, w, v)
    growth = Growth(shuffled, WhiteSound(), factor=1.3)
    while not growth.done:
        growth.advance()
    assert white_snr_db(growth.layout.unpack(growth.theta)) > 200
