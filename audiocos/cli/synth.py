"""`audiocos synth`: synthetic signals to files."""

from __future__ import annotations

import inspect
import math

import click
import numpy as np

from audiocos.audio.formats import (
    EXTENSION_SUBTYPE,
    can_hold,
    extension_of,
    format_of,
    from_float,
    resolve_subtype,
    subtype_in,
)
from audiocos.audio.names import shown
from audiocos.audio.outputs import in_the_way
from audiocos.audio.writer import Writer
from audiocos.errors import AudiocosError, UsageError
from audiocos.signals import SIGNALS

LONGEST = 2**28
"""Samples; a signal is made in memory as a whole."""


@click.command(
    "synth",
    epilog="""\b
Examples:
  audiocos synth chirp sweep.wav --seconds 10
  audiocos synth speech-like voice.flac --rate 16000
  audiocos synth tone a.wav --frequency 440 --channels 2 --subtype float
  audiocos synth noise - | audiocos reconstruct - -o noise.flac""",
)
@click.argument("name", type=click.Choice(list(SIGNALS)))
@click.argument("out")
@click.option("--seconds", type=click.FloatRange(0, 86400, min_open=True), default=5.0, show_default=True)
@click.option("--rate", type=click.IntRange(1000, 768000), default=48000, show_default=True, help="Sample rate, Hz.")
@click.option("--channels", type=click.IntRange(1, 1024), default=1, show_default=True, help="The same in each.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="For signals with chance in them.")
@click.option(
    "--frequency", type=click.FloatRange(0, min_open=True), default=440.0, show_default=True, help="tone: Hz."
)
@click.option("--harmonics", type=click.IntRange(1, 10000), default=8, show_default=True, help="harmonic: partials.")
@click.option("--subtype", help="Sample type, for example pcm_24 or float.  [default: pcm_16, or the format's]")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def command(
    name: str,
    out: str,
    seconds: float,
    rate: int,
    channels: int,
    seed: int,
    frequency: float,
    harmonics: int,
    subtype: str | None,
    force: bool,
) -> None:
    """Write the synthetic signal NAME to the file OUT; its extension says the format. - is standard output, as AU."""
    extension = extension_of(out) if out != "-" else "au"
    container = "AU" if out == "-" else format_of(out)
    if out != "-" and (why := in_the_way(out, force=force)) is not None:
        raise AudiocosError(f"{shown(out)}: {why}")
    try:
        kind = resolve_subtype(subtype) if subtype else EXTENSION_SUBTYPE.get(extension, "PCM_16")
    except AudiocosError as error:
        raise UsageError(str(error)) from error
    if not math.isfinite(seconds):
        raise UsageError(f"--seconds {seconds}: give a number of seconds, at most a day.")
    if not frequency <= rate / 2:
        raise UsageError(f"--frequency {frequency}: at most half of the sample rate, {rate / 2:g} Hz.")
    if seconds * rate > LONGEST:
        raise UsageError(f"--seconds {seconds:g}: at {rate} Hz at most {LONGEST // rate} s fit into memory.")
    if subtype and not can_hold(container, kind):
        raise UsageError(f"--subtype {subtype}: .{extension} files cannot hold it. Choose another, or leave it out.")
    kind = subtype_in(container, kind)
    make = SIGNALS[name]
    wanted = {"seed": seed, "frequency": frequency, "harmonics": harmonics}
    known = inspect.signature(make).parameters
    signal = make(max(1, round(seconds * rate)), rate, **{key: v for key, v in wanted.items() if key in known})
    samples, _ = from_float(np.broadcast_to(signal, (channels, signal.size)), kind)
    with Writer(out, container, kind, rate, channels, frames=signal.size, place=None, replace=force) as writer:
        writer.write(samples)
        writer.commit()
