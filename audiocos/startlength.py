"""How many samples a signal must have for its representation to be shaped as one that is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from audiocos.errors import InversionError

LONGEST = 2**24
"""Samples that are tried at most: at 44.1 kHz more than six minutes."""

_EVERY = 2**12
_LIKELY = 2**16
_VALUES = 16  # samples for each value of the target that are likely, too
_MULTIPLES, _PARTS = 64, 16

_ASK = "Give a start: a signal, or how many samples it has."


def shortest(representation: Callable[[Tensor], Tensor], target: Tensor) -> int:
    """Find the shortest signal whose representation has the target's shape, by doubling and then bisection.

    A longer signal is taken to have as many values in its representation, or more. A length at which the
    representation raises an error is taken for too short, as one below its window or filter is. Where that finds
    none, as with a representation that takes whole frames, or signals of one length only, lengths are tried that
    follow from the target's shape or are round, then every one up to 4096; the first two that are taken tell the
    distance from one length that is taken to the next.

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
    >>> shortest(torch.nn.Linear(30, 10), torch.zeros(10))
    30
    """
    trials = _Trials(representation, target)
    likely = max(_LIKELY, _VALUES * target.numel())
    found = _on_grid(trials, 0, 1, likely)
    if found is None and trials.error is not None:
        found = (
            _one_of(trials, _suggested(target, likely))
            or _one_of(trials, range(1, _EVERY + 1))
            or _on_grid(trials, 0, 1, LONGEST)
        )
    if found is None:
        raise InversionError(trials.why_none()) from trials.error
    return found


def _on_grid(trials: _Trials, origin: int, step: int, most: int) -> int | None:
    """The shortest of the lengths origin + k step, k = 1, 2, ..., that suffices; None where its shape is another.

    Beyond `most` samples it goes on only as long as they are taken.
    """
    long = 1
    while not trials.suffices(origin + long * step):
        reached = origin + long * step
        long *= 2
        if origin + long * step > (LONGEST if trials.takes(reached) else most):
            return None
    short = long // 2
    while long - short > 1:
        middle = (short + long) // 2
        short, long = (short, middle) if trials.suffices(origin + middle * step) else (middle, long)
    samples = origin + long * step
    return samples if trials.fits(samples) else None


def _one_of(trials: _Trials, lengths: Iterable[int]) -> int | None:
    """The first of rising lengths that fits, or one on the grid that the first two which are taken lie on."""
    first = None
    for samples in lengths:
        if trials.fits(samples):
            return samples
        if trials.takes(samples):
            if first is not None:
                return _on_grid(trials, first % (samples - first), samples - first, LONGEST)
            first = samples
    return None


def _suggested(target: Tensor, most: int) -> list[int]:
    """Lengths that a signal may well have: multiples and parts of the target's sizes, and round numbers."""
    sizes = {target.numel(), *target.shape}
    lengths = {size * many for size in sizes for many in range(1, _MULTIPLES + 1)}
    lengths |= {size << octaves for size in sizes for octaves in range(most.bit_length())}
    lengths |= {target.numel() // part for part in range(2, _PARTS + 1)}
    lengths |= {2 * size - 2 for size in sizes}  # of a real signal's spectrum
    lengths |= {digits * 10**zeros for digits in range(1, 100) for zeros in range(4)}
    return sorted(length for length in lengths if 1 <= length <= min(most, LONGEST))


class _Trials:
    """Lengths that were tried, and the shapes of their representations."""

    def __init__(self, representation: Callable[[Tensor], Tensor], target: Tensor) -> None:
        self._representation, self._target = representation, target
        self._shapes: dict[int, torch.Size | None] = {}
        self.error: Exception | None = None

    def takes(self, samples: int) -> bool:
        """Whether the representation takes so many samples."""
        return self._shape(samples) is not None

    def suffices(self, samples: int) -> bool:
        """Whether so many samples have as many values as the target, or more."""
        shape = self._shape(samples)
        return shape is not None and shape.numel() >= self._target.numel()

    def fits(self, samples: int) -> bool:
        """Whether so many samples have the target's shape."""
        return self._shape(samples) == self._target.shape

    def _shape(self, samples: int) -> torch.Size | None:
        """Of the representation of so many samples; None where it raises an error."""
        if samples not in self._shapes:
            self._shapes[samples] = self._try(samples)
        return self._shapes[samples]

    def _try(self, samples: int) -> torch.Size | None:
        silence = torch.zeros(samples, dtype=self._target.real.dtype, device=self._target.device)
        try:
            with torch.no_grad():
                given = self._representation(silence)
        except Exception as error:  # whatever the caller's function raises of a signal that it does not take
            self.error = error
            return None
        if not isinstance(given, Tensor):
            raise InversionError(f"representation: gives a {type(given).__name__}. Let it give a torch tensor.")
        return given.shape

    def why_none(self) -> str:
        """What to say where no length fits."""
        wanted, most = list(self._target.shape), max(self._shapes)
        taken = {samples: shape for samples, shape in self._shapes.items() if shape is not None}
        if not taken:
            told = f"{type(self.error).__name__}: {str(self.error).partition(chr(10))[0]}"
            return f"representation: takes none of the lengths that were tried, 1 to {most} samples ({told}). {_ASK}"
        enough = [samples for samples in taken if self.suffices(samples)]
        if enough:
            least = min(enough)
            return (
                f"target: shape {wanted}, but {least} samples have a representation of shape {list(taken[least])}, "
                f"and fewer have fewer values. {_ASK}"
            )
        largest = max(taken.values(), key=torch.Size.numel)
        return (
            f"target: shape {wanted}, but no signal of up to {most} samples has so many values in its representation; "
            f"the most had shape {list(largest)}. {_ASK}"
        )
