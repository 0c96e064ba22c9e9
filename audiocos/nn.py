"""The family of cosine banks as torch modules that learn. The mathematics is in `cosines`.

Parameters are float64 and stay so, also after `.to(torch.float32)` or `.half()`: angles w * n need it (with
float32 angles the exact pair gives 75 dB at N = 4096, with float64 angles and float32 matrices over 120 dB).
The matrices take the dtype of the input they meet. On a device without float64 (mps) the parameters stay on
the CPU and the matrices move.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from audiocos import cosines
from audiocos.cosines import CosineParameters

_LONGEST_SUM = 512


class _Bank(nn.Module):
    """What analysis and synthesis share: two amplitudes, frequencies, optional phases, sample times."""

    times: Tensor

    def __init__(self, frame: int, origin: float, frequencies: nn.Parameter, phases: nn.Parameter | None) -> None:
        super().__init__()
        self.frame = frame
        self.origin = origin
        self.frequencies = frequencies
        self.phases = phases
        self.register_buffer("times", torch.arange(frame, dtype=torch.float64) + origin, persistent=False)

    @property
    def coefficients(self) -> int:
        """M."""
        return self.frequencies.shape[0]

    def _amplitude(self, first: Tensor, rest: Tensor) -> Tensor:
        return torch.cat([first.view(1), rest.expand(self.frame - 1)])

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        """Follow a move to another device, but keep float64 (see the module's docstring)."""

        def move(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            if moved.dtype == tensor.dtype or tensor.dtype != torch.float64:
                return moved
            return tensor if moved.device.type == "mps" else tensor.to(moved.device)

        def keep_precision(tensor: Tensor) -> Tensor:
            try:
                return move(tensor)
            except TypeError:  # torch refuses to move float64 to mps
                return tensor

        return super()._apply(keep_precision, recurse)  # type: ignore[no-untyped-call, unused-ignore]

    def extra_repr(self) -> str:
        """Sizes, and what is not the default."""
        text = f"frame={self.frame}, coefficients={self.coefficients}"
        text += f", origin={self.origin:g}" if self.origin else ""
        return text + (", phased" if self.phases is not None else "")


class Analysis(_Bank):
    """The analysis bank: frames to coefficients, X = W1 x.

    Args:
        parameters: the start; only the analysis side is used.

    Shape:
        - input: `[..., frame]`
        - output: `[..., coefficients]`, in the input's dtype

    Raises:
        ValueError: another last dimension.
        TypeError: integers, which the matrices cannot be cast to.

    >>> encoder = Analysis(cosines.orthogonal(8, 4))
    >>> encoder(torch.zeros(2, 3, 8)).shape
    torch.Size([2, 3, 4])
    """

    def __init__(self, parameters: CosineParameters) -> None:
        p = parameters
        super().__init__(p.frame, p.origin, _learn(p.analysis_frequencies), _learn_optional(p.analysis_phases))
        self.a1 = _learn(p.amplitudes[0])
        self.a2 = _learn(p.amplitudes[1])

    def matrix(self) -> Tensor:
        """W1, `[coefficients, frame]`, float64."""
        bank: Tensor = cosines.cosines(torch, self.frequencies, self.phases, self.times)
        amplitude: Tensor = self._amplitude(self.a1, self.a2) / self.frame**0.5
        return bank * amplitude

    def forward(self, x: Tensor) -> Tensor:
        """Frames to coefficients."""
        _check_last(x, self.frame, "frame")
        return product(x, self.matrix().to(x.device, x.dtype))


class Synthesis(_Bank):
    """The synthesis bank: coefficients to frames, y = W2 X.

    Args:
        parameters: the start; only the synthesis side is used.

    Shape:
        - input: `[..., coefficients]`
        - output: `[..., frame]`, in the input's dtype
    """

    def __init__(self, parameters: CosineParameters) -> None:
        p = parameters
        super().__init__(p.frame, p.origin, _learn(p.synthesis_frequencies), _learn_optional(p.synthesis_phases))
        self.a3 = _learn(p.amplitudes[2])
        self.a4 = _learn(p.amplitudes[3])

    def matrix(self) -> Tensor:
        """W2, `[frame, coefficients]`, float64."""
        bank: Tensor = cosines.cosines(torch, self.frequencies, self.phases, self.times)
        amplitude: Tensor = self._amplitude(self.a3, self.a4) / self.coefficients**0.5
        return bank.mT * amplitude[:, None]

    def forward(self, coefficients: Tensor) -> Tensor:
        """Coefficients to frames."""
        _check_last(coefficients, self.coefficients, "coefficients")
        return product(coefficients, self.matrix().to(coefficients.device, coefficients.dtype))


class CosinePair(nn.Module):
    """An analysis bank and a synthesis bank that learn together.

    Args:
        frame: N, samples a frame.
        coefficients: M; N when None.
        init: "orthogonal" (exact where a pair can be) or "random" (seeded).
        seed: of the random start.
        tied: synthesis shares the analysis frequencies (and phases).
        phased: learn phases too.
        origin: time of the first sample, cos(w (n + origin)); 0 in the base family, 1/2 + H/2 lapped.

    Shape:
        - input: `[..., frame]`
        - output: `[..., frame]`

    Raises:
        ValueError: sizes below 1, or an unknown init.

    >>> pair = CosinePair(frame=16)
    >>> x = torch.linspace(-1, 1, 16, dtype=torch.float64)
    >>> torch.allclose(pair(x), x)
    True
    """

    def __init__(
        self,
        frame: int,
        coefficients: int | None = None,
        *,
        init: str = "orthogonal",
        seed: int = 0,
        tied: bool = False,
        phased: bool = False,
        origin: float = 0.0,
    ) -> None:
        super().__init__()
        if init == "orthogonal":
            start = cosines.orthogonal(frame, coefficients, tied=tied)
            start = start.with_phases() if phased else start
        elif init == "random":
            start = cosines.random(frame, coefficients, seed=seed, tied=tied, phased=phased)
        else:
            raise ValueError(f'init: "{init}" is unknown; choose "orthogonal" or "random".')
        self._build(cosines.with_origin(start, origin))

    @classmethod
    def from_parameters(cls, parameters: CosineParameters) -> CosinePair:
        """A pair that starts at given numbers."""
        pair = cls.__new__(cls)
        nn.Module.__init__(pair)
        pair._build(parameters)
        return pair

    def _build(self, start: CosineParameters) -> None:
        self.tied = start.tied
        self.analysis = Analysis(start)
        self.synthesis = Synthesis(start)
        if start.tied:
            self.synthesis.frequencies = self.analysis.frequencies
            self.synthesis.phases = self.analysis.phases

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """As torch does; besides, banks that are one here must be equal there."""
        for name in ("frequencies", "phases") if self.tied else ():
            first, second = (state_dict.get(f"{prefix}{bank}.{name}") for bank in ("analysis", "synthesis"))
            if first is not None and second is not None and not torch.equal(first, second):
                error_messages = rest[-1]
                error_messages.append(f"{prefix}*.{name}: differ between the banks, and this pair is tied.")
        super()._load_from_state_dict(state_dict, prefix, *rest)  # type: ignore[no-untyped-call, unused-ignore]

    @property
    def frame(self) -> int:
        """N, samples a frame."""
        return self.analysis.frame

    @property
    def coefficients(self) -> int:
        """M, coefficients a frame."""
        return self.analysis.coefficients

    def analyze(self, x: Tensor) -> Tensor:
        """Frames `[..., frame]` to coefficients `[..., coefficients]`."""
        result: Tensor = self.analysis(x)
        return result

    def synthesize(self, coefficients: Tensor) -> Tensor:
        """Coefficients `[..., coefficients]` to frames `[..., frame]`."""
        result: Tensor = self.synthesis(coefficients)
        return result

    def forward(self, x: Tensor) -> Tensor:
        """Frames to reconstructed frames."""
        return self.synthesize(self.analyze(x))

    def numbers(self) -> CosineParameters:
        """The parameters as numpy arrays, a copy; what the engine runs on."""
        a, s = self.analysis, self.synthesis
        return CosineParameters(
            self.frame,
            self.coefficients,
            np.array([float(value.detach()) for value in (a.a1, a.a2, s.a3, s.a4)]),
            _to_numpy(a.frequencies),
            _to_numpy(s.frequencies),
            None if a.phases is None else _to_numpy(a.phases),
            None if s.phases is None else _to_numpy(s.phases),
            origin=a.origin,
            tied=self.tied,
        )


def product(rows: Tensor, matrix: Tensor) -> Tensor:
    """Rows times the matrix transposed, in short sums: torch's over 4096 terms of a single float32 row lose 10 dB."""
    pieces = zip(torch.split(rows, _LONGEST_SUM, -1), torch.split(matrix, _LONGEST_SUM, -1), strict=True)
    products = [part @ columns.mT for part, columns in pieces]
    return torch.stack(products).sum(0) if len(products) > 1 else products[0]


def _learn(values: Any) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=torch.float64))


def _learn_optional(values: Any) -> nn.Parameter | None:
    return None if values is None else _learn(values)


def _to_numpy(tensor: Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    return tensor.detach().cpu().numpy().copy()


def check_floating(tensor: Tensor) -> None:
    """Refuse integers.

    Raises:
        TypeError: the text says what was given.
    """
    if not (tensor.is_floating_point() or tensor.is_complex()):
        raise TypeError(f"expected a floating-point tensor, got {tensor.dtype}.")


def _check_last(tensor: Tensor, size: int, name: str) -> None:
    check_floating(tensor)
    if tensor.ndim == 0 or tensor.shape[-1] != size:
        raise ValueError(f"expected [..., {name}] with {name} = {size}, got shape {list(tensor.shape)}.")
