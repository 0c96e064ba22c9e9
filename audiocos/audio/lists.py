"""Text files that list recordings, one path a line, as an input in place of the recordings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from audiocos.audio.formats import is_audio_name


def is_list(path: str) -> bool:
    """Whether a file is such a list: text, and not by its name a recording."""
    if is_audio_name(path) or not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    return bool(head) and b"\0" not in head and all(byte >= 32 or byte in b"\t\r\n" for byte in head)


def entries(path: str) -> Iterator[str]:
    """What a list names, relative to where it lies; lines that begin with # are comments."""
    content = Path(path).read_bytes().removeprefix(b"\xef\xbb\xbf")
    for line in content.splitlines():
        entry = os.fsdecode(line.strip())
        if entry and not entry.startswith("#"):
            yield os.path.join(os.path.dirname(path), entry)
