"""Plain copies of an audio file with soundfile; `python -m benchmarks.copying IN OUT` is one as a process."""

import sys

import numpy as np
import soundfile

BLOCK = 2**16  # frames; 2^12 takes longer, 2^20 no less


def copy(source: str, target: str, dtype: str) -> None:
    """Block by block, by way of samples of a dtype; of the file's own, they are only moved."""
    with (
        soundfile.SoundFile(source) as reader,
        soundfile.SoundFile(target, "w", reader.samplerate, reader.channels, reader.subtype) as writer,
    ):
        buffer = np.empty((BLOCK, reader.channels), dtype)
        while len(block := reader.read(out=buffer)):
            writer.write(block)


def copy_whole(source: str, target: str) -> None:
    """All at once, by way of float32."""
    samples, rate = soundfile.read(source, dtype="float32")
    soundfile.write(target, samples, rate, subtype="PCM_16")


if __name__ == "__main__":
    copy(sys.argv[1], sys.argv[2], "float32")
