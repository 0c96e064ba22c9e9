"""File to file: `audiocos reconstruct` against plain copies of the same file with soundfile."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import soundfile

import audiocos
from audiocos import cosines, framing
from audiocos.audio.reconstruct import Settings, Task, reconstruct_file
from audiocos.model import Model
from benchmarks.copying import BLOCK, copy, copy_whole
from benchmarks.material import RATE, Sound, recordings, snr_db
from benchmarks.page import Aim, Section, decibels, number
from benchmarks.timing import Timing, interleaved, ratio

PROCESS = "copy, float32 blocks, as a process"


def file_to_file(quick: bool) -> Section:
    """The exact models, in this process and as a process, beside the copies."""
    minutes = 0.5 if quick else 10.0
    section = Section(
        "File to file",
        f"{minutes:g} minutes of stereo at 48 kHz, WAV, 16 bits, on a local disk. Ours reads, reconstructs, measures "
        "SNR, segmental SNR and log-spectral distance, writes and syncs to the disk. The copies only read "
        f"and write: with `soundfile` in blocks of {BLOCK} frames as int16 (no conversion: the floor) and float32, and "
        "`soundfile.read` then `write` of the whole file as float32.",
        ["", "seconds", "fastest to slowest", "times realtime", "over the float copy", "over the int16 copy", "SNR dB"],
    )
    with tempfile.TemporaryDirectory(prefix="audiocos-bench-") as folder:
        source, target = os.path.join(folder, "in.wav"), os.path.join(folder, "out.wav")
        soundfile.write(source, recordings(minutes * 60).T, RATE, subtype="PCM_16")
        runs = {
            "copy, int16 blocks": lambda: copy(source, target, "int16"),
            "copy, float32 blocks": lambda: copy(source, target, "float32"),
            "copy, whole, float32": lambda: copy_whole(source, target),
            PROCESS: lambda: subprocess.run([sys.executable, "-m", "benchmarks.copying", source, target], check=True),
            **_ours(source, target, folder),
        }
        original, errors = _read(source), {}
        for name, run in runs.items():
            run()
            errors[name] = snr_db(original, _read(target))
        times = interleaved(runs, rounds=3 if quick else 7)
    floats = min(("copy, float32 blocks", "copy, whole, float32"), key=lambda name: times[name].median)
    _report(section, times, errors, floats, minutes)
    return section


def _ours(source: str, target: str, folder: str) -> dict[str, Callable[[], object]]:
    runs: dict[str, Callable[[], object]] = {}
    for n in (512, 1024, 2048):
        for name, pair, frames in (
            ("block", cosines.orthogonal(n), framing.block(n)),
            ("overlap", cosines.orthogonal(n), framing.overlap(n)),
            ("lapped", cosines.lapped(n), framing.lapped(n)),
        ):
            model = Model(pair, frames, name=f"{name}-{n}")
            if (n, name) == (512, "block"):
                model.save(Path(folder) / "model")
                loaded = audiocos.load(str(Path(folder) / "model"))
                runs["exact block 512"] = lambda model=loaded: _reconstruct(source, target, model)
                runs["exact block 512, as a process"] = lambda: _process(source, target, os.path.join(folder, "model"))
            elif n == 512 or name == "block":
                runs[f"exact {name} {n}"] = lambda model=model: _reconstruct(source, target, model)
    return runs


def _report(
    section: Section, times: dict[str, Timing], errors: dict[str, float | None], floats: str, minutes: float
) -> None:
    for name, taken in times.items():
        section.rows.append([
            name, number(taken.median), f"{number(taken.fastest)} to {number(taken.slowest)}",
            f"{minutes * 60 / taken.median:,.0f}", f"{ratio(taken, times[floats]):.2f}",
            f"{ratio(taken, times['copy, int16 blocks']):.2f}", decibels(errors[name]),
        ])  # fmt: skip
    why = "the copy converts to float32 and back, as any processing of samples must; one that only moves bytes takes "
    why += f"{times[floats].median / times['copy, int16 blocks'].median:.1f} times less"
    both = "both with the start of Python and their imports, ours of numpy and scipy, theirs of numpy and soundfile"
    for ours, plain, remark in (
        ("exact block 512", floats, why),
        ("exact block 512, as a process", PROCESS, both),
    ):
        text = f"File to file, {ours}: at most 1.5 times {plain}"
        section.aims.append(Aim(text, ratio(times[ours], times[plain]), 1.5, " times", remark))


def _reconstruct(source: str, target: str, model: Model) -> None:
    reconstruct_file(Task(source, target, force=True), model, Settings(device="cpu"))


def _process(source: str, target: str, model: str) -> None:
    command = [sys.executable, "-m", "audiocos", "reconstruct", source, "-o", target, "-m", model, "--force", "--json"]
    subprocess.run([*command, "--device", "cpu"], check=True, capture_output=True)


def _read(path: str) -> Sound:
    return soundfile.read(path, dtype="float32")[0].T
