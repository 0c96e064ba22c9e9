"""The cost of one hop in a live stream: one frame at a time, one thread, against the deadline."""

from __future__ import annotations

import time

import numpy as np
from threadpoolctl import threadpool_limits

from audiocos import cosines, framing
from audiocos.cosines import CosineParameters
from audiocos.framing import Framing
from audiocos.stream import Stream
from benchmarks.material import RATE, recordings
from benchmarks.memory import detuned
from benchmarks.page import Aim, Section, number

HEADER = ["frame", "hop", "pair", "framing", "way", "p50 us", "p99 us", "max us", "deadline us", "p99 over deadline"]


def hops(quick: bool) -> Section:
    """Every frame size, exact and off-grid, in each framing."""
    count = 500 if quick else 4000
    section = Section(
        "Live, hop by hop",
        f"`Stream.feed` with one hop of a mono sound at 48 kHz at a time, group 1, float32, one thread, {count} hops "
        "after 100 to warm up. The deadline is the time in which the next hop arrives.",
        HEADER,
    )
    worst, where = 0.0, ""
    for n in (256, 512, 1024, 2048, 4096):
        for kind, frames, pair in (
            ("exact", framing.block(n), cosines.orthogonal(n)),
            ("exact", framing.overlap(n), cosines.orthogonal(n)),
            ("exact", framing.lapped(n), cosines.lapped(n)),
            ("off-grid", framing.overlap(n), detuned(cosines.orthogonal(n))),
            ("off-grid", framing.lapped(n), detuned(cosines.lapped(n))),
            ("off-grid, M = N/4", framing.lapped(n), detuned(cosines.lapped(n, range(n // 4)))),
        ):
            way, microseconds = _cost(pair, frames, count)
            p50, p99 = np.percentile(microseconds, [50, 99])
            deadline = frames.hop / RATE * 1e6
            if p99 / deadline > worst:
                worst, where = p99 / deadline, f"N = {n}, {kind} {frames.kind}"
            section.rows.append([
                str(n), str(frames.hop), kind, frames.kind, way, number(p50), number(p99), number(microseconds.max()),
                number(deadline), f"{p99 / deadline:.1%}",
            ])  # fmt: skip
    section.aims.append(
        Aim("Live: the 99th percentile of a hop's cost is within its deadline", worst, 1.0, " of it", f"worst: {where}")
    )
    return section


def _cost(pair: CosineParameters, frames: Framing, count: int) -> tuple[str, np.ndarray]:
    stream = Stream(pair, frames, device="cpu")
    sound = recordings(20.0)[:1]
    blocks = [
        np.ascontiguousarray(sound[:, i * frames.hop % (sound.shape[1] - frames.hop) :][:, : frames.hop])
        for i in range(100)
    ]
    out, taken = np.empty_like(blocks[0]), np.empty(count)
    with threadpool_limits(1):
        for block in blocks:
            stream.feed(block, out)
        for i in range(count):
            block = blocks[i % len(blocks)]
            start = time.perf_counter()
            stream.feed(block, out)
            taken[i] = time.perf_counter() - start
    return stream.way, taken * 1e6
