"""What a file's beginning says: sizes that libsndfile's log finds wanting, and what a file is that is no audio."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CLAIMS = (
    ("bytes", re.compile(r"^\s*(?:data|Data Size)\s*: (?P<claimed>\d+) \(should be (?P<there>\d+)\)", re.MULTILINE)),
    ("bytes", re.compile(r"^ (?:BODY :|Data length) (?P<claimed>\d+) \(?should be (?P<there>\d+)", re.MULTILINE)),
    ("bytes", re.compile(r"File seems to be truncated. (?P<there>\d+) <--> (?P<claimed>\d+)")),
    ("bytes", re.compile(r"SSND : (?P<claimed>\d+) \(should be (?P<there>\d+)\)")),
    ("frames", re.compile(r"'COMM' chunk \((?P<claimed>\d+)\).*?'SSND' chunk \((?P<there>\d+)\)", re.DOTALL)),
    ("frames", re.compile(r"frame count (?P<there>\d+) does not match value from 'ds64' chunk of (?P<claimed>\d+)")),
    ("bytes", re.compile(r"^riff : (?P<claimed>\d+) \(should be (?P<there>\d+)\)", re.MULTILINE)),  # W64, not RIFF
)

_PICTURES_AND_ARCHIVES = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"PK", "a ZIP archive"),
)


@dataclass(frozen=True)
class Claim:
    """More sound than there is, by a header.

    Args:
        promised: what the header says, with its unit.
        there: how much of that there is.
    """

    promised: str
    there: str


def broken_claim(log: str) -> Claim | None:
    """What a header promises in vain, by libsndfile's log of a file that it opened; None where it keeps its word."""
    for unit, pattern in _CLAIMS:
        found = pattern.search(log)
        if found and int(found["claimed"]) > int(found["there"]):
            return Claim(f"{found['claimed']} {unit} of sound", found["there"])
    return None


def claims_nothing(log: str) -> bool:
    """Whether a WAV's header says that 0 bytes of sound follow."""
    return bool(re.search(r"^data\s*: 0\b", log, re.MULTILINE))


def ends_at_header(log: str) -> bool:
    """Whether nothing follows a header that promises sound."""
    return bool(re.search(r"\(should be 0\)", log))


def looks_like(head: bytes) -> str:
    """What a file without sound is, by its first bytes, in brackets; nothing where that is not known."""
    for magic, what in _PICTURES_AND_ARCHIVES:
        if head.startswith(magic):
            return f" (it looks like {what})"
    if head[4:8] == b"ftyp":
        return " (it looks like MP4 or M4A, which libsndfile does not read)"
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
    return " (it looks like text)" if head and printable > 0.95 * len(head) else ""
