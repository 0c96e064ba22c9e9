"""A model: pair, framing, sample rate and card; the folder it is kept in; the catalogue of shipped ones.

A model folder holds `model.safetensors` (float64 parameters), `config.json` and `README.md` (the card). Nothing
is ever unpickled, and loading is strict: what does not fit is a `ModelError` that says what and what to do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from audiocos.cosines import CosineParameters
from audiocos.errors import StreamError
from audiocos.execution import Execution, make_execution
from audiocos.framing import Framing
from audiocos.stream import Stream
from audiocos.whole import best_group, reconstruct

if TYPE_CHECKING:
    from audiocos.nn import CosinePair
    from audiocos.normal import Normal

Array = NDArray[Any]


@dataclass
class Model:
    """A pair with its framing, ready to run.

    Args:
        numbers: the pair's parameters.
        framing: its framing, of the same frame.
        name: what to call it.
        sample_rate: Hz it was made for; None fits every rate.
        description: one or two sentences for people.
        training: how it was trained, for the config and the card.
        figures: held-out figures, likewise.
        normal: what residuals look like on normal sound, for monitoring.
    """

    numbers: CosineParameters
    framing: Framing
    name: str = "model"
    sample_rate: int | None = None
    description: str = ""
    training: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    normal: Normal | None = None
    _pair: CosinePair | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def pair(self) -> CosinePair:
        """The pair as a torch module; what it learns is what the model runs on from then on."""
        if self._pair is None:
            from audiocos.nn import CosinePair

            self._pair = CosinePair.from_parameters(self.numbers)
        return self._pair

    @property
    def parameters(self) -> CosineParameters:
        """The pair's current numbers; the same object until one of them changes."""
        if self._pair is not None:
            now = self._pair.numbers()
            before = self.numbers.arrays()
            if any(not np.array_equal(array, before[name]) for name, array in now.arrays().items()):
                self.numbers = now
        return self.numbers

    @property
    def family(self) -> str:
        """Which family: "base" or "phased"."""
        return "phased" if self.numbers.phased else "base"

    def stream(
        self,
        channels: int = 1,
        *,
        dtype: DTypeLike = np.float32,
        device: str = "auto",
        group: int = 1,
        coefficients: bool = False,
    ) -> Stream:
        """A stream that runs this model; see `Stream` for the arguments."""
        return Stream(
            self.parameters,
            self.framing,
            channels=channels,
            dtype=dtype,
            device=device,
            group=group,
            coefficients=coefficients,
        )

    def reconstruct(self, x: Array, device: str = "auto") -> Array:
        """Analysis and synthesis of a whole signal: the stream fed once, on every core.

        Args:
            x: `[channels, samples]`, float32 or float64.
            device: "auto", "cpu", "cuda" or "mps".

        Returns:
            The reconstruction, time-aligned, same shape and dtype.

        Raises:
            StreamError: another shape or dtype.

        >>> import audiocos
        >>> x = np.linspace(-1, 1, 2000, dtype=np.float32)[None]
        >>> bool(np.allclose(audiocos.load("exact").reconstruct(x), x, atol=1e-5))
        True
        """
        x = _signal(x)
        if not x.shape[0]:
            return x.copy()
        return reconstruct(self.parameters, self.framing, x, device=device)

    def analyze(self, x: Array, device: str = "cpu") -> Array:
        """Coefficients of a whole signal, frames from before its first sample to past its last.

        Args:
            x: `[channels, samples]`, float32 or float64.
            device: where to compute.

        Returns:
            `[channels, frames, coefficients]`; frame j begins at sample j H - (N - H).
        """
        x = _signal(x)
        n, h = self.framing.frame, self.framing.hop
        frames = math.ceil((x.shape[1] + n - h) / h) if x.shape[1] else 0
        out = np.zeros((x.shape[0], frames, self.numbers.coefficients), x.dtype)
        if not out.size:
            return out
        execution = self._execution(x.shape[0], x.dtype, device)
        step = execution.group * h
        fresh = execution.input[:, n - h :]
        for first in range(0, frames, execution.group):
            piece = x[:, first * h : first * h + step]
            fresh[:, : piece.shape[1]] = piece
            fresh[:, piece.shape[1] :] = 0
            execution.analyze()
            count = min(execution.group, frames - first)
            out[:, first : first + count] = execution.coefficients[:, :count]
        return out

    def synthesize(self, coefficients: Array, samples: int | None = None, device: str = "cpu") -> Array:
        """The signal of coefficients laid out as `analyze` gives them.

        Args:
            coefficients: `[channels, frames, coefficients]`, float32 or float64.
            samples: length of the signal that was analysed; all that the frames reach when None.
            device: where to compute.

        Returns:
            `[channels, samples]`.

        Raises:
            StreamError: another shape or dtype, or more samples than the frames reach.
        """
        spectrum = np.asarray(coefficients)
        m = self.numbers.coefficients
        if spectrum.ndim != 3 or spectrum.shape[2] != m or spectrum.dtype not in (np.float32, np.float64):
            raise StreamError(
                f"coefficients: expected float [channels, frames, {m}], got {spectrum.dtype} {list(spectrum.shape)}."
            )
        channels, frames, _ = spectrum.shape
        n, h = self.framing.frame, self.framing.hop
        reach = max(0, frames * h - (n - h))
        if samples is not None and (not isinstance(samples, (int, np.integer)) or not 0 <= samples <= reach):
            raise StreamError(f"samples {samples}: a whole number from 0 to {reach}, as far as {frames} frames reach.")
        y = np.zeros((channels, frames * h), spectrum.dtype)
        if y.size:
            execution = self._execution(channels, spectrum.dtype, device)
            for first in range(0, frames, execution.group):
                count = min(execution.group, frames - first)
                execution.coefficients[:, :count] = spectrum[:, first : first + count]
                execution.coefficients[:, count:] = 0
                execution.synthesize()
                y[:, first * h : (first + count) * h] = execution.output[:, : count * h]
        y = y[:, n - h :]
        return y if samples is None else y[:, :samples]

    def save(self, folder: str | Path, *, force: bool = False) -> None:
        """Write the model folder: complete or not at all.

        Raises:
            ModelError: the folder exists and `force` is not given, or it cannot be written.
        """
        from audiocos.modelfolder import save

        save(replace(self, numbers=self.parameters), Path(folder), force=force)

    def _execution(self, channels: int, dtype: DTypeLike, device: str) -> Execution:
        return make_execution(
            device,
            self.parameters,
            self.framing,
            channels=channels,
            group=best_group(self.framing, channels),
            dtype=dtype,
            coefficients=True,
        )


def load(name: str | Path) -> Model:
    """A model by its name in the catalogue or by its folder's path.

    Raises:
        ModelError: no such model, or a folder that does not hold a sound one.

    >>> load("exact").framing
    Framing(kind='block', frame=512, hop=512, window='rectangular')
    """
    from audiocos.modelfolder import load as load_folder

    return load_folder(name)


def _signal(x: Array) -> Array:
    x = np.asarray(x)
    if x.ndim != 2 or x.dtype not in (np.float32, np.float64):
        raise StreamError(f"x: expected float32 or float64 [channels, samples], got {x.dtype} {list(x.shape)}.")
    return x
