"""The accelerator: what a hop costs and how much audio a second of it computes."""

from __future__ import annotations

import time

import numpy as np

from audiocos import cosines, framing
from audiocos.stream import Stream
from benchmarks.material import RATE, recordings, snr_db
from benchmarks.memory import detuned
from benchmarks.page import Section, decibels, number


def accelerator(quick: bool) -> Section:
    """Streaming on cuda, or one line that says that there is none."""
    import torch

    if not torch.cuda.is_available():
        return Section("On a GPU", "This machine has no CUDA device: nothing was measured.", [])
    section = Section(
        "On a GPU",
        f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}. Off-grid pairs, float32, overlap at hop N/2; "
        "host to device and back included. Hops: mono, group 1. Throughput: stereo, group 1024.",
        ["frame", "hop p50 us", "hop p99 us", "deadline us", "ms a minute of stereo", "SNR to the CPU, dB"],
    )
    sound = recordings(20.0 if quick else 120.0)
    for n in (512, 1024, 2048, 4096):
        pair, frames = detuned(cosines.orthogonal(n)), framing.overlap(n)
        stream = Stream(pair, frames, device="cuda")
        taken = np.empty(2000)
        for i in range(-50, len(taken)):
            block = np.ascontiguousarray(sound[:1, (i + 50) % 100 * frames.hop :][:, : frames.hop])
            start = time.perf_counter()
            stream.feed(block, block)
            if i >= 0:
                taken[i] = (time.perf_counter() - start) * 1e6
        p50, p99 = np.percentile(taken, [50, 99])
        outputs = {}
        for device in ("cuda", "cpu"):
            whole = Stream(pair, frames, channels=2, device=device, group=1024)
            whole.feed(sound)  # the first pass records the graph
            whole.reset()
            start = time.perf_counter()
            outputs[device] = np.concatenate([whole.feed(sound), whole.flush()], axis=1)
            if device == "cuda":
                seconds = time.perf_counter() - start
        section.rows.append([
            str(n), number(p50), number(p99), number(frames.hop / RATE * 1e6),
            number(seconds * 1e3 * 60 * RATE / sound.shape[1]), decibels(snr_db(outputs["cpu"], outputs["cuda"])),
        ])  # fmt: skip
    return section
