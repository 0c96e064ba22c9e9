"""What there is to say about a model, for its card (README.md) and for `audiocos models NAME`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audiocos.metrics import LOSSLESS_DB
from audiocos.normal import QUANTILES, Normal

if TYPE_CHECKING:
    from audiocos.model import Model

LARGEST_MEASURED = 4096
"""Frame, in samples: the matrices of larger ones take long to multiply."""


def facts(model: Model) -> list[tuple[str, str]]:
    """What a person wants to know of a model, as (name, value) pairs."""
    numbers, framing = model.numbers, model.framing
    count = 4 + numbers.coefficients * (1 if numbers.tied else 2) * (2 if numbers.phased else 1)
    latency = framing.latency()
    rate = model.sample_rate
    return [
        ("family", model.family + (", tied" if numbers.tied else "") + f": {count} learnable numbers"),
        ("frame", f"{numbers.frame} samples"),
        ("coefficients", f"{numbers.coefficients} a frame, {numbers.coefficients / framing.hop:.3g} a sample"),
        ("framing", f"{framing.kind}, hop {framing.hop}, window {framing.window}"),
        ("sample rate", f"{rate} Hz" if rate else "any"),
        ("latency", f"{latency} samples, {1000 * latency / (rate or 48000):.1f} ms at {rate or 48000} Hz"),
        ("exact", exactness(model)),
        *((str(name), _value(value)) for name, value in model.training.items()),
        *((str(name), _figure(value)) for name, value in model.figures.items()),
        *([] if model.normal is None else [("normal", _normal(model.normal))]),
    ]


def exactness(model: Model) -> str:
    """Whether framing and pair give back what they are fed, measured on their matrices."""
    if model.numbers.frame > LARGEST_MEASURED:
        return f"not measured (frame above {LARGEST_MEASURED})"
    off = model.framing.deviation(model.numbers)
    for bound in (1e-12, 1e-9):  # not the figure itself: its digits depend on the machine's BLAS
        if off < bound:
            return f"yes, to {bound:.0e} of full scale"
    return f"no, off by up to {off:.2g} of an impulse"


def card(model: Model) -> str:
    """The card, Markdown."""
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts(model))
    return f"""# {model.name}

{model.description or "An audiocos model."}

| | |
| --- | --- |
{rows}

Exact means: {model.framing.condition}.

```python
import audiocos

model = audiocos.load("{model.name}")
y = model.reconstruct(x)  # x: float32 or float64, [channels, samples]
```
"""


def _normal(normal: Normal) -> str:
    low, middle, high = (
        "exact" if value is None else f"{value:.1f} dB"
        for value in (normal.snr_quantiles_db[index] for index in (0, len(QUANTILES) // 2, -1))
    )
    return f"SNR a second {low} (1 %), {middle} (median), {high} (99 %), over {normal.seconds} s"


def _figure(value: object) -> str:
    return "exact" if isinstance(value, float) and value >= LOSSLESS_DB else _value(value)


def _value(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
