"""A monitored stretch without threads or devices: real sound, a real model, the real meters."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import soundfile

import audiocos
from audiocos.live.counters import Latency
from audiocos.live.layout import Layout
from audiocos.live.meters import Meters
from audiocos.live.status import Stage
from audiocos.live.view import View

SAMPLES = Path(__file__).parent.parent / "samples"


def recording(name, seconds=None):
    """A recording of samples/, `[channels, samples]` and its rate; repeated to `seconds`."""
    sound, rate = soundfile.read(f"{SAMPLES}/{name}", dtype="float32", always_2d=True)
    sound = sound.T
    if seconds is not None:
        count = round(seconds * rate)
        sound = np.tile(sound, (1, -(-count // sound.shape[1])))[:, :count]
    return np.ascontiguousarray(sound), rate


def metered(sound, rate, model):
    """Meters that have been fed a sound and its reconstruction."""
    model = audiocos.load(model)
    meters = Meters(rate, sound.shape[0], model=model)
    meters.feed(sound, model.reconstruct(sound))
    return meters


class HopTimes:
    def over_run(self):
        return 0.4, 0.9, 2.5

    def last(self, seconds):
        return 0.4, 0.8, 1.6


@dataclass
class Counters:
    input_overflows: int = 0
    late_hops: int = 0
    dropped_samples: int = 0


@dataclass
class Played:
    """What a view needs of a session."""

    sample_rate: int = 44100
    channels: int = 2
    time_s: float = 75.0
    deadline_ms: float = 5.8
    listen: str = "output"
    keep: int | None = None
    ended: bool = False
    hop_times: HopTimes = field(default_factory=HopTimes)
    latency: Latency = Latency(441, 0, 882, 0, 44100)
    counters: Counters = field(default_factory=Counters)
    events: list = field(default_factory=list)


def alarm(**changes):
    state = {
        "active": False,
        "score": 3.1,
        "threshold": 8.2,
        "bands": (0.5,) * 16,
        "since_s": None,
        "count": 0,
        "worst": None,
    }
    state |= {"band_edges_hz": tuple(np.linspace(0.0, 4000.0, 17)), "below_db": None}
    return SimpleNamespace(**(state | changes))


def alarming(state, past=()):
    """What a view needs of what raises alarms."""
    return SimpleNamespace(state=state, past=past)


def view_of(meters, session=None, detector=None, capture=None, model="lapped-quarter"):
    model = audiocos.load(model)
    stage = Stage(model.name, model.parameters.coefficients, "guitar-chord.flac", "speakers")
    return View(session or Played(), meters, model, stage, detector, capture)


def words(view, width=80, height=24, colours=True):
    return ["".join(one.text for one in row) for row in Layout(colours).lines(view.scene(), width, height)]
