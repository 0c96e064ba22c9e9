"""Inputs are only read: no output takes the place of one, not even with --force, nor through links."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from audiocos.audio.names import shown
from audiocos.errors import UsageError


def refuse_inputs(option: str, written: Iterable[str | Path], inputs: Iterable[str]) -> None:
    """Insist that nothing that is written is an input.

    Args:
        option: that names what is written, for the text.
        written: files that would be written or replaced.
        inputs: files that are read; taken only when something is there that would be replaced.

    Raises:
        UsageError: a file to be written is an input, under whatever name.
    """
    there = {_identity(path): path for path in written}
    there.pop(None, None)
    if there and (path := next((there[key] for text in inputs if (key := _identity(text)) in there), None)) is not None:
        raise UsageError(f"{option} {shown(path)}: is an input, and inputs are never overwritten. Choose another name.")


def _identity(path: str | Path) -> tuple[int, int] | None:
    """What all names of a file have in common; None where there is none."""
    with contextlib.suppress(OSError):
        found = os.stat(path)
        return found.st_dev, found.st_ino
    return None
