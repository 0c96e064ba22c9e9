"""A plain linear layer learns the Fourier transform; why its loss falls and then rises under Adam."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from audiocos.report.words import decimal, scientific
from audiocos.studies.dft import sentences, tables
from audiocos.studies.study import Answer, Section, Setting

if TYPE_CHECKING:
    from audiocos.studies.dft.training import Learned, Recipe


@dataclass(frozen=True)
class Sizes:
    """What is learned."""

    frame: int
    batch: int
    sizes: tuple[int, ...]
    units: tuple[float, ...]
    unit_steps: int
    moments: int


FULL = Sizes(32, 128, (8, 16, 32, 64, 128), (2, 3, 4, 8, 16), 3000, 32)
QUICK = Sizes(8, 64, (8, 16), (4,), 600, 8)


def recipes(quick: bool) -> dict[str, Recipe]:
    """The runs: each differs from the first in what it is called by, besides the number of steps.

    Every remedy runs as long as the first, which has risen by then: a shorter run would show nothing.
    Without batches the gradients of most weights fade so slowly that it takes 10 times the rate to come to rest first;
    the quick run's memory is too short for that and gets longer there.
    """
    from audiocos.studies.dft.training import Recipe

    first = Recipe(800, rate=8e-3, beta2=0.97) if quick else Recipe(20000)
    shorter, longer = (0.95, 0.995) if quick else (0.99, 0.9998)
    some = 600 if quick else 12000
    descent = replace(first, rate=1.0, adam=False)
    return {
        "puzzle": first,
        "float64": replace(first, dtype="float64"),
        "expected": replace(
            first,
            dtype="float64",
            expected=True,
            rate=10 * first.rate,
            beta2=0.99 if quick else first.beta2,
            steps=600 if quick else 5000,
        ),
        "fast": replace(first, rate=10 * first.rate, steps=some),
        "short": replace(first, beta2=shorter, steps=some if quick else some // 2),
        "long": replace(first, beta2=longer),
        "scaled": replace(first, scale=0.01),
        "epsilon": replace(first, epsilon=first.epsilon / 0.01**2),
        "amsgrad": replace(first, amsgrad=True),
        "cooled": replace(first, cooling=1e-5),
        "descent": descent,
        "descent64": replace(descent, dtype="float64", steps=100),
    }


def run(setting: Setting) -> Answer:
    """Run the study."""
    from audiocos.studies.dft import magnitudes, training

    sizes, chosen = (QUICK if setting.quick else FULL), recipes(setting.quick)
    n, seed, device = sizes.frame, setting.seed, setting.device
    units = [magnitudes.same_size(n), *(round(each * n) for each in sizes.units)]
    total = sum(recipe.steps for recipe in chosen.values()) + 2 * len(units) * sizes.unit_steps
    done = 0
    learned: dict[str, Learned] = {}
    for name, recipe in chosen.items():
        last = recipe.steps
        moments = sorted({1, *(round(last * part) for part in np.linspace(0, 1, sizes.moments)[1:])})
        learned[name] = training.learn(
            n,
            recipe,
            sizes.batch,
            seed,
            device,
            moments if name == "puzzle" else (),
            lambda step, name=name, done=done: setting.step(tables.label(name), done + step, total),  # type: ignore[misc]
        )
        done += last
    runs = {name: training.told(n, chosen[name], sizes.batch, found, seed) for name, found in learned.items()}
    by_size = [_at_size(size, chosen["descent64"], seed, device) for size in sizes.sizes]
    modulus = []
    for count in units:
        setting.step(f"magnitudes, {count} ReLUs", done, total)
        modulus.append(magnitudes.learn_magnitudes(n, count, sizes.unit_steps, seed, device))
        done += 2 * sizes.unit_steps
    setting.step("drawing", total, total)
    figures = {
        "runs": runs,
        "sizes": by_size,
        "magnitudes": {"constant_snr_db": magnitudes.CONSTANT_DB, "networks": modulus},
        "forecasts": _forecasts(runs, chosen),
    }
    settings: dict[str, Any] = {
        "N": n,
        "frames a batch": sizes.batch,
        "input": "complex white noise, real and imaginary parts of variance 1",
        "start": "weights uniform in \N{PLUS-MINUS SIGN}1/sqrt(2N)",
        "Adam": f"beta1 {training.BETA1}",
        "frames that a layer is judged on": training.JUDGED,
    }
    settings["other N, by gradient descent in float64"] = [size for size in sizes.sizes if size != n]
    settings["frames a batch of these and of the table by N"] = "8N"
    settings["networks for magnitudes"] = (
        f"{', '.join(map(str, units))} ReLUs; Adam, rate {magnitudes.RATE:g} falling to 0 as a cosine, batches of "
        f"{magnitudes.BATCH} frames, {sizes.unit_steps} steps, float32; judged on {magnitudes.FRAMES} frames"
    )
    settings |= {tables.label(name): _recipe_text(recipe) for name, recipe in chosen.items()}
    return _answer(sizes, chosen, learned, figures, settings)


def _at_size(size: int, recipe: Recipe, seed: int, device: str) -> dict[str, Any]:
    """Gradient descent at its best rate, on batches of 8N frames."""
    from audiocos.studies.dft import training

    batch = 8 * size
    found = training.learn(size, recipe, batch, seed, device)
    told = training.told(size, recipe, batch, found, seed)
    losses = np.array(found.losses)
    falling = losses[losses > 1e4 * losses.min()]
    return {
        "frame": size,
        "weights": 4 * size**2,
        "batch": batch,
        "steps": int(found.ends[int(np.argmax(losses < 10 * losses.min()))]),
        "fall_db_a_step": float(10 * np.log10(falling[0] / falling[-1]) / max(len(falling) - 1, 1)),
        "fall_by_theory_db": float(-10 * np.log10(1 - 1 / told["kappa"])),
        **{key: told[key] for key in ("snr_db", "max_error", "allclose")},
    }


def _forecasts(runs: dict[str, Any], chosen: dict[str, Recipe]) -> dict[str, int]:
    """Where effective rates meet the edge if they grow as beta2^(-t/2) from halfway to it, or from where a run ends."""
    from audiocos.studies.dft.training import forecast

    found = {}
    for name in ("puzzle", "long"):
        run = runs[name]
        steps, reaches = run["curve"]["step"], run["curve"]["reach"]
        until = (run["met_edge_at"] or 2 * steps[-1]) / 2
        index = max(i for i, step in enumerate(steps) if step <= until or i == 0)
        found[name] = forecast(chosen[name].beta2, steps[index], reaches[index], run["edge"])
    return found


def _answer(
    sizes: Sizes,
    chosen: dict[str, Recipe],
    learned: dict[str, Learned],
    figures: dict[str, Any],
    settings: dict[str, Any],
) -> Answer:
    from audiocos.studies.dft import pictures

    runs, networks = figures["runs"], figures["magnitudes"]["networks"]
    puzzle, row, n = runs["puzzle"], _row(figures["sizes"], sizes.frame), sizes.frame
    good = all(row["allclose"] for row in figures["sizes"])
    text = (
        f"{'Yes' if good else 'Not everywhere'}: plain gradient descent at the rate that the batches allow gives "
        f"numpy's FFT with {decimal(row['snr_db'], 0)} dB at N = {n}, its loss within 10 dB of its lowest after "
        f"{row['steps']} steps of {row['batch']} frames, and numpy.allclose says {'yes' if good else 'no somewhere'} "
        f"from N = {sizes.sizes[0]} to {sizes.sizes[-1]}. "
        f"Under Adam, in float32, the loss {sentences.falls_and_rises(puzzle)}, where the layer has "
        f"{decimal(puzzle['snr_db'], 0)} dB and numpy.allclose says {'yes' if puzzle['allclose'] else 'no'}: Adam "
        f"divides by a memory of gradients, so while they fade its effective rate grows, until at "
        f"{decimal(puzzle['edge'], 2)} over the curvature descent is no longer stable; "
        f"{sentences.in_short(runs, chosen)}."
    )
    sections = [
        Section(
            "The layer learns the transform",
            f"One dense layer without bias, {4 * n * n} weights at N = {n}; gradient descent without momentum on "
            f"white noise, in batches of {sizes.batch} frames for the pictures and of 8N for the table. White "
            "noise makes the loss a round bowl, so nothing has to adapt: the best rate is 1/(kappa "
            "curvature), where kappa = 1 + (2N + 1)/B is what a batch of B frames adds to the mean square "
            "of the slope, and every step leaves 1 - 1/kappa of the loss.",
            [
                pictures.heat_picture(learned["descent64"].weights, n, runs["descent64"]["snr_db"]),
                pictures.moving_picture(learned["puzzle"].moments, puzzle, n),
            ],
            [tables.sizes_table(figures["sizes"])],
        ),
        Section(
            "The loss that falls and then rises",
            sentences.explanation(figures, chosen),
            [
                pictures.puzzle_picture(runs, tables.PUZZLE | tables.MOVED),
                pictures.remedies_picture(runs, tables.REMEDIES),
            ],
            [tables.edge_table(runs, chosen)],
        ),
        Section(
            "Magnitudes only",
            f"Targets |X| in place of X. No linear layer can do better than a constant, as |X| is even: "
            f"{decimal(figures['magnitudes']['constant_snr_db'], 2)} dB. A network with one layer of ReLUs and as many "
            f"weights as the linear one has {networks[0]['units']} ReLUs, "
            f"{networks[0]['units_per_output']:.2g} for each coefficient, and reaches "
            f"{decimal(networks[0]['snr_db'], 1)} dB; it takes "
            f"{networks[-1]['units_per_output']:.2g} for each, {networks[-1]['weights']} weights, to reach "
            f"{decimal(networks[-1]['snr_db'], 1)} dB.",
            [pictures.magnitudes_picture(networks, figures["magnitudes"]["constant_snr_db"], n)],
            [tables.magnitudes_table(networks)],
        ),
    ]
    return Answer(text, tables.floors_table(runs, chosen), sections, settings, figures)


def _row(by_size: list[dict[str, Any]], frame: int) -> dict[str, Any]:
    return next(row for row in by_size if row["frame"] == frame)


def _recipe_text(recipe: Recipe) -> str:
    if not recipe.adam:
        return f"{recipe.steps} steps at the best rate, {recipe.dtype}"
    text = f"{recipe.steps} steps, rate {recipe.rate:g}, beta2 {recipe.beta2:g}, epsilon {scientific(recipe.epsilon)}"
    text += f", input times {recipe.scale:g}" if recipe.scale != 1 else ""
    text += f", rate times {scientific(recipe.cooling)} in the end" if recipe.cooling != 1 else ""
    text += ", AMSGrad" if recipe.amsgrad else ""
    return text + f", {recipe.dtype}" + (", no batches" if recipe.expected else "")
