"""Options of `audiocos monitor` that act on how a session runs: each is seen to act, from the command line."""

import itertools
import time

from conftest import rows
from duplex import RATE, paced

from audiocos.live.pipeline import DirectPipeline
from audiocos.live.prefill import least_prefill


class TestOnADevice:
    pytestmark = paced

    def test_block_and_latency_reach_the_device(self, lab, monitor):
        arguments = ["mic:feeder", "-o", "recorder", "--allow-feedback", "--seconds", "0.3", "--json"]
        for block, aim, slack in ((128, "high", 1024), (64, "low", 0)):  # 20 ms are 960 samples, here 8 blocks
            latency = rows(monitor(*arguments, "--block", block, "--latency", aim))[-1]["latency"]
            assert latency["device_samples"] == block
            assert latency["buffering_samples"] == least_prefill(block, 512, 256) - 512 + 1 + slack

    def test_on_overload_fail_ends_it_where_the_model_cannot_keep_up(self, lab, monitor, monkeypatch):
        feed, hops = DirectPipeline.feed, itertools.count()

        def slow_once(pipeline, x):
            if next(hops) == 100:  # after the rehearsal
                time.sleep(0.5)
            return feed(pipeline, x)

        monkeypatch.setattr(DirectPipeline, "feed", slow_once)
        arguments = ["mic:feeder", "-o", "recorder", "--allow-feedback", "--seconds", "3"]
        done = monitor(*arguments, "--on-overload", "fail", code=1)
        assert done.err.splitlines()[-1].startswith("audiocos: The model could not keep up: ")
        assert next(hops) < 3 * RATE / 512, "it did not go on to the end"


def test_a_device_to_compute_on_is_refused_or_used(monitor, monkeypatch):
    monkeypatch.setattr("audiocos.execution.accelerator_present", lambda: None)
    done = monitor("synth:noise", "--seconds", "1", "--speed", "max", "--device", "cuda", code=1)
    assert done.err == "audiocos: device cuda: not available here. Use --device cpu or auto.\n"
    monkeypatch.setattr("audiocos.cli.options.computing_on", lambda device, model: f"what {device} means")
    done = monitor("synth:noise", "--seconds", "1", "--speed", "max", "--device", "cpu", code=1)
    assert done.err.startswith('audiocos: device "what cpu means": unknown;')
