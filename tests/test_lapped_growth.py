"""Where frames overlap: window growth on white sound finds the pair that is exact for every sound, recordings too."""

import json

import numpy as np
import pytest

from audiocos import cosines
from audiocos.ranks import Ranks
from audiocos.training.plan import make_start, noise_windows, stages
from audiocos.training.run import Run
from audiocos.training.settings import TrainingConfig
from audiocos.training.sound import white


def run(**settings):
    config = TrainingConfig(start="random", **settings).decided(True)
    sound = white(config.framing())
    return Run(make_start(config, sound, True), stages(config, sound, noise_windows(config, Ranks()), True)), sound


def learned(**settings):
    whole, sound = run(**settings)
    while not whole.done:
        whole.advance()
    return whole.parameters, sound


@pytest.mark.parametrize("extra", [{}, {"expected": False}, {"tied": True}, {"phased": True}], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_a_random_start_finds_the_mdct(extra, seed):
    pair, sound = learned(frame=64, kind="lapped", seed=seed, **extra)
    assert sound.snr_db(pair) >= 200 and sound.framing.deviation(pair) < 1e-12
    if not extra.get("phased"):
        assert np.sort(pair.analysis_frequencies) == pytest.approx((np.arange(32) + 0.5) * np.pi / 32, abs=1e-10)


@pytest.mark.parametrize("extra", [{}, {"tied": True}], ids=str)
def test_a_random_start_is_exact_in_overlapping_frames(extra):
    pair, sound = learned(frame=64, kind="overlap", seed=1, **extra)
    assert sound.snr_db(pair) >= 200 and sound.framing.deviation(pair) < 1e-12


@pytest.mark.parametrize("m", [8, 16, 24])
def test_fewer_coefficients_than_the_hop_reach_the_bound_of_white_sound(m):
    pair, sound = learned(frame=64, coefficients=m, kind="lapped", seed=2)
    assert sound.snr_db(pair) == pytest.approx(10 * np.log10(32 / (32 - m)), abs=0.01)


@pytest.mark.parametrize(
    "options", [["lapped", "--coefficients", 32], ["overlap", "--coefficients", 64], ["lapped", "--batches"]], ids=str
)
def test_recordings_are_learned_exactly_from_a_random_start(options, voices, train):
    more = [] if "--coefficients" in options else ["--coefficients", 32]
    order = ["voices", "--frame", 64, "--framing", *options, *more, "--init", "random", "--seed", 3, "--json"]
    told = json.loads(train(*order).out)
    assert told["figures"]["learned (dB)"] >= 200
    assert (told["training"]["judged on"], told["training"]["window growth"]) == ("held-out files", "yes")


def test_growth_from_the_mdct_stays_there():
    start = cosines.lapped(32)
    config = TrainingConfig(frame=32, kind="lapped", start="orthogonal", growth=True).decided(True)
    sound = white(config.framing())
    learner = stages(config, sound, noise_windows(config, Ranks()), True)[0][1](start)
    assert learner.layout.unpack(learner.theta).analysis_matrix() == pytest.approx(start.analysis_matrix(), abs=1e-14)
    learner.advance()
    assert sound.snr_db(learner.layout.unpack(learner.theta)) >= 200


@pytest.mark.parametrize("stop", [1, 5, 9])
def test_it_goes_on_to_the_bit_where_its_state_was_taken(stop):
    whole, _ = run(frame=32, kind="lapped", seed=4)
    states = []
    while not whole.done:
        whole.advance()
        states.append(whole.state())
    rest, _ = run(frame=32, kind="lapped", seed=4)
    rest.load_state(states[stop])
    while not rest.done:
        rest.advance()
    for name, value in whole.parameters.arrays().items():
        assert np.array_equal(value, rest.parameters.arrays()[name]), name
