"""First-order learning on windows of sound: Adam or SGD in torch, with window growth and the notebook's balance.

Adam's steps do not depend on the size of a gradient, so there the balance changes nothing; it is for SGD. Rates
are in bins (1 bin = pi/N radians per sample) and mean the same at every N.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from audiocos.cosines import CosineParameters, Float64
from audiocos.errors import TrainingError
from audiocos.nn import CosinePair
from audiocos.training.growth import FIRST_TAPER, Windows
from audiocos.training.layout import Layout
from audiocos.training.products import usable_cores
from audiocos.training.settings import StochasticSettings

_GROWING = 0.6  # the share of the steps in which the window grows; with 0.4 frames of 256 stop at 57 to 84 dB
_COOLING = 1e-3  # by which the rate falls over the rest
_SPRING = 1e-2


def balance_factors(frame: int, coefficients: int) -> dict[str, float]:
    """What the notebook multiplied each group's gradient with: a1, a2, a3, a4, w, v (radians per sample)."""
    n, m = frame, coefficients
    root = math.sqrt(m * n)
    return {
        "a1": root / (m + n),
        "a2": 1 / root,
        "a3": 1.0,
        "a4": math.sqrt(2) / max(n - 1, 1),
        "w": math.sqrt(m) / (10 * n),
        "v": math.sqrt(m) / (5 * n),
    }


def parameter_groups(pair: CosinePair) -> dict[str, torch.nn.Parameter]:
    """The six groups by their names in the mathematics."""
    a, s = pair.analysis, pair.synthesis
    return {"a1": a.a1, "a2": a.a2, "a3": s.a3, "a4": s.a4, "w": a.frequencies, "v": s.frequencies}


def balance(pair: CosinePair) -> None:
    """Multiply each group's gradient by its factor, once after each backward pass."""
    factors = balance_factors(pair.frame, pair.coefficients)
    seen: set[int] = set()
    for name, parameter in parameter_groups(pair).items():
        if parameter.grad is not None and id(parameter) not in seen:  # tied: w's factor only
            parameter.grad.mul_(factors[name])
            seen.add(id(parameter))


def taper_length(step: int, steps: int, frame: int) -> float:
    """n0 of a step: from 2 to N/2 geometrically, then infinity."""
    growing = _GROWING * steps
    if step >= growing:
        return math.inf
    return float(FIRST_TAPER * max(frame / 2 / FIRST_TAPER, 1.0) ** (step / growing))


def cooling(step: int, steps: int) -> float:
    """By how much the rate has fallen: 1 while the window grows, then down to 1e-3 geometrically."""
    growing = _GROWING * steps
    return float(_COOLING ** max(0.0, (step - growing) / max(steps - growing, 1)))


class _Batches(Dataset[tuple[Tensor, Tensor]]):
    """Item `step` is the step's taper and its faded windows `[count, frame]`."""

    def __init__(self, windows: Windows, settings: StochasticSettings, frame: int) -> None:
        self._windows, self._settings, self._frame = windows, settings, frame

    def __len__(self) -> int:
        return self._settings.steps

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        n, s = self._frame, self._settings
        n0 = taper_length(step, s.steps, n) if s.growth else math.inf
        taper = np.exp(-0.5 * (np.arange(n) / n0) ** 2) if math.isfinite(n0) else np.ones(n)
        probes = self._windows.draw(taper, step)
        if probes is None:
            raise ValueError("windows: first-order learning needs batches, not an expectation.")
        dtype = getattr(torch, s.dtype)
        return torch.from_numpy(taper).to(dtype), torch.from_numpy(probes.T * np.sqrt(taper)).to(dtype)


class StochasticLearner:
    """Descend on batches of windows; call `advance` until `done`.

    Args:
        start: where to begin.
        windows: batches; the same step always gives the same one.
        settings: how.
    """

    def __init__(self, start: CosineParameters, windows: Windows, settings: StochasticSettings) -> None:
        self.layout = Layout.of(start)
        self._settings = settings
        self._device = torch.device(settings.device)
        self._pair = CosinePair.from_parameters(start).to(self._device)
        self._model: torch.nn.Module = self._pair
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            self._model = torch.nn.parallel.DistributedDataParallel(self._pair)
        self._optimizer = self._make_optimizer()
        self._batches = _Batches(windows, settings, start.frame)
        self._stream: Iterator[tuple[Tensor, Tensor]] | None = None
        self.step = 0

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self._settings.steps

    @property
    def done(self) -> bool:
        """Whether all steps are taken."""
        return self.step >= self._settings.steps

    @property
    def theta(self) -> Float64:
        """The parameters so far."""
        return self.layout.pack(self._pair.numbers())

    def advance(self) -> float:
        """Take one step; gives the loss before it, relative to the signal's energy.

        Raises:
            TrainingError: the loss is no number any more.
        """
        if self._stream is None:
            self._stream = self._load_from(self.step)
        taper, faded = (part.to(self._device) for part in next(self._stream))
        share = cooling(self.step, self._settings.steps)
        for group in self._optimizer.param_groups:
            group["lr"] = group["base"] * share
        self._optimizer.zero_grad(set_to_none=True)
        loss = self._loss(taper, faded)
        loss.backward()  # type: ignore[no-untyped-call]
        if self._settings.balance:
            balance(self._pair)
        self._optimizer.step()
        self.step += 1
        value = float(loss.detach())
        if not math.isfinite(value):
            other = "adam or " if self._settings.optimizer == "sgd" else ""
            raise TrainingError(
                f"--optimizer {self._settings.optimizer}: the numbers have run away at step {self.step}. "
                f"Use --optimizer {other}gauss-newton, or another --seed."
            )
        return value

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        inner = self._optimizer.state_dict()["state"]
        # Copies, all of them: the steps that follow write into the arrays that they are of.
        moments = {
            f"optimizer.{index}.{name}": torch.as_tensor(value).cpu().double().numpy().copy()
            for index, values in inner.items()
            for name, value in values.items()
            if value is not None
        }
        # The module's own numbers: theta is in bins, and there and back again is not always the same bits.
        numbers = {f"pair.{name}": value.cpu().numpy().copy() for name, value in self._pair.state_dict().items()}
        return {"theta": self.theta, "step": self.step, "done": self.done, **numbers, **moments}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._pair.load_state_dict(
            {key.removeprefix("pair."): torch.tensor(value) for key, value in state.items() if key.startswith("pair.")}
        )
        inner: dict[int, dict[str, Tensor]] = {}
        for key, value in state.items():
            if key.startswith("optimizer."):
                _, index, name = key.split(".", 2)
                inner.setdefault(int(index), {})[name] = torch.as_tensor(np.array(value))
        wrapped = self._optimizer.state_dict()
        self._optimizer.load_state_dict({**wrapped, "state": inner})
        self.step, self._stream = int(state["step"]), None

    def _loss(self, taper: Tensor, faded: Tensor) -> Tensor:
        root = taper.sqrt()
        error = root * (faded - self._model(faded))
        loss: Tensor = error.square().sum() / taper.square().sum()
        a, s = self._pair.analysis, self._pair.synthesis
        n0_growing = bool(taper[-1] < 1) and not self.layout.tied
        if n0_growing and float(taper[self.layout.frame // 4]) < math.exp(-0.5):  # n0 < N/4
            gap = (a.frequencies - s.frequencies) / self.layout.bin
            weight = _SPRING * taper.sum() / self.layout.coefficients / taper.square().sum()
            loss = loss.to(gap) + weight.to(gap) * gap.square().sum()  # on the CPU where the device has no float64
        return loss

    def _load_from(self, step: int) -> Iterator[tuple[Tensor, Tensor]]:
        order = range(step, self._settings.steps)
        workers = min(self._settings.workers, usable_cores())  # more would wait for each other
        loader = DataLoader(self._batches, batch_size=None, sampler=order, num_workers=workers)
        return iter(loader)

    def _make_optimizer(self) -> torch.optim.Optimizer:
        s, bin_ = self._settings, self.layout.bin
        groups: dict[str, list[torch.nn.Parameter]] = {"frequencies": [], "rest": []}
        for name, parameter in self._pair.named_parameters():
            groups["frequencies" if name.endswith("frequencies") else "rest"].append(parameter)
        # SGD's step is the rate times a slope per radian: one in bins is a step in bins after two conversions.
        per_bin = bin_ if s.optimizer == "adam" else bin_**2
        listed: list[dict[str, Any]] = [
            {"params": groups["frequencies"], "lr": s.rate_bins * per_bin, "base": s.rate_bins * per_bin},
            {"params": groups["rest"], "lr": s.rate, "base": s.rate},
        ]
        if s.optimizer == "adam":
            return torch.optim.Adam(listed, betas=(0.9, 0.99), eps=1e-12)
        if s.optimizer == "sgd":
            return torch.optim.SGD(listed)
        raise ValueError(f'optimizer: "{s.optimizer}" is unknown; choose "adam" or "sgd".')
