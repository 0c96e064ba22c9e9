"""Partial sums on disk: what a pass over a corpus has heard so far, so that a killed pass carries on.

One safetensors file a pass, written whole or not at all, with a checksum. Whatever is wrong with it, the pass
starts over and says why: a cache is never a reason to fail.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocos.atomic import is_full, replace_file
from audiocos.audio.names import shown

Arrays = dict[str, NDArray[Any]]

_STALE_SECONDS = 3600.0


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/audiocos`, or `~/.cache/audiocos`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "audiocos"


class PartialSums:
    """The place of one pass in the cache.

    Args:
        folder: the cache; made when first needed.
        key: what the sums are of, as text; its digest names the file.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.path = folder / f"moment-{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}.safetensors"
        self._key = hashlib.blake2b(key.encode()).hexdigest()
        self.trouble: list[str] = []
        """What went wrong with the cache, for the user."""

    def load(self) -> tuple[Arrays, dict[str, Any]] | None:
        """Arrays and account as last saved, or None."""
        self._sweep()
        try:
            return self._parse(self.path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):  # nothing is kept there, and why, saving will tell
            return None
        except OSError as error:
            self.trouble.append(f"{shown(self.path)}: cannot be read ({error.strerror}); starting over.")
        except Exception as error:  # whatever a damaged file can make a parser raise
            self.trouble.append(f"{shown(self.path)}: damaged ({error}); ignored, starting over.")
        return None

    def save(self, arrays: Arrays, account: Mapping[str, Any]) -> None:
        """Replace what is there, whole or not at all; a failure is noted once and does no harm."""
        from safetensors.numpy import save as to_bytes

        text = json.dumps(account, sort_keys=True)
        metadata = {"account": text, "key": self._key, "checksum": _checksum(arrays, text)}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, [to_bytes(arrays, metadata)], f".{self.path.name}.{os.getpid()}.part")
        except OSError as error:
            todo = "Make room" if is_full(error) else "Let XDG_CACHE_HOME name another folder"
            text = f"{shown(self.path.parent)}: partial sums cannot be saved ({error.strerror}); a killed pass would "
            text += f"start over. {todo}, or pass --no-cache."
            if text not in self.trouble:
                self.trouble.append(text)

    def _parse(self, content: bytes) -> tuple[Arrays, dict[str, Any]]:
        from safetensors.numpy import load as from_bytes

        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length])["__metadata__"]
        arrays = dict(from_bytes(content))
        if metadata["key"] != self._key:
            raise ValueError("it belongs to another pass")
        if metadata["checksum"] != _checksum(arrays, metadata["account"]):
            raise ValueError("its checksum does not fit")
        return arrays, json.loads(metadata["account"])

    def _sweep(self) -> None:
        """Remove what killed passes left behind."""
        with contextlib.suppress(OSError):
            for part in self.path.parent.glob(f".{self.path.name}.*.part"):
                if time.time() - part.stat().st_mtime > _STALE_SECONDS:
                    part.unlink()


def _checksum(arrays: Arrays, account: str) -> str:
    total = hashlib.blake2b(account.encode(), digest_size=16)
    for name in sorted(arrays):
        total.update(f"{name} {arrays[name].shape} {arrays[name].dtype}".encode())
        total.update(np.ascontiguousarray(arrays[name]).data)
    return total.hexdigest()
