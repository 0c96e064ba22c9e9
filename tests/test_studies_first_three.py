"""The studies exactness, gradients and landscape: the same figures again, and figures that are right."""

import functools
import json
import math

import numpy as np
import pytest
import scipy.fft
from reportpages import sentences, unlabelled

from audiocos import cosines, studies
from audiocos.studies import landscape, page
from audiocos.studies.butterfly import learners
from audiocos.studies.exactness import (
    MIXED,
    NOTEBOOK_MSE,
    OLD,
    OURS32,
    OURS64,
    SCIPY32,
    SCIPY64,
    at_size,
    law_db,
    notebook_figures,
)
from audiocos.studies.gradients import training
from audiocos.studies.gradients.sizes import (
    GROUPS,
    Shape,
    closed_forms,
    gram,
    gram_closed_form,
    second_a4_factor,
    start,
)
from audiocos.studies.gradients.training import Training, compare, name_of
from audiocos.studies.landscape.curves import along, bowl, whole
from audiocos.studies.landscape.descents import Descents, learn
from audiocos.studies.landscape.partners import distances, near_grid
from audiocos.studies.study import Setting


@functools.cache
def answer(name):
    """A quick run, with what it told of its progress."""
    told = []
    found = studies.run(name, Setting(quick=True, step=lambda *step: told.append(step)))
    return found, told


@pytest.mark.slow
@pytest.mark.parametrize("name", ["exactness", "gradients", "landscape"])
def test_a_second_run_gives_the_same_figures_and_the_page_tells_them(name, tmp_path):
    found, told = answer(name)
    again = studies.run(name, Setting(quick=True))
    assert json.dumps(found.figures, allow_nan=False) == json.dumps(again.figures)
    assert (found.text, found.table) == (again.text, again.table)
    assert len(sentences(found.text)) == 2
    assert not unlabelled(found)
    done = [step for _, step, _ in told]
    assert done == sorted(done) and done[-1] == told[-1][2] and len({total for *_, total in told}) == 1
    page.write_answer(tmp_path, name, Setting(quick=True), found)
    assert json.loads((tmp_path / f"{name}.json").read_text())["figures"] == json.loads(json.dumps(found.figures))


def test_angles_in_float32_are_what_the_notebook_lost():
    told = answer("exactness")[0].figures["notebook"]
    notebook = told["mse"]
    assert {len(errors) for errors in notebook.values()} == {80}
    assert min(notebook[OLD]) < NOTEBOOK_MSE < max(notebook[OLD]), "the figure it printed, of one frame"
    assert told["share_at_or_above"] == np.mean([error >= NOTEBOOK_MSE for error in notebook[OLD]])
    assert np.mean(notebook[OURS32]) < 1e-13
    assert np.mean(notebook[OURS64]) < 1e-26
    rows = answer("exactness")[0].figures["sizes"]
    assert abs(rows["512"][OLD]["snr_db"] - rows["512"][MIXED]["snr_db"]) < 0.5, "the matrices are not to blame"
    assert min(row[OURS64]["snr_db"] for row in rows.values()) > 250


def test_another_seed_repeats_no_start():
    """A start of the same seed would give the same number."""
    for numbers in (
        lambda seed: np.concatenate(list(notebook_figures(2, Setting(seed=seed))["mse"].values())),
        lambda seed: learners.descend("dft", 8, 3, 5, seed, "cpu")["rmse"],
        lambda seed: np.ravel([closed_forms(*start(Shape(8, 8), seed, index))["w"] for index in range(3)]),
        lambda seed: [gap for row in begun(seed) for gap in row],
    ):
        first, second = numbers(0), numbers(1)
        assert len(first) == len(second) >= 3 and not np.intersect1d(first, second).size
        np.testing.assert_array_equal(first, numbers(0))


def begun(seed):
    descents = Descents(8, 2, 3)
    ends = learn(descents, seed, "cpu", lambda: None)[0]["snr_db"]
    return [[run[0] for run in ends["Adam"]], [distances(8, count, seed, 1.0)["partners"]["most"] for count in (1, 2)]]


def test_errors_against_scipy_are_those_of_the_matrices():
    x = np.random.default_rng(1).uniform(-1, 1, (16, 64))
    found = at_size(64, x)
    truth = scipy.fft.dct(x, type=3, norm="ortho")
    single = scipy.fft.dct(x.astype(np.float32), type=3, norm="ortho")
    expected = 10 * np.log10(np.sum(truth**2) / np.sum((truth - single) ** 2))
    assert found[SCIPY32]["coefficients_snr_db"] == pytest.approx(expected)
    n = np.arange(64)
    matrix = np.sqrt(2 / 64) * np.cos(np.pi * (2 * n[:, None] + 1) * n / 128) * np.where(n == 0, np.sqrt(0.5), 1)
    rough = 10 * np.log10(np.sum(truth**2) / np.sum((truth - x @ matrix.T) ** 2))
    assert abs(found[OURS64]["coefficients_snr_db"] - rough) < 10


def test_lower_bounds_hold_and_an_exact_copy_has_no_snr():
    rows = answer("exactness")[0].figures["sizes"]
    least = min(row[OURS64]["snr_db"] for row in rows.values())
    assert f"at least {math.floor(least)} dB in float64" in answer("exactness")[0].text
    assert all(row[SCIPY64]["coefficients_snr_db"] is None for row in rows.values())


def test_small_detuning_follows_its_law():
    detuning = answer("exactness")[0].figures["detuning"]
    measured = dict(zip(detuning["bins"], detuning["snr_db"]["analysis alone"], strict=True))
    for bins, level in measured.items():
        if bins < 0.03:
            assert level == pytest.approx(law_db(bins), abs=0.2)
    assert law_db(0.01) == pytest.approx(10 * math.log10(3) - 20 * math.log10(0.01 * math.pi))
    assert detuning["snr_db"]["both, apart"][0] == pytest.approx(law_db(0.001) - 10 * math.log10(2), abs=0.2)


def test_closed_forms_are_the_slopes_of_the_loss():
    pair, x = start(Shape(24, 20), 0, 3)
    slopes = closed_forms(pair, x)

    def loss(name, index, move):
        arrays = {key: value.copy() for key, value in pair.arrays().items()}
        where = {"w": "analysis_frequencies", "v": "synthesis_frequencies"}.get(name, "amplitudes")
        arrays[where][GROUPS.index(name) if where == "amplitudes" else index] += move
        moved = cosines.CosineParameters(24, 20, **arrays)
        return np.sum((x - moved.synthesis_matrix() @ (moved.analysis_matrix() @ x)) ** 2)

    for name in GROUPS:
        for index, slope in enumerate(slopes[name]):
            expected = (loss(name, index, 1e-6) - loss(name, index, -1e-6)) / 2e-6
            assert slope == pytest.approx(expected, rel=1e-4, abs=1e-5 * np.abs(slopes[name]).max())


def test_closed_forms_agree_with_autograd_number_by_number():
    found = answer("gradients")[0].figures["closed_forms"]
    assert found["numbers_compared"] == 12 * (404 + 324 + 208)
    assert found["worst_difference"] < 1e-10


def test_factors_are_the_issues_and_bring_the_groups_together():
    shapes = answer("gradients")[0].figures["shapes"].values()
    for each in shapes:
        n, m = each["frame"], each["coefficients"]
        root = math.sqrt(m * n)
        expected = [
            root / (m + n),
            1 / root,
            1,
            math.sqrt(2) / (n - 1),
            math.sqrt(m) / (10 * n),
            math.sqrt(m) / (5 * n),
        ]
        assert [each["factor"][name] for name in GROUPS] == pytest.approx(expected)
        assert second_a4_factor(Shape(n, m)) == pytest.approx(math.pi / 2 / (n - 1))
        sizes = each["sizes"]["w"]
        assert each["ratio_to_a2"]["w"] == pytest.approx(np.median(sizes) / np.median(each["sizes"]["a2"]))
        assert each["spread_after"] < 10 < 50 < each["spread"]


def test_the_gram_matrix_of_a_bank_is_its_closed_form():
    pair = cosines.random(40, 30, seed=2)
    expected = [
        [np.sum(pair.analysis_amplitudes**2 * np.cos(v * pair.times) * np.cos(w * pair.times)) for v in frequencies]
        for frequencies in [pair.analysis_frequencies]
        for w in frequencies
    ]
    np.testing.assert_allclose(gram(pair), expected, atol=1e-13)
    np.testing.assert_allclose(gram_closed_form(pair), expected, atol=1e-12)


def test_the_rows_that_share_most_are_as_far_apart_as_is_said():
    found, w = answer("gradients")[0].figures["gram"], cosines.random(64, seed=0).analysis_frequencies
    bank = cosines.random(64, seed=0).analysis_matrix()
    shared = {(k, m): abs(bank[k] @ bank[m]) for k in range(64) for m in range(k)}
    k, m = max(shared, key=shared.get)
    assert found["largest_elsewhere"] == pytest.approx(shared[k, m])
    assert found["apart_bins"] == pytest.approx((w[k] - w[m]) * 64 / np.pi)


def test_training_says_what_matters():
    ways = answer("gradients")[0].figures["training"]["ways"]
    adam, grown = (ways[name_of("Adam", False, growth)]["end_db"] for growth in (False, True))
    assert adam < 15 < 25 < grown
    assert ways[name_of("Adam", True, False)]["end_db"] == pytest.approx(adam, abs=0.5), "Adam does not see a factor"


def test_of_the_rates_tried_the_one_whose_worst_start_ends_best_is_shown(monkeypatch):
    """The other has the best start and the higher median."""
    ends = {0.1: (10.0, 60.0), 0.3: (20.0, 30.0)}
    monkeypatch.setattr(
        training,
        "_run",
        lambda training, seed, optimizer, balanced, growth, rate, device: [ends.get(rate, (0, 0))[seed]],
    )
    told = []
    ways = compare(Training(8, 1, 2, (0.1, 0.3), (0.1, 0.3)), 0, "cpu", lambda: told.append(1))["ways"]
    assert len(told) == Training(8, 1, 2, (0.1, 0.3), (0.1, 0.3)).runs
    for balanced in (False, True):
        for growth in (False, True):
            sgd = ways[name_of("SGD", balanced, growth)]
            assert (sgd["rate"], sgd["least_db"], sgd["end_db"]) == (0.3, 20, 25)
            assert sgd["rates_db"] == {"0.1": [10, 60], "0.3": [20, 30]}
            assert sgd["snr_db"] == [[20], [30]]


def test_the_loss_along_a_frequency_is_that_of_the_matrices():
    pair = cosines.random(12, 10, seed=4)
    w = pair.analysis_frequencies.copy()
    w[3] += 0.7 * np.pi / 12
    moved = cosines.CosineParameters(12, 10, pair.amplitudes, w, pair.synthesis_frequencies)
    expected = np.sum((np.eye(12) - moved.synthesis_matrix() @ moved.analysis_matrix()) ** 2)
    assert along(whole(12), pair, "w", 3, np.array([0.7]))[0] == pytest.approx(expected)


def test_the_bowl_reaches_as_far_as_theory_says():
    """Whole frame: 1 - sin(x)/x has its first maximum at tan x = x. Gaussian: 1 - exp(-(d n0)^2 / 2) is half there."""
    assert bowl(64, "cut off", 64).reach == pytest.approx(4.4934 / np.pi, abs=0.03)
    gaussian = bowl(64, "Gaussian", 8)
    assert gaussian.reach is None
    assert gaussian.half == pytest.approx(math.sqrt(2 * math.log(2)) / 8 * 64 / np.pi, rel=0.08)


def test_random_starts_stop_on_whole_frames_and_reach_the_exact_pair_as_the_window_grows():
    found = answer("landscape")[0].figures
    ends = found["descents"]["ends"]
    assert max(ends[way]["most"] for way in ("Adam", "L-BFGS", "Gauss-Newton")) < 15
    assert ends["Gauss-Newton, window grows"]["least"] > 200
    assert found["journey"]["snr_db"][-1] == pytest.approx(
        found["descents"]["snr_db"]["Gauss-Newton, window grows"][0][-1]
    )


def test_a_frequency_seeks_its_partner_and_not_a_line_of_the_grid():
    found = answer("landscape")[0].figures
    assert found["bottoms"]["to_partner"] < 0.2 < found["bottoms"]["to_line"]
    rows = {(row["kind"], row["radius"]): row for row in found["nearby"]["rows"]}
    every = found["nearby"]["starts"]
    for name in ("Gauss-Newton", "L-BFGS"):
        assert rows["apart", 0.7][name]["reached"] == rows["together", 2.0][name]["reached"] == every
        assert rows["apart", 2.0][name]["reached"] == 0
    far = distances(16, 2, 5, 1.0)["partners"]
    pairs = [cosines.random(16, seed=seed) for seed in (5000, 5001)]
    gaps = np.concatenate([p.analysis_frequencies - p.synthesis_frequencies for p in pairs]) * 16 / np.pi
    assert far["share_within"] == np.mean(np.abs(gaps) < 1)
    assert (
        f"{100 * found['distances']['partners']['share_within']:.0f} % of the partners" in answer("landscape")[0].text
    )


@pytest.mark.parametrize(
    "reached, said",
    [
        ((3, 3, 2, 3), "up to 0.7 bins off every start comes above 60 dB in both ways, and at 2 bins"),
        ((2, 3, 3, 3), "at 0.35 bins already not every start comes above 60 dB in both ways, and at 2 bins"),
    ],
)
def test_up_to_a_distance_means_at_every_smaller_one(reached, said):
    rows = [
        {"kind": kind, "radius": radius, "L-BFGS": {"reached": 3}, "Gauss-Newton": {"reached": count}}
        for kind in ("apart", "together")
        for radius, count in zip((0.35, 0.7, 1.0, 2.0), reached, strict=True)
    ]
    assert landscape._nearby_text({"starts": 3, "rows": rows}, 1.4).count(said) == 2


@pytest.mark.parametrize("kind", ["apart", "together"])
def test_starts_near_the_grid_lie_where_they_are_said_to(kind):
    pair = near_grid(32, 0.7, kind, 1)
    lines = np.arange(32) + 0.5
    banks = np.array([pair.analysis_frequencies, pair.synthesis_frequencies]) * 32 / np.pi
    assert 0.6 < np.abs(banks - lines).max() < 0.7
    assert np.array_equal(*banks) == (kind == "together")


@pytest.mark.parametrize(
    "reaches, said",
    [
        ([None, None, 5.0], "first maximum, but none was met within 127 bins for n = 2 and 127 bins for n = 4."),
        ([9.0, 7.0, 5.0], "Cut off, the bowl ends at a first maximum."),
    ],
)
def test_where_no_first_maximum_is_met_the_page_says_so(reaches, said):
    wide = {"frame": 256, "lengths": [2, 4, 8], "reach": {"cut off": reaches}}
    assert landscape._cut_off(wide).endswith(said)
