"""`audiocos study`: experiments that answer the questions this project began with."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import click
from click.core import ParameterSource

from audiocos import studies
from audiocos.audio.names import shown
from audiocos.cli.console import check_device, print_table, step_bar
from audiocos.cli.main import say
from audiocos.errors import AudiocosError, UsageError
from audiocos.studies.study import Setting

ALL = "all"
SEEDS = 2**63
"""torch's generators take no larger ones, and some studies count on from the first."""

SUFFIXES = (".gif", ".html", ".json", ".png")
"""Of the files of a study. What its pictures are called is known only once it has run."""


@click.command(
    "study",
    epilog="""\b
Examples:
  audiocos study                                what there is
  audiocos study landscape                      into studies/landscape/
  audiocos study gradients -o answer --quick    a smaller run, under 20 s
  audiocos study all -o answers                 every one, and a page that links to them""",
)
@click.argument("name", required=False)
@click.option("-o", "--output", metavar="FOLDER", help="Where to write.  [default: studies/NAME; for all: studies]")
@click.option("--quick", is_flag=True, help="A smaller run: under 20 s in place of minutes.")
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where to compute."
)
@click.option(
    "--seed", type=click.IntRange(0, SEEDS - 1), default=0, show_default=True, help="Of everything that is drawn."
)
@click.option("--force", is_flag=True, help="Write into a folder that holds something; files of the same names go.")
@click.pass_context
def command(
    context: click.Context, name: str | None, output: str | None, quick: bool, device: str, seed: int, force: bool
) -> None:
    """List the studies, or run NAME: an HTML page with the answer, its pictures, a JSON of every figure."""
    if name is None:
        _refuse_options(context)
        rows = [*studies.STUDIES.items(), (ALL, "Every one of them, and a page that links to their answers.")]
        print_table("", [("study", "left"), ("question", "left")], [list(row) for row in rows])
        return
    if name != ALL:
        studies.check_name(name)
    if output == "":
        raise UsageError("-o: give the name of a folder.")
    setting = Setting(quick, device, seed)
    folder = Path(output or ("studies" if name == ALL else os.path.join("studies", name)))
    _check_extras(studies.STUDIES if name == ALL else [name], device)
    if name == ALL:
        _check_all(folder, force)
        is_shown = _run_all(folder, setting, force)
    else:
        _check_place(folder, force)
        is_shown = _run(name, folder, setting, force)
        is_shown &= _renew_index(folder, name)
    if not is_shown:
        context.exit(1)


def _refuse_options(context: click.Context) -> None:
    """Insist that nothing is asked of a study that is not named."""
    for option in context.command.params:
        given = option.name and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE
        if given and option.name != "name":
            raise UsageError(
                f"{option.opts[-1]}: for which study? There are {', '.join(studies.STUDIES)}; all runs every one."
            )


def _check_extras(names: Iterable[str], device: str) -> None:
    from audiocos.report.style import require_extra

    require_extra()
    check_device(device, "cpu")
    for name in names:
        studies.check_extra(name)


def _run_all(folder: Path, setting: Setting, force: bool) -> bool:
    """Run every study; one that fails is said, and the rest is done. Whether all could be printed, too."""
    from audiocos.studies.index import write_index

    failed: dict[str, str] = {}
    index, unlisted = None, None
    is_shown = True
    for name in studies.STUDIES:
        try:
            is_shown &= _run(name, folder / name, setting, force)
        except AudiocosError as error:
            say(f"audiocos: {name}: {error}")
            failed[name] = str(error)
        # After each: what ends the command in the middle of the next one leaves a page of those that are done.
        try:
            index, unlisted = write_index(folder, failed, replace=force or index is not None), None
        except AudiocosError as error:
            unlisted = error
    if index is not None and unlisted is None:
        is_shown &= _is_shown(lambda: print(f"All: {shown(index)}"))
    if failed:
        summary = f"{len(failed)} of {len(studies.STUDIES)} studies failed: {', '.join(failed)}."
        raise AudiocosError(f"{summary} {unlisted}" if unlisted else summary)
    if unlisted is not None:
        raise unlisted
    return is_shown


def _run(name: str, folder: Path, setting: Setting, force: bool) -> bool:
    """Run a study and write its files; whether what it found could be printed, too."""
    from audiocos.studies.page import cell_text, write_answer

    begun = time.perf_counter()
    with step_bar(name) as step:
        answer = studies.run(name, replace(setting, step=step))
    answer.timings["seconds"] = time.perf_counter() - begun
    page = write_answer(folder, name, setting, answer, replace=force)

    def show() -> None:
        table = answer.table
        print(f"{studies.STUDIES[name]}\n{answer.text}\n")
        columns = [(heading, "right" if index else "left") for index, heading in enumerate(table.columns)]
        print_table(table.caption, columns, [[cell_text(cell) for cell in row] for row in table.rows])
        print(f"Page: {shown(page)}")

    return _is_shown(show)


def _renew_index(folder: Path, name: str) -> bool:
    """Let a page of `all` beside the folder tell the new answer; whether that could be printed, too."""
    from audiocos.studies.index import renew_index

    index = renew_index(folder, name)
    return index is None or _is_shown(lambda: print(f"All: {shown(index)}"))


def _is_shown(show: Callable[[], None]) -> bool:
    """Print something at once; where standard output has gone, say so and let nothing more be printed there."""
    try:
        show()
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        say(f"audiocos: standard output: {error.strerror}. The files are written all the same.")
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return False
    return True


def _check_place(folder: Path, force: bool) -> None:
    """Fail before anything is computed."""
    _check_folder(folder, force)
    if folder.is_dir():
        for place in sorted(folder.iterdir()):
            if place.suffix in SUFFIXES:
                _check_file(place)


def _check_all(folder: Path, force: bool) -> None:
    """Fail before anything is computed, whichever place is the one that will not do."""
    from audiocos.studies.index import INDEX

    _check_folder(folder, force)
    _check_file(folder / INDEX)
    for name in studies.STUDIES:
        _check_place(folder / name, force)


def _check_folder(folder: Path, force: bool) -> None:
    from audiocos.audio.outputs import check_writable
    from audiocos.studies.files import try_writing

    if os.path.lexists(folder) and not folder.is_dir():
        what = "a file" if folder.exists() else "a link that leads nowhere"
        raise AudiocosError(f"{shown(folder)}: is {what}, and a study writes a folder. Choose another name.")
    if not force and folder.is_dir() and any(folder.iterdir()):
        raise AudiocosError(f"{shown(folder)}: exists already and is not empty. Choose another folder or pass --force.")
    check_writable(shown(folder), folder)
    try_writing(folder)


def _check_file(file: Path) -> None:
    if file.is_dir():
        raise AudiocosError(f"{shown(file)}: is a folder, and a file goes there. Choose another folder.")
