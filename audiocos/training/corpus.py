"""Which recordings a model learns from and which it is judged by, and what is wrong with the others.

Files are told apart by their bytes, not by their names: duplicates count once, and the split into training and
held-out files stays the same when the folder moves or the files are named in another order.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from audiocos.audio.formats import is_audio_name
from audiocos.audio.lists import LIST_IN_LIST, entries, is_list
from audiocos.audio.names import shown
from audiocos.audio.reader import Reader
from audiocos.audio.tasks import MARK, why_empty
from audiocos.counting import counted
from audiocos.errors import AudioFileError, CorpusError
from audiocos.training.refused import Refused, check_share, listed

CHANNELS = ("each", "mix")
HIGHEST_RATE = 1_000_000
"""Hz to which recordings can be resampled; sound cards stop at 768 kHz."""

_THREADS = 2


@dataclass(frozen=True)
class File:
    """A recording, as its header describes it.

    Args:
        path: where it is.
        size: bytes.
        digest: of the bytes (blake2b, hexadecimal).
        sample_rate: Hz.
        channels: how many.
        frames: samples a channel; None where the header does not know.
    """

    path: str
    size: int
    digest: str
    sample_rate: int
    channels: int
    frames: int | None

    @property
    def seconds(self) -> float:
        """Its length, 0 where the header does not know."""
        return (self.frames or 0) / self.sample_rate


@dataclass(frozen=True)
class Corpus:
    """Recordings to learn from and to be judged by.

    Args:
        train: files to learn from, sorted by path.
        held_out: files to judge by, sorted by path.
        sample_rate: Hz, at which all are heard; files at other rates are to be resampled.
        channels: "each" (as separate signals) or "mix" (their mean).
        refused: files that cannot be read.
        duplicates: pairs of names, a file and the one with the same bytes that is counted in its place.
        notes: what a user should know of the split.
        digest: of all files and settings; the same wherever the files lie.
        links: links to folders, which were not followed.
    """

    train: tuple[File, ...]
    held_out: tuple[File, ...]
    sample_rate: int
    channels: str
    refused: tuple[Refused, ...]
    duplicates: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    digest: str
    links: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[File, ...]:
        """Training files, then held-out ones."""
        return self.train + self.held_out

    @property
    def seconds(self) -> float:
        """The length of all files, as far as their headers know it."""
        return sum(file.seconds for file in self.files)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def drawn_again(self, seed: int) -> Corpus:
        """The same without the held-out files, which cannot be used: as many of the others are held out instead.

        Args:
            seed: of the split.
        """
        train, held_out = _drawn(self.train, min(len(self.held_out), len(self.train) - 1), seed)
        return replace(self, train=train, held_out=held_out)

    def only(self, digests: Iterable[str]) -> Corpus:
        """The same with these files alone, and the digest of all."""
        kept = set(digests)
        train, held_out = (tuple(file for file in part if file.digest in kept) for part in (self.train, self.held_out))
        return replace(self, train=train, held_out=held_out)


def gather(
    inputs: Sequence[str | Path],
    *,
    holdout: float = 0.1,
    seed: int = 0,
    sample_rate: int | None = None,
    max_bad: float = 0.1,
    channels: str = "each",
) -> Corpus:
    """Find the recordings below folders, read their headers, split them.

    Hidden files are left out, and so are outputs that `audiocos reconstruct` put beside their inputs.

    Args:
        inputs: folders (searched below), audio files, and text files of paths: one a line, relative to the text file,
            lines that begin with # are comments.
        holdout: share of the files that are held out, 0 <= holdout < 1; at least one of two or more unless 0.
        seed: of the split.
        sample_rate: Hz, to which files at other rates are to be resampled.
        max_bad: share of the files that may be unreadable.
        channels: "each" or "mix".

    Raises:
        CorpusError: nothing is there, too much of it is unreadable, rates differ and no `sample_rate` is given.
    """
    _check_settings(holdout, sample_rate, max_bad, channels)
    refused: list[Refused] = []
    links: list[str] = []
    paths: dict[str, str] = {}
    for text in inputs:
        for path in _find(os.fspath(text), refused, links):
            paths.setdefault(os.path.realpath(path), path)
    with ThreadPoolExecutor(_THREADS) as pool:
        read = list(pool.map(_describe, [paths[real] for real in sorted(paths)]))
    unique: dict[str, File] = {}
    duplicates: list[tuple[str, str]] = []
    for found in read:
        if isinstance(found, Refused):
            refused.append(found)
        elif found.digest in unique:
            duplicates.append((shown(found.path), shown(unique[found.digest].path)))
        else:
            unique[found.digest] = found
    refused = sorted(set(refused), key=lambda bad: bad.name)
    files = list(unique.values())
    _check_enough(inputs, files, refused, max_bad)
    rate = sample_rate or _common_rate(files)
    train, held_out = _split(files, holdout, seed)
    settings = f"{rate} {channels} {holdout!r} {seed}"
    digest = hashlib.blake2b("\n".join([settings, *sorted(unique)]).encode(), digest_size=16).hexdigest()
    notes = _notes(files, held_out, holdout)
    return Corpus(train, held_out, rate, channels, tuple(refused), tuple(duplicates), notes, digest, tuple(links))


def named(inputs: Iterable[str]) -> Iterator[str]:
    """Files that inputs stand for: recordings, and the lists of them. Only lists are opened.

    Raises:
        CorpusError: an input is not there, or empty.
    """
    for text in inputs:
        if is_list(text):
            yield text
        yield from _find(text, [], [])


def digest_of(path: str) -> str:
    """What tells files apart: a digest of their bytes (blake2b, hexadecimal)."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _check_settings(holdout: float, sample_rate: int | None, max_bad: float, channels: str) -> None:
    if not 0 <= holdout < 1:
        raise CorpusError(f"--holdout {holdout:g}: a share of the files, 0 or more and less than 1.")
    if not 0 <= max_bad <= 1:
        raise CorpusError(f"--max-bad {max_bad:g}: a share of the files, 0 to 1.")
    if sample_rate is not None and sample_rate < 1:
        raise CorpusError(f"--sample-rate {sample_rate}: at least 1 Hz.")
    if sample_rate is not None and sample_rate > HIGHEST_RATE:
        raise CorpusError(f"--sample-rate {sample_rate}: at most {HIGHEST_RATE} Hz. Is it in Hz?")
    if channels not in CHANNELS:
        raise CorpusError(f'--channels "{channels}": unknown; choose one of {", ".join(CHANNELS)}.')


def _find(text: str, refused: list[Refused], links: list[str]) -> Iterator[str]:
    """Paths that an input stands for."""
    if os.path.isdir(text):
        before = len(refused)
        found = list(_search(text, refused, links))
        if not found and len(refused) == before:
            raise CorpusError(f"{shown(text)}: no audio files below this folder. {why_empty(text)}")
        yield from found
    elif not os.path.lexists(text):
        raise CorpusError(f"{shown(text)}: no such file or folder. Check the path.")
    elif not is_list(text):
        yield text
    else:
        listed = list(entries(text))
        if not listed:
            raise CorpusError(f"{shown(text)}: lists no files. Write one path a line.")
        for entry in listed:
            if os.path.isdir(entry):
                yield from _search(entry, refused, links)
            elif is_list(entry):
                refused.append(Refused(shown(entry), LIST_IN_LIST))
            else:
                yield entry


def _search(folder: str, refused: list[Refused], links: list[str]) -> Iterator[str]:
    def closed(error: OSError) -> None:
        refused.append(Refused(shown(str(error.filename)), f"cannot be listed: {error.strerror}."))

    for here, folders, names in os.walk(folder, onerror=closed):
        folders[:] = sorted(name for name in folders if name[:1] != ".")
        links += (link for name in folders if os.path.islink(link := os.path.join(here, name)))
        for name in sorted(names):
            if name[:1] != "." and is_audio_name(name) and MARK not in name:
                yield os.path.join(here, name)


def _describe(path: str) -> File | Refused:
    try:
        with Reader(path) as reader:
            rate, channels, frames = reader.sample_rate, reader.channels, reader.frames
        digest, size = digest_of(path), os.stat(path).st_size
    except AudioFileError as error:
        return Refused(shown(path), str(error).removeprefix(f"{shown(path)}: "))
    except OSError as error:
        return Refused(shown(path), f"cannot be read: {error.strerror}.")
    return File(path, size, digest, rate, channels, frames)


def _check_enough(inputs: Sequence[str | Path], files: list[File], refused: list[Refused], max_bad: float) -> None:
    where = ", ".join(shown(text) for text in inputs)
    if not files and not refused:
        raise CorpusError("no input: name a folder of recordings, audio files, or a text file of paths.")
    if not files:
        text = listed(refused)
        none = "the only file cannot" if len(refused) == 1 else f"none of the {len(refused)} files can"
        raise CorpusError(f"{where}: {none} be read ({text}). Check the files.")
    check_share(where, refused, len(files) + len(refused), max_bad)


def _common_rate(files: list[File]) -> int:
    counts = Counter(file.sample_rate for file in files)
    if len(counts) == 1:
        return files[0].sample_rate
    example = {file.sample_rate: shown(file.path) for file in reversed(files)}
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(
        f"{rate} Hz ({counted(count, 'file')}, {'such as ' if count > 1 else ''}{example[rate]})"
        for rate, count in ordered
    )
    sound: Counter[int] = Counter()
    for file in files:
        sound[file.sample_rate] += file.channels * (file.frames or 0)
    # About as much sound is a tie, and then the highest rate loses least.
    most = max(counts, key=lambda rate: (float(f"{sound[rate] / rate:.2g}"), rate))
    raise CorpusError(f"mixed sample rates: {listed}. Pass --sample-rate {most} to resample the others.")


def _split(files: list[File], holdout: float, seed: int) -> tuple[tuple[File, ...], tuple[File, ...]]:
    count = round(holdout * len(files))
    if holdout > 0 and len(files) > 1:
        count = min(max(count, 1), len(files) - 1)
    return _drawn(files, count if len(files) > 1 else 0, seed)


def _drawn(files: Sequence[File], count: int, seed: int) -> tuple[tuple[File, ...], tuple[File, ...]]:
    """By lot: each file draws a number from its bytes and the seed, the smallest are held out."""
    lots = {file.digest: hashlib.blake2b(f"{seed} {file.digest}".encode()).digest() for file in files}
    drawn = set(sorted(lots, key=lots.__getitem__)[:count])
    train = tuple(file for file in files if file.digest not in drawn)
    return train, tuple(file for file in files if file.digest in drawn)


def _notes(files: list[File], held_out: tuple[File, ...], holdout: float) -> tuple[str, ...]:
    if held_out:
        return ()
    if len(files) == 1 and holdout > 0:
        return (f"{shown(files[0].path)}: the only file, so nothing is held out; figures are of the training sound.",)
    return ("nothing is held out; figures are of the training sound.",)
