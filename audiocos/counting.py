"""Numbers with their nouns."""

from __future__ import annotations


def counted(number: float, thing: str) -> str:
    """A number with its noun.

    >>> counted(1, "sample"), counted(2, "sample"), counted(1.0, "false alarm"), counted(0.1, "false alarm")
    ('1 sample', '2 samples', '1 false alarm', '0.1 false alarms')
    """
    told = f"{number:g}" if isinstance(number, float) else str(number)
    return f"{told} {thing}{'' if number == 1 else 's'}"


def are(number: int) -> str:
    """The verb to it.

    >>> f"{counted(1, 'file')} {are(1)} silent, {counted(0, 'file')} {are(0)} not"
    '1 file is silent, 0 files are not'
    """
    return "is" if number == 1 else "are"
