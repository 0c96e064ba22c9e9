"""What the study of inversion says: tables and sentences from its figures."""

from __future__ import annotations

from typing import Any

from audiocos.cosines import Float64
from audiocos.report.words import MINUS, decimal, scientific
from audiocos.studies import inversion_pictures as pictures
from audiocos.studies.inversion import METHODS, NEAR, NEAR_DB, NOTES, RATE, STEP, Runs, Sizes
from audiocos.studies.inversion_representations import Representation
from audiocos.studies.study import Answer, Cell, Section, Setting, Table

NAMES = {"bold-driver": "bold driver", "l-bfgs": "L-BFGS", NEAR: f"L-BFGS from {decimal(NEAR_DB, 0)} dB near"}

FOUND_DB = 10.0
"""A signal counts as found from here on: its waveform can be told from any other."""

Sweep = dict[str, list[dict[str, Any]]]


def answer(
    setting: Setting, sizes: Sizes, listed: list[Representation], wanted: Float64, runs: Runs, sweep: Sweep
) -> Answer:
    """Put the answer together."""
    titles = {each.name: each.title for each in listed}
    numbers = {each.name: each.numbers / sizes.samples for each in listed}
    shown = {name: better(of) for name, of in runs.items()}
    after = {name: runs[name][method].figures["after"] for name, method in shown.items()}
    figures = {
        "runs": {name: {method: run.figures for method, run in of.items()} for name, of in runs.items()},
        "numbers_a_sample": numbers,
        "shown": shown,
        "kept": list(sizes.sweep),
        "sweep": sweep,
    }
    table = Table(
        "Signals found from noise, by the method of least loss, and from a start near the signal; SNR up to sign.",
        [
            "representation",
            "numbers a sample",
            "loss left (%)",
            "SNR (dB)",
            "SNR of magnitudes (dB)",
            "log-spectral distance (dB)",
            f"SNR from {decimal(NEAR_DB, 0)} dB near (dB)",
        ],
        [
            [
                titles[name],
                decimal(numbers[name], 2),
                scientific(100 * runs[name][shown[name]].figures["losses"][-1]),
                *_figures(after[name]),
                decimal(runs[name][NEAR].figures["after"]["snr_db"], 1),
            ]
            for name in titles
        ],
    )
    settings: dict[str, Any] = {
        "signal": f"harmonic notes, {NOTES}, half-overlapping, decay 0.7 a partial; T = {sizes.samples} at {RATE} Hz",
        "scattering": f"J = {sizes.octaves}, Q = {sizes.wavelets}, two orders; kymatio, float64",
        "pair": "exact-overlap: N = 512, hop 256, square-root Hann windows",
        "coefficients kept of 512": sizes.kept,
        "loss": "Euclidean norm of the difference to the representation wanted",
        "bold driver": f"first step {decimal(STEP, 0)}, then times 1.1 where the loss fell; else undone, and times 0.55",
        "iterations": sizes.iterations,
        "iterations from nearby": sizes.near_iterations,
        "iterations for each other number kept": sizes.sweep_iterations,
        "start": "white noise, normal, deviation 1",
    }
    timings = {f"{name}, {method} (s)": run.seconds for name, of in runs.items() for method, run in of.items()}
    sections = [
        _waveforms(titles, wanted, runs, shown, after),
        _progress(titles, wanted, runs, shown),
        _losses(titles, runs),
        _nearby(titles, runs),
        _sweep(sizes, sweep),
    ]
    return Answer(_sentences(titles, after), table, sections, settings, figures, timings)


def better(of: dict[str, Any]) -> str:
    """The method that ended at the lesser loss, from noise."""
    return min(METHODS, key=lambda method: float(of[method].figures["losses"][-1]))


def _sentences(titles: dict[str, str], after: dict[str, Any]) -> str:
    by_snr = sorted(titles, key=lambda name: -_snr(after[name]))
    by_distance = sorted(titles, key=lambda name: float(after[name]["log_spectral_distance_db"]))
    first, rest = by_snr[0], by_snr[1:]
    verdict = "only " if _snr(after[first]) >= FOUND_DB > _snr(after[rest[0]]) else ""
    found = [name for name in titles if _snr(after[name]) >= FOUND_DB]
    if found:
        begin = f"Yes, but {verdict}from {_and([titles[name] for name in found])}"
    else:
        begin = f"Not its waveform; the nearest comes {titles[first]}"
    others = ", ".join(f"{titles[name]} {_db(after[name]['snr_db'])}" for name in rest)
    nearest = by_distance[0]
    distances = ", ".join(
        f"{titles[name]} {decimal(after[name]['log_spectral_distance_db'], 1)}" for name in by_distance[1:]
    )
    return (
        f"{begin}: from noise, {titles[first]} hold the most of the waveform and give it back with "
        f"{_db(after[first]['snr_db'])} SNR up to sign ({others}). Of the spectrum {titles[nearest]} hold the most: the "
        f"log-spectral distance is {decimal(after[nearest]['log_spectral_distance_db'], 1)} dB ({distances})."
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
            f" From {_and(lost)} it ends at a waveform that has less than 0 dB SNR: silence would be nearer. That says "
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
    columns = [f"{what}, {when} (dB)" for when in ("before", "during", "after") for what in ("SNR", "distance")]
    return Section(
        "Before, during, after",
        "Each row is a representation, descended by the method that ended at the lesser loss. Colours reach 80 dB below "
        "the loudest point of the signal wanted.",
        [pictures.spectrograms(titles, wanted, runs, shown), pictures.waveforms(titles, wanted, runs, shown)],
        [Table("SNR up to sign and log-spectral distance.", ["representation", *columns], rows)],
    )


def _losses(titles: dict[str, str], runs: Runs) -> Section:
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
    text = (
        f"L-BFGS ends at the lesser loss {where}. Magnitudes of real coefficients stop early: every coefficient keeps "
        "the sign that chance gave it at the start, because on the way to the other sign it would have to be zero, where "
        "the loss is high. The moduli of cosine and sine have no such wall between them: a phase can turn."
    )
    columns = ["from, by", "iterations", "evaluations", "loss left (%)", "SNR (dB)", "SNR of magnitudes (dB)"]
    table = Table("From noise.", [*columns, "log-spectral distance (dB)"], rows)
    return Section("Loss", text, [pictures.losses(titles, runs)], [table])


def _nearby(titles: dict[str, str], runs: Runs) -> Section:
    near = {name: of[NEAR].figures["after"]["snr_db"] for name, of in runs.items()}
    held = [name for name in titles if near[name] is None or near[name] >= NEAR_DB + 3]
    others = [name for name in titles if name not in held]
    text = (
        f"Is the waveform not in the representation, or does descent not find it? Started {decimal(NEAR_DB, 0)} dB near "
        "the signal, in white noise, L-BFGS ends at "
        + ", ".join(f"{_db(near[name])} ({titles[name]})" for name in titles)
        + "."
    )
    blind = [name for name in held if _snr(runs[name][better(runs[name])].figures["after"]) < FOUND_DB]
    if blind:
        text += (
            f" So {_and([titles[name] for name in blind])} do hold the waveform, but for what a sign or a phase leaves "
            "open: the loss has many bowls, and noise begins in another one."
        )
    if others:
        text += f" From {_and([titles[name] for name in others])} the start gains less than 3 dB in so many iterations."
    return Section("From nearby", text)


def _sweep(sizes: Sizes, sweep: Sweep) -> Section:
    signed, blind = ([row["after"] for row in sweep[name]] for name in ("with signs", "without signs"))
    enough = next((kept for kept, row in zip(sizes.sweep, signed, strict=True) if _snr(row) >= FOUND_DB), None)
    said = f"{enough} of 512 are the first to pass {decimal(FOUND_DB, 0)} dB" if enough else "none of these is enough"
    most = max(_snr(row) for row in blind)
    text = (
        f"With signs, {said}; without, the best of all is {_db(most)}. The dotted line needs no descent: the synthesis "
        "bank, given the coefficients that are kept."
    )
    return Section("How many of the largest", text, [pictures.sweep(sizes.sweep, sweep)])


def _figures(of: dict[str, Any]) -> list[Cell]:
    return [decimal(of[key], 1) for key in ("snr_db", "magnitude_snr_db", "log_spectral_distance_db")]


def _snr(of: dict[str, Any]) -> float:
    return float("inf") if of["snr_db"] is None else float(of["snr_db"])


def _db(value: float | None) -> str:
    return "no error" if value is None or value == float("inf") else f"{decimal(value, 1)} dB".replace("-", MINUS)


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
