"""File names for the eye: one line, printable, whatever the bytes."""

from __future__ import annotations

import os
from pathlib import Path


def shown(path: str | Path) -> str:
    r"""A path as text for messages: control characters and undecodable bytes as escapes.

    >>> shown("two\nlines.wav")
    'two\\nlines.wav'
    """
    text = os.fspath(path)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
