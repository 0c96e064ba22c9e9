"""Where `audiocos train` writes: what cannot be written to is an error before any sound is heard."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from audiocos.audio.names import shown
from audiocos.audio.outputs import check_writable
from audiocos.cli.untouched import refuse_inputs
from audiocos.errors import AudiocosError, UsageError
from audiocos.modelfolder import FILES, catalogue_folder, check_replaceable
from audiocos.training import claim, log
from audiocos.training.claim import CHECKPOINT, Claim
from audiocos.training.corpus import named


@dataclass(frozen=True)
class Places:
    """Where a training writes.

    Args:
        output: folder of the model to be.
        run: folder of log and checkpoints; None for MODEL.run beside the model.
        report: page of the training; None for none.
    """

    output: str
    run: str | None = None
    report: str | None = None

    @property
    def run_folder(self) -> Path:
        """Of log and checkpoints."""
        if self.run:
            return Path(self.run)
        model = Path(self.output)
        return Path(f"{model if model.name not in ('', '..') else os.path.realpath(model)}.run")

    @property
    def claim(self) -> Claim:
        """On the run's folder, not yet taken."""
        return Claim(self.run_folder, Path(self.output))

    @property
    def restart(self) -> str | None:
        """The job's name where torchrun has started the same command before, and a worker has died; else None."""
        return claim.job() if os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0" else None

    def check(self, *, force: bool, resume: bool) -> None:
        """Fail early.

        Args:
            force: what a finished or interrupted run left may be replaced.
            resume: the run in `run` is carried on.

        Raises:
            AudiocosError: the model or the run cannot be written there, or something is there already.
            UsageError: the two are in each other's way.
        """
        for option, name in (("-o", self.output), ("--run", self.run), ("--report", self.report)):
            if name == "":
                raise UsageError(f"{option}: give the name of a {'file' if option == '--report' else 'folder'}.")
        output, run = self.output, self.run_folder
        if os.path.lexists(output) and not force:
            raise AudiocosError(f"{shown(output)}: exists already. Choose another name or pass --force to replace it.")
        model, log_folder = Path(os.path.realpath(output)), Path(os.path.realpath(run))
        if model.exists():
            check_replaceable(model)
        if log_folder == model or model in log_folder.parents:
            raise UsageError(
                f"--run {shown(run)}: is where the model goes (-o {shown(output)}). Choose another folder."
            )
        if log_folder.exists() and not log_folder.is_dir():
            raise AudiocosError(f"--run {shown(run)}: is a file, and a run is kept in a folder. Choose another name.")
        for text, place in ((output, model.parent), (run, log_folder)):
            check_writable(shown(text), place)
        for name in (log.NAME, CHECKPOINT):
            if (log_folder / name).exists() and not (log_folder / name).is_file():
                what = "is a folder" if (log_folder / name).is_dir() else "is no file"
                raise AudiocosError(f"{shown(run / name)}: {what}, and a file goes there. Choose another --run.")
        self.claim.check(force=force, resume=resume, restart=self.restart)

    def check_report(self, force: bool) -> None:
        """Fail early: see `check`, which goes first.

        Raises:
            AudiocosError: the report cannot be written, or is there already.
            UsageError: it is in the way of the model or of the run.
        """
        if self.report is None:
            return
        from audiocos.cli.reporting import check_report

        name, page, model = shown(self.report), Path(os.path.realpath(self.report)), Path(os.path.realpath(self.output))
        if page == model or model in page.parents:
            raise UsageError(
                f"--report {name}: is in the folder of the model (-o {shown(self.output)}), which holds a model and "
                "nothing else. Choose another place."
            )
        if page in map(Path, map(os.path.realpath, self._files_of_run())) or page == Path(
            os.path.realpath(self.run_folder)
        ):
            raise UsageError(f"--report {name}: is where the run is kept. Choose another name.")
        check_report(self.report, force)

    def refuse_inputs(self, inputs: tuple[str, ...], base: str | None) -> None:
        """Insist that no file that is learned from, and no list of them, is written over.

        Args:
            inputs: recordings, folders and lists, as asked for.
            base: the model to go on from, which -o may replace, and nothing else.

        Raises:
            CorpusError: an input is not there, or empty.
            UsageError: one would be.
        """
        folders = [] if base is None else [Path(base), catalogue_folder() / base]
        start = [str(folder / name) for folder in folders for name in FILES]
        refuse_inputs("-o", (Path(self.output) / name for name in FILES), named(inputs))
        refuse_inputs("--run", self._files_of_run(), itertools.chain(start, named(inputs)))
        if self.report is not None:
            refuse_inputs("--report", [self.report], itertools.chain(start, named(inputs)))

    def _files_of_run(self) -> Iterator[Path]:
        for name in (log.NAME, CHECKPOINT, claim.NAME):
            yield self.run_folder / name
