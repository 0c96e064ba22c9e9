"""What libsndfile's formats hold: sample types, bits, sizes, extensions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from audiocos.audio.names import shown
from audiocos.errors import AudioFileError, UsageError

Array = NDArray[Any]

_INT32 = {"PCM_24", "PCM_32", "ALAC_20", "ALAC_24", "ALAC_32", "DWVW_24"}
_FLOAT32 = {"FLOAT", "VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III"}
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "DPCM_8": 8, "DWVW_12": 12, "ALAC_20": 20, "PCM_24": 24, "ALAC_24": 24}
_BITS |= {"DWVW_24": 24, "PCM_32": 32, "ALAC_32": 32}
_MANTISSA = {"FLOAT": 24, "DOUBLE": 53}
_PCM = ["PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32"]  # from narrow to wide
_BYTES = {"PCM_S8": 1, "PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}

# Containers whose sizes are 32-bit numbers; the others have no limit that sound reaches.
_LIMITED = {"WAV", "WAVEX", "AIFF", "SVX", "VOC", "AVR", "NIST", "IRCAM", "PAF", "MAT4", "MAT5", "PVF", "XI", "WVE"}
LIMIT_BYTES = 2**32 - 2**16

# RAW has no header; SD2 keeps its header in a second file, which an open descriptor does not lead to.
FORMATS = sorted(set(sf.available_formats()) - {"RAW", "SD2"})
"""The formats that are read and written, as libsndfile names them."""

EXTENSIONS: dict[str, str] = {
    **{name.lower(): name for name in FORMATS},
    **{"aif": "AIFF", "aifc": "AIFF", "snd": "AU", "oga": "OGG", "opus": "OGG", "iff": "SVX", "sph": "NIST"},
    **{"8svx": "SVX", "sf": "IRCAM", "mat": "MAT5", "wave": "WAV", "bwf": "WAV", "mpc": "MPC2K"},
}
"""Format by extension; folders are searched for these."""

EXTENSION_SUBTYPE = {"opus": "OPUS"}
"""Extensions that name a codec, not a container."""

DEFAULT_EXTENSION = {"WAVEX": "wav", "RF64": "wav", "IRCAM": "sf", "NIST": "sph", "MAT4": "mat", "MAT5": "mat"}


def extension_of(path: str | Path) -> str:
    """The lower-case extension, without its dot."""
    return os.path.splitext(os.fspath(path))[1][1:].lower()


def format_of(path: str | Path, or_else: str = "") -> str:
    """The format that a file's name asks for.

    Args:
        path: the name.
        or_else: what helps besides another name, for the error.

    Raises:
        UsageError: its extension is none that is known; the text lists those that are.
    """
    extension = extension_of(path)
    if extension not in EXTENSIONS:
        why = "no format is known by this extension" if extension else "has no extension, which would say the format"
        raise UsageError(f"{shown(path)}: {why}. Choose one of .{', .'.join(sorted(EXTENSIONS))}{or_else}.")
    return EXTENSIONS[extension]


def is_audio_name(path: str | Path) -> bool:
    """Whether a file's name says that it holds audio that libsndfile reads."""
    return extension_of(path) in EXTENSIONS and extension_of(path) != "mat"


def native_dtype(subtype: str) -> str:
    """The numpy dtype that holds a subtype's samples without loss."""
    if subtype in _INT32:
        return "int32"
    if subtype == "DOUBLE":
        return "float64"
    return "float32" if subtype in _FLOAT32 else "int16"


def compute_dtype(subtype: str) -> str:
    """The float in which a subtype's samples survive a round trip through the exact pair."""
    return "float64" if subtype in _INT32 or subtype == "DOUBLE" else "float32"


def lossy(subtype: str, source: str) -> bool:
    """Whether writing samples of the subtype `source` as `subtype` loses more than rounding does.

    >>> lossy("VORBIS", "PCM_16"), lossy("ULAW", "ULAW"), lossy("PCM_16", "PCM_24")
    (True, False, False)
    """
    companded = subtype in ("ULAW", "ALAW") and subtype == source
    return not companded and not subtype.startswith(("PCM_", "ALAC_", "FLOAT", "DOUBLE"))


def keeps_overs(subtype: str) -> bool:
    """Whether a subtype holds samples beyond [-1, 1]."""
    return subtype in ("FLOAT", "DOUBLE")


def bytes_per_sample(subtype: str) -> int:
    """Bytes that one sample takes in a file, at most."""
    return _BYTES.get(subtype, 2)


def can_hold(format_name: str, subtype: str) -> bool:
    """Whether a container can be written with a subtype."""
    # libsndfile says yes to MP3 inside a WAV and then cannot open it.
    odd = format_name != "MP3" and subtype.startswith("MPEG_LAYER")
    return bool(sf.check_format(format_name, subtype)) and not odd


def container_for(format_name: str, subtype: str, channels: int, frames: int | None) -> str:
    """The container to open for an output of `frames` frames: RF64 in place of a WAV that could not hold them."""
    if format_name in ("WAV", "WAVEX") and not fits(format_name, subtype, channels, frames):
        return "RF64"
    return format_name


def fits(format_name: str, subtype: str, channels: int, frames: int | None) -> bool:
    """Whether a container's size fields can count that much sound."""
    size = (frames or 0) * channels * bytes_per_sample(subtype)
    return format_name not in _LIMITED or size <= LIMIT_BYTES


def to_float(block: Array, out: Array) -> None:
    """Interleaved native samples `[samples, channels]` to float `[channels, samples]` in [-1, 1]."""
    np.copyto(out, block.T)
    if block.dtype.kind == "i":
        out *= 2.0 ** (1 - 8 * block.dtype.itemsize)


def from_float(y: Array, subtype: str) -> tuple[Array, int]:
    """Float `[channels, samples]` to interleaved native samples, rounded to the subtype's bits.

    Returns:
        `[samples, channels]`, C-contiguous, and how many samples were beyond [-1, 1] and clipped.
    """
    dtype = np.dtype(native_dtype(subtype))
    if dtype.kind == "f":
        out = np.ascontiguousarray(y.T, dtype=dtype)
        if keeps_overs(subtype):
            return out, 0
        clipped = _count_beyond(out, 1.0)
        return (out.clip(-1.0, 1.0) if clipped else out), clipped
    bits = _bits(subtype)
    top = 2.0 ** (bits - 1)
    steps = y * y.dtype.type(top)
    np.rint(steps, out=steps)
    low, high = (float(steps.min()), float(steps.max())) if steps.size else (0.0, 0.0)
    clipped = 0
    if low < -top or high > top - 1:
        clipped = int(np.count_nonzero(np.abs(steps) > top))
        # The largest value below the top that the float can hold: float32 is 128 apart just below 2^31.
        np.clip(steps, -top, top - (128 if steps.dtype == np.float32 and bits > 24 else 1), out=steps)
    out = np.empty(steps.shape[::-1], dtype)
    np.copyto(out.T, steps, casting="unsafe")
    spare = 8 * dtype.itemsize - bits
    if spare:
        out <<= spare
    return out, clipped


def resolve_format(name: str) -> str:
    """A format's name as libsndfile spells it.

    Raises:
        AudioFileError: no such format.
    """
    found: str = EXTENSIONS.get(name.lower(), name.upper())
    if found not in FORMATS:
        raise AudioFileError(f'format "{name}": unknown; choose one of {", ".join(FORMATS).lower()}.')
    return found


def resolve_subtype(name: str) -> str:
    """A subtype's name as libsndfile spells it.

    Raises:
        AudioFileError: no such subtype.
    """
    found = name.upper()
    if found not in sf.available_subtypes():
        known = ", ".join(sorted(n.lower() for n in sf.available_subtypes()))
        raise AudioFileError(f'subtype "{name}": unknown; choose one of {known}.')
    return found


def subtype_in(format_name: str, subtype: str) -> str:
    """The subtype itself where the container can hold it, else the narrowest that loses nothing, else the widest."""
    floats = ["FLOAT", "DOUBLE"] if keeps_overs(subtype) else []
    bits = _MANTISSA.get(subtype) or _bits(subtype)
    enough = [name for name in _PCM if _bits(name) >= bits]
    for candidate in [subtype, *floats, *enough, *reversed(_PCM)]:
        if can_hold(format_name, candidate):
            return candidate
    return str(sf.default_subtype(format_name))


def _bits(subtype: str) -> int:
    return _BITS.get(subtype, 16)


def _count_beyond(values: Array, top: float) -> int:
    if not values.size or (values.max() <= top and values.min() >= -top):
        return 0
    return int(np.count_nonzero(np.abs(values) > top))
