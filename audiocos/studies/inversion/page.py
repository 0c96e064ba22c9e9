"""What the study of inversion says: tables and sentences from its figures."""

from __future__ import annotations

from typing import Any

import numpy as np

import audiocos
from audiocos.cosines import Float64
from audiocos.inversion import FASTER, METHODS, SLOWER
from audiocos.report.words import MINUS, decimal, scientific
from audiocos.studies.inversion import (
    GAMMA,
    HARMONICS,
    INTERVALS,
    NAMES,
    NEAR,
    NEAR_DB,
    NOTES,
    RATE,
    STEP,
    Runs,
    Sizes,
    pictures,
)
from audiocos.studies.inversion.nearby import ALIKE, CLEAR_DB, LESS, MORE, verdict
from audiocos.studies.inversion.representations import Representation
from audiocos.studies.study import Answer, Cell, Section, Setting, Table

COLUMNS = ["SNR", "without phases", "distance"]

FOUND_DB = 10.0
"""A signal counts as found from here on: its waveform can be told from any other."""

Sweep = dict[str, list[dict[str, Any]]]


def answer(
    setting: Setting,
    sizes: Sizes,
    listed: list[Representation],
    wanted: Float64,
    runs: Runs,
    sweep: Sweep,
    free: dict[str, dict[str, Any]],
) -> Answer:
    """Put the answer together."""
    titles = {each.name: each.title for each in listed}
    numbers = {each.name: each.numbers / sizes.samples for each in listed}
    shown = {name: better(of) for name, of in runs.items()}
    after = {name: runs[name][method].figures["after"] for name, method in shown.items()}
    magnitudes = runs["magnitudes"][shown["magnitudes"]]
    kept_signs = signs_kept(wanted, magnitudes.signals[0], magnitudes.signals[magnitudes.figures["iterations"]])
    near = {name: of[NEAR].figures["after"] for name, of in runs.items()}
    figures = {
        "runs": {name: {method: run.figures for method, run in of.items()} for name, of in runs.items()},
        "numbers_a_sample": numbers,
        "shown": shown,
        "signs_kept": kept_signs,
        "kept": list(sizes.sweep),
        "sweep": sweep,
        "without_descent": free,
    }
    table = Table(
        "Signals found from noise, by the method of least loss: SNR up to sign, SNR of spectra without phases and "
        f"log-spectral distance, in dB. From near: SNR from a start at {decimal(NEAR_DB, 0)} dB.",
        ["representation", "numbers a sample", "loss left (%)", *COLUMNS, "SNR from near"],
        [
            [
                titles[name],
                decimal(numbers[name], 2),
                scientific(100 * runs[name][shown[name]].figures["losses"][-1]),
                *_figures(after[name]),
                decimal(near[name]["snr_db"], 1),
            ]
            for name in titles
        ],
    )
    settings: dict[str, Any] = {
        "signal": f"{INTERVALS} intervals, {NOTES} notes as long as they and half over each other, of {HARMONICS} "
        f"harmonics, each {GAMMA} times the one before; T = {sizes.samples} at {RATE} Hz",
        "scattering": f"J = {sizes.octaves}, Q = {sizes.wavelets}, two orders; kymatio, float64",
        "pair": "exact-overlap: N = 512, hop 256, square-root Hann windows",
        "coefficients kept of 512": sizes.kept,
        "other numbers kept": list(sizes.sweep),
        "loss": "Euclidean norm of the difference to the representation wanted",
        "bold driver": f"first step {decimal(STEP, 0)}, times {FASTER:g} where the loss fell, else undone and times "
        f"{SLOWER:g}",
        "iterations": sizes.iterations,
        "iterations from nearby": sizes.near_iterations,
        "iterations for each other number kept": sizes.sweep_iterations,
        "start": "white noise, normal, deviation 1",
        "start nearby": f"the signal in white noise, {decimal(NEAR_DB, 0)} dB below it",
    }
    timings = {f"{name}, {method} (s)": run.seconds for name, of in runs.items() for method, run in of.items()}
    sections = [
        _waveforms(titles, wanted, runs, shown, after),
        _progress(titles, wanted, runs, shown),
        _losses(titles, runs, kept_signs),
        _nearby(titles, runs, free),
        _sweep(sizes, sweep),
    ]
    packages = (*Answer.packages, "kymatio")
    return Answer(_sentences(titles, after, near, numbers), table, sections, settings, figures, timings, packages)


def signs_kept(wanted: Float64, start: Float64, found: Float64) -> float:
    """Which share of the energy wanted is in coefficients that end with the sign they began with."""
    target, before, after = audiocos.load("exact-overlap").analyze(np.stack([wanted, start, found]))
    return float((target**2)[np.sign(before) == np.sign(after)].sum() / (target**2).sum())


def better(of: dict[str, Any]) -> str:
    """The method that ended at the lesser loss, from noise."""
    return min(METHODS, key=lambda method: float(of[method].figures["losses"][-1]))


def _sentences(titles: dict[str, str], after: dict[str, Any], near: dict[str, Any], numbers: dict[str, float]) -> str:
    first, *rest = sorted(titles, key=lambda name: -_snr(after[name]))
    nearest, *others = sorted(titles, key=lambda name: float(after[name]["log_spectral_distance_db"]))
    by_snr = max(titles, key=lambda name: _without_phases(after[name]))
    found = [titles[name] for name in titles if _snr(after[name]) >= FOUND_DB]
    verdict = f"Yes, but only from {_and(found)}" if found else "Not its waveform"
    best = "" if len(found) == 1 else f" from {titles[first]}"
    waveforms = ", ".join(f"from {titles[name]} at {_db(after[name]['snr_db'])}" for name in rest)
    distances = ", ".join(f"{titles[name]} {decimal(after[name]['log_spectral_distance_db'], 1)}" for name in others)
    ends = sorted(map(_snr, near.values()))
    less = [f"{titles[name]} {decimal(numbers[name], 2)}" for name in titles if name not in (first, nearest)]
    held = f" (numbers a sample of the others: {_and(less)})" if less else ""
    return (
        f"{'Yes' if len(found) == len(titles) else verdict}: begun in noise, descent ends at "
        f"{_db(after[first]['snr_db'])} SNR up to sign{best}, {waveforms}. The most of the waveform comes "
        f"back from {titles[first]} ({decimal(numbers[first], 2)} numbers a sample), the most of the spectrum from "
        f"{titles[nearest]} ({decimal(numbers[nearest], 2)}) by log-spectral distance, "
        f"{decimal(after[nearest]['log_spectral_distance_db'], 1)} dB ({distances}), and "
        f"{_also(titles, after, nearest, by_snr)} by the SNR without phases{held}; begun "
        f"{decimal(NEAR_DB, 0)} dB near the signal, descent ends at {decimal(ends[0], 1)} to {_db(ends[-1])} from all "
        "of them."
    )


def _waveforms(
    titles: dict[str, str], wanted: Float64, runs: Runs, shown: dict[str, str], after: dict[str, Any]
) -> Section:
    lost = [titles[name] for name in titles if _snr(after[name]) < 0]
    text = (
        "Descent changes a signal, at first white noise, until its representation is the one wanted. What it ends with "
        "is judged by its waveform, up to sign, and by its short-time spectrum without phases."
    )
    if lost:
        text += (
            f" From {_and(lost)} the waveform it ends at has less than 0 dB SNR: silence would be nearer. That says "
            "nothing of how alike the two sound; the spectra below do."
        )
    return Section("The signal found", text, [pictures.close_up(titles, wanted, runs, shown)])


def _progress(titles: dict[str, str], wanted: Float64, runs: Runs, shown: dict[str, str]) -> Section:
    rows: list[list[Cell]] = []
    for name, of in runs.items():
        figures = of[shown[name]].figures
        rows.append(
            [titles[name], *(cell for when in ("before", "during", "after") for cell in _figures(figures[when])[::2])]
        )
    columns = [f"{what} {when}" for when in ("before", "during", "after") for what in ("SNR", "distance")]
    return Section(
        "Before, during, after",
        "Each row is a representation, descended by the method that ended at the lesser loss. Colours reach "
        f"{decimal(pictures.RANGE_DB, 0)} dB below the loudest point of the signal wanted.",
        [pictures.spectrograms(titles, wanted, runs, shown), pictures.waveforms(titles, wanted, runs, shown)],
        [Table("SNR up to sign and log-spectral distance, in dB.", ["representation", *columns], rows)],
    )


def _losses(titles: dict[str, str], runs: Runs, signs_kept: float) -> Section:
    rows: list[list[Cell]] = []
    ahead = []
    for name, of in runs.items():
        if better(of) == "l-bfgs":
            ahead.append(titles[name])
        for method in METHODS:
            run = of[method]
            rows.append(
                [
                    f"{titles[name]}, {NAMES[method]}",
                    float(run.figures["iterations"]),
                    float(run.figures["evaluations"]),
                    scientific(100 * run.figures["losses"][-1]),
                    *_figures(run.figures["after"]),
                ]
            )
    where = f"from {_and(ahead)}" if ahead else "from none of them"
    share = decimal(100 * signs_kept, 0)
    text = (
        f"L-BFGS ends at the lesser loss {where}. From magnitudes of real coefficients, {share} % of the energy wanted "
        "ends with the sign that chance gave the coefficient at the start: on the way to the other sign it would have "
        "to be zero, where the loss is high. With moduli of cosine and sine there is no such wall, a phase can turn."
    )
    columns = ["from, by", "iterations", "evaluations", "loss left (%)", *COLUMNS]
    table = Table("From noise; SNR up to sign, SNR without phases and log-spectral distance in dB.", columns, rows)
    return Section("Loss", text, [pictures.losses(titles, runs)], [table])


def _nearby(titles: dict[str, str], runs: Runs, free: dict[str, dict[str, Any]]) -> Section:
    near = {name: _snr(of[NEAR].figures["after"]) for name, of in runs.items()}
    told = {name: verdict(near[name], _snr(free.get(name, free["masked"]))) for name in titles}

    def which(said: str) -> str:
        return _and([titles[name] for name in titles if told[name] == said])

    text = (
        "Is the waveform not in the representation, or does descent not find it? Started "
        f"{decimal(NEAR_DB, 0)} dB near the signal, in white noise, L-BFGS ends at "
        + ", ".join(f"{_db(near[name])} ({titles[name]})" for name in titles)
        + ". Without any descent the start gives "
        f"{_db(_snr(free['masked']))} where only those of its coefficients are kept that are large in the signal, "
        f"{_db(_snr(free['magnitudes']))} with the magnitudes wanted and its own signs, and "
        f"{_db(_snr(free['moduli']))} with the moduli wanted and its own phases: so much comes of the spectrum alone. "
        "Magnitudes and moduli are held against their own, the others against the first."
    )
    if MORE in told.values():
        text += (
            f" {decimal(CLEAR_DB, 0)} dB or more above it is what is found from {which(MORE)}: their waveform is in "
            "them, but for what a sign or a phase leaves open."
        )
    if ALIKE in told.values():
        text += (
            f" What is found from {which(ALIKE)} is less than {decimal(CLEAR_DB, 0)} dB away from it and does not tell "
            "whether the waveform is in them."
        )
    if LESS in told.values():
        text += f" What is found from {which(LESS)} is {decimal(CLEAR_DB, 0)} dB or more below it."
    return Section("From nearby", text)


def _sweep(sizes: Sizes, sweep: Sweep) -> Section:
    signed, blind = ([row["after"] for row in sweep[name]] for name in ("with signs", "without signs"))
    enough = next((kept for kept, row in zip(sizes.sweep, signed, strict=True) if _snr(row) >= FOUND_DB), None)
    said = f"{enough} of 512 are the first to pass {decimal(FOUND_DB, 0)} dB" if enough else "none of these is enough"
    most = max(_snr(row) for row in blind)
    elsewhere = [100 * row["error_elsewhere"] for row in sweep["with signs"]]
    gains = [_snr(row) - _snr(found) for row, found in zip(sweep["synthesized"], signed, strict=True)]
    text = (
        f"With signs, {said}; without, the best of all is {_db(most)}. The dotted line needs no descent: what the "
        f"synthesis bank makes of the coefficients kept is {decimal(min(gains), 1)} to {decimal(max(gains), 1)} dB "
        "better than what descent finds. It has zeros where nothing is kept; of descent's error "
        f"{decimal(min(elsewhere), 1)} to {decimal(max(elsewhere), 1)} % lies there, where all that is asked of a "
        "coefficient is to be smaller than what is kept."
    )
    return Section("How many of the largest", text, [pictures.sweep(sizes.sweep, sweep)])


def _figures(of: dict[str, Any]) -> list[Cell]:
    return [decimal(of[key], 1) for key in ("snr_db", "magnitude_snr_db", "log_spectral_distance_db")]


def _snr(of: dict[str, Any]) -> float:
    return float("inf") if of["snr_db"] is None else float(of["snr_db"])


def _without_phases(of: dict[str, Any]) -> float:
    return float("inf") if of["magnitude_snr_db"] is None else float(of["magnitude_snr_db"])


def _also(titles: dict[str, str], after: dict[str, Any], nearest: str, by_snr: str) -> str:
    """What holds the most of the spectrum by its SNR, which need not be what does by distance."""
    most = _db(_without_phases(after[by_snr]))
    if by_snr == nearest:
        return f"from the same ({most})"
    return f"from {titles[by_snr]} ({most} against {_db(_without_phases(after[nearest]))})"


def _db(value: float | None) -> str:
    return "no error" if value is None or value == float("inf") else f"{decimal(value, 1)} dB".replace("-", MINUS)


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
