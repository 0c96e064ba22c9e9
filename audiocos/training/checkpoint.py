"""Checkpoints of a run: one file with everything that the next step depends on.

A checkpoint is a safetensors file: arrays as tensors, all else as JSON in the metadata, and a digest over both. Numbers
come back to the last bit, infinities included. Nothing is pickled. While one is written the one before it stays.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from audiocos.atomic import remedy, replace_file
from audiocos.errors import CheckpointError

VERSION = 1

Tensors = dict[str, np.ndarray[Any, Any]]

_ARRAY, _FLOAT = "$array", "$float"
_REMEDY = "Pass --force instead of --resume to train from the start, or resume from another one."


def save(path: str | os.PathLike[str], state: dict[str, Any], settings: dict[str, Any]) -> None:
    """Write a checkpoint over the one before it, whole or not at all.

    Args:
        path: the file.
        state: arrays, numbers, bools, strings, None, and dicts and lists of them.
        settings: of the run, likewise but without arrays.

    Raises:
        CheckpointError: it cannot be written; the one before it is as it was.
        TypeError: state or settings hold something else.
    """
    from safetensors.numpy import save as to_bytes

    path = Path(path)
    tensors: Tensors = {}
    texts = {
        "version": str(VERSION),
        "state": json.dumps(_encoded(state, tensors, ""), allow_nan=False),
        "settings": json.dumps(_encoded(settings, None, ""), allow_nan=False),
    }
    content = to_bytes(tensors, metadata={**texts, "digest": _digest(tensors, texts)})
    try:
        replace_file(path, [content], f".{path.name}.part")
    except OSError as error:
        raise CheckpointError(
            f"{path}: the checkpoint cannot be written: {error.strerror or error}. "
            f"The one before it, if any, is as it was. {remedy(error)}"
        ) from error


def load(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a checkpoint: its state and its settings.

    Raises:
        CheckpointError: there is none, it is damaged, or of another version.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    try:
        if path.is_dir():
            raise CheckpointError(f"{path}: a folder; a checkpoint is a file.")
        with safe_open(path, framework="numpy") as file:
            texts = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no checkpoint here. Leave --resume out to train from the start.") from None
    except OSError as error:
        raise CheckpointError(f"{path}: the checkpoint cannot be read: {error.strerror or error}.") from error
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: truncated or damaged ({error}). {_REMEDY}") from error
    version = texts.get("version")
    if version is None:
        raise CheckpointError(f"{path}: no checkpoint of audiocos. {_REMEDY}")
    if version != str(VERSION):
        raise CheckpointError(
            f"{path}: version {version!r} is unknown, this audiocos reads version {VERSION}. "
            "Resume with the audiocos that wrote it, or train from the start."
        )
    if texts.get("digest") != _digest(tensors, texts):
        raise CheckpointError(f"{path}: truncated or damaged (the digest does not match). {_REMEDY}")
    return _decoded(json.loads(texts["state"]), tensors), _decoded(json.loads(texts["settings"]), tensors)


def resume(path: str | os.PathLike[str], settings: dict[str, Any]) -> dict[str, Any]:
    """Read the state of a run that had these settings.

    Raises:
        CheckpointError: as for `load`, or the run had other settings; the text lists them.
    """
    state, before = load(path)
    _insist(path, before, settings)
    return state


def check(path: str | os.PathLike[str], settings: dict[str, Any]) -> None:
    """Insist that a checkpoint is of a run with these settings, whatever its others.

    Raises:
        CheckpointError: as for `resume`.
    """
    before = load(path)[1]
    _insist(path, {key: value for key, value in before.items() if key in settings}, settings)


def _insist(path: str | os.PathLike[str], before: dict[str, Any], settings: dict[str, Any]) -> None:
    if changed := differences(before, settings):
        raise CheckpointError(
            f"{path}: the checkpoint is of a run with other settings ({'; '.join(changed)}). "
            "Resume with the same ones, or pass --force instead of --resume to train from the start."
        )


def differences(settings: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What differs between a checkpoint's settings and other ones, in words.

    >>> differences({"frame": 256, "seed": 0}, {"frame": 512, "seed": 0, "tied": True})
    ['frame: 256 in the checkpoint, 512 now', 'tied: absent in the checkpoint, true now']
    """
    before, now = _flat(_encoded(settings, None, "")), _flat(_encoded(other, None, ""))
    return [
        f"{key}: {before.get(key, 'absent')} in the checkpoint, {now.get(key, 'absent')} now"
        for key in [*before, *(key for key in now if key not in before)]
        if before.get(key) != now.get(key)
    ]


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Settings with dotted names, each value as text."""
    flat: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, dict) and value and _FLOAT not in value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value[_FLOAT] if isinstance(value, dict) and value else json.dumps(value)
    return flat


def _encoded(value: Any, tensors: Tensors | None, name: str) -> Any:
    """A value as JSON can hold it; arrays go to `tensors` under their place in it."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {_FLOAT: repr(value)}
    if isinstance(value, dict):
        if any(not isinstance(key, str) or key.startswith("$") for key in value):
            raise TypeError(f"checkpoint: {name or 'state'} has a key that is no string or begins with $.")
        return {key: _encoded(inner, tensors, f"{name}/{key}" if name else key) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encoded(inner, tensors, f"{name}/{index}") for index, inner in enumerate(value)]
    if isinstance(value, np.ndarray) and tensors is not None:
        tensors[name] = np.array(value, order="C")
        return {_ARRAY: name}
    raise TypeError(f"checkpoint: {name} is {type(value).__name__}, which cannot be saved.")


def _decoded(value: Any, tensors: Tensors) -> Any:
    if isinstance(value, list):
        return [_decoded(inner, tensors) for inner in value]
    if not isinstance(value, dict):
        return value
    if _FLOAT in value:
        return float(value[_FLOAT])
    if _ARRAY in value:
        return tensors[value[_ARRAY]]
    return {key: _decoded(inner, tensors) for key, inner in value.items()}


def _digest(tensors: Tensors, texts: dict[str, str]) -> str:
    digest = hashlib.sha256()
    for key in ("version", "state", "settings"):
        digest.update(f"{key} {texts.get(key)}\n".encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
