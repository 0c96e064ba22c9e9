"""Matrix products on several threads that never wait for one another in a loop.

The threads of a BLAS library spin until the slowest is done. On a machine with other work the slowest has no
processor, and products take ten times as long as on one thread. Here each thread makes some rows of a product with
a BLAS of one thread, and sleeps when it has nothing to do. BLAS rounds otherwise where it is given other numbers of
rows, so which ones are made together follows from the shape alone: the number of threads changes no bit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from audiocos.cosines import Float64

_WORTH_IT = 2**23
"""Multiplications from which a second thread is woken up in less time than it saves: 0.2 ms of them."""

_PIECES = ((_WORTH_IT, 2), (2**30, 4), (2**33, 8))
"""From so many multiplications on, so many pieces: BLAS loses up to a tenth of its speed where they are smaller."""


@dataclass
class _Crew:
    others: ThreadPoolExecutor | None = None
    threads: int = 1


_crew = _Crew()


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_threads() -> int:
    """As many as this process has cores, or as OMP_NUM_THREADS allows where it is set."""
    cores = usable_cores()
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(asked)) if asked.isdecimal() and int(asked) > 0 else cores


@contextmanager
def on_threads(count: int | None = None) -> Iterator[None]:
    """Within it `product` has so many threads (all that are usable, if None), and BLAS one for each."""
    global _crew
    before, count = _crew, count or usable_threads()
    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(1, "blas"))
        others = stack.enter_context(ThreadPoolExecutor(count - 1, "audiocos-product")) if count > 1 else None
        _crew = _Crew(others, count)
        try:
            yield
        finally:
            _crew = before


def product(a: Float64, b: Float64) -> Float64:
    """`a @ b`.

    Shape:
        - a: `[rows, inner]`, b: `[inner, columns]`, output: `[rows, columns]`
    """
    rows, inner = a.shape
    pieces = max((count for work, count in _PIECES if rows * inner * b.shape[1] >= work), default=1)
    if pieces == 1:
        return np.asarray(a @ b)
    out = np.empty((rows, b.shape[1]), np.result_type(a, b))
    ends = [rows * i // pieces for i in range(pieces + 1)]
    slices = [slice(*pair) for pair in zip(ends, ends[1:], strict=False)]

    def make(mine: list[slice]) -> None:
        for piece in mine:
            np.matmul(a[piece], b, out=out[piece])

    threads = _crew.threads
    waiting = [_crew.others.submit(make, slices[i::threads]) for i in range(1, threads)] if _crew.others else []
    make(slices[::threads])
    for share in waiting:
        share.result()
    return out
