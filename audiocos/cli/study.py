"""`audiocos study`: experiments that answer the questions this project began with."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import click

from audiocos import studies
from audiocos.audio.names import shown
from audiocos.cli.console import check_device, print_table, step_bar
from audiocos.cli.main import say
from audiocos.errors import AudiocosError
from audiocos.studies.study import Setting

ALL = "all"


@dataclass(frozen=True)
class _Request:
    quick: bool
    device: str
    seed: int
    force: bool


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
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of everything that is drawn.")
@click.option("--force", is_flag=True, help="Write into a folder that holds something; files of the same names go.")
def command(name: str | None, output: str | None, quick: bool, device: str, seed: int, force: bool) -> None:
    """List the studies, or run NAME: an HTML page with the answer, its pictures, a JSON of every figure."""
    if name is None:
        print_table("", [("study", "left"), ("question", "left")], [[n, q] for n, q in studies.STUDIES.items()])
        return
    request = _Request(quick, device, seed, force)
    if name != ALL:
        studies.check_name(name)
        _check(device)
        _run(name, Path(output or os.path.join("studies", name)), request)
        return
    _check(device)
    _run_all(Path(output or "studies"), request)


def _check(device: str) -> None:
    from audiocos.report.style import require_extra

    require_extra()
    check_device(device)


def _run_all(folder: Path, request: _Request) -> None:
    """Run every study; one that fails is said, and the rest is done."""
    from audiocos.studies.page import write_index

    failed = []
    for name in studies.STUDIES:
        try:
            _run(name, folder / name, request)
        except AudiocosError as error:
            say(f"audiocos: {name}: {error}")
            failed.append(name)
    index = write_index(folder)
    if index is not None:
        print(f"All: {shown(str(index))}")
    if failed:
        raise AudiocosError(f"{len(failed)} of {len(studies.STUDIES)} studies failed: {', '.join(failed)}.")


def _run(name: str, folder: Path, request: _Request) -> None:
    _check_place(folder, request.force)
    from audiocos.studies.page import cell_text, write_answer

    begun = time.perf_counter()
    with step_bar(name) as step:
        setting = Setting(request.quick, request.device, request.seed, step)
        answer = studies.run(name, setting)
    answer.timings["seconds"] = time.perf_counter() - begun
    page = write_answer(folder, name, setting, answer)
    table = answer.table
    print(f"{studies.STUDIES[name]}\n{answer.text}\n")
    columns = [(heading, "right" if index else "left") for index, heading in enumerate(table.columns)]
    print_table(table.caption, columns, [[cell_text(cell) for cell in row] for row in table.rows])
    print(f"Page: {shown(str(page))}")


def _check_place(folder: Path, force: bool) -> None:
    """Fail before anything is computed."""
    from audiocos.cli.places import check_writable

    name = shown(str(folder))
    if folder.is_dir():
        if any(folder.iterdir()) and not force:
            raise AudiocosError(f"{name}: exists already and is not empty. Choose another folder or pass --force.")
    elif os.path.lexists(folder):
        raise AudiocosError(f"{name}: is a file, and a study writes a folder. Choose another name.")
    check_writable(name, folder)
