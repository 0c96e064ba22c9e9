"""The residual as a detector: how well seconds of another kind of sound are told from normal ones."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal
import scipy.stats
import soundfile
import soxr
from numpy.typing import NDArray

from audiocos.live.detector import Detector
from audiocos.model import Model
from audiocos.normal import Normal, distance, normal_of
from audiocos.residuals import BandLevels, Second
from audiocos.training.corpus import gather
from audiocos.training.heard import Listening
from audiocos.training.listen import listen
from audiocos.training.plan import make_start, stages
from audiocos.training.run import Run
from audiocos.training.settings import TrainingConfig
from audiocos.training.sound import sound_of
from benchmarks.corpora import PACKAGES, NoCorpus, corpus, default_folder
from benchmarks.page import AtLeast, Section

RATE = 8000
FRAME, COEFFICIENTS = 512, 32
HELD_OUT = 0.4  # of the speech: half of that says what is normal, half is judged
RATES = 1, 10, 60, 360
SCORES = ("residual in 16 bands", "plain SNR", "level", "spectral flatness")
LOOPS = (
    "amen", "amen_full", "breakbeat", "compus", "electric", "industrial", "mehackit1", "mehackit2", "mika", "perc1",
    "perc2", "safari", "tabla",
)  # fmt: skip
"""Sonic Pi's loops of drums; the others are bass, a drone and machines."""

Signal = NDArray[np.float64]


@dataclass(frozen=True)
class Watch:
    """A model with what is normal for it, and normal sound that neither has heard.

    Args:
        model: it.
        normal: likewise.
        unheard: `[samples]`.
    """

    model: Model
    normal: Normal
    unheard: Signal

    def scores(self, x: Signal) -> dict[str, Signal]:
        """Each score of each second that is not silent; larger is odder."""
        rows = rows_of(self.model, x)
        heard = [index for index, row in enumerate(rows) if not row.silent]
        own = [x[index * RATE : (index + 1) * RATE] for index in heard]
        lists = (
            [distance(self.normal, rows[index].levels) for index in heard],
            [-(np.inf if rows[index].snr_db is None else rows[index].snr_db) for index in heard],
            [rows[index].input_dbfs for index in heard],
            [flatness(second) for second in own],
        )
        return dict(zip(SCORES, map(np.array, lists), strict=True))

    def areas(self, odd: Signal) -> dict[str, float]:
        """Area under the ROC curve of each score, for odd sound against the unheard normal sound."""
        usual, found = self.scores(self.unheard), self.scores(odd)
        areas = {name: area(found[name], usual[name]) for name in SCORES}
        # Level and flatness have no right side: they are given the one that serves them.
        return {name: value if name in SCORES[:2] else max(value, 1 - value) for name, value in areas.items()}


def detection(quick: bool) -> Section:
    """Area under the ROC curve, against plain SNR, level and flatness."""
    section = Section("The residual as a detector", about([]), ["normal", "odd", *SCORES])
    try:
        speech = _speech()
        loops = _drums()
    except NoCorpus as missing:
        section.text += f" Speech is not measured: {missing}"
    else:
        section.text = about(loops)
        drums, level = np.concatenate(loops), _leveled(loops)
        for odd, name, least in (
            (drums, "drums as they come", 99.0),
            (mixed(speech.unheard, level, 0.0), "speech + drums at 0 dB", 98.0),
            (mixed(speech.unheard, level, -10.0), "speech + drums at -10 dB", 92.0),
            (mixed(speech.unheard, drums, 0.0), "speech + drums as they come, 0 dB", None),
            (mixed(speech.unheard, drums, -10.0), "speech + drums as they come, -10 dB", None),
        ):
            _add(section, "speech", name, speech.areas(odd), least)
    watch = hum_watch(*((60, 60, 60) if quick else (600, 600, 600)))
    ticks = tick(len(watch.unheard), seed=4)
    for level_db, least in ((-20.0, None), (-30.0, 99.0), (-40.0, None)):
        odd = mixed(watch.unheard, ticks, level_db)
        _add(section, "hum", f"hum + tick at {level_db:g} dB", watch.areas(odd), least)
    return section


def about(loops: list[Signal]) -> str:
    """What is measured, in words.

    Args:
        loops: the drums; none where there is no corpus.
    """
    apart = f" ({spread_db(loops):.0f} dB apart)" if loops else ""
    return (
        f"Area under the ROC curve in percent, seconds of odd against seconds of normal sound at {RATE} Hz. Lapped "
        f"models, hop {FRAME // 2}, {COEFFICIENTS} coefficients, learned from the normal kind (speech: "
        f"{1 - HELD_OUT:.0%} of the files of Debian's {PACKAGES['speech']}); what is normal is taken from other files "
        f"({HELD_OUT / 2:.0%}), and judged are others again. Drums are {len(LOOPS)} loops of Debian's "
        f'{PACKAGES["drums"]}, all at the same level but where they are "as they come"{apart}. Levels are of '
        "power over the whole file; seconds in which the drums pause count as odd. Level and flatness, which may go "
        "either way, count on the side that serves them."
    )


def spread_db(sounds: list[Signal]) -> float:
    """From the softest to the loudest, by power over the whole sound."""
    powers = [np.mean(sound**2) for sound in sounds]
    return float(10 * np.log10(max(powers) / min(powers)))


def false_alarms(quick: bool) -> Section:
    """Alarms on normal sound that was not heard before, against the rate that was asked for, and what they hear."""
    section = Section(
        "False alarms",
        "Seconds an hour that a detector scores above its threshold on normal sound that neither model nor threshold "
        "have heard, for the rate asked for, and, in brackets, how many alarms they make with the default hold. Below "
        "each: which share of the seconds of odd sound lie above the same threshold. Speech is uneven, a hum is not: "
        "the rarer a false alarm on speech is to be, the more of what is odd goes unheard.",
        ["sound", "calibrated on", "judged", *(f"asked {rate}" for rate in RATES)],
    )
    hum_s = (60, 300, 600) if quick else (600, 3600, 2 * 3600)
    watch = hum_watch(*hum_s)
    odds = {"hum + tick at -30 dB": mixed(watch.unheard, tick(len(watch.unheard), seed=4), -30.0)}
    watches = {"hum": (watch, odds)}
    try:
        speech = _speech()
        watches["speech"] = speech, _odd_for(speech)
    except NoCorpus as missing:
        section.text += f" Speech is not measured: {missing}"
    for name, (watch, odds) in watches.items():
        hours = len(watch.unheard) / RATE / 3600
        row = [name, f"{watch.normal.seconds / 60:.0f} min", f"{60 * hours:.0f} min"]
        for rate in RATES:
            seconds, alarms = alarms_raised(watch, rate)
            row.append(f"{seconds / hours:.1f} ({alarms})")
        section.rows.append(row)
        for odd, x in odds.items():
            scores = watch.scores(x)[SCORES[0]]
            heard = [f"{100 * np.mean(scores > watch.normal.threshold(rate)):.0f}% heard" for rate in RATES]
            section.rows.append([odd, "", f"{len(scores) / 60:.0f} min", *heard])
    return section


def _odd_for(speech: Watch) -> dict[str, Signal]:
    loops = _drums()
    level = _leveled(loops)
    return {
        "drums as they come": np.concatenate(loops),
        "speech + drums at 0 dB": mixed(speech.unheard, level, 0.0),
        "speech + drums at -10 dB": mixed(speech.unheard, level, -10.0),
    }


def alarms_raised(watch: Watch, false_alarms_per_hour: float) -> tuple[int, int]:
    """How many seconds of the unheard sound lie above the threshold, and how many alarms that makes."""
    detector = Detector(RATE, 1, normal=watch.normal, false_alarms_per_hour=false_alarms_per_hour)
    above = 0
    x = watch.unheard[None]
    y = watch.model.reconstruct(x)
    for start in range(0, x.shape[1], RATE):
        detector.feed(x[:, start : start + RATE], y[:, start : start + RATE])
        state = detector.state
        above += state.score is not None and state.score > state.threshold
    return above, detector.state.count


def area(odd: Signal, usual: Signal) -> float:
    """Area under the ROC curve: how often an odd second scores above a usual one, ties counted half."""
    ranks = scipy.stats.rankdata(np.concatenate([odd, usual]))
    n = len(odd)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * len(usual)))


def flatness(second: Signal) -> float:
    """Geometric over arithmetic mean of the power spectrum (Gray and Markel 1974)."""
    power = scipy.signal.welch(second, RATE, nperseg=256)[1] + 1e-15
    return float(np.exp(np.log(power).mean()) / power.mean())


def mixed(normal: Signal, odd: Signal, level_db: float) -> Signal:
    """Normal sound with odd sound, looped, at so many dB of its power."""
    odd = np.resize(odd, len(normal))
    return normal + 10 ** (level_db / 20) * np.sqrt(np.mean(normal**2) / np.mean(odd**2)) * odd


def hum(samples: int, seed: int) -> Signal:
    """A motor: harmonics 1 to 19 of 50 Hz that wander by 1%, amplitudes 1/h, white noise at 2%; RMS 0.1."""
    random = np.random.default_rng(seed)
    times = np.arange(samples) / RATE
    wander = sum(np.sin(2 * np.pi * (random.uniform(0.05, 0.4) * times + random.uniform())) for _ in range(3)) / 3
    phase = 2 * np.pi * np.cumsum(50 * (1 + 0.01 * wander)) / RATE
    sound = sum(np.cos(h * phase + random.uniform(0, 2 * np.pi)) / h for h in range(1, 20))
    sound = sound / np.sqrt(np.mean(sound**2)) + 0.02 * random.standard_normal(samples)
    return np.asarray(0.1 * sound)


def tick(samples: int, seed: int) -> Signal:
    """A bearing: 7.3 clicks a second, give or take 2%, between 2 and 3 kHz."""
    random = np.random.default_rng(seed)
    gaps = RATE / 7.3 * (1 + 0.02 * random.standard_normal(samples * 8 // RATE + 8))
    clicks = np.zeros(samples)
    positions = np.cumsum(gaps).astype(int)
    clicks[positions[positions < samples]] = 1.0
    band = scipy.signal.butter(4, [2000, 3000], "bandpass", fs=RATE, output="sos")
    return np.asarray(scipy.signal.sosfilt(band, clicks))


def hum_watch(learn_s: int, calibrate_s: int, judge_s: int) -> Watch:
    """A model of the hum, learned from so many seconds and calibrated on others."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hum.wav"
        soundfile.write(path, hum(learn_s * RATE, seed=1), RATE)
        model = learn([path])
    later = hum((calibrate_s + judge_s) * RATE, seed=2)  # of one motor
    return watch_of(model, later[: calibrate_s * RATE], later[calibrate_s * RATE :])


def watch_of(model: Model, calibrate: Signal, unheard: Signal) -> Watch:
    """A model with what is normal for it."""
    normal = normal_of(rows_of(model, calibrate), RATE)
    assert normal is not None
    return Watch(model, normal, unheard)


def learn(paths: Iterable[str | Path]) -> Model:
    """A lapped model that keeps one coefficient in eight of what these recordings hold."""
    found = gather([str(path) for path in paths], holdout=0)
    config = TrainingConfig(frame=FRAME, coefficients=COEFFICIENTS, kind="lapped")
    frames = config.framing()
    sound = sound_of(listen(found.train, frames, Listening(RATE, "each", threads=1)).moment, frames)
    run = Run(make_start(config, sound, False), stages(config, sound, None, False))
    while not run.done:
        run.advance()
    return Model(run.parameters, frames, sample_rate=RATE)


def rows_of(model: Model, x: Signal) -> list[Second]:
    """The seconds of a sound, judged by a model."""
    return BandLevels(RATE, 1).feed(x[None], model.reconstruct(x[None]))


def loaded(paths: Iterable[str | Path]) -> Signal:
    """Recordings one after the other, as mono."""
    pieces = []
    for path in paths:
        samples, rate = soundfile.read(path, always_2d=True)
        pieces.append(samples.mean(axis=1) if rate == RATE else soxr.resample(samples.mean(axis=1), rate, RATE))
    return np.concatenate(pieces)


def _speech() -> Watch:
    found = gather([corpus("speech", default_folder())], holdout=HELD_OUT)
    held = [file.path for file in found.held_out]
    return watch_of(learn(file.path for file in found.train), loaded(held[::2]), loaded(held[1::2]))


def _drums() -> list[Signal]:
    folder = corpus("drums", default_folder()) / "usr/share/sonic-pi/samples"
    return [loaded([folder / f"loop_{name}.flac"]) for name in LOOPS]


def _leveled(loops: list[Signal]) -> Signal:
    """One after the other, each at RMS 1."""
    return np.concatenate([loop / np.sqrt(np.mean(loop**2)) for loop in loops])


def _add(section: Section, normal: str, odd: str, areas: dict[str, float], least: float | None) -> None:
    section.rows.append([normal, odd, *(f"{100 * value:.1f}" for value in areas.values())])
    if least is not None:
        section.aims.append(AtLeast(f"Detection: {odd}, against {normal}", 100 * areas[SCORES[0]], least, "%"))
