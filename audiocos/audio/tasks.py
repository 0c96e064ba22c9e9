"""From what was typed to a list of tasks: which files, and where their outputs go."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from audiocos.audio.formats import DEFAULT_EXTENSION, EXTENSIONS, extension_of, format_of, is_audio_name
from audiocos.audio.names import shown
from audiocos.audio.outputs import in_the_way
from audiocos.audio.reconstruct import Task
from audiocos.errors import UsageError

MARK = ".reconstructed"
"""In the names of outputs that lie beside their inputs."""


@dataclass
class Plan:
    """Tasks, what was asked for but cannot be as (name, message) pairs, and links to folders that were not followed."""

    tasks: list[Task] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Source:
    """An input file and its place in the tree that is mirrored."""

    path: str
    place: str


def plan(
    inputs: tuple[str, ...],
    output: str | None = None,
    residual: str | None = None,
    format_name: str | None = None,
    force: bool = False,
    report: str | None = None,
) -> Plan:
    """Lay out the work.

    Args:
        inputs: files, folders (searched below), glob patterns, or "-" for standard input.
        output: a file for one input, a folder that mirrors the inputs, "-", or None for beside each input.
        residual: likewise, for x - y.
        format_name: the container of the outputs, as libsndfile names it; by extension when None.
        force: existing outputs may be replaced.
        report: another file that will be written.

    Raises:
        UsageError: words that do not go together.
    """
    for option, place in (("-o", output), ("--residual", residual), ("--report", report)):
        if place == "" or (place == "-" and option != "-o"):
            raise UsageError(f"{option}: give the name of a file or a folder.")
    result = Plan()
    sources: list[_Source] = []
    for text in dict.fromkeys(inputs):
        sources += _find(text, [output, residual], result)
    unique = {os.path.realpath(source.path) if source.path != "-" else "-": source for source in sources}
    single = len(inputs) == 1 and (inputs[0] == "-" or not (os.path.isdir(inputs[0]) or _is_pattern(inputs[0])))
    for option, place in (("-o", output), ("--residual", residual)):
        if not single and place is not None and _names_file(place):
            raise UsageError(f"{option} {shown(place)}: names a file, and several inputs need a folder. End it with /.")
    for source in unique.values():
        result.tasks.append(_task(source, output, residual, format_name, single))
    _check_report(report, result.tasks, set(unique))
    return _without_clashes(result, set(unique), force)


def find(inputs: tuple[str, ...]) -> tuple[list[str], Plan]:
    """The files that inputs name, each once, and a plan without tasks: what cannot be found, links not followed.

    Args:
        inputs: files, folders (searched below), or glob patterns.
    """
    missing = Plan()
    sources = [source for text in dict.fromkeys(inputs) for source in _find(text, [], missing)]
    return list({os.path.realpath(source.path): source.path for source in sources}.values()), missing


def _find(text: str, below: list[str | None], result: Plan) -> list[_Source]:
    if text == "-":
        return [_Source("-", "stdin.au")]
    if os.path.isdir(text):
        closed: list[OSError] = []
        outputs = [os.path.realpath(path) for path in below if path not in (None, "-")]
        found = _search(text, outputs, closed, result.links)
        for error in closed:
            name = os.fsdecode(error.filename)
            result.failures.append(
                (name, f"{shown(name)}: cannot be searched: {error.strerror}. Check its permissions.")
            )
        if not found and not closed:
            result.failures.append((text, f"{shown(text)}: no audio files in this folder. {why_empty(text)}"))
        return found
    if os.path.lexists(text):
        return [_Source(text, os.path.basename(text))]
    if _is_pattern(text):
        matches = sorted(path for path in glob.glob(text, recursive=True) if os.path.isfile(path))
        if not matches:
            result.failures.append((text, f"{shown(text)}: matches no file. Check the pattern."))
        root, fresh = _root(text), [path for path in matches if MARK not in os.path.basename(path)]
        if matches and not fresh:
            reason = f"matches only outputs of earlier runs, named *{MARK}*. Name one of them in full to take it."
            result.failures.append((text, f"{shown(text)}: {reason}"))
        return [_Source(path, os.path.relpath(path, root)) for path in fresh]
    result.failures.append((text, f"{shown(text)}: no such file or folder. Check the path."))
    return []


def _search(folder: str, outputs: list[str], closed: list[OSError], links: list[str]) -> list[_Source]:
    """Audio files below a folder, sorted; not hidden ones, nor earlier outputs.

    Args:
        folder: where to search.
        outputs: folders to leave out.
        closed: takes folders that did not open.
        links: takes links to folders, which are not followed.
    """
    found = []
    for here, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(
            name for name in folders if name[:1] != "." and os.path.realpath(os.path.join(here, name)) not in outputs
        )
        links += (link for name in folders if os.path.islink(link := os.path.join(here, name)))
        for name in sorted(files):
            if name[:1] != "." and is_audio_name(name) and MARK not in name:
                path = os.path.join(here, name)
                found.append(_Source(path, os.path.relpath(path, folder)))
    return found


def why_empty(folder: str) -> str:
    """What to do about a folder without recordings: a link to another folder, which is not followed, may be why."""
    for here, folders, _ in os.walk(folder):
        for name in sorted(folders):
            link = os.path.join(here, name)
            if name[:1] != "." and os.path.islink(link):
                return f"Links to folders, such as {shown(link)}, are not followed: name what they lead to."
    return "Check the path."


def links_text(links: Sequence[str]) -> str:
    """What a user should know of links to folders, which are not followed for they can lead round in circles.

    >>> print(links_text(["a/b"]))
    a/b: a link to a folder, not followed. Name what it leads to.
    >>> print(links_text(["a/b", "a/c"]))
    a/b: a link to a folder, not followed, and so is 1 more. Name what they lead to.
    """
    first, more = shown(links[0]), len(links) - 1
    if not more:
        return f"{first}: a link to a folder, not followed. Name what it leads to."
    others = "so is 1 more" if more == 1 else f"so are {more} more"
    return f"{first}: a link to a folder, not followed, and {others}. Name what they lead to."


def _task(source: _Source, output: str | None, residual: str | None, format_name: str | None, single: bool) -> Task:
    path, chosen = _output(source, output, format_name, single)
    task = Task(source.path, path, chosen)
    if residual is None:
        return task
    if single and not _is_folder(residual):
        return replace(task, residual=residual, residual_format=_format_of(residual))
    name = os.path.splitext(source.place)[0] + ".wav"
    return replace(task, residual=os.path.join(residual, name))


def _output(source: _Source, output: str | None, format_name: str | None, single: bool) -> tuple[str, str | None]:
    """The output's path and its container, None to keep the input's."""
    if output == "-" or (output is None and source.path == "-"):
        return "-", format_name or "AU"
    ending = os.path.splitext(source.place)[1]
    if format_name:
        ending = "." + DEFAULT_EXTENSION.get(format_name, format_name.lower())
    if output is not None and single and not _is_folder(output):
        same = extension_of(output) == extension_of(source.place)
        return output, format_name or (None if same else _format_of(output))
    stem = os.path.splitext(source.place)[0]
    if output is None:
        beside = Path(source.path)
        return str(beside.with_name(f"{os.path.basename(stem)}{MARK}{ending}")), format_name
    return os.path.join(output, f"{stem}{ending}"), format_name


def _is_folder(path: str) -> bool:
    named = path.endswith(("/", os.sep)) or (not extension_of(path) and not os.path.lexists(path))
    return named or os.path.isdir(path)


def _names_file(path: str) -> bool:
    return path == "-" or os.path.isfile(path) or (extension_of(path) in EXTENSIONS and not _is_folder(path))


def _is_pattern(text: str) -> bool:
    return glob.has_magic(text) and not os.path.lexists(text)


def _format_of(path: str) -> str:
    return format_of(path, ", or pass --format")


def _root(pattern: str) -> str:
    """The folder below which a pattern begins to match: what lies above it is not mirrored."""
    parts = Path(pattern).parts
    magic = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return str(Path(*parts[:magic])) if magic else "."


def _check_report(report: str | None, tasks: list[Task], inputs: set[str]) -> None:
    """Refuse a report that would write over a recording."""
    if report is None:
        return
    if os.path.realpath(report) in inputs or any(_same(report, source) for source in inputs):
        raise UsageError(
            f"--report {shown(report)}: is an input, and inputs are never overwritten. Choose another name."
        )
    outputs = {os.path.realpath(path) for task in tasks for path in (task.output, task.residual) if path}
    if os.path.realpath(report) in outputs:
        raise UsageError(f"--report {shown(report)}: is an output, too. Choose another name.")


def _without_clashes(planned: Plan, inputs: set[str], force: bool) -> Plan:
    """Leave out tasks that would write over an input, over each other, or over what is there."""
    taken: dict[str, str] = {}
    kept = Plan(failures=planned.failures, links=planned.links)
    for task in planned.tasks:
        reason = None
        for path in (task.output, task.residual):
            if path is None or path == "-":
                continue
            real = os.path.realpath(path)
            if real in inputs or any(_same(path, source) for source in inputs):
                reason = f"{shown(path)}: is an input, and inputs are never overwritten. Choose another place with -o."
            elif real in taken:
                reason = f"{shown(path)}: is already the output of {shown(taken[real])}. Run it alone with another -o."
            elif (why := in_the_way(path, force=force, option="-o")) is not None:
                reason = f"{shown(path)}: {why}"
            taken.setdefault(real, task.input)
        if reason is None:
            kept.tasks.append(replace(task, force=force))
        else:
            kept.failures.append((task.input, reason))
    return kept


def _same(path: str, source: str) -> bool:
    """Whether two names are one file, hard links included."""
    try:
        return source != "-" and os.path.samefile(path, source)
    except OSError:
        return False
