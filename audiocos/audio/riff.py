"""WAV files that may pass 4 GiB: RF64 where they do, and what every program reads where they do not."""

from __future__ import annotations

import struct
from typing import Protocol

import soundfile as sf

_AUTO_DOWNGRADE = 0x1210  # SFC_RF64_AUTO_DOWNGRADE of sndfile.h
_EXTENSIBLE = 0xFFFE
_PLAIN, _WITH_COUNT = 16, 18  # bytes of the chunk "fmt " for PCM and for what else there is


class _Seekable(Protocol):
    def seek(self, offset: int, /) -> int: ...

    def read(self, count: int, /) -> bytes: ...

    def write(self, content: bytes, /) -> int: ...


def may_stay_small(file: sf.SoundFile) -> None:
    """Have libsndfile decide at the end: RF64 beyond 4 GiB, else RIFF; before anything is written."""
    sf._snd.sf_command(file._file, _AUTO_DOWNGRADE, sf._ffi.NULL, 1)


def make_plain(file: _Seekable) -> None:
    """Give a finished RIFF of one or two channels the short form of "fmt ", as libsndfile does in a plain WAV.

    After RF64 it has the extensible form, which many programs do not know; what is left of it becomes padding.
    """
    file.seek(0)
    head = file.read(4096)
    at = head.find(b"fmt (\0\0\0")
    if head[:4] != b"RIFF" or at < 0:
        return
    body = head[at + 8 : at + 48]
    tag, channels = struct.unpack_from("<HH", body)
    if tag != _EXTENSIBLE or channels > 2:  # what more channels are for stands in the long form only
        return
    (tag,) = struct.unpack_from("<H", body, 24)  # the first bytes of its GUID
    size = _PLAIN if tag == 1 else _WITH_COUNT
    short = struct.pack("<H", tag) + body[2:_PLAIN] + bytes(size - _PLAIN)
    padding = len(body) - size - 8
    file.seek(at)
    file.write(struct.pack("<4sI", b"fmt ", size) + short + struct.pack("<4sI", b"JUNK", padding) + bytes(padding))
