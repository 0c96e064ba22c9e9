"""Standard input as a descriptor that libsndfile can read."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import threading

from audiocos.errors import AudioFileError

_READABLE_FROM_PIPES = (b".snd", b"dns.", b"RIFF", b"RIFX", b"RF64")


def seekable_or_plain() -> int:
    """A descriptor of standard input's sound.

    A file is handed on as it is. From a pipe libsndfile reads AU and WAV; the rest (FLAC, Ogg, ...) needs
    seeking and is copied into an unnamed temporary file first.

    Raises:
        AudioFileError: there is no standard input, it cannot be read, or there is no room for the copy.
    """
    if sys.stdin is None:
        raise AudioFileError("standard input: closed. Feed it a recording (- < in.wav), or give a file.")
    source = os.dup(sys.stdin.fileno())
    head = b""
    try:
        os.read(source, 0)  # tells whether it can be read at all
        if stat.S_ISREG(os.fstat(source).st_mode):
            return source
        while len(head) < 4 and (more := os.read(source, 4 - len(head))):
            head += more
    except OSError as error:
        raise AudioFileError(
            f"standard input: cannot be read: {error.strerror}. Feed it a recording (- < in.wav), or give a file."
        ) from error
    if head in _READABLE_FROM_PIPES:
        return _pump(head, source)
    try:
        with tempfile.TemporaryFile() as spool, os.fdopen(source, "rb") as rest:
            spool.write(head)
            shutil.copyfileobj(rest, spool)
            spool.flush()
            spool.seek(0)
            return os.dup(spool.fileno())
    except OSError as error:
        raise AudioFileError(
            f"standard input: cannot be kept in the temporary folder: {error.strerror}. Set TMPDIR to a folder with "
            "space, send AU or WAV, or give a file."
        ) from error


def _pump(head: bytes, source: int) -> int:
    """A pipe that gives the bytes that were peeked at, then the rest."""
    outlet, inlet = os.pipe()

    def copy() -> None:
        try:
            with os.fdopen(source, "rb", buffering=0) as rest, os.fdopen(inlet, "wb", buffering=0) as sink:
                sink.write(head)
                shutil.copyfileobj(rest, sink, 2**16)
        except BrokenPipeError:
            pass  # the reader has stopped and says why

    threading.Thread(target=copy, name="audiocos-stdin", daemon=True).start()
    return outlet
