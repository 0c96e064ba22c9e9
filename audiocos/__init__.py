"""audiocos: learn a pair of cosine banks from recordings and run it on sound that never ends.

Public names load on first use, so that `import audiocos` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audiocos.cosines import CosineParameters
    from audiocos.errors import AudiocosError
    from audiocos.framed import FramedAnalysis
    from audiocos.framing import Framing
    from audiocos.inversion import Inversion, invert
    from audiocos.metrics import Figures, RunningFigures, compare
    from audiocos.model import Model, load
    from audiocos.nn import Analysis, CosinePair, Synthesis
    from audiocos.stream import Stream

__version__ = "0.1.0"

_HOMES = {
    "Analysis": "nn",
    "AudiocosError": "errors",
    "CosinePair": "nn",
    "CosineParameters": "cosines",
    "Figures": "metrics",
    "FramedAnalysis": "framed",
    "Framing": "framing",
    "Inversion": "inversion",
    "Model": "model",
    "RunningFigures": "metrics",
    "Stream": "stream",
    "Synthesis": "nn",
    "compare": "metrics",
    "invert": "inversion",
    "load": "model",
}

__all__ = [
    "Analysis",
    "AudiocosError",
    "CosinePair",
    "CosineParameters",
    "Figures",
    "FramedAnalysis",
    "Framing",
    "Inversion",
    "Model",
    "RunningFigures",
    "Stream",
    "Synthesis",
    "compare",
    "invert",
    "load",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"audiocos.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'audiocos' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
