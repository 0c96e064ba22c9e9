"""What `audiocos train` says when memory runs out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from audiocos.errors import TrainingError
from audiocos.training.settings import TrainingConfig


@contextlib.contextmanager
def plainly(config: TrainingConfig) -> Iterator[None]:
    """Turn a MemoryError into words: what takes the memory grows with the square of the frame.

    Raises:
        TrainingError: memory ran out.
    """
    try:
        yield
    except MemoryError:
        framing = config.framing()
        size = 8 * (2 * framing.frame - framing.hop) ** 2 / 2**30
        raise TrainingError(
            f"--frame {config.frame}: not enough memory; each second moment of such frames takes {size:.2g} GiB, and "
            "several are needed. Take a smaller --frame."
        ) from None
