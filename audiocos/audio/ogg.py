"""Whether an Ogg file is there to its end: libsndfile reads a cut one without a word."""

from __future__ import annotations

import os

from audiocos.audio.peek import peek

_MOST = 27 + 255 + 255 * 255  # bytes of the longest page: header, segment table, segments
_LAST = 4  # the flag of a stream's last page


def is_whole(descriptor: int) -> bool:
    """Whether a regular file ends with a whole page that is marked as a stream's last (RFC 3533)."""
    size = os.fstat(descriptor).st_size
    tail = peek(descriptor, _MOST, max(0, size - _MOST))
    at = tail.rfind(b"OggS")
    page = tail[at:] if at >= 0 else b""
    if len(page) < 27 or not page[5] & _LAST:
        return False
    segments = page[27 : 27 + page[26]]
    return len(segments) == page[26] and len(page) >= 27 + len(segments) + sum(segments)
