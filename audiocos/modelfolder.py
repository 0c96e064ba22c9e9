"""Model folders: writing one whole or not at all, reading one strictly, finding the shipped ones."""

from __future__ import annotations

import json
import os
import reprlib
import secrets
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from audiocos.atomic import remedy, sync_folder
from audiocos.cosines import CosineParameters
from audiocos.errors import FramingError, ModelError
from audiocos.framing import Framing
from audiocos.model import Model
from audiocos.modelcard import card
from audiocos.normal import Normal

VERSION = 1
TENSORS = "model.safetensors"
CONFIG = "config.json"
CARD = "README.md"
LARGEST_FRAME = 2**20
LARGEST_GAIN = 1e4  # of an amplitude or a window: products of four of them stay within float32
HIGHEST_RATE = 2**31 - 1  # what audio files can say
HIGHEST_JUDGED_RATE = 10**8  # a second there, and its residual, take 2 GB

FILES = (TENSORS, CONFIG, CARD)

_AGAIN = "Take the model from its source again."
_SAVE_ANEW = "Save the model with Model.save()."

_KEYS: dict[str, tuple[type, ...]] = {
    "version": (int,),
    "family": (str,),
    "frame": (int,),
    "coefficients": (int,),
    "tied": (bool,),
    "origin": (int, float),
    "framing": (dict,),
    "sample_rate": (int, type(None)),
    "description": (str,),
    "training": (dict,),
    "figures": (dict,),
}
_OPTIONAL: dict[str, tuple[type, ...]] = {"normal": (dict,)}

_short = reprlib.repr  # a number of 400 digits says no more than its first few


def catalogue_folder() -> Path:
    """Where the shipped models lie: beside the package in a checkout, inside it in an installed wheel."""
    package = Path(__file__).resolve().parent
    checkout = package.parent / "models"
    return checkout if (package.parent / "pyproject.toml").is_file() and checkout.is_dir() else package / "models"


def catalogue() -> list[str]:
    """Names of the shipped models, sorted."""
    folder = catalogue_folder()
    return sorted(path.parent.name for path in folder.glob(f"*/{CONFIG}"))


def load(name: str | Path) -> Model:
    """See `audiocos.load`."""
    text = os.fspath(name)
    shipped = catalogue_folder() / text
    folder = shipped if text in catalogue() else Path(text)
    if not folder.is_dir():
        if folder.exists():
            raise ModelError(f"{text}: a model is a folder with {CONFIG} and {TENSORS}; this is a file.")
        raise ModelError(f"{text}: no such model. Give a folder, or one of: {', '.join(catalogue())}.")
    config = _read_config(folder)
    tensors = _read_tensors(folder)
    try:
        return _assemble(folder.resolve().name, config, tensors)
    except (ValueError, FramingError) as error:
        raise ModelError(f"{folder}: the model does not fit together: {error}") from error


def save(model: Model, folder: Path, *, force: bool) -> None:
    """See `Model.save`."""
    folder = Path(os.path.realpath(folder))  # a link stays, and what it leads to is replaced
    if folder.exists() and not force:
        raise ModelError(f"{folder}: exists already. Choose another name or pass --force to replace it.")
    if folder.exists():
        check_replaceable(folder)
    contents = _contents(replace(model, name=folder.name))  # what loading will call it
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.part"
        fresh.mkdir()
        try:
            _write_all(contents, fresh)
            _put_in_place(fresh, folder, force=force)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written: {error.strerror}. {remedy(error)}") from error


def check_replaceable(folder: Path) -> None:
    """Replace models only: a folder with anything else in it is somebody's work."""
    if not folder.is_dir():
        raise ModelError(f"{folder}: is a file, and a model is a folder. Choose another name.")
    others = sorted(path.name for path in folder.iterdir() if path.name not in FILES)
    if others:
        raise ModelError(
            f"{folder}: holds {others[0]}, which is no part of a model, and would be lost. Choose another name."
        )
    some = sorted(path.name for path in folder.iterdir())
    if some and not is_model(folder):
        raise ModelError(
            f"{folder}: holds {some[0]} and no model ({CONFIG} and {TENSORS}), and would be lost. Choose another name."
        )


def is_model(folder: Path) -> bool:
    """Whether a folder holds what makes a model, whole or damaged."""
    return all((folder / name).is_file() for name in (CONFIG, TENSORS))


def _contents(model: Model) -> dict[str, bytes]:
    """The files of the folder by name; what could not be loaded again is an error now."""
    from safetensors.numpy import save as to_bytes

    arrays = dict(model.numbers.arrays())
    if model.framing.window == "custom":
        arrays["analysis_window"] = model.framing.analysis_window
        arrays["synthesis_window"] = model.framing.synthesis_window
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    config = _config(model)
    try:
        _check_types(config, "model")
        _assemble(model.name, config, dict(arrays))
        text = json.dumps(config, indent=2, allow_nan=False) + "\n"
    except (ValueError, TypeError, OverflowError, FramingError) as error:
        raise ModelError(f"{model.name}: the model cannot be saved, for it could not be loaded: {error}") from error
    return {TENSORS: to_bytes(arrays), CONFIG: text.encode(), CARD: card(model).encode()}


def _write_all(contents: dict[str, bytes], fresh: Path) -> None:
    for name, content in contents.items():
        with open(fresh / name, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    sync_folder(fresh)


def _put_in_place(fresh: Path, folder: Path, *, force: bool) -> None:
    """Rename; a folder that is replaced is moved aside first and comes back if the rename fails."""
    if not force or not folder.exists():
        os.rename(fresh, folder)  # refused where a folder has appeared and is not empty
    else:
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".old", dir=folder.parent))
        os.rename(folder, aside / folder.name)
        try:
            os.rename(fresh, folder)
        except OSError:
            os.rename(aside / folder.name, folder)
            raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    sync_folder(folder.parent)


def _config(model: Model) -> dict[str, Any]:
    numbers, framing = model.numbers, model.framing
    config = {
        "version": VERSION,
        "family": model.family,
        "frame": numbers.frame,
        "coefficients": numbers.coefficients,
        "tied": numbers.tied,
        "origin": numbers.origin,
        "framing": {"kind": framing.kind, "hop": framing.hop, "window": framing.window},
        "sample_rate": model.sample_rate,
        "description": model.description,
        "training": model.training,
        "figures": model.figures,
    }
    return config if model.normal is None else config | {"normal": model.normal.to_json()}


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    try:
        config = json.loads(path.read_bytes(), parse_constant=_no_constant)
    except FileNotFoundError:
        pickles = [p.name for p in folder.iterdir() if p.suffix in (".pt", ".pth", ".pkl", ".bin", ".ckpt")]
        if pickles:
            raise ModelError(
                f"{folder}: holds {pickles[0]}, a pickle, and no {CONFIG}. Pickles can run code and are never loaded. "
                f"{_SAVE_ANEW}"
            ) from None
        raise ModelError(f"{folder}: no {CONFIG}. Is it a model folder?") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}. {_AGAIN}") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: damaged, not valid JSON ({error}). {_AGAIN}") from error
    if not isinstance(config, dict):
        raise ModelError(f"{path}: damaged, not a JSON object. {_AGAIN}")
    if config.get("version") != VERSION:
        raise ModelError(
            f"{path}: version {_short(config.get('version'))} is unknown, this audiocos reads version {VERSION}. "
            "Update audiocos or save the model anew."
        )
    try:
        _check_types(config, str(path))
    except TypeError as error:
        raise ModelError(f"{error} {_AGAIN}") from None
    unknown = sorted(config.keys() - _KEYS.keys() - _OPTIONAL.keys())
    if unknown:
        raise ModelError(f'{path}: "{_short(unknown[0])[1:-1]}" is unknown in version {VERSION}. Update audiocos.')
    return config


def _check_types(config: dict[str, Any], where: str) -> None:
    for key, types in (_KEYS | _OPTIONAL).items():
        if key in _OPTIONAL and key not in config:
            continue
        if key not in config:
            raise TypeError(f'{where}: "{key}" is missing.')
        if not isinstance(config[key], types) or (isinstance(config[key], bool) and bool not in types):
            raise TypeError(f'{where}: "{key}" is {_short(config[key])}, of the wrong type.')


def _read_tensors(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    path = folder / TENSORS
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{folder}: no {TENSORS}. {_AGAIN}") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}. {_AGAIN}") from error
    if content[:1] == b"\x80" or content[:2] == b"PK":
        raise ModelError(
            f"{path}: a pickle under another name. Pickles can run code and are never loaded. {_SAVE_ANEW}"
        )
    try:
        return dict(from_bytes(content))
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"{path}: truncated or damaged ({error}). {_AGAIN}") from error


def _assemble(name: str, config: dict[str, Any], tensors: dict[str, np.ndarray[Any, Any]]) -> Model:
    frame, m, framing = config["frame"], config["coefficients"], config["framing"]
    if not 1 <= frame <= LARGEST_FRAME or not 1 <= m <= LARGEST_FRAME:
        raise ValueError(f"frame {_short(frame)}, coefficients {_short(m)}: each must be from 1 to {LARGEST_FRAME}.")
    if config["family"] not in ("base", "phased"):
        raise ValueError(f'family "{_short(config["family"])[1:-1]}": unknown; base or phased.')
    rate = config["sample_rate"]
    if rate is not None and not 1 <= rate <= HIGHEST_RATE:
        raise ValueError(f"sample_rate {_short(rate)}: must be from 1 to {HIGHEST_RATE} Hz, or null.")
    if not abs(config["origin"]) <= LARGEST_FRAME:  # false for NaN too
        raise ValueError(f"origin {_short(config['origin'])}: must be a number of samples up to {LARGEST_FRAME}.")
    for key, kind in (("kind", str), ("hop", int), ("window", str)):
        if not isinstance(framing.get(key), kind) or isinstance(framing.get(key), bool):
            raise ValueError(f'framing: "{key}" is {_short(framing.get(key))}.')
    shapes = {"amplitudes": 4, "analysis_frequencies": m, "synthesis_frequencies": m}
    if config["family"] == "phased":
        shapes |= {"analysis_phases": m, "synthesis_phases": m}
    custom = framing["window"] == "custom"
    if custom:
        shapes |= {"analysis_window": frame, "synthesis_window": frame}
    missing, extra = sorted(shapes.keys() - tensors.keys()), sorted(tensors.keys() - shapes.keys())
    if missing or extra:
        raise ValueError(f"{TENSORS} " + (f"lacks {missing[0]}." if missing else f"has an unknown tensor {extra[0]}."))
    for key, size in shapes.items():
        if tensors[key].shape != (size,) or tensors[key].dtype != np.float64:
            found = f"{tensors[key].dtype} {list(tensors[key].shape)}"
            raise ValueError(f"{key}: {found}, expected float64 [{size}].")
    for key in shapes.keys() & {"amplitudes", "analysis_window", "synthesis_window"}:
        if np.abs(tensors[key]).max() > LARGEST_GAIN:  # false for NaN, which is refused below
            raise ValueError(f"{key}: {np.abs(tensors[key]).max():g} is no gain for sound; at most {LARGEST_GAIN:g}.")
    windows = [tensors.pop(key) for key in ("analysis_window", "synthesis_window")] if custom else [None, None]
    numbers = CosineParameters(frame, m, origin=float(config["origin"]), tied=config["tied"], **tensors)
    frames = Framing(framing["kind"], frame, framing["hop"], framing["window"], *windows)
    frames.check_coefficients(m)
    return Model(
        numbers,
        frames,
        name=name,
        sample_rate=rate,
        description=config["description"],
        training=config["training"],
        figures=config["figures"],
        normal=_normal(config["normal"], rate) if "normal" in config else None,
    )


def _normal(fields: dict[str, Any], rate: int | None) -> Normal:
    """What is normal; a model that has a rate runs at that only, and cannot have learned it at another."""
    normal = Normal.from_json(fields)
    if rate is not None and normal.sample_rate != rate:
        raise ValueError(f"normal: sample_rate is {_short(normal.sample_rate)}, and the model's own is {rate}.")
    if normal.sample_rate > HIGHEST_JUDGED_RATE:
        raise ValueError(f"normal: sample_rate is {_short(normal.sample_rate)}, more than {HIGHEST_JUDGED_RATE} Hz.")
    return normal
