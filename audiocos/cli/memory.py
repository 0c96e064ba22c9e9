"""What `audiocos train` says when memory runs out, or could only run out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from audiocos.errors import TrainingError
from audiocos.training.settings import TrainingConfig


def check_memory(config: TrainingConfig, there: int | None = None) -> None:
    """Refuse what this machine's memory cannot hold, before any sound is heard.

    Args:
        config: decided.
        there: bytes of memory; this machine's when None.

    Raises:
        TrainingError: the equations of M coefficients or a second moment are larger than that.
    """
    there = _installed() if there is None else there
    if there is not None and max(_moment(config), _equations(config)) > there:
        raise _too_large(config)


@contextlib.contextmanager
def plainly(config: TrainingConfig) -> Iterator[None]:
    """Turn a MemoryError into words.

    Args:
        config: decided.

    Raises:
        TrainingError: memory ran out.
    """
    try:
        yield
    except MemoryError:
        raise _too_large(config) from None


def _too_large(config: TrainingConfig) -> TrainingError:
    if _equations(config) > _moment(config):
        return TrainingError(
            f"--coefficients {config.m}: not enough memory; the equations of so many take "
            f"{_equations(config) / 2**30:.3g} GiB, and several copies are needed. Take fewer."
        )
    return TrainingError(
        f"--frame {config.frame}: not enough memory; each second moment of such frames takes "
        f"{_moment(config) / 2**30:.3g} GiB, and several are needed. Take a smaller --frame."
    )


def _moment(config: TrainingConfig) -> int:
    """Bytes of a second moment: they grow with the square of the frame."""
    framing = config.framing()
    return 8 * (2 * framing.frame - framing.hop) ** 2


def _equations(config: TrainingConfig) -> int:
    """Bytes of what a Gauss-Newton step solves; none where no such step is taken."""
    if config.optimizer == "lbfgs" or (config.first_order and config.polish == "lbfgs"):
        return 0
    return 8 * (4 + 2 * config.m * (2 if config.phased else 1)) ** 2


def _installed() -> int | None:
    """Bytes of memory, where the system says."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
