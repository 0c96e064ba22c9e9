"""The monitor on a paced full-duplex device: JACK's dummy driver at 48 kHz, stereo, for ten minutes a cell.

A cell is one block size with the machine idle or with one core busy. Each is a row of its own, so that it can be
measured alone and is kept: `python -m benchmarks device-256-idle`.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from audiocos.live.counters import Event
from benchmarks.page import Aim, NotHere, Section, number

BLOCKS = (64, 128, 256, 512)
FRAME = 1024
HEADER = ["other core", "block", "seconds", "hops", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "deadline ms"]
HEADER += ["p99.9 over deadline", "device xruns", "bare xruns", "late", "dropped samples", "silent samples"]
HEADER += ["latency ms"]
SPIN = "while True: pass"

RUN = """
import json, sys, time
from audiocos import cosines, framing
from audiocos.live.meters import Meters
from audiocos.live.ports import microphone, speakers
from audiocos.live.session import Session
from audiocos.model import Model
from benchmarks.live_device import told_xruns

block, seconds, frame = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
mic = microphone("system")
out = speakers("system", sample_rate=mic.sample_rate, channels=2, beside=mic)
model = Model(cosines.orthogonal(frame), framing.overlap(frame), name="overlap")
meters = Meters(mic.sample_rate, 2, model=model)
session = Session(model, mic, out, block=block, seconds=seconds, taps=[meters])
session.run()
p50, p99, longest = session.hop_times.over_run()
print(json.dumps({
    "hops": session.hop_times.count, "p50": p50, "p99": p99, "p999": session.hop_times.quantile(0.999), "max": longest,
    "deadline": session.deadline_ms, "xruns": told_xruns(session.events),
    "late": session.counters.late_hops, "dropped": session.counters.dropped_samples,
    "silent": session.counters.zero_filled_samples, "latency": session.latency.ms(),
}))
"""

BARE = """
import sys, jack

xruns = 0

def count(delayed_us):
    global xruns
    xruns += 1

client = jack.Client("bare")
client.set_xrun_callback(count)
with client:
    print(flush=True)
    sys.stdin.read()
print(xruns)
"""


def cell(block: int, busy: bool, quick: bool) -> Section:
    """One block size, with the machine idle or with one core busy; for DEVICE_SECONDS in the environment, else 600."""
    if shutil.which("jackd") is None:
        raise NotHere("jackd is not installed (Debian: jackd2)")
    seconds = 3.0 if quick else float(os.environ.get("DEVICE_SECONDS", 600.0))
    load = "busy" if busy else "idle"
    section = Section(
        "Live, on a device",
        "What `audiocos monitor` runs, with its meters and without its view, from a full-duplex device to itself: "
        f"stereo at 48 kHz, N = {FRAME}, hop {FRAME // 2}, on JACK's dummy driver without real-time priority, whose "
        "period is the block; the processes are ordinary ones. A hop's time is from the moment it has come to the "
        "moment its output is in the ring. Device xruns are what JACK tells: a cycle for which the system woke it, or "
        "the monitor's callback, too late. Bare xruns are those of a second such server in the same minutes, whose "
        "only client does nothing: what the machine itself does to sound. Dropped and silent samples are all that was "
        "lost.",
        HEADER,
        part=f"blocks of {block}, {load}",
    )
    with _load(busy):
        row = _measure(block, seconds)
    share = row["p999"] / row["deadline"]
    section.rows.append([
        load, str(block), f"{seconds:g}", str(row["hops"]), number(row["p50"]), number(row["p99"]),
        number(row["p999"]), number(row["max"]), number(row["deadline"]), f"{share:.1%}", str(row["xruns"]),
        str(row["bare"]), str(row["late"]), str(row["dropped"]), str(row["silent"]), number(row["latency"]),
    ])  # fmt: skip
    if not busy:
        text = f"Device: 99.9th percentile of a hop's time, idle, blocks of {block}, of its deadline"
        section.aims.append(Aim(text, 100 * share, 25.0, "%"))
        if block == 256:
            text = "Device: samples dropped, idle, blocks of 256"
            section.aims.append(Aim(text, float(row["dropped"]), 0.0, "", _why(row)))
    return section


def _why(row: dict[str, float]) -> str:
    return f"{row['xruns']} device xruns; {row['bare']} of a client that does nothing, in the same minutes"


CELLS: dict[str, Callable[[bool], Section]] = {
    f"device-{block}-{'busy' if busy else 'idle'}": functools.partial(cell, block, busy)
    for busy in (False, True)
    for block in BLOCKS
}
"""Rows by name, in the order of the table."""


def told_xruns(events: Iterable[Event]) -> int:
    """Cycles that were too late, by the word of a device that records and plays: it tells of each both ways."""
    return sum(event.times for event in events if event.kind == "output_underflow" and not event.count)


def _measure(block: int, seconds: float) -> dict[str, float]:
    root = Path(__file__).parents[1]
    with _server(block) as environment, _bare(block) as bare, tempfile.TemporaryFile() as errors:
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(block), str(seconds), str(FRAME)],
            env=environment, cwd=root, stdout=subprocess.PIPE, stderr=errors, timeout=2 * seconds + 60,
        )  # fmt: skip
        if done.returncode:
            errors.seek(0)
            raise RuntimeError(errors.read().decode(errors="replace"))
        return json.loads(done.stdout.splitlines()[-1]) | {"bare": int(bare.communicate(b"")[0])}


@contextlib.contextmanager
def _bare(period: int) -> Iterator[subprocess.Popen[bytes]]:
    """A client that does nothing, of a server of its own; it says how many xruns there were when its input ends."""
    with _server(period, "bare") as environment:
        client = subprocess.Popen(
            [sys.executable, "-c", BARE],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert client.stdout is not None and client.stdout.readline() == b"\n", "JACK-Client is not installed"
            yield client
        finally:
            client.kill()
            client.wait()


@contextlib.contextmanager
def _server(period: int, name: str = "bench") -> Iterator[dict[str, str]]:
    environment = {
        **os.environ,
        "JACK_DEFAULT_SERVER": f"audiocos-{name}-{os.getpid()}",
        "JACK_NO_AUDIO_RESERVATION": "1",
    }
    command = ["jackd", "--no-realtime", "-n", environment["JACK_DEFAULT_SERVER"], "-d", "dummy", "-r", "48000"]
    server = subprocess.Popen(
        [*command, "-p", str(period)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        subprocess.run(["jack_wait", "-w", "-t", "10"], env=environment, capture_output=True, check=True)
        yield environment
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def _load(busy: bool) -> Iterator[None]:
    """Keep one core busy, or none."""
    spinner = subprocess.Popen([sys.executable, "-c", SPIN]) if busy else None
    try:
        time.sleep(0.2)
        yield
    finally:
        if spinner is not None:
            spinner.kill()
            spinner.wait()
