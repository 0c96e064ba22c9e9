"""How many samples a signal must have for its representation to be shaped as one that is given."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from audiocos.errors import InversionError

LONGEST = 2**24
"""Samples that are tried at most: at 44.1 kHz more than six minutes."""

_ASK = "Give a start: a signal, or how many samples it has."


def shortest(representation: Callable[[Tensor], Tensor], target: Tensor) -> int:
    """Find the shortest signal whose representation has the target's shape, by doubling and then bisection.

    A longer signal is taken to have as many values in its representation, or more. A length at which the
    representation raises an error is taken for too short, as one below its window or filter is.

    Args:
        representation: of a signal `[samples]`, in the target's dtype and on its device.
        target: whose shape is looked for.

    Returns:
        Samples, 1 to `LONGEST`.

    Raises:
        InversionError: no length that was tried gives that shape, or the representation is no tensor; the text asks
            for a start.

    >>> shortest(torch.fft.rfft, torch.zeros(33))
    64
    """
    trials = _Trials(representation, target)
    long = 1
    while not trials.suffices(long):
        long *= 2
        if long > LONGEST:
            raise InversionError(trials.why_none(long // 2)) from trials.error
    short = long // 2
    while long - short > 1:
        middle = (short + long) // 2
        short, long = (short, middle) if trials.suffices(middle) else (middle, long)
    if trials.shape != target.shape:
        raise InversionError(
            f"target: shape {list(target.shape)}, but {long} samples have a representation of shape "
            f"{list(trials.shape or ())}, and fewer have fewer values. {_ASK}"
        )
    return long


class _Trials:
    """Lengths that are tried, and what is known of the shortest that suffices."""

    def __init__(self, representation: Callable[[Tensor], Tensor], target: Tensor) -> None:
        self._representation, self._target = representation, target
        self.shape: torch.Size | None = None
        self._below: torch.Size | None = None
        self.error: Exception | None = None

    def suffices(self, samples: int) -> bool:
        """Whether so many samples have as many values as the target."""
        silence = torch.zeros(samples, dtype=self._target.real.dtype, device=self._target.device)
        try:
            with torch.no_grad():
                given = self._representation(silence)
        except Exception as error:  # whatever the caller's function raises of a signal that it does not take
            self.error = error
            return False
        if not isinstance(given, Tensor):
            raise InversionError(f"representation: gives a {type(given).__name__}. Let it give a torch tensor.")
        if given.numel() < self._target.numel():
            self._below = given.shape
            return False
        self.shape = given.shape
        return True

    def why_none(self, most: int) -> str:
        """What to say where no length sufficed."""
        if self._below is None and self.error is not None:
            told = f"{type(self.error).__name__}: {str(self.error).partition(chr(10))[0]}"
            return f"representation: takes none of the lengths that were tried, 1 to {most} samples ({told}). {_ASK}"
        return (
            f"target: shape {list(self._target.shape)}, but no signal of up to {most} samples has so many values in "
            f"its representation; the most had shape {list(self._below or ())}. {_ASK}"
        )
