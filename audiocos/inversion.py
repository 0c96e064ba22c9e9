"""From a representation back to a signal: descent on the signal until its representation is the one wanted.

Any function of a signal that torch can differentiate will do: a scattering transform, magnitudes, the module of
your own. What the representation does not hold (a sign, what it averages away) stays as the start had it.
"""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeGuard, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audiocos.errors import InversionError
from audiocos.startlength import shortest

METHODS = ("bold-driver", "l-bfgs")

FASTER, SLOWER = 1.1, 0.55
"""What a step that makes the loss fall, and one that does not, do to the length of the next."""

_MEMORY = 20
_SETTLED = 1e-15
"""L-BFGS has ended where an iteration takes no more than this share of the squared loss away."""

_NO_LIMIT = int(np.iinfo(np.int32).max)  # scipy's own, 15000 evaluations, would end long runs without a word

_SEEDS = 2**64

_REAL = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_COMPLEX = (torch.complex64, torch.complex128)

Watch = Callable[[int, float, Tensor], None]


@dataclass(frozen=True, eq=False)
class Inversion:
    """What was found.

    Args:
        signal: the one of least loss, shaped as the start.
        losses: before the first iteration and after each, never rising.
        evaluations: how often representation and gradient were computed.
    """

    signal: Tensor
    losses: tuple[float, ...]
    evaluations: int


def invert(
    representation: Callable[[Tensor], Tensor],
    target: Tensor,
    start: Tensor | int | None = None,
    *,
    method: str = "bold-driver",
    iterations: int = 200,
    step: float = 100.0,
    seed: int = 0,
    watch: Watch | None = None,
) -> Inversion:
    """Find a signal whose representation is `target`; the loss is the Euclidean norm of the difference.

    "bold-driver" is descent along the gradient, the step 1.1 times as long after the loss fell and 0.55 times after
    it did not, which is then undone (Battiti 1989). "l-bfgs" (Liu and Nocedal 1989) remembers the last gradients; it
    costs little more an iteration and mostly gets further.

    Args:
        representation: a function that torch can differentiate, of a signal shaped as the start.
        target: the representation of the signal that is looked for.
        start: where to begin, or of how many samples a start of white noise (normal, deviation 1) is drawn, then
            in the target's dtype and on its device; None: of as many as the shortest signal `[samples]` has whose
            representation has the target's shape, found by trying (see `startlength.shortest`).
        method: "bold-driver" or "l-bfgs".
        iterations: at most so many; fewer where the loss is zero or cannot fall.
        step: the bold driver's first, in units of the gradient.
        seed: of the noise.
        watch: called with 0, the loss and a copy of the signal before the first iteration, and so after each.

    Shape:
        - target: `[...]`, as `representation` gives
        - start: `[...]`, as `representation` takes

    Raises:
        InversionError: an unknown method, numbers out of range, a representation that does not take the start, does
            not fit the target, is not finite, whose gradient at the start is not finite or is zero, or that torch
            cannot differentiate; no start is given, and no length gives the target's shape.

    >>> magnitudes = lambda x: torch.fft.rfft(x).abs()
    >>> wanted = magnitudes(torch.sin(torch.arange(64.0)))
    >>> found = invert(magnitudes, wanted)
    >>> bool(torch.allclose(magnitudes(found.signal), wanted, atol=0.01))
    True
    """
    if not callable(representation):
        raise InversionError(f"representation: a {type(representation).__name__}, which cannot be called.")
    _check(target, start, method, iterations, step, seed)
    with torch.inference_mode(False), torch.enable_grad():  # whatever the caller is in
        if start is None:
            start = shortest(representation, target)
        if not isinstance(start, Tensor):
            start = _noise(int(start), int(seed), target)
        descent = _Descent(representation, target.detach().clone(), watch)
        first = descent.first(start.detach().clone())
        if method == "bold-driver":
            _bold_driver(descent, first, iterations, float(step))
        else:
            _l_bfgs(descent, first, int(iterations))
    return Inversion(descent.signal, tuple(descent.losses), descent.evaluations)


class _Descent:
    """The loss and its gradient, what they cost, and the best signal so far."""

    def __init__(self, representation: Callable[[Tensor], Tensor], target: Tensor, watch: Watch | None) -> None:
        self._representation, self._target, self._watch = representation, target, watch
        self.losses: list[float] = []
        self.evaluations = 0

    def first(self, start: Tensor) -> Tensor:
        """The gradient at the start, after a look at whether there can be one."""
        try:
            shown = self._represent(start.clone().requires_grad_())
        except Exception as error:  # whatever the caller's function raises
            told = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            raise InversionError(
                f"representation: fails on the start, of shape {list(start.shape)} ({told}). "
                "Give a start of as many samples as the signal that is looked for."
            ) from error
        if not isinstance(shown, Tensor):
            raise InversionError(f"representation: gives a {type(shown).__name__}. Let it give a torch tensor.")
        if shown.layout != torch.strided or shown.device != self._target.device:
            raise InversionError(
                f"representation: gives a tensor {shown.layout} on {shown.device}, and the target is on "
                f"{self._target.device}. Let both be dense and on one device."
            )
        if shown.shape != self._target.shape:
            raise InversionError(
                f"target: shape {list(self._target.shape)}, but the start's representation has {list(shown.shape)}. "
                "Give a start of as many samples as the signal that is looked for."
            )
        if not shown.requires_grad:
            raise InversionError(
                "representation: its output does not depend on the signal in a way that torch can differentiate. "
                "Compute it with torch functions, without detach() or no_grad()."
            )
        try:
            loss, gradient = self.measure(start)
        except (RuntimeError, NotImplementedError) as error:
            told = str(error).partition("\n")[0]
            raise InversionError(f"representation: torch cannot differentiate it: {told}") from error
        if not math.isfinite(loss):
            raise InversionError("representation: it, or its gradient, is not finite at the start. Give another start.")
        if loss > 0.0 and not gradient.any():
            raise InversionError(
                "representation: its gradient is zero at the start, so that no direction leads on, as with what "
                "rounds or tells signs. Give another start, or a representation that changes with every sample."
            )
        self.keep(start, loss)
        return gradient

    def _represent(self, signal: Tensor) -> Tensor:
        return self._representation(signal.clone())  # which it may write to, as it may not to what is differentiated

    def measure(self, signal: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient; the loss is NaN where the gradient is not finite and could lead nowhere."""
        self.evaluations += 1
        signal = signal.detach().requires_grad_()
        loss = torch.linalg.vector_norm(self._represent(signal) - self._target)
        (gradient,) = torch.autograd.grad(loss, signal)
        value = float(loss.detach())
        return value if value == 0.0 or gradient.isfinite().all() else math.nan, gradient

    def keep(self, signal: Tensor, loss: float) -> None:
        """Go on from this signal; an iteration is over."""
        self.signal = signal
        self.losses.append(loss)
        if self._watch is not None:
            self._watch(len(self.losses) - 1, loss, signal.clone())


def _bold_driver(descent: _Descent, gradient: Tensor, iterations: int, step: float) -> None:
    for _ in range(iterations):
        loss = descent.losses[-1]
        if loss == 0.0 or not gradient.any():
            return
        tried = descent.signal - step * gradient
        if torch.equal(tried, descent.signal):  # the step is below the last digit
            return
        tried_loss, tried_gradient = descent.measure(tried)
        if tried_loss < loss:  # false for NaN, too
            step *= FASTER
            gradient = tried_gradient
            descent.keep(tried, tried_loss)
        else:
            step *= SLOWER
            descent.keep(descent.signal, loss)


def _l_bfgs(descent: _Descent, gradient: Tensor, iterations: int) -> None:
    """On half the squared norm, which is smooth where the norm is zero, in units of the first loss."""
    from scipy.optimize import OptimizeResult, minimize
    from threadpoolctl import threadpool_limits

    start, first = descent.signal, descent.losses[0]
    if first == 0.0 or iterations == 0:  # scipy would do one
        return
    known: list[tuple[float, Tensor]] = [(first, gradient)]
    raised: list[StopIteration] = []

    def signal_of(values: NDArray[np.float64]) -> Tensor:
        return torch.from_numpy(values).view(start.shape).to(start.device, start.dtype)

    def evaluate(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        loss, slope = known.pop() if known else descent.measure(signal_of(values))
        if loss == 0.0:
            return 0.0, np.zeros_like(values)
        loss /= first
        if not math.isfinite(loss):  # the line search takes any high number as a step too far, but not infinity
            return 10.0, np.zeros_like(values)
        return loss**2 / 2, (loss * (slope.double() / first)).flatten().cpu().numpy()

    def keep(intermediate_result: OptimizeResult) -> None:
        before = descent.losses[-1]
        loss = min(math.sqrt(2 * intermediate_result.fun) * first, before)
        try:
            descent.keep(signal_of(intermediate_result.x.copy()), loss)
        except StopIteration as error:  # scipy would take it for an end that is asked for
            raised.append(error)
            raise
        if 1 - (loss / before) ** 2 <= _SETTLED:
            raise StopIteration

    with threadpool_limits(1, user_api="blas"):  # the vectors are short: threads would wait for each other
        minimize(
            evaluate,
            start.double().flatten().cpu().numpy(),
            jac=True,
            method="L-BFGS-B",
            callback=keep,
            options={"maxcor": _MEMORY, "maxiter": iterations, "maxfun": _NO_LIMIT, "ftol": 0.0, "gtol": 0.0},
        )
    if raised:
        raise raised[0]


def _check(target: Tensor, start: Tensor | int | None, method: str, iterations: int, step: float, seed: int) -> None:
    if method not in METHODS:
        raise InversionError(f'method "{method}": unknown; choose one of {", ".join(METHODS)}.')
    if _is_whole(start):
        if int(start) < 1:
            raise InversionError(f"start: {_brief(start)} samples; give at least 1, or a signal.")
    elif start is not None and not _is_finite(start, _REAL):
        raise InversionError("start: neither a tensor of finite, real floating-point numbers nor a whole number.")
    if not _is_whole(iterations) or iterations < 0:
        raise InversionError(f"iterations {_brief(iterations)}: give 0 or more, a whole number.")
    if isinstance(step, bool) or not isinstance(step, numbers.Real) or not 0.0 < step <= sys.float_info.max:
        raise InversionError(f"step {_brief(step)}: give a finite number above 0.")
    if not _is_whole(seed) or not 0 <= seed < _SEEDS:
        raise InversionError(f"seed {_brief(seed)}: give a whole number from 0 to 2^64 - 1.")
    if not _is_finite(target, _REAL + _COMPLEX):
        raise InversionError("target: not a tensor of finite floating-point or complex numbers; see torch.from_numpy.")


def _noise(samples: int, seed: int, target: Tensor) -> Tensor:
    try:
        noise = torch.randn(samples, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        return noise.to(target.device, target.real.dtype)
    except (RuntimeError, OverflowError, MemoryError, TypeError) as error:  # torch has one of its own for each size
        raise InversionError(f"start: {_brief(samples)} samples are more than there is memory for.") from error


def _is_finite(value: object, dtypes: tuple[torch.dtype, ...]) -> bool:
    """Whether it is a tensor of finite numbers that torch computes with: not sparse, on a device, of these dtypes."""
    plain = isinstance(value, Tensor) and value.layout == torch.strided and not value.is_meta and value.dtype in dtypes
    return plain and bool(cast(Tensor, value).isfinite().all())


def _brief(number: object) -> str:
    """A number for a message, however long."""
    try:
        text = str(number)
    except ValueError:  # Python prints no whole number of thousands of digits
        text = ""
    return text if 0 < len(text) <= 40 else "of very many digits"


def _is_whole(value: object) -> TypeGuard[int]:
    """Whether it counts something: Python's and numpy's integers do, True does not."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
