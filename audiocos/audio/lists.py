"""Text files that list recordings, one path a line, as an input in place of the recordings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from audiocos.audio.formats import is_audio_name
from audiocos.audio.names import shown
from audiocos.errors import CorpusError

LIST_IN_LIST = "a list in a list is not read. Name it as an input of its own."


def is_list(path: str) -> bool:
    """Whether a file is such a list: text, and not by its name a recording."""
    if is_audio_name(path) or not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    plain = b"\0" not in head and all(byte >= 32 or byte in b"\t\r\n" for byte in head)
    return bool(head) and (plain or _is_utf16(head))


def entries(path: str) -> Iterator[str]:
    """What a list names, relative to where it lies; lines that begin with # are comments.

    Raises:
        CorpusError: it is not in UTF-8, so that its names would be taken for others.
    """
    content = Path(path).read_bytes().removeprefix(b"\xef\xbb\xbf")
    if _is_utf16(content[:4096]):
        raise CorpusError(f"{shown(path)}: a list in UTF-16. Save it as UTF-8.")
    for line in content.splitlines():
        entry = os.fsdecode(line.strip())
        if entry and not entry.startswith("#"):
            yield os.path.join(os.path.dirname(path), entry)


def _is_utf16(head: bytes) -> bool:
    """Whether it begins as text in UTF-16 does, with byte order mark or without: mostly ASCII, in two bytes each."""
    for codec in ("utf-16-le", "utf-16-be"):
        text = head[: len(head) & ~1].decode(codec, "replace").removeprefix("\ufeff")
        if text and sum(" " <= letter <= "~" or letter in "\t\r\n" for letter in text) > 0.9 * len(text):
            return True
    return False
