"""What runs on silence before anything counts."""

from types import SimpleNamespace

import numpy as np
import pytest
from duplex import RATE

import audiocos
from audiocos.live import rehearsal
from audiocos.live.pipeline import make_pipeline


@pytest.mark.parametrize(("took_s", "chunks"), [(1e-4, rehearsal.CHUNKS), (0.1, 5), (3.0, 2)])
def test_a_rehearsal_is_short_also_where_the_model_is_slow(took_s, chunks, monkeypatch):
    now_s, fed = [0.0], []
    monkeypatch.setattr(rehearsal, "time", SimpleNamespace(perf_counter=lambda: now_s[0]))
    pipeline = make_pipeline(
        audiocos.load("exact"), RATE, 1, dtype=np.float32, device="cpu", block=256, fast=False, soon=True
    )
    feed = pipeline.feed

    def slow(x):
        now_s[0] += took_s
        fed.append(x.shape[1])
        return feed(x)

    pipeline.feed = slow
    rehearsal.rehearse(pipeline, 256, RATE, None)
    assert len(fed) == 2 + chunks


def test_what_conversions_delay_is_counted_with_one_channel_whatever_the_sound_has(monkeypatch):
    def made(channels):
        model = audiocos.load("speech-8k")
        return make_pipeline(model, RATE, channels, dtype=np.float32, device="cpu", block=256, fast=False, soon=True)

    one, many = made(1), made(64)
    monkeypatch.setattr(many, "feed", None)
    assert (many.prefill(256), many.resampling) == (one.prefill(256), one.resampling)
