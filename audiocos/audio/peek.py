"""Looking into an open file without moving its position."""

from __future__ import annotations

import os


def peek(descriptor: int, count: int, at: int) -> bytes:
    """Up to `count` bytes of a regular file from byte `at` on (os.pread, which Windows lacks)."""
    before = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        os.lseek(descriptor, at, os.SEEK_SET)
        return os.read(descriptor, count)
    finally:
        os.lseek(descriptor, before, os.SEEK_SET)
