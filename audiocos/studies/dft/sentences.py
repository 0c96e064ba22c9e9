"""What the study of the dense layer says of Adam's loss, from its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audiocos.report.words import decimal, scientific
from audiocos.studies.dft import tables

if TYPE_CHECKING:
    from audiocos.studies.dft.training import Recipe


GROWS = 1.01
"""An effective rate that gains so much over the last tenth of a run still grows."""

SHOWS = {
    "rises": "rises all the same",
    "too short": "ran too short to show anything",
    "on its way": "is still on its way to the edge",
}
"""What is said of a remedy that is not found to hold."""


def falls_and_rises(run: dict[str, Any]) -> str:
    """How low the loss gets, and whether it stays there."""
    fell = f"falls to {scientific(run['lowest_loss'])}"
    return f"{fell} and then rises to {scientific(run['end_loss'])}" if run["rose"] else f"{fell} and stays"


def standing(runs: dict[str, Any], chosen: dict[str, Recipe], key: str) -> str:
    """What a run shows of its remedy.

    Returns:
        "rises"; "too short", where it ends before Adam as it comes has risen; "on its way", where its effective rate
        still grows and nothing holds it below the edge; else "holds".
    """
    run, rose_at = runs[key], runs["puzzle"]["rose_at"]
    if run["rose"]:
        return "rises"
    if rose_at is None or chosen[key].steps <= rose_at:
        return "too short"
    reaches = run["curve"]["reach"]
    grows = reaches[-1] > GROWS * reaches[len(reaches) * 9 // 10]
    return "on its way" if chosen[key].adam and grows and run["ceiling"] > run["edge"] else "holds"


def in_short(runs: dict[str, Any], chosen: dict[str, Recipe]) -> str:
    """How many of the remedies hold the loss down."""
    if runs["puzzle"]["rose_at"] is None:
        return "as it does not rise within the run, the remedies show nothing"
    found = {key: standing(runs, chosen, key) for key in tables.REMEDIES}
    holding = sum(each == "holds" for each in found.values())
    text = f"{holding} of {len(found)} remedies hold it down beyond the step at which it rises"
    rest = [f"{tables.label(key)} {SHOWS[each]}" for key, each in found.items() if each != "holds"]
    return text + "".join(f"; {each}" for each in rest)


def explanation(figures: dict[str, Any], chosen: dict[str, Recipe]) -> str:
    """Why the loss rises, in three paragraphs."""
    runs, forecasts = figures["runs"], figures["forecasts"]
    puzzle, exact, mean, fast = (runs[key] for key in ("puzzle", "float64", "expected", "fast"))
    scaled, epsilon = runs["scaled"], runs["epsilon"]
    return (
        f"Rounding is {_whether(exact)} the reason: in float64 the loss {falls_and_rises(exact)}{_at_step(exact)} (in "
        f"float32{_at_step(puzzle)}). Noise is {_whether(mean)} the reason: without batches, on the average over all "
        f"noise and at 10 times the rate, it {falls_and_rises(mean)}{_at_step(mean)}; each weight then has an "
        f"effective rate of its own, and the largest {_meets(mean)}.\n\n"
        "The gradient of an exact layer is zero for every frame. Adam divides by the root of its mean square, which it "
        "forgets at beta2 a step; so once the loss is low the effective rate grows as beta2^(-t/2), whatever the loss "
        "does. Descent with momentum on a bowl of curvature c is stable up to an effective rate of "
        f"{decimal(mean['edge'], 0)}/c, and with "
        "batches up to 2(1 + beta1)/(kappa(1 + beta1) - 2 beta1)/c, where kappa = 1 + (2N + 1)/B: "
        f"{decimal(puzzle['edge'], 2)}/c here. From there errors grow until gradients are large enough to hold the "
        f"rate at the edge: over the last steps it is {decimal(puzzle['reach_at_end'], 2)}/c. The loss that makes such "
        f"gradients is 2N (rate/edge)^2/kappa = {scientific(puzzle['floor_by_theory'])}, measured "
        f"{scientific(puzzle['end_loss'])}; with 10 times the rate {scientific(fast['floor_by_theory'])}, measured "
        f"{scientific(fast['end_loss'])}.\n\n"
        f"{_longer(runs, chosen, forecasts)} An input times {chosen['scaled'].scale:g} helps because epsilon is not "
        f"scaled with it: gradients are {chosen['scaled'].scale ** 2:g} of what they were, and epsilon holds the "
        f"effective rate below {decimal(scaled['ceiling'], 2)}/c. Epsilon = {chosen['epsilon'].epsilon:g} without "
        f"scaling is the same run in other units: {scientific(scaled['end_loss'])} and "
        f"{scientific(epsilon['end_loss'])} of loss after {chosen['scaled'].steps} steps. "
        "AMSGrad never forgets, a rate that falls outruns the growth, and gradient descent has nothing to forget. "
        f"{_lowest(runs, chosen)}"
    )


def _longer(runs: dict[str, Any], chosen: dict[str, Recipe], forecasts: dict[str, int]) -> str:
    """What a longer memory did, and where it would have met the edge."""
    long, beta2 = runs["long"], chosen["long"].beta2
    text = f"With a longer memory, beta2 = {beta2:g}, the loss "
    if long["rose"]:
        return text + f"rises at step {long['rose_at']}."
    text += f"does not rise within the {chosen['long'].steps} steps of the run"
    if long["met_edge_at"]:
        return text + f", though its effective rate meets the edge at step {long['met_edge_at']}."
    text += f"; by forecast its effective rate would meet the edge at step {forecasts['long']}"
    puzzle = runs["puzzle"]["met_edge_at"]
    was = f"; it was {puzzle}" if puzzle else ""
    return f"{text} (the same forecast for Adam as it comes, made half the way, says {forecasts['puzzle']}{was})."


def _lowest(runs: dict[str, Any], chosen: dict[str, Recipe]) -> str:
    """Which remedies hold, and how low they are at the step at which Adam as it comes is lowest."""
    holding = [key for key in tables.REMEDIES if standing(runs, chosen, key) == "holds"]
    text = f"Beyond the step at which Adam as it comes has risen hold: {_list([tables.label(key) for key in holding])}."
    if not holding:
        return text
    puzzle = runs["puzzle"]
    there = {key: loss_at(runs[key], puzzle["lowest_at"]) for key in holding}
    best = min(holding, key=lambda key: there[key])
    return (
        f"{text} At step {puzzle['lowest_at']}, where Adam as it comes is lowest "
        f"({scientific(puzzle['lowest_loss'])}), the lowest of these is {tables.label(best)}, at "
        f"{scientific(there[best])}."
    )


def loss_at(run: dict[str, Any], step: int) -> float:
    """The loss of the part of a run that a step is in."""
    curve = run["curve"]
    return next(float(loss) for end, loss in zip(curve["step"], curve["loss"], strict=True) if end >= step)


def _whether(run: dict[str, Any]) -> str:
    return "not" if run["rose"] else "perhaps"


def _at_step(run: dict[str, Any]) -> str:
    return f" at step {run['rose_at']}" if run["rose"] else ", without a rise"


def _meets(run: dict[str, Any]) -> str:
    edge = decimal(run["edge"], 0)
    met = run["met_edge_at"]
    return f"is found above its edge, {edge}/c, at step {met}" if met else f"stays below its edge, {edge}/c"


def _list(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names) or "none of them"
