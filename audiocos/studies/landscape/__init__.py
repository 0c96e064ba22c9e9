"""Why descent stops: the loss along one frequency, the reach of its bowl, and what random starts come to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from audiocos.report.words import at_least, decimal
from audiocos.studies.landscape.curves import REACH, bowls, cuts, looked_at
from audiocos.studies.landscape.descents import FACTOR, GROWN, REACHED_DB, WAYS, Descents, journey, learn
from audiocos.studies.landscape.partners import KINDS, LEARNERS, Nearby, begun_nearby, bottoms, distances
from audiocos.studies.starts import windows_a_step
from audiocos.studies.study import Answer, Section, Setting, Table
from audiocos.training.growth import FIRST_TAPER
from audiocos.training.settings import StochasticSettings


@dataclass(frozen=True)
class _Sizes:
    frame: int
    lengths: tuple[int, ...]
    points: int
    descents: Descents
    nearby: Nearby


_FULL = _Sizes(
    256,
    (2, 4, 8, 16, 32, 64, 128, 256),
    641,
    Descents(64, 10, 2000),
    Nearby(32, 10, (0.35, 0.7, 1.0, 1.4, 2.0)),
)
_QUICK = _Sizes(64, (2, 4, 8, 16, 32, 64), 161, Descents(16, 3, 200), Nearby(16, 3, (0.7, 2.0)))


_BOTTOMS = 161
"""Points of a scan for the least loss: one each tenth of a bin."""


def run(setting: Setting) -> Answer:
    """Run the study."""
    sizes = _QUICK if setting.quick else _FULL
    tried = sizes.descents
    total = len(WAYS) * tried.starts + sizes.nearby.rows + 3
    done = 2

    def step(what: str = "random starts") -> None:
        nonlocal done
        done += 1
        setting.step(what, done, total)

    setting.step("the loss along one frequency", 0, total)
    found_cuts = cuts(sizes.frame, setting.seed, sizes.points)
    setting.step("the reach of the bowl", 1, total)
    found_bowls = bowls(sizes.frame, list(sizes.lengths))
    setting.step("random starts", 2, total)
    learned, seconds = learn(tried, setting.seed, setting.device, step)
    moments = journey(tried.frame, setting.seed)
    reach = found_bowls["reach"]["cut off"][-1]  # of the whole frame
    near = begun_nearby(sizes.nearby, setting.seed, reach, lambda: step("starts near the grid"))
    setting.step("drawing", total, total)
    figures = {
        "cuts": found_cuts,
        "bowls": found_bowls,
        "distances": distances(tried.frame, tried.starts, setting.seed, reach) | {"reach": reach},
        "bottoms": bottoms(tried.frame, setting.seed, _BOTTOMS),
        "descents": learned,
        "nearby": near,
        "journey": {"steps": [m[0] for m in moments], "snr_db": [m[2] for m in moments]},
    }
    usual = StochasticSettings()
    settings: dict[str, Any] = {
        "loss": "expected squared error on white sound, block frames",
        "N = M of the curves": sizes.frame,
        "window lengths": list(sizes.lengths),
        "N = M of the random starts": tried.frame,
        "random starts": tried.starts,
        "points of the curves": sizes.points,
        "points of the scan for the least loss": f"{_BOTTOMS} over {2 * REACH:g} bins",
        "Adam": f"{tried.adam_steps} steps, {windows_a_step(tried.frame)} windows of noise a step, rates "
        f"{usual.rate_bins:g} bin and {usual.rate:g} for amplitudes, {usual.dtype}",
        "window growth of Gauss-Newton": f"n0 from {FIRST_TAPER:g}, times {FACTOR:g} a stage, on the expected loss",
        "N = M of the starts near the grid": sizes.nearby.frame,
        "starts near the grid": sizes.nearby.starts,
        "distances from the grid (bins)": list(sizes.nearby.radii),
    }
    return _answer(settings, figures, {"seconds a start": seconds}, moments)


def _answer(settings: dict[str, Any], figures: dict[str, Any], timings: dict[str, Any], moments: list[Any]) -> Answer:
    from audiocos.studies.landscape import pictures

    far, learned, wide = figures["distances"], figures["descents"], figures["bowls"]
    ends, starts, partners, reach = learned["ends"], learned["starts"], far["partners"], decimal(far["reach"], 1)
    grown = ends[GROWN]
    shortest = wide["lengths"][0]
    half, half_whole = wide["half"]["Gaussian"][0], wide["half"]["cut off"][-1]
    text = (
        f"The loss in one frequency is a bowl around its partner, the frequency of the same row in the other bank, and "
        f"reaches {reach} bins to either side; at random starts {decimal(100 * partners['share_within'], 0)} % of the "
        f"partners lie so near to each other (median {decimal(partners['median'], 1)} bins), and Adam and L-BFGS stop "
        f"at {decimal(ends['Adam']['median'], 1)} and {decimal(ends['L-BFGS']['median'], 1)} dB. A window of n0 = "
        f"{shortest} samples widens the bowl from {decimal(half_whole, 1)} to {decimal(half, 1)} bins at half its "
        f"height, and as it grows {grown['reached']} of {starts} starts come above {decimal(REACHED_DB, 0)} dB, the "
        f"least to {at_least(grown['least'], 0)} dB."
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
            "by exp(\N{MINUS SIGN}(n/n0)\N{SUPERSCRIPT TWO}/2) as in window growth. "
            f"{_cut_off(wide)} A fade that fits into the frame has no ripples. Half height: where the loss is half "
            "of its mean over all N lines.",
            [pictures.bowls_picture(wide)],
        ),
        Section(
            "Random starts",
            f"Partners are matched in order, as random starts are sorted. Of those of {starts} random starts "
            f"{decimal(100 * partners['share_within'], 1)} % lie within the {decimal(far['reach'], 2)} bins of the "
            f"bowl; the median is {decimal(partners['median'], 1)} bins apart and the farthest "
            f"{decimal(partners['most'], 1)}. It is the partner that a frequency seeks, not a line of the grid: along "
            f"{figures['bottoms']['rows']} analysis frequencies of the first start the loss is least "
            f"{decimal(figures['bottoms']['to_partner'], 2)} bins (median) from the partner, and "
            f"{decimal(figures['bottoms']['to_line'], 2)} from a line, where chance would have 0.25. Within "
            f"{reach} bins of their own lines, in order, are {decimal(100 * far['lines']['share_within'], 1)} %. Adam "
            "learns on batches of noise, the others on the expectation.",
            [pictures.descents_picture(learned)],
        ),
        Section("Starts near the grid", _nearby_text(figures["nearby"], far["reach"]), [], [_nearby_table(figures)]),
        Section(
            "Frequencies finding the grid",
            "The first of these random starts as the window grows, step by step.",
            [pictures.journey_picture(moments)],
        ),
    ]
    return Answer(text, table, sections, settings, figures, timings)


def _cut_off(wide: dict[str, Any]) -> str:
    """Where the bowl of a frame that is cut off ends, and for which windows no end was met."""
    lengths, frame = wide["lengths"], wide["frame"]
    open_ends = [n for n, reach in zip(lengths, wide["reach"]["cut off"], strict=True) if reach is None]
    if not open_ends:
        return "Cut off, the bowl ends at a first maximum."
    looked = " and ".join(f"{decimal(looked_at(frame, n), 0)} bins for n = {n}" for n in open_ends)
    return f"Cut off, the bowl ends at a first maximum, but none was met within {looked}."


def _nearby_text(nearby: dict[str, Any], reach: float) -> str:
    said = []
    for kind, meaning in KINDS.items():
        rows = [row for row in nearby["rows"] if row["kind"] == kind]
        sure = list(takewhile(lambda row: all(row[name]["reached"] == nearby["starts"] for name in LEARNERS), rows))
        last = rows[-1]
        counts = " and ".join(f"{last[name]['reached']} with {name}" for name in LEARNERS)
        first = (
            f"up to {sure[-1]['radius']:g} bins off every start comes above {decimal(REACHED_DB, 0)} dB in both ways"
            if sure
            else f"at {rows[0]['radius']:g} bins already not every start comes above {decimal(REACHED_DB, 0)} dB in "
            "both ways"
        )
        said.append(f"Moved {meaning}, {first}, and at {last['radius']:g} bins {counts} of {nearby['starts']}.")
    return (
        "Whole frames, exact amplitudes, every frequency moved off its line by a random distance of at most so many "
        "bins. Moved each by itself, partners are up to twice as far from each other; moved together, they are not "
        f"apart at all, however far they are from the grid. What counts is how far partners are from each other: two "
        f"moved by {decimal(reach / 2, 1)} bins each are at most {decimal(reach, 1)} apart. " + " ".join(said)
    )


def _nearby_table(figures: dict[str, Any]) -> Table:
    nearby = figures["nearby"]

    def row(each: dict[str, Any]) -> list[str | float]:
        cells: list[str | float] = [f"{KINDS[each['kind']]}, {each['radius']:g} bins", decimal(100 * each["within"], 0)]
        for name in LEARNERS:
            ends = each[name]["snr_db"]
            cells += [f"{decimal(min(ends), 0)} to {decimal(max(ends), 0)}", f"{each[name]['reached']}"]
        return cells

    columns = [part for name in LEARNERS for part in (f"{name} (dB)", f"above {decimal(REACHED_DB, 0)} dB")]
    return Table(
        f"SNR on white sound at the end, least to most of {nearby['starts']} starts near the grid with N = M = "
        f"{nearby['frame']}, and how many are above {decimal(REACHED_DB, 0)} dB; partners within the bowl's reach.",
        ["moved", "partners within reach (%)", *columns],
        [row(each) for each in nearby["rows"]],
    )
