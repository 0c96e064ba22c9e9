"""Alarms through `audiocos monitor`: scores are those that calibration counts on."""

import numpy as np
import pytest
from conftest import rows
from recordings import make

import audiocos
from audiocos import signals
from audiocos.audio.reconstruct import Settings
from audiocos.normal import distance
from audiocos.training.judge import judge_file

RATE = 8000


@pytest.mark.parametrize(("subtype", "gain"), [("PCM_U8", 1.0), ("PCM_16", 0.005)])
@pytest.mark.parametrize("options", [[], ["-o", "out.wav"], ["-o", "out.flac"]])
def test_a_file_scores_what_calibrate_would_learn_from_it(monitor, subtype, gain, options):
    make("in.wav", gain * signals.speech_like(4 * RATE, RATE), RATE, subtype)
    model = audiocos.load("speech-8k")
    expected = [distance(model.normal, row.levels) for row in judge_file("in.wav", model, Settings("cpu")).rows]
    *seconds, _ = rows(monitor("in.wav", "-m", "speech-8k", "--alarm", "--speed", "max", "--json", *options))
    scores = [row["alarm"]["score"] for row in seconds if "event" not in row]
    assert len(scores) == len(expected) == 4
    np.testing.assert_allclose(scores, expected, atol=1e-6)
