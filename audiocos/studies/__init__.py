"""The questions this project began with, each answered by an experiment: `audiocos study NAME`.

A study is a module here, or a folder, of the name below, with `run(setting: Setting) -> Answer`. It runs the product's
own code, says the same figures each time it is run with the same setting, and formats its sentences from them.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from audiocos.errors import AudiocosError, UsageError

if TYPE_CHECKING:
    from audiocos.studies.study import Answer, Setting

# The questions stand here so that listing them imports no study.
STUDIES = {
    "exactness": "Does the orthogonal start reconstruct?",
    "gradients": "How do the six parameter groups' gradients compare, and does balancing them help?",
    "landscape": "Why does descent stop?",
    "dft": "Can a plain linear layer learn the Fourier transform?",
    "butterfly": "Can the transform be learned with fewer parameters?",
    "inversion": "Can a signal be recovered from its representation?",
}

# What a study needs beyond the extra of the reports: a module, and how to get it.
_NEEDS = {"inversion": ("kymatio.torch", 'kymatio, and scipy below 1.17: pip install "audiocos[scattering]"')}


def check_name(name: str) -> None:
    """Refuse a study that is not there.

    Raises:
        UsageError: the text lists those there are.
    """
    if name not in STUDIES:
        given = name or '""'
        raise UsageError(f"{given}: no such study. There are {', '.join(STUDIES)}; all runs every one.")


def check_extra(name: str) -> None:
    """Refuse a study whose extra is not there.

    Args:
        name: one of `STUDIES`.

    Raises:
        AudiocosError: it is not installed, or not with what it needs; the text says how to get it.
    """
    if name not in _NEEDS:
        return
    module, remedy = _NEEDS[name]
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise AudiocosError(f"The study of {name} needs {remedy}") from error


def run(name: str, setting: Setting) -> Answer:
    """Run a study.

    Args:
        name: one of `STUDIES`.
        setting: how.

    Raises:
        AudiocosError: it needs what is not installed; the text says how to get it.
    """
    check_name(name)
    with _one_thread():
        answer: Answer = importlib.import_module(f"audiocos.studies.{name}").run(setting)
    return answer


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread: the same sums on every machine, and small products do not wait for each other."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
