"""How `audiocos train` hears recordings: with a bar, saying what was left out, and with all ranks together."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from audiocos.cli.console import length_text
from audiocos.cli.main import say
from audiocos.counting import are, counted
from audiocos.framing import Framing
from audiocos.ranks import Ranks
from audiocos.training.corpus import File
from audiocos.training.heard import Heard, Listening
from audiocos.training.listen import listen


@dataclass(frozen=True)
class Hearing:
    """One way to hear, for the files to learn from and for those to judge by.

    Args:
        ranks: who hears together.
        framing: how sound is cut into frames.
        listening: rate and channels.
        cache: where partial sums are kept; None keeps none.
        save_every: seconds between them.
        said: what has been said of the cache, which each pass would say again.
    """

    ranks: Ranks
    framing: Framing
    listening: Listening
    cache: Path | None
    save_every: float
    said: set[str] = field(default_factory=set)

    def hear(self, files: tuple[File, ...], what: str) -> Heard:
        """Hear files, all ranks together, and say how it went.

        Args:
            files: all of them, on every rank.
            what: is done, for the bar.
        """
        with pass_bar(what) as progress:
            heard = listen(
                files,
                self.framing,
                self.listening,
                ranks=self.ranks,
                cache=self.cache,
                progress=progress,
                save_every=self.save_every,
            )
        if not self.ranks.leads:
            return heard
        for note in dict.fromkeys(heard.notes):
            if note not in self.said:
                say(note)
            self.said.add(note)
        for note in [*heard.warnings, *(f"{bad.name}: left out: {bad.reason}" for bad in heard.refused)]:
            say(note)
        if heard.silent:
            count, do = len(heard.silent), "does" if len(heard.silent) == 1 else "do"
            say(f"{counted(count, 'file')} {are(count)} silent and {do} not count.")
        say(f"{what}: {counted(heard.files, 'file')}, {length_text(heard.seconds)}, {_how(heard)}.")
        return heard


def _how(heard: Heard) -> str:
    """How fast it was heard; what the cache held was not heard now."""
    if heard.cached and heard.cached >= heard.seconds:
        return "from the cache"
    part = f", {length_text(heard.cached)} of it from the cache" if heard.cached else ""
    return f"{heard.hours_per_second:.2g} h a second{part}"


@contextlib.contextmanager
def pass_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left; nothing when stderr is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = [TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("ETA")]
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
