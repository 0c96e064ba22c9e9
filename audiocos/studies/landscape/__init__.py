"""Why descent stops: the loss along one frequency, the reach of its bowl, and what random starts come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from audiocos.report.words import decimal
from audiocos.studies.landscape.curves import bowls, cuts
from audiocos.studies.landscape.descents import GROWN, REACHED_DB, WAYS, Descents, distances, journey, learn
from audiocos.studies.study import Answer, Section, Setting, Table


@dataclass(frozen=True)
class _Sizes:
    frame: int
    lengths: tuple[int, ...]
    points: int
    descents: Descents


_FULL = _Sizes(256, (2, 4, 8, 16, 32, 64, 128, 256), 641, Descents(64, 10, 2000))
_QUICK = _Sizes(64, (2, 4, 8, 16, 32, 64), 161, Descents(16, 3, 200))


def run(setting: Setting) -> Answer:
    """Run the study."""
    sizes = _QUICK if setting.quick else _FULL
    tried = sizes.descents
    runs = len(WAYS) * tried.starts
    total = runs + 3
    done = 2

    def step() -> None:
        nonlocal done
        done += 1
        setting.step("random starts", done, total)

    setting.step("the loss along one frequency", 0, total)
    found_cuts = cuts(sizes.frame, setting.seed, sizes.points)
    setting.step("the reach of the bowl", 1, total)
    found_bowls = bowls(sizes.frame, list(sizes.lengths))
    setting.step("random starts", 2, total)
    learned, seconds = learn(tried, setting.seed, setting.device, step)
    moments = journey(tried.frame, setting.seed)
    setting.step("drawing", total, total)
    reach = found_bowls["reach"]["cut off"][-1]  # of the whole frame
    figures = {
        "cuts": found_cuts,
        "bowls": found_bowls,
        "distances": distances(tried.frame, tried.starts, setting.seed, reach) | {"reach": reach},
        "descents": learned,
        "journey": {"steps": [m[0] for m in moments], "snr_db": [m[2] for m in moments]},
    }
    settings: dict[str, Any] = {
        "loss": "expected squared error on white sound, block frames",
        "N = M of the curves": sizes.frame,
        "window lengths": list(sizes.lengths),
        "N = M of the random starts": tried.frame,
        "random starts": tried.starts,
        "steps of Adam": tried.adam_steps,
        "window growth of Gauss-Newton": "n0 from 2, times 1.3 a stage, on the expected loss",
    }
    return _answer(settings, figures, {"seconds a start": seconds}, moments)


def _answer(settings: dict[str, Any], figures: dict[str, Any], timings: dict[str, Any], moments: list[Any]) -> Answer:
    from audiocos.studies.landscape import pictures

    far, learned, wide = figures["distances"], figures["descents"], figures["bowls"]
    ends, starts = learned["ends"], learned["starts"]
    grown = ends[GROWN]
    shortest = wide["lengths"][0]
    half, half_whole = wide["half"]["Gaussian"][0], wide["half"]["cut off"][-1]
    text = (
        f"The loss in one frequency is a bowl that reaches {decimal(far['reach'], 1)} bins to either side, and at "
        f"random starts {decimal(100 * far['share_within'], 0)} % of the frequencies lie so near to their lines "
        f"(median {decimal(far['median'], 1)} bins), so Adam and L-BFGS stop at {decimal(ends['Adam']['median'], 1)} "
        f"and {decimal(ends['L-BFGS']['median'], 1)} dB. A window of n0 = {shortest} samples widens the bowl from "
        f"{decimal(half_whole, 1)} to {decimal(half, 1)} bins at half its height, and as it grows {grown['reached']} "
        f"of {starts} starts come above {decimal(REACHED_DB, 0)} dB, the least to {decimal(grown['least'], 0)} dB."
    )
    table = Table(
        f"SNR on white sound at the end, in dB, of {starts} random starts with N = M = {learned['frame']}.",
        ["way to learn", "least", "median", "most", f"above {decimal(REACHED_DB, 0)} dB"],
        [
            [
                way,
                *(decimal(ends[way][key], 1) for key in ("least", "median", "most")),
                f"{ends[way]['reached']} of {starts}",
            ]
            for way in WAYS
        ],
    )
    sections = [
        Section(
            "The loss along one frequency",
            "One frequency moves, everything else stays where it is. Far from its place the loss is flat but for "
            "ripples, and each ripple is a place to stop.",
            [pictures.cuts_picture(figures["cuts"])],
        ),
        Section(
            "A shorter window makes a wider bowl",
            "The same around the exact pair, with the frame seen through a window: cut off after n samples, or faded "
            "by exp(\N{MINUS SIGN}(n/n0)\N{SUPERSCRIPT TWO}/2) as in window growth. Cut off, the bowl ends at a first "
            "maximum; a fade that fits into the frame has no ripples. Half height: where the loss is half of its mean "
            "over all N lines.",
            [pictures.bowls_picture(wide)],
        ),
        Section(
            "Random starts",
            f"Of the frequencies of {starts} random starts {decimal(100 * far['share_within'], 1)} % lie within the "
            f"{decimal(far['reach'], 2)} bins of their bowl; the median is {decimal(far['median'], 1)} bins away and "
            f"the farthest {decimal(far['most'], 1)}. Adam learns on batches of noise, the others on the expectation.",
            [pictures.descents_picture(learned)],
        ),
        Section(
            "Frequencies finding the grid",
            "The first of these random starts as the window grows, step by step.",
            [pictures.journey_picture(moments)],
        ),
    ]
    return Answer(text, table, sections, settings, figures, timings)
