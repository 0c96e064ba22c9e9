"""`python -m benchmarks.learning [--quick] [--rows NAME,...]`: what learning reaches."""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import click
from threadpoolctl import threadpool_limits

from benchmarks import learning_cores, learning_noise, learning_sound, page
from benchmarks.corpora import NoCorpus, default_folder
from benchmarks.learning_sound import Room

ROWS = {
    "random": learning_noise.random_starts,
    "odd": learning_noise.odd_starts,
    "rivals": learning_noise.rivals,
    "first-order": learning_noise.first_order,
    "sizes": learning_noise.other_sizes,
    "recordings": learning_sound.recordings_instead_of_noise,
    "speech": learning_sound.speech,
    "music": learning_sound.music,
    "short": learning_sound.short_corpus,
    "time": learning_sound.time_and_pass,
    "cores": learning_cores.cores,
}


@click.command()
@click.option("--rows", default=",".join(ROWS), help="Which to measure; all when not given.")
@click.option("--quick", is_flag=True, help="Fewer seeds and sizes, to see that all of it runs.")
@click.option("--corpora", type=click.Path(path_type=Path), help="Folder of the unpacked Debian packages.")
@click.option("--output", type=click.Path(path_type=Path), default=page.RESULTS, show_default=True)
def main(rows: str, quick: bool, corpora: Path | None, output: Path) -> None:
    """Measure and write the page; rows that are not measured stay as they were.

    Corpora that are not in their folder are fetched with apt-get.
    """
    names = rows.split(",")
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise click.UsageError(f'--rows "{unknown[0]}": unknown; choose from {", ".join(ROWS)}.')
    warnings.simplefilter("ignore")
    results = page.Page(output)
    room = Room(quick, corpora or default_folder())
    for name in names:
        start = time.perf_counter()
        print(f"{name} ...", end=" ", flush=True, file=sys.stderr)
        conditions = page.conditions(quick)
        try:
            with threadpool_limits(1):
                section = ROWS[name](room)
        except NoCorpus as missing:
            section = page.Section(name, f"Not measured: {missing}", [])
            print(missing, end=" ", file=sys.stderr)
        results.put(name, section, conditions)
        print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    click.echo(output)


if __name__ == "__main__":
    main()
