"""A dense layer, a butterfly factorisation and the cosine pair learn the DCT and the Fourier transform."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from audiocos.report.words import MISSING, decimal, scientific
from audiocos.studies.study import Answer, Cell, Section, Setting, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

DENSE, BUTTERFLY, PAIR = "dense layer", "butterfly", "cosine pair"

DRAWN = 16
"""N of the butterfly whose factors are drawn."""

TOLD = {
    DENSE: "frames of white noise and their transforms",
    BUTTERFLY: "the transform of white sound, in expectation; one factor after the other is solved for",
    PAIR: "DCT: nothing but to give white noise back, under a window that grows; DFT: the transform",
}

GIVEN = {
    "dct": {DENSE: "noise and its DCT", BUTTERFLY: "whole matrix", PAIR: "noise alone"},
    "dft": {DENSE: "noise and its transform", BUTTERFLY: "whole matrix", PAIR: "whole matrix"},
}
"""The same in a table's cell."""

STEPS = (
    "Steps are of different kinds: of the dense layer a batch of N frames, of the butterfly a factor solved for, of "
    "the pair a damped Gauss-Newton step."
)


@dataclass(frozen=True)
class Sizes:
    """What is learned."""

    frames: tuple[int, ...]
    descended: tuple[int, ...]
    trials: int
    steps: int


FULL = Sizes((8, 16, 32, 64, 128, 256, 512, 1024), (8, 16, 32, 64), 10, 400)
QUICK = Sizes((8, 16, 32), (8,), 4, 300)


def run(setting: Setting) -> Answer:
    """Run the study."""
    from audiocos.studies.butterfly import learners
    from audiocos.studies.butterfly.transforms import KINDS

    sizes = QUICK if setting.quick else FULL
    jobs = [(kind, method, frame) for frame in sizes.frames for kind in KINDS for method in (DENSE, BUTTERFLY, PAIR)]
    trials = [(reading, frame) for frame in sizes.descended for reading in learners.READINGS]
    # What a size takes grows nearly as its square; gradient descent's steps are many and small.
    weights = [max(frame, 32) ** 2 for *_, frame in jobs] + [300 * max(frame, 32) for _, frame in trials]
    total, done = sum(weights), 0
    learners.learn_dense("dct", 4, setting.seed, setting.device)  # what torch loads at its first step is not timed
    rows: list[dict[str, Any]] = []
    seconds: dict[str, float] = {}
    drawn: list[NDArray[np.complex128]] = []
    for (kind, method, frame), weight in zip(jobs, weights, strict=False):
        setting.step(f"{kind}, N = {frame}: {method}", done, total)
        began = time.perf_counter()
        row, factors = _learn(kind, method, frame, setting)
        seconds[f"{kind} {frame} {method}"] = time.perf_counter() - began
        rows.append(row)
        drawn = factors if factors and kind == "dft" and frame == DRAWN else drawn
        done += weight
    descents: dict[str, list[dict[str, Any]]] = {reading: [] for reading in learners.READINGS}
    for (reading, frame), weight in zip(trials, weights[len(jobs) :], strict=True):
        setting.step(f"{reading}, N = {frame}: Adam", done, total)
        began = time.perf_counter()
        found = learners.descend(reading, frame, sizes.trials, sizes.steps, setting.seed, setting.device)
        descents[reading].append(found)
        seconds[f"{reading} {frame} Adam"] = time.perf_counter() - began
        done += weight
    setting.step("drawing", total, total)
    figures = {"learned": rows, "descents": descents, "published_dct_rmse": _published()}
    settings: dict[str, Any] = {
        "N": list(sizes.frames),
        **{f"{method} is told": told for method, told in TOLD.items()},
        "dense layer": "float64, gradient descent at the best rate, batches of N frames, as many steps as theory needs "
        f"for {decimal(learners.DENSE_DB, 0)} dB",
        "N under Adam": list(sizes.descended),
        "Adam on butterflies": f"{sizes.trials} starts, {sizes.steps} steps, rate {learners.RATE:g} falling to "
        f"{scientific(learners.RATE * learners.COOLING)}, betas {learners.BETAS[0]:g} and {learners.BETAS[1]:g}",
    }
    return _answer(sizes, figures, seconds, settings, drawn)


def _learn(kind: str, method: str, frame: int, setting: Setting) -> tuple[dict[str, Any], list[NDArray[np.complex128]]]:
    """One method on one transform: its figures, and a butterfly's factors."""
    import torch

    from audiocos.studies.butterfly import learners, pair
    from audiocos.studies.butterfly.transforms import score

    factors: list[NDArray[np.complex128]] = []
    starts = 1
    if method == DENSE:
        matrix, steps = learners.learn_dense(kind, frame, setting.seed, setting.device)
        parameters = matrix.size
    elif method == BUTTERFLY:
        net, matrix, steps = learners.learn_butterfly(kind, frame, setting.seed, setting.device)
        parameters = net.twiddles.numel()
        factors = list(torch.view_as_complex(net.twiddles.detach()).cpu().numpy()) if frame == DRAWN else []
    elif kind == "dct":
        found, steps = pair.learn_pair(frame, setting.seed)
        matrix, parameters = found.synthesis_matrix(), 2 * frame + 4
    else:
        found, steps, starts = pair.learn_fourier(frame, setting.seed)
        matrix, parameters = found.analysis_matrix(), 2 * frame + 2
    row = {"transform": kind, "method": method, "frame": frame, "parameters": parameters, "steps": steps}
    return row | {"starts": starts, **score(kind, matrix)}, factors


def _published() -> dict[str, float]:
    from audiocos.studies.butterfly.transforms import PUBLISHED_RMSE

    return {str(frame): rmse for frame, rmse in PUBLISHED_RMSE.items()}


def _answer(
    sizes: Sizes,
    figures: dict[str, Any],
    seconds: dict[str, float],
    settings: dict[str, Any],
    drawn: list[NDArray[np.complex128]],
) -> Answer:
    from audiocos.studies.butterfly import pictures
    from audiocos.studies.butterfly.pair import ROUNDS

    rows, last = figures["learned"], sizes.frames[-1]
    counts = {method: _row(rows, "dct", method, last)["parameters"] for method in (DENSE, BUTTERFLY, PAIR)}
    worst = {
        method: max((row for row in rows if row["method"] == method), key=lambda row: float(row["rmse"]))
        for method in (DENSE, BUTTERFLY, PAIR)
    }
    recovered = all(row["rmse"] < _recovered() for row in rows)
    text = (
        f"{'Yes' if recovered else 'Not everywhere'}: at N = {last} the DCT takes a dense layer {counts[DENSE]} "
        f"parameters, a butterfly {counts[BUTTERFLY]} and the cosine pair {counts[PAIR]}, and from N = "
        f"{sizes.frames[0]} to {last} the worst errors are {scientific(worst[DENSE]['rmse'])}, "
        f"{scientific(worst[BUTTERFLY]['rmse'])} and {scientific(worst[PAIR]['rmse'])} (root mean square; published "
        f"butterflies: {_published_text(figures)}). "
        "A butterfly that is given the whole matrix needs no trials: solved for one factor after the other it is there "
        f"after log2 N steps, while Adam, tried {_tried(sizes)}, gets the DCT below {scientific(_recovered())} from "
        f"{_share(figures['descents']['dct, real part'])} starts when it is told the real part alone and from "
        f"{_share(figures['descents']['dct, both parts'])} when it is told both."
    )
    sections = [
        Section(
            "Parameters and errors",
            f"A dense layer has N\N{SUPERSCRIPT TWO} parameters, a butterfly 4N log2 N, the cosine pair 2N + 4 (as "
            "an analysis bank with phases, 2N + 2). All are held against scipy. The dense layer learns from "
            f"{TOLD[DENSE]}. The pair is never shown the DCT: it learns to give noise back, and the DCT is what it "
            "finds. Its rows are put in order and the products a1 a3 and a2 a4, all that noise can tell of amplitudes, "
            "shared evenly. The Fourier transform it is shown: rows that end in a wrong bowl, judged by the transform, "
            f"start anew, for up to {ROUNDS} rounds. Butterflies are given the whole matrix, as those published were.",
            [pictures.learned_picture(rows, figures["published_dct_rmse"])],
            [_table(rows, seconds, "dft", sizes)],
        ),
        Section(
            "A butterfly is learned factor by factor",
            "From an input to an output of a butterfly there is one path, so its matrix is linear in each factor and "
            "each entry of a factor acts on matrix entries of its own. With all other factors left as chance made "
            "them, the best first factor is right up to the scale of its outputs, because what leads through each of "
            "them is a block of rank one; then so is the second, and the last one sets the scales. The DCT is the real "
            "part of a butterfly behind another order of samples (Makhoul 1980), and the imaginary part is minus "
            "coefficient N \N{MINUS SIGN} k, which is the DCT again.",
            [pictures.factors_picture(drawn)] if drawn else [],
        ),
        Section(
            "The same butterflies under Adam",
            f"Gradient descent on all factors at once, from {sizes.trials} starts each, tried {_tried(sizes)} only; it "
            "is given the whole matrix, too. Told the real part alone, which leaves the "
            f"imaginary part free, {_share(figures['descents']['dct, real part'])} starts come below "
            f"{scientific(_recovered())} on the DCT; told both parts, "
            f"{_share(figures['descents']['dct, both parts'])} do, and of the Fourier transform's "
            f"{_share(figures['descents']['dft'])}.",
            [pictures.trials_picture(figures["descents"], _recovered())],
            [_trials_table(figures["descents"])],
        ),
    ]
    timings = {"each": seconds}
    return Answer(text, _table(rows, seconds, "dct", sizes), sections, settings, figures, timings)


def _recovered() -> float:
    from audiocos.studies.butterfly.transforms import RECOVERED_RMSE

    return RECOVERED_RMSE


def _row(rows: list[dict[str, Any]], kind: str, method: str, frame: int) -> dict[str, Any]:
    return next(row for row in rows if (row["transform"], row["method"], row["frame"]) == (kind, method, frame))


def _published_text(figures: dict[str, Any]) -> str:
    return " to ".join(f"{scientific(rmse)} at N = {frame}" for frame, rmse in figures["published_dct_rmse"].items())


def _tried(sizes: Sizes) -> str:
    first, last = sizes.descended[0], sizes.descended[-1]
    return f"at N = {first}" + (f" to {last}" if last > first else "")


def _share(descents: list[dict[str, Any]]) -> str:
    return f"{sum(each['learned'] for each in descents)} of {sum(each['trials'] for each in descents)}"


def _table(rows: list[dict[str, Any]], seconds: dict[str, float], kind: str, sizes: Sizes) -> Table:
    name = {"dct": "The DCT", "dft": "The Fourier transform of real frames"}[kind]
    cells: list[list[Cell]] = []
    for row in (row for row in rows if row["transform"] == kind):
        taken = seconds[f"{kind} {row['frame']} {row['method']}"]
        cells.append(
            [
                f"{row['frame']}, {row['method']}",
                GIVEN[kind][row["method"]],
                str(row["parameters"]),
                str(row["steps"]) + (f" in {row['starts']} rounds" if row["starts"] > 1 else ""),
                f"{taken:.2g}",
                row["rmse"],
                MISSING if row["snr_db"] is None else decimal(row["snr_db"], 1),
            ]
        )
    published = _published() if kind == "dct" else {}
    for frame, rmse in ((frame, rmse) for frame, rmse in published.items() if int(frame) in sizes.frames):
        snr_db = decimal(-20 * float(np.log10(rmse * int(frame) ** 0.5)), 1)
        cells.append(
            [f"{frame}, published butterfly", "whole matrix", MISSING, "20 to 320 trials", MISSING, rmse, snr_db]
        )
    return Table(
        f"{name}: what each method is told, parameters, steps, seconds, root mean squared error of the matrix entries, "
        f"SNR on white sound. {STEPS}",
        ["N, method", "told", "parameters", "steps", "seconds", "RMSE", "SNR (dB)"],
        cells,
    )


def _trials_table(descents: dict[str, list[dict[str, Any]]]) -> Table:
    cells: list[list[Cell]] = []
    for reading, found in descents.items():
        for each in found:
            rmse = np.array(each["rmse"])
            cells.append(
                [
                    f"{reading}, N = {each['frame']}",
                    str(each["steps"]),
                    f"{each['learned']} of {each['trials']}",
                    float(rmse.min()),
                    float(np.median(rmse)),
                    float(rmse.max()),
                ]
            )
    return Table(
        f"Adam on butterflies; a start counts as learned below an RMSE of {scientific(_recovered())}.",
        ["transform", "steps", "learned", "least RMSE", "median", "most"],
        cells,
    )
