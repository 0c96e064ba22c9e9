"""Start-up: how long until `--help` answers and until a short file is done, and what is imported on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

import soundfile

from benchmarks.material import RATE, recordings
from benchmarks.page import Aim, Section, number
from benchmarks.timing import interleaved

HEAVY = ("torch", "librosa", "numba", "matplotlib")
PROBE = """
import json, sys
from audiocos.__main__ import main
try:
    main()
finally:
    print(json.dumps([name for name in {heavy!r} if name in sys.modules]), file=sys.stderr)
"""


def start_up(quick: bool) -> Section:
    """Wall time of whole processes."""
    section = Section(
        "Start-up",
        "Wall time of a whole process, Python's own start included. The file is 10 s of 48 kHz stereo, WAV, 16 bits.",
        ["", "seconds", "fastest to slowest", "imported of " + ", ".join(HEAVY)],
    )
    with tempfile.TemporaryDirectory(prefix="audiocos-bench-") as folder:
        source, target = os.path.join(folder, "in.wav"), os.path.join(folder, "out.wav")
        soundfile.write(source, recordings(10.0).T, RATE, subtype="PCM_16")
        reconstruct = ["reconstruct", source, "-o", target, "--force", "--device", "cpu"]
        commands = {
            "python -c pass": ["-c", "pass"],
            "import numpy": ["-c", "import numpy"],
            "import numpy, scipy.fft": ["-c", "import numpy, scipy.fft"],
            "audiocos --help": ["-m", "audiocos", "--help"],
            "audiocos reconstruct, 10 s": ["-m", "audiocos", *reconstruct],
        }
        runs = {name: lambda arguments=arguments: _run(arguments) for name, arguments in commands.items()}
        for run in runs.values():
            run()
        times = interleaved(runs, rounds=5 if quick else 15)
        imported = {"audiocos --help": _heavy(["--help"]), "audiocos reconstruct, 10 s": _heavy(reconstruct)}
    for name, taken in times.items():
        found = ", ".join(imported[name]) or "none" if name in imported else ""
        spread = f"{number(taken.fastest)} to {number(taken.slowest)}"
        section.rows.append([name, number(taken.median), spread, found])
    share = times["import numpy, scipy.fft"].median
    section.aims += [
        Aim("Start-up: audiocos --help", times["audiocos --help"].median, 0.3, " s"),
        Aim(
            "Start-up: a 10 s file reconstructed, start-up included",
            times["audiocos reconstruct, 10 s"].median,
            1.0,
            " s",
            f"{number(share)} s of it is Python importing numpy and scipy.fft",
        ),
        Aim(
            "Start-up: heavy imports of --help and of reconstruct on the CPU (torch, librosa)",
            float(len({"torch", "librosa"} & {name for names in imported.values() for name in names})),
            0.0,
            "",
        ),
    ]
    return section


def _run(arguments: list[str]) -> None:
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def _heavy(arguments: list[str]) -> list[str]:
    probe = [sys.executable, "-c", PROBE.format(heavy=HEAVY), *arguments]
    done = subprocess.run(probe, check=True, capture_output=True, text=True)
    return json.loads(done.stderr.strip().splitlines()[-1])
