"""What a second core gives: learning and the pass by the clock, on one thread and on all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np

from audiocos import cosines, framing
from audiocos.cosines import CosineParameters
from audiocos.counting import counted
from audiocos.framing import Framing
from audiocos.training.corpus import Corpus, File
from audiocos.training.growth import WhiteSound
from audiocos.training.heard import Listening
from audiocos.training.listen import listen
from audiocos.training.plan import make_start, stages
from audiocos.training.products import on_threads, usable_threads
from audiocos.training.run import Run
from audiocos.training.settings import TrainingConfig
from audiocos.training.sound import Sound, sound_of, white
from benchmarks.learning_sound import Room, decode
from benchmarks.page import Aim, Section
from benchmarks.timing import Timing, interleaved, ratio


def cores(room: Room) -> Section:
    threads, rounds = usable_threads(), 1 if room.quick else 3
    section = Section(
        "More than one core",
        f"Seconds by the clock, on one thread and on {threads}: learning from the random start (white sound, expected "
        "loss), learning from speech, and the pass over speech at every hop. "
        f"Medians of {counted(rounds, 'run')}, by turns.",
        ["what", "one thread", f"{threads} threads", "ratio"],
    )

    def compare(what: str, one: Callable[[], object], most: Callable[[], object], limit: float | None = None) -> None:
        times = _by_turns({"one": one, "most": most}, rounds)
        times_over = ratio(times["most"], times["one"])
        section.rows.append([what, *(f"{times[name].median:.3g}" for name in ("one", "most")), f"{times_over:.2f}"])
        section.aims.append(Aim(f"{what}: {threads} threads over one", times_over, 1.0, " times"))
        if limit is not None:
            section.aims.append(Aim(f"{what}, {threads} threads", times["most"].median, limit, " s"))

    for n in (256,) if room.quick else (512, 1024):
        start = cosines.random(n, n, seed=0)
        compare(f"random start, N = {n}", partial(_white, start, 1), partial(_white, start, threads))
    found = room.gather("speech")
    frames = framing.block(1024)
    files = room.few(found.train)
    sound = sound_of(room.hear(found.train, frames, found).moment, frames)
    for phased in (False, True):
        config = TrainingConfig(frame=1024, coefficients=256, phased=phased)
        name = f"speech, N = 1024, M = 256, {'phased' if phased else 'base'}"
        compare(name, partial(_speech, config, sound, 1), partial(_speech, config, sound, threads), 10.0)
    hop = Listening(found.sample_rate, found.channels, threads=1, offsets=False)
    every = replace(hop, threads=threads)
    compare("the pass, N = 1024", lambda: listen(files, frames, hop), lambda: listen(files, frames, every))
    section.aims.append(_pass_over_its_limit(files, found, frames, every, threads))
    return section


def _white(start: CosineParameters, threads: int) -> None:
    config = TrainingConfig(frame=start.frame, coefficients=start.coefficients, start="random")
    _finish(Run(start, stages(config, white(framing.block(start.frame)), WhiteSound(), True)), threads)


def _speech(config: TrainingConfig, sound: Sound, threads: int) -> None:
    _finish(Run(make_start(config, sound, False), stages(config, sound, None, False)), threads)


def _finish(run: Run, threads: int) -> None:
    with on_threads(threads):
        while not run.done:
            run.advance()


def _pass_over_its_limit(
    files: tuple[File, ...], found: Corpus, frames: Framing, every: Listening, threads: int
) -> Aim:
    """The pass on all cores over the slower of one decoder and all cores' products at 70% of their rate."""
    hops = listen(files, frames, every).moment.hops
    x = np.random.default_rng(0).standard_normal((1024, 1024))
    times = _by_turns(
        {
            "pass": lambda: listen(files, frames, every),
            "decoding": lambda: decode(files, found),
            "products": lambda: _products(x, threads),
        },
        5,
    )
    products = hops * 1024.0**2 / (10 * 1024.0**3 / times["products"].median) / 0.7
    decoding = times["decoding"].median
    return Aim(
        "the pass on all cores over the slower of one decoder and all cores' products at 70%",
        times["pass"].median / max(decoding, products),
        1.0,
        " times",
        f"one decoder takes {decoding:.3g} s, the products at 70% {products:.3g} s",
    )


def _products(x: np.ndarray, threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(np.matmul, x.T, x) for _ in range(10)]:
            done.result()


def _by_turns(contestants: dict[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Their times, without what only a first run takes."""
    for run in contestants.values():
        run()
    return interleaved(contestants, rounds)
