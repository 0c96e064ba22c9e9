"""`python -m benchmarks [ROWS...] [--quick]`: measure and write RESULTS.md."""

from __future__ import annotations

import os
import sys
import time
import warnings
from pathlib import Path

import click

from benchmarks import files, gpu, live, memory, page, startup

ROWS = {
    "startup": startup.start_up,
    "files": files.file_to_file,
    "memory": memory.whole_signals,
    "off-grid": memory.off_grid,
    "gpu": gpu.accelerator,
    "live": live.hops,
}


@click.command()
@click.argument("rows", nargs=-1, type=click.Choice(list(ROWS)))
@click.option("--quick", is_flag=True, help="Shorter signals and fewer rounds, to see that all of it runs.")
@click.option("--output", type=click.Path(path_type=Path), default=Path(__file__).with_name("RESULTS.md"))
def main(rows: tuple[str, ...], quick: bool, output: Path) -> None:
    """Measure ROWS (all when none is given) and write the page."""
    warnings.simplefilter("ignore")
    before = os.getloadavg()[0]
    sections = []
    for name in rows or tuple(ROWS):
        start = time.perf_counter()
        print(f"{name} ...", end=" ", flush=True, file=sys.stderr)
        sections.append(ROWS[name](quick))
        print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    page.write(output, sections, quick=quick, load=(before, os.getloadavg()[0]))
    click.echo(output)


if __name__ == "__main__":
    main()
