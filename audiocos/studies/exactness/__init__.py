"""Does the orthogonal start reconstruct: in which arithmetic, at which size, and how near to the grid must it be."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audiocos import cosines, metrics, signals
from audiocos.cosines import CosineParameters, Float64
from audiocos.report.words import at_least, decimal, scientific
from audiocos.studies.starts import start_seed
from audiocos.studies.study import Answer, Section, Setting, Table
from audiocos.training.growth import white_snr_db

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[Any]

RATE = 48000
FRAMES = 16
NOTEBOOK_SIZE = 512
NOTEBOOK_MSE = 2.4e-10
"""What the notebook that this project began with printed at N = 512, in float32 throughout."""

DISTANCES = tuple(float(d) for d in np.logspace(-3, 0, 13))
EXACT_DB = 200.0
PI = "\N{GREEK SMALL LETTER PI}"

OLD, MIXED, OURS32, OURS64 = "float32, float32", "float32, float64", "float64, float32", "float64, float64"
ARITHMETICS = {  # angles, matrices
    OLD: ("float32", "float32"),
    MIXED: ("float32", "float64"),
    OURS32: ("float64", "float32"),
    OURS64: ("float64", "float64"),
}
SCIPY32, SCIPY64 = "scipy float32", "scipy float64"

DETUNINGS = {
    "analysis alone": "the analysis bank, each frequency up or down by chance",
    "both, apart": "both banks, each frequency up or down by chance",
    "both, together": "both banks, up or down by chance but alike",
    "both, upwards": "both banks, every frequency up",
}


@dataclass(frozen=True)
class Sizes:
    """What is measured at which size."""

    frames: tuple[int, ...]
    detuned: int
    batches: int


FULL = Sizes(tuple(2**i for i in range(3, 13)), 512, 20)
QUICK = Sizes(tuple(2**i for i in range(3, 10)), 128, 5)


def run(setting: Setting) -> Answer:
    """Run the study."""
    sizes = QUICK if setting.quick else FULL
    total = len(sizes.frames) + 2
    by_size: dict[str, dict[str, dict[str, float | None]]] = {}
    for done, frame in enumerate(sizes.frames):
        setting.step(f"N = {frame}", done, total)
        by_size[str(frame)] = at_size(frame, _batch(frame, start_seed(setting.seed, 0)), setting.device)
    setting.step("the notebook's figure", total - 2, total)
    notebook = notebook_figures(sizes.batches, setting)
    setting.step("detuning", total - 1, total)
    detuning = detuned(sizes.detuned, setting.seed)
    setting.step("drawing", total, total)
    figures = {"sizes": by_size, "notebook": notebook, "detuning": detuning}
    settings: dict[str, Any] = {
        "sizes N = M": list(sizes.frames),
        "frames a size": FRAMES,
        "input": "white noise, uniform in [-1, 1)",
        "frames for the notebook's figure": FRAMES * sizes.batches,
        "N of the detuned pair": sizes.detuned,
        "distances off the grid (bins)": [float(f"{d:.4g}") for d in DISTANCES],
    }
    return _answer(sizes, settings, figures)


def at_size(frame: int, x: Float64, device: str = "cpu") -> dict[str, dict[str, float | None]]:
    """Errors of each arithmetic, and of scipy's fast transforms, at one size.

    Args:
        frame: N = M.
        x: frames, `[count, N]`.
        device: where the matrices are.

    Returns:
        For each: SNR of the reconstruction and of the coefficients against scipy's DCT in float64, both in dB, None
        where there is no error, and the mean squared error of the reconstruction.
    """
    import scipy.fft

    def transforms(dtype: str) -> tuple[Float64, Float64]:
        coefficients = scipy.fft.dct(x.astype(dtype), type=3, norm="ortho")
        return np.asarray(coefficients), np.asarray(scipy.fft.dct(coefficients, type=2, norm="ortho"))

    truth, _ = transforms("float64")
    found = {}
    for name, (angles, dtype) in ARITHMETICS.items():
        found[name] = _errors(x.astype(dtype), truth, *_through_pair(frame, x, angles, dtype, device))
    for name, dtype in ((SCIPY32, "float32"), (SCIPY64, "float64")):
        found[name] = _errors(x.astype(dtype), truth, *transforms(dtype))
    return found


def notebook_figures(batches: int, setting: Setting) -> dict[str, Any]:
    """Mean squared errors at N = 512 of single frames: the notebook's arithmetic, the module, the engine."""
    import audiocos

    model, frame = audiocos.load("exact"), NOTEBOOK_SIZE
    found: dict[str, list[float]] = {OLD: [], OURS32: [], OURS64: [], "engine, fast transform in float32": []}
    for index in range(batches):
        x = _batch(frame, start_seed(setting.seed, index))
        for name in (OLD, OURS32, OURS64):
            angles, dtype = ARITHMETICS[name]
            _, y = _through_pair(frame, x, angles, dtype, setting.device)
            found[name] += _by_frame(x.astype(dtype), y)
        sound = x.astype(np.float32).reshape(1, -1)
        given = model.reconstruct(sound, device="cpu")
        found["engine, fast transform in float32"] += _by_frame(sound.reshape(x.shape), given.reshape(x.shape))
    share = float(np.mean(np.array(found[OLD]) >= NOTEBOOK_MSE))
    return {"frame": frame, "reported_mse": NOTEBOOK_MSE, "share_at_or_above": share, "mse": found}


def detuned(frame: int, seed: int) -> dict[str, Any]:
    """SNR on white sound, in expectation, of a pair whose frequencies lie off the grid by so many bins."""
    rng = np.random.default_rng(seed)
    first, second = rng.choice([-1.0, 1.0], (2, frame))
    one, zero = np.ones(frame), np.zeros(frame)
    moves = dict(zip(DETUNINGS, ((first, zero), (first, second), (first, first), (one, one)), strict=True))
    start = cosines.orthogonal(frame)
    grid = start.analysis_frequencies

    def moved(way: tuple[Float64, Float64], bins: float) -> CosineParameters:
        w, v = (grid + direction * bins * np.pi / frame for direction in way)
        return replace(start, analysis_frequencies=w, synthesis_frequencies=v)

    curves = {name: [white_snr_db(moved(way, bins)) for bins in DISTANCES] for name, way in moves.items()}
    return {"frame": frame, "bins": list(DISTANCES), "snr_db": curves, "law_db": [law_db(d) for d in DISTANCES]}


def law_db(bins: float) -> float:
    """SNR of a small detuning of one bank: 10 log10(3 / (pi d)^2) at d bins, whatever N.

    The other bank is orthogonal, so the error is that of the bank itself,
    (1/N) sum_kn (n pi d / N)^2 (2/N) sin^2(w_k n), where sin^2 is 1/2 on average.
    """
    return float(10 * np.log10(3 / (np.pi * bins) ** 2))


def _batch(frame: int, seed: int) -> Float64:
    return signals.noise(FRAMES * frame, RATE, seed=seed).reshape(FRAMES, frame)


def _through_pair(frame: int, x: Float64, angles: str, dtype: str, device: str) -> tuple[Float64, Float64]:
    """Coefficients and reconstruction. The product's module has float64 angles; others are made as it would."""
    import torch

    from audiocos.nn import CosinePair

    with torch.no_grad():
        rows = torch.tensor(x, dtype=getattr(torch, dtype), device=device)
        pair = CosinePair(frame=frame).to(device)
        if angles == "float64":
            coefficients = pair.analyze(rows)
            back = pair.synthesize(coefficients)
        else:
            analysis = _rough_matrix(pair.numbers(), angles, device).to(rows.dtype)
            coefficients = rows @ analysis.mT
            back = coefficients @ analysis  # the synthesis matrix of the orthogonal start is its transpose
        return coefficients.cpu().numpy(), back.cpu().numpy()


def _rough_matrix(pair: CosineParameters, angles: str, device: str) -> Tensor:
    """W1 with the angles w n in another precision."""
    import torch

    frequencies, times, amplitudes = (
        torch.tensor(values, dtype=getattr(torch, angles), device=device)
        for values in (pair.analysis_frequencies, pair.times, pair.analysis_amplitudes)
    )
    matrix: Tensor = cosines.cosines(torch, frequencies, None, times) * amplitudes
    return matrix


def _errors(x: Float64, truth: Float64, coefficients: Float64, y: Float64) -> dict[str, float | None]:
    return {
        "snr_db": _snr_db(x, y),
        "coefficients_snr_db": _snr_db(truth, coefficients),
        "mse": _mse(x, y),
    }


def _by_frame(x: Array, y: Array) -> list[float]:
    return [_mse(one, other) for one, other in zip(x[:, None], y[:, None], strict=True)]


def _mse(x: Array, y: Array) -> float:
    return metrics.compare(x.astype(np.float64), y.astype(np.float64)).mse


def _snr_db(x: Float64, y: Float64) -> float | None:
    return metrics.compare(x.astype(np.float64), y.astype(np.float64)).snr_db


def _level(snr_db: float | None) -> float:
    """SNR to be compared; an exact copy has no error."""
    return math.inf if snr_db is None else snr_db


def _answer(sizes: Sizes, settings: dict[str, Any], figures: dict[str, Any]) -> Answer:
    from audiocos.studies.exactness import pictures

    by_size, detuning, notebook = figures["sizes"], figures["detuning"], figures["notebook"]
    least = {name: min(_level(row[name]["snr_db"]) for row in by_size.values()) for name in ARITHMETICS}
    last = str(sizes.frames[-1])
    exact = "Yes" if least[OURS64] > EXACT_DB else "Not everywhere"
    hundredth = detuning["bins"].index(min(detuning["bins"], key=lambda bins: abs(bins - 0.01)))
    apart = detuning["snr_db"]["both, apart"]
    text = (
        f"{exact}: from N = {sizes.frames[0]} to {last} the pair gives its input back with at least "
        f"{at_least(least[OURS64], 0)} dB in float64 and {at_least(least[OURS32], 0)} dB with float32 matrices, as "
        f"long as the angles are formed in float64; with float32 angles it keeps "
        f"{decimal(by_size[last][OLD]['snr_db'], 0)} dB at N = {last}. It does so on the grid only: "
        f"frequencies off by {detuning['bins'][hundredth]:.2g} bins "
        f"leave {decimal(apart[hundredth], 1)} dB, and by a whole bin {decimal(apart[-1], 1)} dB, each frequency of "
        "both banks moved up or down by chance."
    )
    names = [*ARITHMETICS, SCIPY32, SCIPY64]
    shown = [str(frame) for frame in sizes.frames if frame in (8, 64, 512, sizes.frames[-1])]
    table = Table(
        "SNR of the reconstruction, in dB. Angles, then matrices; scipy's fast transforms for comparison.",
        ["angles, matrices", *(f"N = {frame}" for frame in shown)],
        [[name, *(decimal(by_size[frame][name]["snr_db"], 1) for frame in shown)] for name in names],
    )
    theirs, ours = (float(np.median(notebook["mse"][name])) for name in (OLD, OURS32))
    sections = [
        Section(
            "Error against size and arithmetic",
            "White noise through the orthogonal pair, N = M, and against scipy's DCT of type 3. What costs is the "
            f"angle w n: it grows to {scientific(np.pi * sizes.frames[-1])} radians, of which float32 keeps seven "
            "digits. So the product forms angles in float64, whatever the matrices are cast to.",
            [pictures.sizes_picture(figures["sizes"])],
        ),
        Section(
            "The notebook's own figure",
            f"The notebook printed a mean squared error of {scientific(NOTEBOOK_MSE)}, of one frame of N = "
            f"{notebook['frame']}. Its arithmetic, run again on {len(notebook['mse'][OLD])} frames one by one, gives "
            f"{_beside(notebook)} With float64 angles and float32 matrices the median is {scientific(ours)}, "
            f"{decimal(10 * np.log10(theirs / ours), 1)} dB less.",
            [],
            [pictures.notebook_table(notebook)],
        ),
        Section(
            "What detuning costs",
            f"Every frequency of a pair with N = {detuning['frame']} is moved off the grid by so many bins; a bin is "
            f"{PI}/N. A small move d of one bank alone leaves 10 log10(3/({PI} d)\N{SUPERSCRIPT TWO}) dB whatever N, "
            f"the dotted line: at {detuning['bins'][0]:.2g} bins {decimal(detuning['law_db'][0], 2)} dB, against "
            f"{decimal(detuning['snr_db']['analysis alone'][0], 2)} measured.",
            [pictures.detuning_picture(detuning)],
        ),
    ]
    return Answer(text, table, sections, settings, figures)


def _beside(notebook: dict[str, Any]) -> str:
    """Where the notebook's figure lies among the single frames of its arithmetic."""
    errors, reported = notebook["mse"][OLD], notebook["reported_mse"]
    span = f"{scientific(min(errors))} to {scientific(max(errors))}, median {scientific(float(np.median(errors)))}"
    if min(errors) <= reported <= max(errors):
        share = decimal(100 * notebook["share_at_or_above"], 1)
        return f"{span}: the figure printed lies within, {share} % of the frames are at it or above."
    return (
        f"{span}: the figure printed lies outside, so none of these frames gives it; which input it was measured on is "
        "not known."
    )
