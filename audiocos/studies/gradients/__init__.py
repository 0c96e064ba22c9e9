"""How the gradients of the six parameter groups compare at random starts, and whether balancing them helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from audiocos import cosines
from audiocos.cosines import CosineParameters
from audiocos.report.words import decimal, scientific, span
from audiocos.studies.gradients.sizes import (
    GROUPS,
    Shape,
    by_autograd,
    closed_forms,
    gram,
    gram_closed_form,
    start,
    summary,
    worst_difference,
)
from audiocos.studies.gradients.training import LOST_DB, Training, compare, name_of
from audiocos.studies.starts import start_seed, windows_a_step
from audiocos.studies.study import Answer, Section, Setting, Table
from audiocos.training.settings import StochasticSettings

CLEAR_DB = 1.0
"""Ways to train that come nearer to each other than that are not told apart."""


@dataclass(frozen=True)
class _Sizes:
    shapes: tuple[Shape, ...]
    starts: int
    gram: int
    training: Training


_FULL = _Sizes(
    (Shape(1000, 1000), Shape(1000, 800), Shape(1500, 512)),
    100,
    64,
    Training(32, 1500, 3, (0.03, 0.045, 0.067, 0.1, 0.15), (0.67, 1.0, 1.5, 2.2, 3.3)),
)
_QUICK = _Sizes(
    (Shape(200, 200), Shape(200, 160), Shape(300, 102)), 12, 64, Training(16, 150, 1, (0.1, 0.3), (1.5, 2.2))
)


def run(setting: Setting) -> Answer:
    """Run the study."""
    sizes = _QUICK if setting.quick else _FULL
    total = len(sizes.shapes) * sizes.starts + 10 * sizes.training.runs
    done = 0

    def step(what: str, count: int) -> None:
        nonlocal done
        setting.step(what, done, total)
        done += count

    shapes, worst, compared = {}, 0.0, 0
    for shape in sizes.shapes:
        found = []
        for index in range(sizes.starts):
            step(f"gradients at {shape}", 1)
            pair, x = start(shape, setting.seed, index)
            found.append(closed_forms(pair, x))
            worst = max(worst, worst_difference(found[-1], by_autograd(pair, x, setting.device)))
            compared += 2 * shape.coefficients + 4
        shapes[str(shape)] = summary(shape, found)
    pair = cosines.random(sizes.gram, seed=start_seed(setting.seed, 0))
    products = gram(pair)
    elsewhere = np.abs(products - np.diag(products.diagonal()))
    alike = list(np.unravel_index(elsewhere.argmax(), elsewhere.shape))
    step("training", 10)
    training = compare(sizes.training, setting.seed, setting.device, lambda: step("training", 10))
    setting.step("drawing", total, total)
    figures = {
        "shapes": shapes,
        "closed_forms": {"numbers_compared": compared, "worst_difference": worst},
        "gram": {
            "frame": sizes.gram,
            "closed_form_difference": float(np.abs(products - gram_closed_form(pair)).max()),
            "diagonal": float(np.median(products.diagonal())),
            "largest_elsewhere": float(elsewhere.max()),
            "apart_bins": float(abs(np.subtract(*pair.analysis_frequencies[alike])) * sizes.gram / np.pi),
            "condition": float(np.linalg.cond(products)),
            "condition_orthogonal": float(np.linalg.cond(gram(cosines.orthogonal(sizes.gram)))),
        },
        "training": training,
    }
    t, usual = sizes.training, StochasticSettings()
    settings: dict[str, Any] = {
        "shapes": [str(shape) for shape in sizes.shapes],
        "random starts a shape": sizes.starts,
        "loss": "||x - y||\N{SUPERSCRIPT TWO}, one frame x of white noise in [-1, 1) a start",
        "trained pair": f"N = M = {t.frame}",
        "steps": t.steps,
        "random starts trained": t.starts,
        "windows a step": windows_a_step(t.frame),
        "rates tried for SGD (per radian, all groups)": list(t.rates),
        "rates tried for SGD, balanced": list(t.balanced_rates),
        "rates of Adam": f"{usual.rate_bins:g} bin, {usual.rate:g} for amplitudes",
    }
    return _answer(sizes, settings, figures, pair)


def _answer(sizes: _Sizes, settings: dict[str, Any], figures: dict[str, Any], bank: CosineParameters) -> Answer:
    from audiocos.studies.gradients import pictures

    first = figures["shapes"][str(sizes.shapes[0])]
    training = figures["training"]["ways"]
    largest = max(GROUPS, key=lambda name: first["median"][name])
    smallest = min(GROUPS, key=lambda name: first["median"][name])
    text = (
        f"At random starts with {sizes.shapes[0]} the medians of the six groups span a factor of "
        f"{scientific(first['spread'])}, from {smallest} to {largest}, and of {scientific(first['spread_after'])} once "
        f"balanced. {_verdict(training, sizes.training.frame)}"
    )
    closed, products = figures["closed_forms"], figures["gram"]
    sections = [
        Section(
            "Gradients at random starts",
            f"{sizes.starts} random starts for each shape, each with a frame of white noise. The gradients come from "
            f"closed forms; torch's autograd, number by number ({closed['numbers_compared']} of them), differs by at "
            f"most {scientific(closed['worst_difference'])} of the largest in a group. Of w and v the median over the "
            "frequencies counts, per radian.",
            [pictures.violins(figures["shapes"])],
            [pictures.ratios_table(each) for each in figures["shapes"].values()],
        ),
        Section(
            "The Gram matrix of a random bank",
            "How much each row has of every other: the largest entry off the diagonal is "
            f"{scientific(products['largest_elsewhere'])}, between rows {scientific(products['apart_bins'])} bins "
            f"apart; the diagonal's median is {scientific(products['diagonal'])}. The condition number is "
            f"{scientific(products['condition'])}, the orthogonal start's "
            f"{scientific(products['condition_orthogonal'])}. The closed form (Dirichlet "
            f"kernels) agrees to {scientific(products['closed_form_difference'])}.",
            [pictures.gram_picture(bank)],
        ),
        Section(
            "What matters in training",
            "SGD with one rate for all groups, of those tried the one whose worst start ends best, and Adam with the "
            "product's rates, each with and without the balance and with and without window growth. Adam divides each "
            "gradient by its own size, so a factor cancels where arithmetic is exact and epsilon zero; in the runs, "
            f"{_adam(training)}. One way counts as better where its worst start ends more than "
            f"{decimal(CLEAR_DB, 0)} dB above the best start of the other at any rate tried. {_at_an_end(training)}",
            [pictures.training_picture(figures["training"])],
            [_rates_table(training)],
        ),
    ]
    return Answer(text, _training_table(training), sections, settings, figures)


def _verdict(ways: dict[str, Any], frame: int) -> str:
    """What the balance does to SGD, and the window's growth to Adam."""
    places = {True: "with a growing window", False: "on whole frames"}
    spans = {
        growth: f"{_ends(ways[name_of('SGD', True, growth)])} balanced against "
        f"{_ends(ways[name_of('SGD', False, growth)])} as it is {where}"
        for growth, where in places.items()
    }
    counts = sorted({len(way["rates_db"]) for way in ways.values() if way["optimizer"] == "SGD"})
    at = f"at the best of {' or '.join(map(str, counts))} rates tried"
    adam = {growth: _ends(ways[name_of("Adam", False, growth)]) for growth in places}
    if _starts(ways) == 1:
        said = "one start tells nothing of whether balancing helps: SGD"
    else:
        found = {growth: _difference(ways, growth) for growth in places}
        if found[True] == found[False]:
            said = f"balancing {found[True]}"
        else:
            said = "; ".join(f"{where} balancing {found[growth]}" for growth, where in places.items())
        said += f": of {_starts(ways)} starts SGD"
    return (
        f"In training with N = M = {frame} {said} ends, {at}, at {spans[True]}, and at {spans[False]}; Adam as it is "
        f"ends at {adam[False]} on whole frames and at {adam[True]} with a growing window."
    )


def _difference(ways: dict[str, Any], growth: bool) -> str:
    """What the balance does to SGD where that is beyond chance.

    One way is better where its worst start, at its best rate, ends above the best start of the other at any rate.
    """
    plain, balanced = (ways[name_of("SGD", each, growth)] for each in (False, True))
    if balanced["least_db"] > _most(plain) + CLEAR_DB:
        return "helps"
    if plain["least_db"] > _most(balanced) + CLEAR_DB:
        return "harms"
    return "makes no clear difference"


def _most(way: dict[str, Any]) -> float:
    return max(float(end) for ends in way["rates_db"].values() for end in ends)


def _ends(way: dict[str, Any]) -> str:
    """From where to where a way's starts end."""
    kept = [run[-1] for run in way["snr_db"] if run[-1] is not None]
    lost = len(way["snr_db"]) - len(kept)
    if not kept:
        return "nowhere, as all run away,"
    return f"{span(kept, 1)} dB" + (f" ({lost} ran away)" if lost else "")


def _starts(ways: dict[str, Any]) -> int:
    return len(next(iter(ways.values()))["snr_db"])


def _of_starts(ways: dict[str, Any]) -> str:
    return "from one start" if _starts(ways) == 1 else f"of {_starts(ways)} starts"


def _at_an_end(ways: dict[str, Any]) -> str:
    """Which ways might do better at a rate beyond those tried."""
    found = []
    for name, way in ways.items():
        tried = [float(rate) for rate in way["rates_db"]]
        if tried and f"{way['rate']:g}" in (f"{min(tried):g}", f"{max(tried):g}"):
            found.append(f"{name} ({'least' if way['rate'] == min(tried) else 'largest'})")
    if not found:
        return "The best rate is nowhere the least or largest of those tried."
    return f"Where the best rate is an outermost of those tried, a better one may lie beyond: {'; '.join(found)}."


def _adam(ways: dict[str, Any]) -> str:
    """Where Adam's runs with and without the balance end."""
    ends = "it ends at {} as it is and {} balanced"
    if _starts(ways) > 1:
        ends = "its starts end at {} as they are and {} balanced"
    return "; ".join(
        f"{where} " + ends.format(*(_ends(ways[name_of("Adam", each, growth)]) for each in (False, True)))
        for growth, where in ((False, "on whole frames"), (True, "with a growing window"))
    )


def _rates_table(ways: dict[str, Any]) -> Table:
    rows: list[list[str | float]] = []
    for name, way in ways.items():
        for rate, ends in way["rates_db"].items():
            rows.append([name, rate, *_three(ends)])
    return Table(
        f"Every rate tried: SNR on white sound at the end, in dB, {_of_starts(ways)}.",
        ["training", "rate", "least", "median", "most"],
        rows,
    )


def _three(ends: list[float]) -> list[str]:
    return [decimal(end, 1) for end in (min(ends), float(np.median(ends)), max(ends))]


def _training_table(ways: dict[str, Any]) -> Table:
    rows: list[list[str | float]] = []
    for name, way in ways.items():
        rate = "per group" if way["rate"] is None else scientific(way["rate"])
        ends = [LOST_DB if run[-1] is None else run[-1] for run in way["snr_db"]]
        rows.append([name, rate, *_three(ends), str(way["ran_away"])])
    return Table(
        f"SNR on white sound at the end, in dB, {_of_starts(ways)}; what has run away counts as {decimal(LOST_DB, 0)}.",
        ["training", "rate", "least", "median", "most", "ran away"],
        rows,
    )
