"""`audiocos reconstruct`: files through a model."""

from __future__ import annotations

import contextlib
import math
import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import click

from audiocos.audio.formats import EXTENSION_SUBTYPE, resolve_format, resolve_subtype
from audiocos.audio.names import shown
from audiocos.audio.reconstruct import Result, Settings, Task, reconstruct_file
from audiocos.audio.tasks import Plan, plan
from audiocos.cli.console import (
    FileProgress,
    check_device,
    file_size,
    length_text,
    level_text,
    print_json,
    print_table,
    progress_note,
    snr_text,
)
from audiocos.cli.main import say
from audiocos.cli.options import computing_on, file_options, jobs_here, say_links
from audiocos.counting import counted
from audiocos.errors import AudiocosError, UsageError
from audiocos.model import Model, load
from audiocos.ranks import Ranks

if TYPE_CHECKING:
    from audiocos.cli.reporting import BatchReport


@click.command(
    "reconstruct",
    epilog="""\b
Examples:
  audiocos reconstruct speech.wav                      writes speech.reconstructed.wav
  audiocos reconstruct song.flac -o song.wav           another container
  audiocos reconstruct recordings/ -o out/             a whole tree
  audiocos reconstruct 'takes/*.wav' --report r.html   a page to look at and listen to
  audiocos reconstruct a.wav --model lapped-quarter --residual lost.wav
  cat a.wav | audiocos reconstruct - > b.au            a pipe

Exit code: 0 all done, 1 some file failed, 2 wrong usage.""",
)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-o", "--output", help="File for one input, folder for more; default beside the input.")
@click.option("-m", "--model", default="exact", show_default=True, help="Name in the catalogue, or a model's folder.")
@click.option("--residual", metavar="FILE", help="Also write what was lost, input minus output (folder for more).")
@click.option("--subtype", help="Sample type of the outputs, for example pcm_16 or float; default as the input's.")
@click.option("--format", "format_name", help="Container of the outputs, for example flac; default as the input's.")
@click.option("--min-snr", type=float, metavar="DB", help="A file with less counts as failed; its output is kept.")
@file_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file on stdout, and nothing else there.")
@click.option("--report", metavar="FILE.html", help="Write a page with pictures and players for each file.")
@click.option("--force", is_flag=True, help="Replace outputs that exist.")
@click.pass_context
def command(
    context: click.Context,
    inputs: tuple[str, ...],
    output: str | None,
    model: str,
    residual: str | None,
    subtype: str | None,
    format_name: str | None,
    min_snr: float | None,
    resample: bool,
    sanitize: bool,
    strict: bool,
    dtype: str | None,
    device: str,
    jobs: int | None,
    as_json: bool,
    report: str | None,
    force: bool,
) -> None:
    """Put files through a model and say what was lost.

    INPUT is a file, a folder (searched below), a quoted pattern or - for standard input. Format, sample type,
    rate, channels and tags are kept. Inputs are never changed, and outputs appear only when they are whole.
    The figures compare the input with the samples as written (before a lossy encoder's own loss).
    """
    check_device(device)
    if min_snr is not None and not math.isfinite(min_snr):
        raise UsageError(f"--min-snr {min_snr}: give a number of decibels.")
    loaded = load(model)
    try:
        chosen = resolve_format(format_name) if format_name else None
        kind = resolve_subtype(subtype) if subtype else EXTENSION_SUBTYPE.get((format_name or "").lower())
    except AudiocosError as error:
        raise UsageError(str(error)) from error
    ranks = Ranks(device)
    planned = ranks.lead(lambda: plan(inputs, output, residual, chosen, force, report))
    to_stdout = any(task.output == "-" for task in planned.tasks)
    if to_stdout and as_json:
        raise UsageError("--json and the sound cannot both go to standard output. Choose a file with -o.")
    if ranks.count > 1 and (to_stdout or report is not None):
        raise UsageError("several processes write neither to standard output nor a --report. Run one process for that.")
    page = None
    if report is not None:
        from audiocos.cli.reporting import BatchReport  # brings the report's libraries

        page = BatchReport(report, force)
    settings = Settings(
        computing_on(device, loaded), dtype, kind, strict, sanitize, resample, observe=report is not None
    )
    batch = _Batch(loaded, settings, min_snr, as_json and ranks.count == 1, page)
    if ranks.leads:
        say_links(planned.links)
        batch.fail_all(planned)
    mine = ranks.share(planned.tasks, [file_size(task.input) for task in planned.tasks])
    batch.run(mine, jobs_here(jobs, ranks))
    batch.join(ranks, planned.tasks)
    ranks.close()
    if ranks.count > 1 and as_json and ranks.leads:
        for result in batch.results:
            print_json(result.row())
    if not as_json and not to_stdout and ranks.leads:
        batch.print_table()
    if page is not None:
        with progress_note("Drawing the report"):
            page.write(loaded, batch.failures)
        say(f"Report: {shown(report or '')}")
    context.exit(1 if batch.failures else 0)


@dataclass
class _Outcome:
    result: Result | None
    failure: str | None


class _Batch:
    """The files of one run: their results and failures, in the order they were given."""

    def __init__(
        self, model: Model, settings: Settings, min_snr: float | None, as_json: bool, page: BatchReport | None
    ):
        self._model, self._settings = model, settings
        self._min_snr, self._as_json, self._page = min_snr, as_json, page
        self.results: list[Result] = []
        self.failures: list[tuple[str, str]] = []

    def fail_all(self, planned: Plan) -> None:
        for name, text in planned.failures:
            self._fail(name, text)

    def run(self, tasks: list[Task], jobs: int) -> None:
        progress = FileProgress([task.input for task in tasks])

        def work(index: int) -> _Outcome:
            try:
                result = reconstruct_file(
                    tasks[index],
                    self._model,
                    self._settings,
                    progress=lambda done, total: progress.update(index, done, total),
                )
                return _Outcome(result, None)
            except AudiocosError as error:
                return _Outcome(None, str(error))
            except MemoryError:
                return _Outcome(None, f"{shown(tasks[index].input)}: not enough memory. Try --jobs 1.")
            finally:
                progress.finish(index)

        with progress.shown(f"{len(tasks)} files" if len(tasks) != 1 else shown(os.path.basename(tasks[0].input))):
            # Always in threads: the main one only waits, so that a signal is answered at once.
            pool = ThreadPoolExecutor(jobs)
            try:
                futures: list[Future[_Outcome]] = [pool.submit(work, index) for index in range(len(tasks))]
                for task, future in zip(tasks, futures, strict=True):
                    self._take(task, _outcome(future))
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def join(self, ranks: Ranks, tasks: list[Task]) -> None:
        """Put the results of all ranks together, in the order of the tasks."""
        if ranks.count == 1:
            return
        order = {task.input: index for index, task in enumerate(tasks)}
        every = ranks.collect((self.results, self.failures))
        self.results = sorted((r for results, _ in every for r in results), key=lambda r: order[r.task.input])
        self.failures = [failure for _, failures in every for failure in failures]

    def print_table(self) -> None:
        columns = [("file", "left"), ("length", "right"), ("SNR", "right"), ("peak error", "right")]
        columns += [("clipped", "right"), ("x real time", "right")]
        rows = []
        for result in self.results:
            row, figures = result.row(), result.figures
            rows.append(
                [
                    shown(result.task.output),
                    length_text(figures.samples / result.sample_rate),
                    _snr(result),
                    level_text(figures.max_abs_error),
                    str(result.clipped) if result.clipped else "",
                    f"{row['realtime_factor']:.0f}",
                ]
            )
        if any(result.lossy for result in self.results):
            say("Figures are of the samples that went into the encoder; Vorbis, MP3, GSM and their like lose more.")
        if rows:
            print_table(f'Reconstructed with model "{self._model.name}"', columns, rows)

    def _take(self, task: Task, outcome: _Outcome) -> None:
        if outcome.result is None:
            self._fail(task.input, outcome.failure or "")
            return
        result = outcome.result
        for warning in result.warnings:
            say(f"Warning: {warning}")
        if result.sanitized:
            count = counted(result.sanitized, "sample")
            say(f"Warning: {shown(task.input)}: no sound and silent now: {count}.")
        if result.clipped:
            count = counted(result.clipped, "sample")
            say(
                f"Warning: {shown(task.output)}: beyond full scale and clipped: {count}. "
                "A .wav with --subtype float keeps them."
            )
        self.results.append(result)
        if self._page is not None:
            self._page.add(result)
        if self._as_json:
            print_json(result.row())
        if self._min_snr is not None and not _good_enough(result, self._min_snr):
            snr = snr_text(result.figures.snr_db, result.figures.max_abs_error)
            self._fail(task.input, f"{shown(task.input)}: SNR {snr}, below the {self._min_snr:g} dB of --min-snr.")

    def _fail(self, name: str, text: str) -> None:
        self.failures.append((name, text))
        say(f"Error: {text}")


def _outcome(future: Future[_Outcome]) -> _Outcome:
    """Wait for a file such that no signal is lost.

    One that comes just before a wait is seen only after it, so none is long; and a wait in Python, as
    future.result() has, can lose its own lock to a signal's exception, so it is in C.
    """
    arrived: SimpleQueue[Future[_Outcome]] = SimpleQueue()
    future.add_done_callback(arrived.put)
    while True:
        with contextlib.suppress(Empty):
            return arrived.get(timeout=0.1).result()


def _snr(result: Result) -> str:
    text = snr_text(result.figures.snr_db, result.figures.max_abs_error)
    return f"{text} before {result.subtype}" if result.lossy else text


def _good_enough(result: Result, min_snr: float) -> bool:
    figures = result.figures
    return figures.max_abs_error == 0 or (figures.snr_db is not None and figures.snr_db >= min_snr)
