"""Sums of moments: as good as exact, so that neither order nor grouping changes a bit."""

import math
import random

import numpy as np
import pytest
from somecorpus import same_bits

from audiocos.training.statistics import Moment
from audiocos.training.totals import Total

HOP, REACH = 96, 3  # more entries than are added at a time


def moments(count):
    """Moments of sound of very different loudness, whose entries cancel."""
    found = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        moment = Moment(HOP, REACH, hops=seed, samples=10 * seed)
        for sums in (moment.blocks, moment.autocorrelation):
            sums[...] = rng.standard_normal(sums.shape) * 10.0 ** rng.integers(-6, 6, sums.shape)
        found.append(moment)
    return found


def total_of(addends):
    total = Total(HOP, REACH)
    for moment in addends:
        total.add(moment)
    return total


def test_a_total_is_the_exact_sum_rounded_once():
    addends = moments(50)
    total = total_of(addends).moment()
    exact = [math.fsum(entries) for entries in zip(*(moment.blocks.ravel() for moment in addends), strict=True)]
    np.testing.assert_array_equal(total.blocks.ravel(), exact)
    exact = [math.fsum(entries) for entries in zip(*(moment.autocorrelation for moment in addends), strict=True)]
    np.testing.assert_array_equal(total.autocorrelation, exact)
    assert (total.hops, total.samples) == (sum(range(50)), 10 * sum(range(50)))


@pytest.mark.parametrize("shares", [1, 2, 3, 20])
def test_neither_order_nor_shares_change_a_bit(shares):
    addends = moments(50)
    whole = total_of(addends).moment()
    random.Random(shares).shuffle(addends)
    together = Total(HOP, REACH)
    for first in range(shares):
        part = total_of(addends[first::shares])
        together.add_sums(part.sums)
        together.hops += part.hops
        together.samples += part.samples
    assert same_bits(together.moment(), whole)
