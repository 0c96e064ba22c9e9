"""`audiocos evaluate`: models on files, side by side."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from contextlib import closing
from dataclasses import asdict
from typing import Any

import click

from audiocos.audio.lists import LIST_IN_LIST, entries, is_list
from audiocos.audio.names import shown
from audiocos.audio.reconstruct import Settings
from audiocos.audio.tasks import find
from audiocos.cli.console import (
    FileProgress,
    check_device,
    file_size,
    length_text,
    level_text,
    print_json,
    print_table,
    snr_text,
)
from audiocos.cli.main import say
from audiocos.cli.options import computing_on, file_options, jobs_here, say_copies, say_links, say_warnings
from audiocos.counting import counted
from audiocos.errors import AudiocosError, UsageError
from audiocos.metrics import Figures
from audiocos.model import Model, load
from audiocos.normal import QUANTILES
from audiocos.ranks import Ranks
from audiocos.training.corpus import digest_of
from audiocos.training.judge import Judged, References, Verdict, judge, references, second_moment
from audiocos.training.statistics import Moment
from audiocos.training.yardsticks import LARGEST_HOP

_FIGURES = [("SNR", "right"), ("segmental SNR", "right"), ("LSD", "right"), ("peak error", "right")]
_REFERENCES = {
    "first_dct_db": "first DCT",
    "best_dct_db": "best DCT",
    "first_mdct_db": "first MDCT",
    "best_mdct_db": "best MDCT",
    "klt_db": "KLT of these files",
}
_FITTED = "first and best M of each hop; the best, and the KLT, are fitted on these very files, unlike those of train"
_EXACT = "exact where M is the hop or more"


@click.command(
    "evaluate",
    epilog="""\b
Examples:
  audiocos evaluate recordings/ -m lapped-quarter        each file and all together
  audiocos evaluate heldout/ -m ./mine -m lapped-quarter two models side by side
  audiocos evaluate 'takes/*.wav' -m ./mine --json       for a script
  audiocos evaluate music/ -m ./mine --resample          files of other rates too

Exit code: 0 all done, 1 some file failed, 2 wrong usage.""",
)
@click.argument("inputs", nargs=-1, required=True, metavar="FOLDER...")
@click.option("-m", "--model", "names", multiple=True, required=True, help="Catalogue name or folder; repeatable.")
@file_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file and model, then one a model in total.")
@click.pass_context
def command(
    context: click.Context,
    inputs: tuple[str, ...],
    names: tuple[str, ...],
    resample: bool,
    sanitize: bool,
    strict: bool,
    dtype: str | None,
    device: str,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Compare models on files: what each loses, file by file.

    FOLDER is searched below; a file, a quoted pattern or a text file that lists recordings will do too. Files with the
    same bytes count once. The figures are those of reconstruct.
    Those of all files together stand beside what the DCT, the MDCT and the KLT keep at the same hop and number
    of coefficients.
    """
    check_device(device)
    if "-" in inputs:
        raise UsageError("-: files are read more than once, a pipe cannot be. Save it to a file first.")
    models = {name: load(name) for name in dict.fromkeys(names)}
    ranks = Ranks(device)
    nested: list[str] = []
    paths, missing = find(tuple(path for text in inputs for path in _listed(text, nested)))
    paths, copies = ranks.lead(lambda: _each_once(paths))
    if ranks.leads:
        say_links(missing.links)
        say_copies(copies)
    evaluation = _Evaluation(paths, as_json, ranks)
    for path in nested if ranks.leads else []:
        evaluation.fail(f"{shown(path)}: {LIST_IN_LIST}")
    for _, reason in missing.failures if ranks.leads else []:
        evaluation.fail(reason)
    for name, model in models.items():
        settings = Settings(computing_on(device, model), dtype, None, strict, sanitize, resample)
        unique = sum(other.name == model.name for other in models.values()) == 1
        evaluation.run(model.name if unique else name, model, settings, jobs_here(jobs, ranks))
    evaluation.finish()
    ranks.close()
    context.exit(1 if evaluation.failures else 0)


def _listed(text: str, nested: list[str]) -> list[str]:
    """What an input stands for; lists in it go to `nested`."""
    if not is_list(text):
        return [text]
    found = list(entries(text))
    if not found:
        raise AudiocosError(f"{shown(text)}: lists no files. Write one path a line.")
    nested += (path for path in found if is_list(path))
    return [path for path in found if path not in nested]


def _each_once(paths: list[str]) -> tuple[list[str], int]:
    """The files without those that have the same bytes as one before them, and how many these are."""
    sizes = Counter(file_size(path) for path in paths)
    found: dict[str, str] = {}
    for path in paths:
        key = path
        if sizes[file_size(path)] > 1 and os.path.isfile(path):
            with contextlib.suppress(OSError):  # judging will say why
                key = digest_of(path)
        found.setdefault(key, path)
    return list(found.values()), len(paths) - len(found)


class _Evaluation:
    """The files of one run under one model after another."""

    def __init__(self, paths: list[str], as_json: bool, ranks: Ranks) -> None:
        self._paths, self._as_json, self._ranks = paths, as_json, ranks
        self._moments: dict[tuple[int, tuple[str, ...]], Moment] = {}
        self._totals: list[dict[str, Any]] = []
        self._side_by_side: list[list[str]] = []
        self._notes: dict[str, None] = {}
        self.failures: dict[str, None] = {}

    def fail(self, reason: str) -> None:
        """Say so, once for all models."""
        if reason not in self.failures:
            say(f"Error: {reason}")
        self.failures[reason] = None

    def run(self, label: str, model: Model, settings: Settings, jobs: int) -> None:
        """Judge the files with one model."""
        verdict, rows = Verdict(), []
        mine = self._ranks.share(self._paths, [file_size(path) for path in self._paths])
        progress = FileProgress(mine)
        judging = closing(judge(mine, model, settings, jobs=jobs, progress=progress.update))
        with progress.shown(f"{counted(len(mine), 'file')}, {label}"), judging as outcomes:
            for outcome in outcomes:
                verdict.add(outcome)
                if not isinstance(outcome, Judged):
                    self.fail(outcome.reason)
                    continue
                say_warnings(outcome)
        verdict = self._joined(verdict)
        if not verdict.files or not self._ranks.leads:
            return
        for file in verdict.files:
            if self._as_json:
                print_json(_file_row(label, file))
            else:
                rows.append(_cells(shown(file.path), _length(file), file.sums.figures()))
        compared, note = self._references(model, verdict, settings)
        if self._as_json:
            self._totals.append(_total_row(label, model, verdict, compared, note))
            return
        total = _cells(f"all {len(rows)}", sum(map(_length, verdict.files)), verdict.figures())
        print_table(f'Model "{label}"', [("file", "left"), ("length", "right"), *_FIGURES], [*rows, total])
        size = f"{model.numbers.coefficients} / {model.framing.hop}"
        kept = asdict(compared).values() if compared else ("exact" if note == _EXACT else "-" for _ in _REFERENCES)
        self._side_by_side.append(
            [label, size, *total[2:5], *(each if isinstance(each, str) else f"{each:.2f}" for each in kept)]
        )
        self._notes[note] = None

    def _joined(self, verdict: Verdict) -> Verdict:
        """The verdict of all ranks, files in their order."""
        if self._ranks.count == 1:
            return verdict
        every = self._ranks.collect(verdict)
        order = {path: index for index, path in enumerate(self._paths)}
        files = sorted((file for one in every for file in one.files), key=lambda file: order[file.path])
        return Verdict(files, [failure for one in every for failure in one.failures])

    def finish(self) -> None:
        """The totals of all models."""
        for row in self._totals:
            print_json(row)
        if self._side_by_side:
            references = [(heading, "right") for heading in _REFERENCES.values()]
            print_table(
                "In total", [("model", "whole"), ("M / hop", "right"), *_FIGURES[:3], *references], self._side_by_side
            )
            for note in self._notes:
                print(f"DCT, MDCT and KLT: {note}.")

    def _references(self, model: Model, verdict: Verdict, settings: Settings) -> tuple[References | None, str]:
        hop, coefficients = model.framing.hop, model.numbers.coefficients
        if coefficients >= hop:
            return None, _EXACT
        if hop > LARGEST_HOP:
            return None, f"not compared: hop above {LARGEST_HOP}"
        if any(file.model_rate != file.sample_rate for file in verdict.files):
            return None, "not compared: files were resampled"
        key = hop, tuple(file.path for file in verdict.files)
        if key not in self._moments:
            progress = FileProgress(list(key[1]))
            with progress.shown("DCT, MDCT and KLT"):
                try:
                    self._moments[key] = second_moment(key[1], hop, settings, progress=progress.update)
                except AudiocosError as error:
                    self.fail(str(error))
                    return None, "not compared: a file could not be read again"
        compared = references(self._moments[key], coefficients)
        return compared, _FITTED if compared else "not compared: silence"


def _length(file: Judged) -> float:
    return file.sums.samples / file.sample_rate


def _figures_row(figures: Figures) -> dict[str, Any]:
    row = asdict(figures)
    return {"frames": row.pop("samples"), **row}


def _file_row(label: str, file: Judged) -> dict[str, Any]:
    return {
        "input": file.path,
        "model": label,
        "total": False,
        "channels": file.channels,
        "sample_rate": file.sample_rate,
        **_figures_row(file.sums.figures()),
        "sanitized_samples": file.sanitized,
        "seconds": file.seconds,
        "realtime_factor": _length(file) / file.seconds,
    }


def _total_row(label: str, model: Model, verdict: Verdict, compared: References | None, note: str) -> dict[str, Any]:
    normal = verdict.normal()
    return {
        "model": label,
        "total": True,
        "files": len(verdict.files),
        "failed_files": len(verdict.failures),
        "length_s": sum(_length(file) for file in verdict.files),
        **_figures_row(verdict.figures()),
        "coefficients": model.numbers.coefficients,
        "hop": model.framing.hop,
        **(asdict(compared) if compared else dict.fromkeys(_REFERENCES)),
        "references": note,
        "snr_a_second_db": dict(zip(map(str, QUANTILES), normal.snr_quantiles_db, strict=True)) if normal else None,
    }


def _cells(name: str, length: float, figures: Figures) -> list[str]:
    segmental = figures.segmental_snr_db
    return [
        name,
        length_text(length),
        snr_text(figures.snr_db, figures.max_abs_error),
        "-" if segmental is None else f"{segmental:.2f} dB",
        f"{figures.log_spectral_distance_db:.2f} dB",
        level_text(figures.max_abs_error),
    ]
