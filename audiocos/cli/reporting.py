"""The page of a batch: what each file's report needs is kept on disk until the page is written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocos.audio.names import shown
from audiocos.audio.outputs import check_writable, in_the_way
from audiocos.audio.reconstruct import Result
from audiocos.errors import AudiocosError
from audiocos.model import Model
from audiocos.modelcard import facts
from audiocos.modelfolder import is_model
from audiocos.report import ErrorCurve, Excerpt, ReportItem, require_extra, write_report


def check_report(path: str, force: bool) -> None:
    """Fail early.

    Raises:
        AudiocosError: matplotlib or jinja2 is missing, or the file is there already, a folder, in that of a model, or
            where nothing can be written.
    """
    for above in {Path(path).parent, Path(os.path.realpath(path)).parent}:
        if is_model(above):
            raise AudiocosError(
                f"--report {shown(path)}: is in the folder of a model, {shown(above.resolve().name)}, which holds a "
                "model and nothing else. Choose another place."
            )
    if (why := in_the_way(path, force=force)) is not None:
        raise AudiocosError(f"--report {shown(path)}: {why}")
    check_writable(f"--report {shown(path)}", Path(path).parent)
    require_extra()


class BatchReport:
    """Collect results, then write the page.

    Args:
        path: the HTML file.
        force: it may be there already.

    Raises:
        AudiocosError: matplotlib or jinja2 is missing, or the file is there already.
    """

    def __init__(self, path: str, force: bool) -> None:
        check_report(path, force)
        self._path, self._force = Path(path), force
        self._items: list[ReportItem] = []

    def add(self, result: Result) -> None:
        """Take what a file's report needs; excerpts go to disk, so that long batches fit in memory."""
        observer = result.observer
        if observer is None:
            return
        start_s, x, y = observer.excerpt()
        excerpt = Excerpt(start_s, self._spill(x), self._spill(y)) if x.size else None
        result.observer = None
        name = shown(result.task.input)
        curve = ErrorCurve(*observer.curve())
        notes = list(result.warnings)
        if result.lossy:
            notes.append(f"Shown is what went into the {result.subtype} encoder; it loses more.")
        self._items.append(ReportItem(name, result.sample_rate, result.row(), excerpt, curve, notes))

    def write(self, model: Model, failures: list[tuple[str, str]]) -> None:
        """Write the page.

        Raises:
            AudiocosError: it cannot be written, or not under its name.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_report(
            self._path,
            self._items,
            title="What was lost",
            subtitle=f'Reconstructed with the model "{model.name}". {model.description}',
            model_facts=facts(model),
            failures=[(shown(name), text.removeprefix(f"{shown(name)}: ")) for name, text in failures],
            replace=self._force,
        )

    def _spill(self, samples: NDArray[Any]) -> NDArray[Any]:
        # A file without a name, which is gone with the process however that ends.
        with tempfile.TemporaryFile() as file:
            kept: NDArray[Any] = np.memmap(file, samples.dtype, "w+", shape=samples.shape)
        kept[...] = samples
        return kept
