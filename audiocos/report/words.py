"""Figures and names in words: what a page shows for a number, for none, and for a name that cannot be printed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np

MINUS = "\N{MINUS SIGN}"
MISSING = "\N{EN DASH}"


def printable(value: object) -> object:
    r"""Show what cannot be printed (line ends, undecodable bytes, direction marks) as an escape.

    >>> printable("a\nb \udcff \u202e")
    'a\\nb \\xff \\u202e'
    """
    if not isinstance(value, str) or value.isprintable():
        return value
    return type(value)("".join(c if c.isprintable() else _escape(c) for c in value))


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def number(figures: dict[str, object], key: str) -> float | None:
    """Look a figure up; None where it is missing, no number or not finite."""
    value = figures.get(key)
    if not isinstance(value, (int, float, np.integer, np.floating)) or not math.isfinite(value):
        return None
    return float(value)


def decimal(value: float | None, digits: int) -> str:
    """Write a number with so many digits after the point, or a dash for none.

    >>> decimal(1.26, 1), decimal(-0.01, 1), decimal(None, 1)
    ('1.3', '0.0', '\u2013')
    """
    if value is None:
        return MISSING
    return f"{value:z.{digits}f}".replace("-", MINUS)


def at_least(value: float, digits: int) -> str:
    """Write a lower bound: rounded down, so that it holds.

    >>> at_least(247.6, 0), at_least(-0.31, 1)
    ('247', '\u22120.4')
    """
    return _bound(value, digits, ROUND_FLOOR)


def at_most(value: float, digits: int) -> str:
    """Write an upper bound: rounded up, so that it holds.

    >>> at_most(1.84, 1), at_most(2.0, 1)
    ('1.9', '2.0')
    """
    return _bound(value, digits, ROUND_CEILING)


def _bound(value: float, digits: int, rounding: str) -> str:
    if not math.isfinite(value):
        return f"{value}".replace("-", MINUS)
    return decimal(float(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), rounding)), digits)


def span(values: Iterable[float], digits: int) -> str:
    """Write from where to where numbers reach; one number where both ends read alike.

    >>> span([3.2, 1.0, 2.7], 1), span([4.31, 4.34], 1)
    ('1.0 to 3.2', '4.3')
    """
    ends = sorted(values)
    low, high = decimal(ends[0], digits), decimal(ends[-1], digits)
    return low if low == high else f"{low} to {high}"


def scientific(value: float) -> str:
    """Write a number of any size with four digits."""
    return f"{value:.4g}".replace("-", MINUS)


def duration(seconds: float) -> str:
    """Write a length of time.

    >>> duration(0.0123), duration(9.5), duration(75), duration(3723)
    ('12.3 ms', '9.50 s', '1:15 min', '1:02:03')
    """
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds >= 0.1 or seconds == 0 else f"{1000 * seconds:.3g} ms"
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d} min"
