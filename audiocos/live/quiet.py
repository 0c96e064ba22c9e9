"""The process, made quiet for real time: one BLAS thread, short collections, short turns of the interpreter."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator

SWITCH_S = 0.0005
"""How long a thread may keep the interpreter while another waits; Python's own 5 ms is a whole block."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Meanwhile: a second BLAS thread would stall single products for milliseconds, and a full collection all."""
    from threadpoolctl import threadpool_limits

    before = sys.getswitchinterval()
    with threadpool_limits(limits=1):
        gc.collect(1)
        gc.freeze()  # what is there now need not be looked at again, and a full collection takes 0.1 s
        sys.setswitchinterval(SWITCH_S)
        try:
            yield
        finally:
            sys.setswitchinterval(before)
            gc.unfreeze()
