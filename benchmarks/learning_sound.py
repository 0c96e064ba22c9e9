"""Learning from recordings: what is won on files that were not learned from, and how long it takes."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from audiocos import cosines, framing
from audiocos.framing import Framing
from audiocos.training import bounds
from audiocos.training.corpus import Corpus, File, gather
from audiocos.training.decode import Decoder
from audiocos.training.growth import white_snr_db
from audiocos.training.heard import Heard, Listening
from audiocos.training.listen import listen
from audiocos.training.partial import default_cache
from audiocos.training.plan import make_start, stages
from audiocos.training.run import Run
from audiocos.training.settings import TrainingConfig
from audiocos.training.sound import RecordedWindows, Sound, sound_of
from benchmarks.corpora import corpus
from benchmarks.page import Aim, AtLeast, Section

HOLDOUT = 0.2
QUICK_FILES = 3


@dataclass
class Room:
    """What every row is given.

    Args:
        quick: fewer seeds, sizes and files.
        folder: where corpora are or go.
    """

    quick: bool
    folder: Path

    def gather(self, name: str) -> Corpus:
        """The files of a corpus, a fifth of them held out."""
        return gather([corpus(name, self.folder)], holdout=HOLDOUT)

    def hear(self, files: tuple[File, ...], frames: Framing, found: Corpus) -> Heard:
        """One pass, kept in the cache from run to run."""
        return listen(self.few(files), frames, _listening(found), cache=default_cache())

    def few(self, files: tuple[File, ...]) -> tuple[File, ...]:
        """All files, or the first of them in a quick run."""
        return files[:QUICK_FILES] if self.quick else files


def recordings_instead_of_noise(room: Room) -> Section:
    section = Section(
        "From the random start on windows of speech alone, judged on white sound",
        "M = N. What speech taught is exact for every sound.",
        ["N", "starts", "least white SNR", "median", "median s"],
    )
    found = room.gather("speech")
    for n, count in ((64, 5), (256, 2)):
        if room.quick and n > 64:
            continue
        frames = framing.block(n)
        sound = sound_of(room.hear(found.train, frames, found).moment, frames)
        snrs, seconds = [], []
        for seed in range(1 if room.quick else count):
            config = TrainingConfig(frame=n, coefficients=n, start="random", expected=False, seed=seed)
            windows = RecordedWindows(room.few(found.train), _listening(found), n, seed, n)
            began = time.process_time()
            run = Run(cosines.random(n, seed=seed), stages(config, sound, windows, True))
            while not run.done:
                run.advance()
            seconds.append(time.process_time() - began)
            snrs.append(white_snr_db(run.parameters))
        median = f"{statistics.median(snrs):.0f}"
        section.rows.append([str(n), str(len(snrs)), f"{min(snrs):.0f}", median, f"{statistics.median(seconds):.3g}"])
        section.aims.append(AtLeast(f"learned from speech, judged on white sound, N = {n}", min(snrs), 200.0, " dB"))
    return section


def speech(room: Room) -> Section:
    return _corpus_table(room, "speech", (256,) if room.quick else (256, 512))


def music(room: Room) -> Section:
    return _corpus_table(room, "music", (512,) if room.quick else (512, 1024))


def short_corpus(room: Room) -> Section:
    section = Section(
        "30 seconds of speech instead of all of it",
        "N = 256, base and phased pairs, judged on the same held-out files; a short corpus counts every sample offset.",
        ["M", "pair", "from 30 s", "from all"],
    )
    found, n = room.gather("speech"), 256
    frames = framing.block(n)
    some, seconds = [], 0.0
    for file in found.train[:: max(1, len(found.train) // 37)]:
        if seconds < 30:
            some.append(file)
            seconds += file.seconds
    few = sound_of(listen(some, frames, _listening(found)).moment, frames)
    every = sound_of(room.hear(found.train, frames, found).moment, frames)
    judge = Sound(frames, room.hear(found.held_out, frames, found).moment.full())
    for share in (8, 4, 2):
        for phased in (False, True):
            config = TrainingConfig(frame=n, coefficients=n // share, phased=phased)
            short, whole = (judge.snr_db(_learn(config, sound)[0].parameters) for sound in (few, every))
            kind = "phased" if phased else "base"
            section.rows.append([f"N/{share}", kind, f"{short:.2f}", f"{whole:.2f}"])
            section.aims.append(Aim(f"speech, N/{share}, {kind}: lost by 30 s", whole - short, 0.15, " dB"))
    return section


def time_and_pass(room: Room) -> Section:
    section = Section(
        "Time",
        "Learning N = 1024, M = 256 after the pass; the pass beside decoding alone and beside what this machine's "
        "matrix product would take for the second moment alone (one thread each); and the pass over half of the files.",
        ["what", "seconds"],
    )
    found = room.gather("speech")
    frames = framing.block(1024)
    files = room.few(found.train)
    every_hop = replace(_listening(found), offsets=False)
    all_of_it, half = _pass_seconds(files, every_hop, frames), _pass_seconds(files[::2], every_hop, frames)
    offsets = _pass_seconds(files, _listening(found), frames)
    heard = room.hear(found.train, frames, found)
    decoding, products = _decode_seconds(files, found), heard.moment.hops * 1024.0**2 / _product_rate()
    sound = sound_of(heard.moment, frames)
    learning = _learn(TrainingConfig(frame=1024, coefficients=256), sound)[1]
    share = sum(file.seconds for file in files) / sum(file.seconds for file in files[::2])
    for what, seconds in (
        ("learning, N = 1024, M = 256", learning),
        ("the pass", all_of_it),
        ("the pass with every sample offset, as for a short corpus", offsets),
        (f"the pass, 1/{share:.2f} of the sound", half),
        ("decoding alone", decoding),
        ("the second moment's products alone", products),
    ):
        section.rows.append([what, f"{seconds:.3g}"])
    slower = max(decoding, products / 0.7)
    section.aims = [
        Aim("learning after the pass, N = 1024, M = 256", learning, 10.0, " s"),
        Aim(
            "the pass over the slower of decoding and products at 70%",
            all_of_it / slower,
            1.0,
            " times",
            f"in one thread decoding comes on top: {decoding / slower:.2f} times",
        ),
        Aim(f"the pass for {share:.2f} times the sound, over its share", all_of_it / half / share, 1.1, " times"),
    ]
    return section


def decode(files: tuple[File, ...], found: Corpus) -> None:
    """Decode recordings, and nothing else."""
    for file in files:
        for _ in Decoder(file, found.sample_rate, found.channels).blocks():
            pass


def _corpus_table(room: Room, name: str, sizes: tuple[int, ...]) -> Section:
    found = room.gather(name)
    hours = found.seconds / 3600
    section = Section(
        f"{name.capitalize()}: held-out SNR",
        f"{len(found.train)} files to learn from, {len(found.held_out)} held out, {hours:.2f} h at {found.sample_rate} "
        "Hz. Choices and the KLT are of the training files. Lapped: frames of 2N, hop N.",
        ["N", "M", "first DCT", "best DCT", "first MDCT", "best MDCT", "KLT", "base", "phased", "lapped"],
    )
    plain = []
    for n in sizes:
        block, lapped = framing.block(n), framing.lapped(2 * n)
        train, judge = _sounds(room, found, block)
        wide_train, wide_judge = _sounds(room, found, lapped)
        for share in (8, 4, 2):
            m = n // share
            c, d = train.second_moment, judge.second_moment
            wide = wide_train.second_moment, wide_judge.second_moment
            dcts = [bounds.dct_db(c, d, n, m, best=best) for best in (False, True)]
            mdcts = [bounds.mdct_db(*wide, lapped, m, best=best) for best in (False, True)]
            klt = bounds.klt_db(c, d, n, m)
            base, phased = (
                judge.snr_db(_learn(TrainingConfig(frame=n, coefficients=m, phased=phases), train)[0].parameters)
                for phases in (False, True)
            )
            config = TrainingConfig(frame=2 * n, coefficients=m, kind="lapped")
            over = wide_judge.snr_db(_learn(config, wide_train)[0].parameters)
            figures = [*dcts, *mdcts, klt, base, phased, over]
            section.rows.append([str(n), f"N/{share}", *(f"{value:.2f}" for value in figures)])
            where = f"{name}, N = {n}, N/{share}"
            least = 0.08 if name == "speech" and share >= 4 else -0.05
            why = ""
            if base - dcts[1] < least:  # how much there is to win at all
                own, _ = _learn(TrainingConfig(frame=n, coefficients=m), judge)
                gain = judge.snr_db(own.parameters) - bounds.dct_db(d, d, n, m, best=True)
                why = f"learned on the held-out files themselves: {gain:.2f} dB over the best DCT for them"
            section.aims.append(AtLeast(f"{where}: base over the best DCT", base - dcts[1], least, " dB", why))
            section.aims.append(AtLeast(f"{where}: lapped over the best MDCT", over - mdcts[1], -0.05, " dB"))
            if name == "speech" and share >= 4:
                section.aims.append(Aim(f"{where}: phased below the KLT", klt - phased, 0.2, " dB"))
            plain += [
                f"{what} at N = {n}, N/{share} ({gain:+.2f} dB)"
                for what, gain in (
                    ("the base pair over the best DCT", base - dcts[1]),
                    ("the phased pair over the best DCT", phased - dcts[1]),
                    ("the lapped pair over the best MDCT", over - mdcts[1]),
                )
                if gain < 0.05
            ]
    if plain:
        section.text += " Learning gains nothing (less than 0.05 dB) here: " + "; ".join(plain) + "."
    return section


def _sounds(room: Room, found: Corpus, frames: Framing) -> tuple[Sound, Sound]:
    train = sound_of(room.hear(found.train, frames, found).moment, frames)
    return train, Sound(frames, room.hear(found.held_out, frames, found).moment.full())


def _learn(config: TrainingConfig, sound: Sound) -> tuple[Run, float]:
    began = time.process_time()
    run = Run(make_start(config, sound, False), stages(config, sound, None, False))
    while not run.done:
        run.advance()
    return run, time.process_time() - began


def _listening(found: Corpus) -> Listening:
    return Listening(found.sample_rate, found.channels, threads=1)


def _pass_seconds(files: tuple[File, ...], listening: Listening, frames: Framing) -> float:
    """The median of five."""
    seconds = []
    for _ in range(5):
        began = time.process_time()
        listen(files, frames, listening)
        seconds.append(time.process_time() - began)
    return sorted(seconds)[2]


def _decode_seconds(files: tuple[File, ...], found: Corpus) -> float:
    began = time.process_time()
    decode(files, found)
    return time.process_time() - began


def _product_rate() -> float:
    """Multiply-adds a second of X^T X, as the second moment makes them (of which BLAS computes half)."""
    x = np.random.default_rng(0).standard_normal((1024, 1024))
    x.T @ x
    began = time.process_time()
    for _ in range(10):
        x.T @ x
    return 10 * 1024.0**3 / (time.process_time() - began)
