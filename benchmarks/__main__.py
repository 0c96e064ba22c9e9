"""`python -m benchmarks [ROWS...] [--quick]`: measure, keep in RESULTS.json, write RESULTS.md."""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import click

from benchmarks import detection, files, gpu, live, live_device, memory, page, startup

ROWS = {
    "startup": startup.start_up,
    "files": files.file_to_file,
    "memory": memory.whole_signals,
    "off-grid": memory.off_grid,
    "gpu": gpu.accelerator,
    "live": live.hops,
    **live_device.CELLS,
    "detection": detection.detection,
    "false-alarms": detection.false_alarms,
}

SETS = {"device": tuple(live_device.CELLS)}


@click.command()
@click.argument("rows", nargs=-1, type=click.Choice([*ROWS, *SETS]))
@click.option("--quick", is_flag=True, help="Shorter signals and fewer rounds, to see that all of it runs.")
@click.option("--output", type=click.Path(path_type=Path), default=page.RESULTS, show_default=True)
def main(rows: tuple[str, ...], quick: bool, output: Path) -> None:
    """Measure ROWS (all when none is given) and write the page; rows that are not measured stay as they were.

    device is all rows whose names begin so: four block sizes, idle and busy, ten minutes each.
    """
    warnings.simplefilter("ignore")
    results = page.Page(output)
    for name in [each for given in rows or tuple(ROWS) for each in SETS.get(given, (given,))]:
        start = time.perf_counter()
        print(f"{name} ...", end=" ", flush=True, file=sys.stderr)
        conditions = page.conditions(quick)
        try:
            results.put(name, ROWS[name](quick), conditions)
        except page.NotHere as error:
            print(f"not measured: {error}", file=sys.stderr)
            continue
        print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    click.echo(output)


if __name__ == "__main__":
    main()
