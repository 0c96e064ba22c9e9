"""The study of the dense layer: the same figures again, and theory and measurement that agree."""

import functools
import json
import math

import numpy as np
import pytest
from reportpages import sentences, unlabelled

from audiocos import studies
from audiocos.studies.dft import magnitudes, recipes, tables
from audiocos.studies.dft.sentences import standing
from audiocos.studies.dft.training import Recipe, edge, floor_at_edge, fourier, judge, learn, noise_factor
from audiocos.studies.study import Setting


@functools.cache
def answer():
    return studies.run("dft", Setting(quick=True))


def test_a_second_run_says_the_same_figures():
    again = studies.run("dft", Setting(quick=True))
    assert json.dumps(again.figures, allow_nan=False) == json.dumps(answer().figures, allow_nan=False)
    assert again.text == answer().text
    assert len(sentences(again.text)) == 2
    assert not unlabelled(again)


def test_the_target_is_numpys_transform():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5, 16))
    spectrum = np.fft.fft(x[:, :8] + 1j * x[:, 8:])
    np.testing.assert_allclose(x @ fourier(8).T, np.hstack([spectrum.real, spectrum.imag]), atol=1e-13)


def test_a_layer_is_judged_by_its_weights_errors():
    exact = judge(fourier(16), 0)
    assert exact["allclose"] and exact["snr_db"] > 280
    rng = np.random.default_rng(1)
    off = judge(fourier(16) + 1e-3 * rng.standard_normal((32, 32)), 0)
    # Every output is the sum of 32 inputs of variance 1; weights have a mean square of 1/2.
    assert not off["allclose"] and off["snr_db"] == pytest.approx(10 * math.log10(0.5 / 1e-6), abs=0.5)


def test_noise_makes_slopes_vary_as_the_wishart_distribution_says():
    rng = np.random.default_rng(2)
    moments = [x.T @ x / 24 for x in rng.standard_normal((4000, 24, 6))]
    assert np.mean([(s @ s)[0, 0] for s in moments]) == pytest.approx(noise_factor(6, 24), rel=0.02)


@pytest.mark.parametrize("kappa", [1.0, 1.25, 3.0])
@pytest.mark.parametrize("beta1", [0.0, 0.9])
def test_second_moments_neither_grow_nor_fall_at_the_edge(kappa, beta1):
    def growth(h):
        a, b = 1 - beta1, beta1
        mm = np.array([a * a * kappa, 2 * a * b, b * b])  # E[m'^2] of E[e^2], E[e m], E[m^2]
        em = np.array([a, b, 0.0])  # E[e m']
        ee = np.array([1.0, 0.0, 0.0]) - 2 * h * em + h * h * mm
        return np.abs(np.linalg.eigvals([ee, em - h * mm, mm])).max()

    h = edge(kappa, beta1)
    assert growth(h) == pytest.approx(1, abs=1e-6)
    assert growth(0.98 * h) <= 1 + 1e-9
    assert growth(1.02 * h) > 1 + 1e-4
    assert edge(1.0) == pytest.approx(38)


def test_adam_settles_at_the_edge_and_at_the_floor_that_theory_gives():
    runs = answer().figures["runs"]
    for name in ("puzzle", "float64", "fast", "short"):
        run = runs[name]
        assert run["rose"], name
        assert run["reach_at_end"] == pytest.approx(run["edge"], rel=0.15), name
        assert 0.5 < run["end_loss"] / run["floor_by_theory"] < 2, name
        assert run["end_loss"] > 100 * run["lowest_loss"], name
        assert 0.8 < run["rose_at"] / run["met_edge_at"] < 1.2, name
    assert runs["fast"]["floor_by_theory"] == pytest.approx(100 * runs["puzzle"]["floor_by_theory"])
    assert floor_at_edge(8, 8e-3, runs["puzzle"]["kappa"]) == pytest.approx(runs["puzzle"]["floor_by_theory"])


def test_the_rise_comes_when_the_memorys_decay_says():
    figures = answer().figures
    assert figures["forecasts"]["puzzle"] == pytest.approx(figures["runs"]["puzzle"]["met_edge_at"], rel=0.1)


def test_what_holds_the_rate_below_the_edge_stops_the_rise():
    runs = answer().figures["runs"]
    for name in ("long", "scaled", "epsilon", "amsgrad", "cooled", "descent", "descent64"):
        assert not runs[name]["rose"], name
    assert runs["scaled"]["ceiling"] < runs["scaled"]["edge"] < runs["puzzle"]["ceiling"]
    assert runs["descent64"]["allclose"] and runs["descent64"]["snr_db"] > 280
    assert runs["descent"]["snr_db"] > 130


def test_scaling_the_input_is_scaling_epsilon():
    first = Recipe(60, rate=5e-3, beta2=0.98)
    scaled = learn(4, Recipe(**{**vars(first), "scale": 2.0**-7}), 16)
    larger = learn(4, Recipe(**{**vars(first), "epsilon": first.epsilon * 2.0**14}), 16)
    assert np.array_equal(scaled.weights, larger.weights), "powers of two do not even round"


def test_gradient_descent_falls_as_fast_as_theory_says():
    for row in answer().figures["sizes"]:
        assert row["fall_db_a_step"] == pytest.approx(row["fall_by_theory_db"], rel=0.05)
        assert row["allclose"] and row["snr_db"] > 280


def test_the_answer_is_made_from_the_figures():
    text, runs = answer().text, answer().figures["runs"]
    (row,) = (row for row in answer().figures["sizes"] if row["frame"] == 8)
    assert f"{row['snr_db']:.0f} dB at N = 8, its loss within 10 dB of its lowest after {row['steps']} steps" in text
    assert "rises to" in text and f"{runs['puzzle']['edge']:.2f}" in text
    assert [picture.name for picture in answer().pictures()][:2] == ["dft-weights", "dft-learning"]
    assert f"{row['steps']} steps of {row['batch']} frames" in text
    assert "numpy.allclose says no: Adam divides" in text and not runs["puzzle"]["allclose"]
    assert "5 of 6 remedies hold it down beyond the step at which it rises; longer memory is still on its way" in text


@pytest.mark.parametrize(
    ("steps", "reaches", "rose", "said"),
    [
        (800, [0.1] * 20, False, "holds"),
        (800, [0.1] * 19 + [0.2], False, "on its way"),
        (500, [0.1] * 20, False, "too short"),
        (800, [0.1] * 20, True, "rises"),
    ],
)
def test_a_remedy_holds_only_where_its_run_is_long_enough_to_tell(steps, reaches, rose, said):
    run = {"rose": rose, "curve": {"reach": reaches}, "ceiling": 300.0, "edge": 3.6}
    runs = {"puzzle": {"rose_at": 600}, "long": run}
    assert standing(runs, {"long": Recipe(steps)}, "long") == said


def test_every_remedy_runs_as_long_as_adam_as_it_comes():
    for chosen in (recipes(True), recipes(False)):
        assert {chosen[key].steps for key in tables.REMEDIES} == {chosen["puzzle"].steps}


def test_of_a_longer_memory_no_more_is_said_than_the_run_shows():
    figures = answer().figures
    assert not figures["runs"]["long"]["rose"] and figures["runs"]["long"]["met_edge_at"] is None
    (section,) = (section for section in answer().sections if section.title.startswith("The loss that falls"))
    forecast = figures["forecasts"]["long"]
    assert forecast > 800
    assert "the loss does not rise within the 800 steps of the run; by forecast its effective rate" in section.text
    assert f"would meet the edge at step {forecast} (" in section.text
    assert "postpones" not in section.text + answer().text


def test_a_constant_and_relus_on_magnitudes():
    rng = np.random.default_rng(3)
    magnitudes_drawn = np.abs(rng.standard_normal(200_000) + 1j * rng.standard_normal(200_000))
    constant_db = 10 * np.log10(np.mean(magnitudes_drawn**2) / magnitudes_drawn.var())
    assert pytest.approx(constant_db, abs=0.05) == magnitudes.CONSTANT_DB
    few, many = answer().figures["magnitudes"]["networks"]
    assert magnitudes.CONSTANT_DB < few["snr_db"] < many["snr_db"] - 5
    assert few["weights"] == pytest.approx(4 * 8**2, rel=0.1)
    assert 0 < few["explained"] < many["explained"] < 1


def test_full_and_quick_runs_have_the_same_runs_by_name():
    assert recipes(True).keys() == recipes(False).keys()
    assert recipes(False)["long"].beta2 == 0.9998 and recipes(False)["scaled"].scale == 0.01
