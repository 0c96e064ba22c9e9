"""The engine's analysis of a whole signal as a torch module, for torch to differentiate."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from audiocos.cosines import CosineParameters
from audiocos.errors import FramingError
from audiocos.framing import Framing
from audiocos.nn import Analysis, check_floating, product


class FramedAnalysis(nn.Module):
    """A signal cut into windowed frames and analysed, as `Model.analyze` does; differentiable in the signal.

    It does not learn: the bank is fixed when it is made. `CosinePair` learns, frame by frame.

    Args:
        parameters: the pair; only the analysis side is used.
        framing: its framing, of the same frame.

    Shape:
        - input: `[..., samples]`
        - output: `[..., frames, coefficients]`, in the input's dtype; frame j begins at sample j H - (N - H)

    Raises:
        FramingError: another frame, or more coefficients than the framing can run.
        TypeError: integers, which the matrix cannot be cast to.
        ValueError: no samples' dimension.

    >>> import audiocos
    >>> model = audiocos.load("exact-overlap")
    >>> analyze = FramedAnalysis(model.parameters, model.framing)
    >>> analyze(torch.zeros(2, 1000)).shape
    torch.Size([2, 5, 512])
    """

    matrix: Tensor

    def __init__(self, parameters: CosineParameters, framing: Framing) -> None:
        super().__init__()
        if parameters.frame != framing.frame:
            raise FramingError(f"The pair's frame is {parameters.frame} samples, the framing's {framing.frame}.")
        framing.check_coefficients(parameters.coefficients)
        self.framing = framing
        matrix = Analysis(parameters).matrix().detach() * torch.from_numpy(framing.analysis_window.copy())
        self.register_buffer("matrix", matrix, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Signal to coefficients."""
        check_floating(x)
        if x.ndim == 0:
            raise ValueError("expected [..., samples], got shape [].")
        n, h, samples = self.framing.frame, self.framing.hop, x.shape[-1]
        frames = -(-(samples + n - h) // h) if samples else 0
        padded = nn.functional.pad(x, (n - h, frames * h - samples))
        hops = padded.reshape(*x.shape[:-1], frames + n // h - 1, h)
        # Sums of slices, whose gradients add up in one order on every device.
        cut = torch.stack([hops[..., part : part + frames, :] for part in range(n // h)], dim=-2)
        return product(cut.flatten(-2), self.matrix.to(x.device, x.dtype))

    def extra_repr(self) -> str:
        """Framing and coefficients."""
        return f"{self.framing}, coefficients={self.matrix.shape[0]}"
