"""Matrix products on several threads."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from audiocos.training.products import on_threads, product, usable_threads


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 5, 7), (301, 207, 203), (1, 4096, 4096), (2, 3000, 2000)])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_product_is_the_product(threads, shape, dtype):
    rng = np.random.default_rng(0)
    rows, inner, columns = shape
    a = rng.standard_normal((rows, inner)).astype(dtype)
    b = rng.standard_normal((columns, inner)).astype(dtype)
    with on_threads(threads):
        c = product(a, b.T)
    assert c.dtype == dtype
    np.testing.assert_allclose(c, a.astype(float) @ b.T.astype(float), atol=1e-3 if dtype == np.float32 else 1e-10)


@pytest.mark.parametrize("size", [210, 256, 520])
def test_the_number_of_threads_changes_no_bit(size):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, size, size))
    for left, right in ((a, b), (a, b.T), (a, a.T)):
        made = []
        for threads in (1, 2, 3, 5, 9):
            with on_threads(threads):
                made.append(product(left, right))
        assert all(np.array_equal(other, made[0]) for other in made[1:])


def test_blas_has_one_thread_for_each_and_its_own_number_back_afterwards():
    def blas():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = blas()
    with on_threads():
        assert set(blas()) == {1}
    assert blas() == before


@pytest.mark.parametrize(("asked", "most"), [("1", 1), ("", None), ("many", None), ("0", None), ("100000", None)])
def test_as_many_threads_as_there_are_or_omp_num_threads_allows(asked, most, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    every = usable_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert usable_threads() == (most or every)


def test_an_error_in_a_part_is_raised():
    with on_threads(2), pytest.raises(ValueError, match="size"):
        product(np.zeros((400, 400)), np.zeros((300, 400)))
