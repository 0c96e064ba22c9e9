"""A study that takes no time, for what all studies share; as a program: the command with it, ended while it writes.

python smallstudy.py TIMES ARGUMENTS...     a real SIGTERM as the TIMESth file has been put on the disk
"""

import os
import signal
import sys
import types

from matplotlib.figure import Figure

from audiocos import studies
from audiocos.errors import AudiocosError
from audiocos.report import moving, style
from audiocos.studies.study import Answer, Picture, Section, Table

FILES = {"exactness.html", "exactness.json", "still.png", "moving.png", "moving.gif"}


def plot(level=1.0):
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    (line,) = axes.plot([0.0, 1.0], [0.0, level])
    style.finish(axes, "a", "b", "c")
    return figure, line


def small_answer(setting=None, **more):
    figure, line = plot()
    frames = moving.frames(figure, lambda i: line.set_ydata([0.0, i / 3]), 4)
    pictures = [Picture("still", "A line.", plot()[0]), Picture("moving", "It rises.", frames)]
    table = Table("What it is.", ["name", "value"], [["first", 1.23456e-9], ["second", -3.0]])
    sections = [Section("A part", "One paragraph.\n\nAnother <one>.", pictures, [table])]
    values = {"text": "It is so. It is.", "settings": {"sizes": [8, 16]}, "figures": {"level": 1.5}}
    return Answer(**({"table": table, "sections": sections, "timings": {"seconds": 2.0}} | values | more))


def fail(setting):
    raise AudiocosError('The study needs kymatio: pip install "audiocos[scattering]"')


def put(patch, **runs):
    """Let these be all the studies there are, until `patch`, a MonkeyPatch, is undone; a run takes a setting."""
    for name, run in runs.items():
        module = types.ModuleType(f"audiocos.studies.{name}")
        module.run = run
        patch.setitem(sys.modules, f"audiocos.studies.{name}", module)
    patch.setattr(studies, "STUDIES", {name: studies.STUDIES[name] for name in runs})


def _end_at(times):
    sync = os.fsync
    left = iter(range(times - 1, -1, -1))

    def counting(descriptor):
        sync(descriptor)
        if next(left, None) == 0:
            os.kill(os.getpid(), signal.SIGTERM)

    os.fsync = counting


if __name__ == "__main__":
    from pytest import MonkeyPatch

    from audiocos.cli.main import main

    put(MonkeyPatch(), exactness=small_answer)
    _end_at(int(sys.argv[1]))
    main(sys.argv[2:])
