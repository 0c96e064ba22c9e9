"""Whole signals in memory: ours against every other library at equal frame and hop, float32 stereo at 48 kHz."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from audiocos import cosines, framing
from audiocos.cosines import CosineParameters
from audiocos.framing import Framing
from audiocos.whole import reconstruct
from benchmarks import rivals
from benchmarks.material import RATE, Sound, recordings, snr_db
from benchmarks.page import Aim, Section, decibels, number
from benchmarks.rivals import Contestant
from benchmarks.timing import Timing, interleaved, ratio

HEADER = ["frame", "hop", "", "ms a minute", "fastest to slowest", "times realtime", "SNR dB", "time over ours"]
ALIGNED = 4096  # sounds are a whole number of frames, which some of the others need
SLOW_SECONDS = 4.0


@dataclass(frozen=True)
class Entry:
    """A contestant: its name, what it runs, whether it is one of ours, and whether it is less work than asked."""

    name: str
    run: Contestant
    ours: bool = False
    floor: bool = False


def ours(name: str, parameters: CosineParameters, frames: Framing) -> Entry:
    return Entry(f"audiocos, {name}", lambda x: reconstruct(parameters, frames, x, device="cpu"), ours=True)


def whole_signals(quick: bool) -> Section:
    """The exact models at N = 512, 1024, 2048, hops N and N/2."""
    minutes = 0.5 if quick else 10.0
    section = Section(
        "Whole signals in memory",
        f"{minutes:g} minutes of stereo at 48 kHz, float32, every library with its default number of threads. "
        "STFTs use a Hann window (rectangular at hop N); torch-dct's transforms are rectangular blocks, and so are "
        "scipy's: these are the bare transform that ours calls, without framing or stream: a floor, not a rival. "
        "asteroid-filterbanks holds our exact banks as FreeFB filters. A contestant that would take longer than "
        f"{SLOW_SECONDS:g} s gets a shorter piece (minutes in brackets). Times are per minute of audio.",
        HEADER,
    )
    sound = _sound(minutes)
    for n in (512, 1024, 2048):
        blocks, halves, lapped = framing.block(n), framing.overlap(n), framing.lapped(n)
        pair, mdct = cosines.orthogonal(n), cosines.lapped(n)
        _compare(section, sound, n, n, quick, [
            ours("exact block", pair, blocks),
            Entry("scipy.fft.dct III + II", rivals.scipy_dct(n, workers=1), floor=True),
            Entry("scipy.fft.dct III + II, workers=2", rivals.scipy_dct(n, workers=2), floor=True),
            Entry("torch-dct dct + idct", rivals.torch_dct(n)),
            Entry("torch.stft + istft", rivals.torch_stft(n, n)),
            Entry("librosa.stft + istft", rivals.librosa_stft(n, n)),
            Entry("asteroid-filterbanks FreeFB", rivals.asteroid(pair, blocks)),
        ])  # fmt: skip
        _compare(section, sound, n, n // 2, quick, [
            ours("exact overlap", pair, halves),
            ours("exact lapped", mdct, lapped),
            Entry("torch.stft + istft", rivals.torch_stft(n, n // 2)),
            Entry("librosa.stft + istft", rivals.librosa_stft(n, n // 2)),
            Entry("scipy ShortTimeFFT", rivals.scipy_stft(n, n // 2)),
            Entry("nnAudio STFT + inverse", rivals.nnaudio_stft(n, n // 2)),
            Entry("asteroid-filterbanks FreeFB, M = N", rivals.asteroid(pair, halves)),
            Entry("asteroid-filterbanks FreeFB, M = N/2", rivals.asteroid(mdct, lapped)),
        ])  # fmt: skip
    return section


def off_grid(quick: bool) -> Section:
    """A pair off the fast transform's grid, as training leaves it, against the same products in asteroid."""
    n, m, minutes = 1024, 256, 0.5 if quick else 10.0
    section = Section(
        "Off the grid",
        f"N = {n}, M = {m}, every frequency moved off the fast transform's grid by 0.3 bins (standard deviation), as "
        f"training moves them: no fast transform applies. {minutes:g} minutes of stereo at 48 kHz, float32. "
        "asteroid-filterbanks' FreeFB holds the same filters, so both compute the same numbers.",
        HEADER,
    )
    sound = _sound(minutes)
    for name, start, frames in (
        ("lapped", cosines.lapped(n, range(m)), framing.lapped(n)),
        ("block", cosines.orthogonal(n, m), framing.block(n)),
    ):
        pair = detuned(start)
        entries = [ours(f"off-grid {name}", pair, frames), Entry("asteroid FreeFB", rivals.asteroid(pair, frames))]
        times = _compare(section, sound, n, frames.hop, quick, entries, aim=False)
        section.aims.append(
            Aim(
                f"Off the grid, N = {n}, M = {m}, {name}: at most half of asteroid-filterbanks' time",
                ratio(times[entries[0].name], times[entries[1].name]),
                0.5,
                " of its time",
            )
        )
    return section


def detuned(parameters: CosineParameters, bins: float = 0.3, seed: int = 1) -> CosineParameters:
    """The pair with every frequency moved by a normal deviate of so many bins, for both banks alike."""
    deviates = np.random.default_rng(seed).standard_normal(parameters.coefficients)
    moved = parameters.analysis_frequencies + bins * np.pi / parameters.frame * deviates
    return replace(parameters, analysis_frequencies=moved, synthesis_frequencies=moved)


def _sound(minutes: float) -> Sound:
    sound = recordings(minutes * 60)
    return np.ascontiguousarray(sound[:, : sound.shape[1] // ALIGNED * ALIGNED])


def _compare(
    section: Section, sound: Sound, frame: int, hop: int, quick: bool, entries: list[Entry], aim: bool = True
) -> dict[str, Timing]:
    runs: dict[str, Callable[[], object]] = {}
    minutes, errors = {}, {}
    for entry in entries:
        piece = _affordable(entry.run, sound)
        minutes[entry.name] = piece.shape[1] / RATE / 60
        errors[entry.name] = snr_db(piece, entry.run(piece))
        runs[entry.name] = lambda run=entry.run, piece=piece: run(piece)
    times = interleaved(runs, rounds=3 if quick else 5)
    per_minute = {name: Timing(tuple(s / minutes[name] for s in taken.seconds)) for name, taken in times.items()}
    best = min((e.name for e in entries if e.ours), key=lambda name: per_minute[name].median)
    full = sound.shape[1] / RATE / 60
    for entry in entries:
        taken = per_minute[entry.name]
        part = "" if minutes[entry.name] == full else f" ({minutes[entry.name]:.2g})"
        section.rows.append([
            str(frame), str(hop), entry.name + part, number(taken.median * 1e3),
            f"{number(taken.fastest * 1e3)} to {number(taken.slowest * 1e3)}", f"{60 / taken.median:,.0f}",
            decibels(errors[entry.name]), "" if entry.name == best else f"{ratio(taken, per_minute[best]):.2f}",
        ])  # fmt: skip
    if aim:
        rivals_ = [e.name for e in entries if not e.ours and not e.floor]
        for entry in (e for e in entries if e.ours):
            toughest = max(rivals_, key=lambda name: ratio(per_minute[entry.name], per_minute[name]))
            against = f"In memory, N = {frame}, hop {hop}, {entry.name}: faster than every other"
            measured = ratio(per_minute[entry.name], per_minute[toughest])
            section.aims.append(Aim(against, measured, 1.0, " of the time", f"against the hardest to beat, {toughest}"))
    return per_minute


def _affordable(run: Contestant, sound: Sound) -> Sound:
    """As much of the sound as takes at most SLOW_SECONDS, judged by a short piece; also the warm-up."""
    short = np.ascontiguousarray(sound[:, : 20 * RATE // ALIGNED * ALIGNED])
    run(short)
    start = time.perf_counter()
    run(short)
    share = SLOW_SECONDS * short.shape[1] / (time.perf_counter() - start) / sound.shape[1]
    if share >= 1:
        return sound
    return np.ascontiguousarray(sound[:, : int(sound.shape[1] * share) // ALIGNED * ALIGNED])
