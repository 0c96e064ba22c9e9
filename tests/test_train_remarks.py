"""What `train` says where learning did not reach what one hopes for."""

import pytest

from audiocos.cli.remarks import remarks
from audiocos.training.settings import TrainingConfig


@pytest.mark.parametrize(
    ("results", "settings", "said"),
    [
        ({"start": 0.1, "learned": 282.0}, {"start": "random"}, []),
        ({"start": 287.55, "learned": 287.49}, {}, []),
        (
            {"start": 0.1, "learned": 56.9},
            {"start": "random", "phased": True},
            ["This is not the exact pair, which has 200 dB and more; try another --seed, or leave --phased out."],
        ),
        (
            {"start": 0.1, "learned": 9.0},
            {"start": "random", "kind": "lapped", "frame": 64},
            ["This is not the exact pair, which has 200 dB and more; try another --seed, or --init orthogonal."],
        ),
        (
            {"start": 0.1, "learned": 9.0},
            {"start": "random", "kind": "overlap", "frame": 64},
            [
                "This is not the exact pair, which has 200 dB and more; overlap frames of 64 have it at "
                "--coefficients 64, --framing lapped at 32."
            ],
        ),
        (
            {"start": 0.1, "learned": 9.0},
            {"start": "random", "optimizer": "sgd"},
            [
                "This is not the exact pair, which has 200 dB and more; try more --steps, another --seed, "
                "or leave --optimizer out."
            ],
        ),
        (
            {"start": 0.1, "learned": 9.0},
            {"start": "random", "growth": False},
            ["This is not the exact pair, which has 200 dB and more; leave --no-growth out."],
        ),
        ({"start": 2.6249, "learned": 2.6241}, {}, []),
        ({"start": 20.0, "learned": 286.0, "best M of the DCT": 320.0, "KLT": 320.0}, {"coefficients": 8}, []),
        ({"start": 9.0, "learned": 10.0, "best M of the DCT": 9.9, "KLT": 11.0}, {"coefficients": 8}, []),
        (
            {"start": 9.0, "learned": 9.9, "best M of the DCT": 9.95, "best M of the MDCT": 12.0},
            {"coefficients": 8},
            ["Learning gains nothing here over the best M of the DCT: -0.05 dB."],
        ),
        *(
            (
                {"start": 0.1, "learned": 4.09, "best M of the DCT": 12.11, "KLT": 13.55},
                {"coefficients": 8, "start": start},
                [
                    "Far below the best M of the DCT (-8.02 dB): the frequencies it began with are not those that "
                    "carry these recordings, and descent moves each by about a bin, not to another band. Leave --init "
                    "out: auto begins with those that carry the recordings."
                ],
            )
            for start in ("random", "model", "orthogonal")
        ),
        (
            {"start": 8.0, "learned": 8.5, "best M of the DCT": 10.0},
            {"coefficients": 8, "kind": "overlap"},
            ["Learning gains nothing here over the best M of the DCT: -1.50 dB."],
        ),
        (
            {"start": 13.0, "learned": 11.03, "best M of the DCT": 10.0, "best M of the MDCT": 11.0},
            {"coefficients": 8, "kind": "lapped"},
            [
                "On the held-out files the learned pair is below its start (11.03 against 13.00 dB): "
                "give more recordings to learn from.",
                "Learning gains nothing here over the best M of the MDCT: +0.03 dB.",
            ],
        ),
    ],
)
def test_what_was_not_reached_is_said(results, settings, said):
    config = TrainingConfig(**{"frame": 32, "coefficients": 32, **settings})
    assert list(remarks(results, config.decided(False), 32, "held-out files")) == said


def test_the_command_says_it(train):
    done = train("synth:noise", "--frame", 64, "--phased", "--seed", 502)
    assert "This is not the exact pair, which has 200 dB and more; try another --seed" in done.err
