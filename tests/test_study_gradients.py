"""What the study of gradients says of balancing, and the formulas it shows."""

import re

import numpy as np
import pytest

from audiocos.studies import gradients
from audiocos.studies.gradients import training
from audiocos.studies.gradients.sizes import FORMULAS, SECOND_A4_FORMULA, Shape, factors, second_a4_factor
from audiocos.studies.gradients.training import name_of


@pytest.mark.parametrize(
    "whole_frames, grows, said",
    [
        ((20.5, 30), (20, 35), "32 balancing makes no clear difference: of 2 starts"),
        ((30.5, 40), (25, 40), "32 balancing makes no clear difference: of 2 starts"),
        ((31.5, 40), (31.5, 32), "32 balancing helps: of 2 starts"),
        ((10, 18.5), (10, 18.5), "32 balancing harms: of 2 starts"),
        (
            (20, 30),
            (10, 18.5),
            "32 with a growing window balancing harms; on whole frames balancing makes no clear difference: of 2",
        ),
    ],
)
def test_a_verdict_on_balancing_needs_starts_that_do_not_overlap(whole_frames, grows, said):
    """As they are starts end at 20 and 30 dB."""
    ways = {name_of(*way): ended(*way[:1], 20.0, 30.0) for way in training.ways()}
    ways[name_of("SGD", True, False)] = ended("SGD", *map(float, whole_frames))
    ways[name_of("SGD", True, True)] = ended("SGD", *map(float, grows))
    told = gradients._verdict(ways, 32)
    assert said in told
    assert "the best of 2 rates tried, at" in told and "against 20.0 to 30.0 dB as it is with a growing window" in told


def test_one_start_tells_nothing_of_balancing():
    told = gradients._verdict({name_of(*way): ended(*way[:1], 20.0) for way in training.ways()}, 16)
    assert "one start tells nothing of whether balancing helps" in told
    assert "at 20.0 dB balanced against 20.0 dB as it is" in told


def ended(optimizer, *ends):
    """A way whose starts end so at the better of two rates."""
    rates = {"0.1": [0.0 for _ in ends], "1": list(ends)}
    return {"optimizer": optimizer, "rates_db": rates, "snr_db": [[end] for end in ends], "least_db": min(ends)}


def test_formulas_of_the_factors_are_what_is_computed():
    for shape in (Shape(1000, 800), Shape(1500, 512)):
        values = {"M": shape.coefficients, "N": shape.frame, "sqrt": np.sqrt, "\N{GREEK SMALL LETTER PI}": np.pi}
        for name, factor in {**factors(shape), "other": second_a4_factor(shape)}.items():
            text = FORMULAS.get(name, SECOND_A4_FORMULA).replace("\N{MINUS SIGN}", "-")
            text = re.sub(r"(\d)([N(])", r"\1*\2", text).replace("MN", "M*N")
            assert eval(text, values) == pytest.approx(factor), name  # noqa: S307
