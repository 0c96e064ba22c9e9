"""The process, made quiet for real time: one BLAS thread, short collections, short turns of the interpreter."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from collections.abc import Iterator

SWITCH_S = 0.0001
"""How long a thread may keep the interpreter while another waits; Python's own 5 ms is a whole block."""

_lock = threading.Lock()
_inside = contextlib.ExitStack()
_count = 0


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Meanwhile: a second BLAS thread would stall single products for milliseconds, and a full collection all.

    Sessions may overlap: the first begins it and the last ends it.
    """
    global _count
    with _lock:
        if not _count:
            _inside.enter_context(_quiet())
        _count += 1
    try:
        yield
    finally:
        with _lock:
            _count -= 1
            if not _count:
                _inside.close()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
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
