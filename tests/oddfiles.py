"""Audio files that are odd in one chosen way, and the command line in a child process."""

import os
import struct
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
import soundfile as sf

RATE = 8000


@dataclass
class Run:
    code: int
    out: str
    err: str


def command(*arguments):
    return [sys.executable, "-m", "audiocos", *arguments]


def run(*arguments, binary_out=False, **options):
    """Run `audiocos ARGUMENTS` in a child process to its end."""
    options.setdefault("stdin", subprocess.DEVNULL if "input" not in options else None)
    if options["stdin"] is None:
        del options["stdin"]
    done = subprocess.run(command(*arguments), capture_output=True, timeout=60, **options)
    out = done.stdout if binary_out else done.stdout.decode()
    return Run(done.returncode, out, done.stderr.decode())


def poll(condition, seconds=30.0):
    """Wait until `condition()` is true and give its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
    return value


def leftovers(folder):
    """Names of temporary files below a folder."""
    return [name for _, _, names in os.walk(folder) for name in names if name.endswith(".part")]


def noise(frames=4000, channels=1, bits=16):
    """Samples `[frames, channels]` on the grid of so many bits, as int32 with the value in the top bits."""
    top = 2 ** (bits - 1)
    values = np.random.default_rng(0).integers(-top, top, (frames, channels), dtype=np.int64)
    return (values << (32 - bits)).astype(np.int32)


def sound(path, frames=4000, channels=1, subtype=None, format=None, rate=RATE):
    """Write an ordinary file and give its path."""
    samples = noise(frames, channels) / 2**31 * 0.5
    sf.write(path, samples, rate, subtype=subtype, format=format)
    return path


def floats(path, samples, subtype="FLOAT"):
    """Write samples, however odd, into a float WAV."""
    sf.write(path, np.asarray(samples, "float64"), RATE, subtype=subtype)
    return path


def wav(path, data=b"", *, claimed=None, channels=1, bits=16, valid_bits=None):
    """Write a WAV by hand: `claimed` bytes of sound in the header; with `valid_bits` a WAVEX."""
    claimed = len(data) if claimed is None else claimed
    block = channels * bits // 8
    tag = 1 if valid_bits is None else 0xFFFE
    form = struct.pack("<HHIIHH", tag, channels, RATE, RATE * block, block, bits)
    if valid_bits is not None:
        guid = bytes.fromhex("0100000000001000800000aa00389b71")
        form += struct.pack("<HHI", 22, valid_bits, 0) + guid
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", claimed) + data
    riff = min(len(body) - len(data) + claimed, 2**32 - 1)
    path.write_bytes(b"RIFF" + struct.pack("<I", riff) + body)
    return path


def cut(path, keep):
    """Keep the first `keep` bytes, or that share of them when it is below 1."""
    size = path.stat().st_size
    os.truncate(path, keep if keep >= 1 else int(size * keep))
    return path


def forget_length(path):
    """Make a FLAC look like one whose writer was killed: 0 samples in its STREAMINFO."""
    content = bytearray(path.read_bytes())
    assert content[:4] == b"fLaC"
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    return path


def garble(path, start=0.5, count=200):
    """Overwrite bytes in the middle."""
    content = bytearray(path.read_bytes())
    at = int(len(content) * start)
    content[at : at + count] = bytes(255 - byte for byte in content[at : at + count])
    path.write_bytes(content)
    return path
