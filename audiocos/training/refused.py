"""Files that cannot be learned from, and how many of them are too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audiocos.counting import counted
from audiocos.errors import CorpusError

_SHOWN = 5


@dataclass(frozen=True)
class Refused:
    """A file that was left out, and why."""

    name: str
    reason: str


def listed(refused: Sequence[Refused]) -> str:
    """The first few with their reasons, on one line.

    >>> listed([Refused("a.wav", "empty."), Refused("b.wav", "not sound.")])
    'a.wav: empty; b.wav: not sound'
    """
    text = "; ".join(f"{bad.name}: {bad.reason.rstrip('.')}" for bad in refused[:_SHOWN])
    return text if len(refused) <= _SHOWN else f"{text}; and {len(refused) - _SHOWN} more"


def check_share(where: str, refused: Sequence[Refused], total: int, most: float) -> None:
    """Insist that not too many are bad.

    Args:
        where: what was searched, for the text.
        refused: files that were left out.
        total: how many files there are, bad ones included.
        most: share that may be bad.

    Raises:
        CorpusError: more are.
    """
    if len(refused) > most * total:
        raise CorpusError(
            f"{where}: {len(refused)} of {counted(total, 'file')} cannot be read, more than the share {most:g} that "
            f"may be bad ({listed(refused)}). Repair or remove them, or pass a larger --max-bad."
        )
