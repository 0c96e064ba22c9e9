"""The tables of the study of the dense layer, and what its runs are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audiocos.report.words import MISSING, decimal
from audiocos.studies.study import Table

if TYPE_CHECKING:
    from audiocos.studies.dft.training import Recipe

PUZZLE = {
    "puzzle": "Adam as it comes",
    "float64": "in float64",
    "expected": "no batches, 10 times the rate, in float64",
}
MOVED = {"fast": "10 times the rate", "short": "shorter memory", "long": "longer memory"}
REMEDIES = {
    "long": "longer memory",
    "scaled": "input times 0.01",
    "epsilon": "larger epsilon instead",
    "amsgrad": "AMSGrad",
    "cooled": "rate that falls",
    "descent": "gradient descent",
}
"""What is held against Adam as it comes, in float32."""

LEARNED = {"descent64": "gradient descent in float64"}


def label(name: str) -> str:
    """What a run is called."""
    return (PUZZLE | MOVED | REMEDIES | LEARNED)[name]


def floors_table(runs: dict[str, Any], chosen: dict[str, Recipe]) -> Table:
    """The floor that each run reached."""
    from audiocos.studies.dft.training import WINDOWS

    rows: list[list[str | float]] = []
    for name, run in runs.items():
        at = f"{run['rose_at']}" if run["rose"] else "no"
        rows.append(
            [
                label(name),
                str(chosen[name].steps),
                run["lowest_loss"],
                str(run["lowest_at"]),
                at,
                run["end_loss"],
                decimal(run["snr_db"], 1),
                "yes" if run["allclose"] else "at 1e-5" if run["allclose_1e-5"] else "no",
            ]
        )
    columns = ["run", "steps", "lowest loss", "at step", "rises at", "loss at the end", "SNR (dB)", "allclose"]
    return Table(
        f"The floor reached by each run; losses are means over 1/{WINDOWS} of a run, at its last step. "
        "SNR and numpy.allclose of the layer at the end, against numpy's FFT; "
        "allclose at its default tolerances, or at 1e-5 of the largest output.",
        columns,
        rows,
    )


def edge_table(runs: dict[str, Any], chosen: dict[str, Recipe]) -> Table:
    """Effective rates, and theory beside measurement."""
    rows: list[list[str | float]] = []
    for name in ("puzzle", "float64", "fast", "short", "long", "scaled", "epsilon"):
        run = runs[name]
        met = run["met_edge_at"] is not None
        rows.append(
            [
                label(name),
                chosen[name].beta2,
                run["ceiling"],
                run["edge"],
                run["reach_at_end"],
                str(run["met_edge_at"]) if met else MISSING,
                run["floor_by_theory"] if met else MISSING,
                run["end_loss"],
            ]
        )
    return Table(
        "Effective rate times curvature: what epsilon holds it below, where descent stops being stable (by theory), "
        "and what it is at the end; then the loss at the end by theory, where the edge was met, and as measured.",
        ["run", "beta2", "ceiling", "edge", "at the end", "meets the edge at", "floor by theory", "loss at the end"],
        rows,
    )


def sizes_table(by_size: list[dict[str, Any]]) -> Table:
    """What gradient descent reaches at each N."""
    return Table(
        "Gradient descent in float64, batches of 8N frames. Steps until the loss is within 10 dB of its lowest; how "
        "much it falls a step, and by theory; the largest error relative to the largest output.",
        ["N", "weights", "steps", "dB a step", "by theory", "SNR (dB)", "largest error", "numpy.allclose"],
        [
            [
                str(row["frame"]),
                str(row["weights"]),
                str(row["steps"]),
                decimal(row["fall_db_a_step"], 2),
                decimal(row["fall_by_theory_db"], 2),
                decimal(row["snr_db"], 1),
                row["max_error"],
                "yes" if row["allclose"] else "no",
            ]
            for row in by_size
        ],
    )


def magnitudes_table(networks: list[dict[str, Any]]) -> Table:
    """What ReLU networks reach."""
    return Table(
        "ReLU networks on magnitudes; explained is the share of the magnitudes' variance.",
        ["ReLUs", "for each coefficient", "weights", "SNR (dB)", "explained"],
        [
            [
                str(row["units"]),
                row["units_per_output"],
                str(row["weights"]),
                decimal(row["snr_db"], 1),
                row["explained"],
            ]
            for row in networks
        ],
    )
