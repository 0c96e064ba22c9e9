"""`audiocos calibrate`: what is normal for a model, from a user's own sound."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click

from audiocos.audio.names import shown
from audiocos.audio.outputs import check_writable
from audiocos.audio.reconstruct import Settings
from audiocos.cli.console import FileProgress, check_device, device_option, print_json, print_table
from audiocos.cli.main import say
from audiocos.cli.options import computing_on, say_links, say_warnings
from audiocos.cli.ranges import FiniteRange
from audiocos.cli.untouched import refuse_inputs
from audiocos.counting import are, counted
from audiocos.errors import AudiocosError, CorpusError, UsageError
from audiocos.model import Model, load
from audiocos.modelfolder import FILES, check_replaceable
from audiocos.normal import FEWEST_SECONDS, QUANTILES, Normal
from audiocos.training.corpus import Corpus, gather, named
from audiocos.training.judge import Failed, Verdict, judge

FEW_SECONDS = 300
"""Below this the threshold is mostly chance: 16 levels and their covariance are 152 numbers."""

_RATES = (0.1, 1, 10, 60)


@click.command(
    "calibrate",
    epilog="""\b
Examples:
  audiocos calibrate speech-8k office/ -o office-8k      recordings of the room on a usual day
  audiocos calibrate ./mine a.wav b.wav -o calibrated
  audiocos calibrate exact-lapped hall/ -o hall --sample-rate 48000
  audiocos monitor mic --model office-8k --alarm         then listen for what is unusual

Exit code: 0 done, 1 a file failed or there is too little sound, 2 wrong usage.""",
)
@click.argument("model")
@click.argument("inputs", nargs=-1, required=True, metavar="FOLDER...")
@click.option("-o", "--output", required=True, metavar="NEW", help="Folder of the copy to write.")
@click.option("--sample-rate", type=click.IntRange(1), metavar="HZ", help="At which to listen; for models of any rate.")
@click.option("--sanitize", is_flag=True, help="Replace NaN, infinity and absurd samples by silence and count them.")
@click.option("--strict", is_flag=True, help="Damaged files fail instead of counting as far as they go.")
@click.option(
    "--max-bad",
    type=FiniteRange(0, 1),
    default=0.1,
    show_default=True,
    help="Share of unreadable files above which nothing is written.",
)
@device_option
@click.option("--jobs", type=click.IntRange(1), help="Files at a time; default one a core.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--force", is_flag=True, help="Replace a model that exists.")
@click.pass_context
def command(
    context: click.Context,
    model: str,
    inputs: tuple[str, ...],
    output: str,
    sample_rate: int | None,
    sanitize: bool,
    strict: bool,
    max_bad: float,
    device: str,
    jobs: int | None,
    as_json: bool,
    force: bool,
) -> None:
    """Learn what is normal for MODEL from your own sound, and write a copy of it that knows.

    FOLDER holds recordings of normal sound, best of the place and through the microphone that will be monitored; a
    recording, or a text file that lists some, will do too. `audiocos monitor --alarm` then raises an alarm where a
    second is unlike all that. Recordings are only read, and so is MODEL, unless -o names it and --force is given.
    """
    check_device(device)
    if not output:
        raise UsageError("-o: give the name of a folder.")
    if os.path.lexists(output) and not force:
        raise AudiocosError(f"{shown(output)}: exists already. Choose another name or pass --force to replace it.")
    refuse_inputs("-o", (Path(output) / name for name in FILES), named(inputs))
    if os.path.lexists(output):
        check_replaceable(Path(os.path.realpath(output)))
    check_writable(shown(output), Path(os.path.realpath(output)).parent)
    given = load(model)
    if sample_rate is not None and given.sample_rate not in (None, sample_rate):
        raise UsageError(
            f'--sample-rate {sample_rate}: the model "{given.name}" was made for {given.sample_rate} Hz, and '
            "recordings are converted to that. Leave the option out."
        )
    corpus = gather(inputs, holdout=0, sample_rate=given.sample_rate or sample_rate, max_bad=max_bad)
    say_links(corpus.links)
    for bad in corpus.refused:
        say(f"Error: {bad.name}: {bad.reason}")
    settings = Settings(computing_on(device, given), None, None, strict, sanitize, resample=True)
    verdict = _listen(given, corpus, settings, jobs or os.cpu_count() or 1)
    failures = len(corpus.refused) + len(verdict.failures)
    total = len(corpus.refused) + len(corpus.train)
    if failures > max_bad * total:
        raise CorpusError(
            f"{failures} of {counted(total, 'file')} cannot be used, more than the share {max_bad:g} that may be bad. "
            "Repair or remove them, or pass a larger --max-bad."
        )
    _say_idle(verdict)
    normal = _normal(verdict)
    replace(given, normal=normal).save(output, force=force)
    _tell(output, normal, len(verdict.files), failures, as_json)
    context.exit(1 if failures else 0)


def _listen(given: Model, corpus: Corpus, settings: Settings, jobs: int) -> Verdict:
    """Run the model over all files, at the one rate."""
    verdict, paths = Verdict(), [file.path for file in corpus.train]
    progress = FileProgress(paths)
    fixed = replace(given, sample_rate=corpus.sample_rate)
    judging = closing(judge(paths, fixed, settings, jobs=jobs, progress=progress.update))
    with progress.shown(f"{counted(len(paths), 'file')}, {given.name}"), judging as outcomes:
        for outcome in outcomes:
            verdict.add(outcome)
            if isinstance(outcome, Failed):
                say(f"Error: {outcome.reason}")
            else:
                say_warnings(outcome)
    return verdict


def _say_idle(verdict: Verdict) -> None:
    """Say which files count, and yet nothing could be learned from."""
    short = [file.path for file in verdict.files if not file.rows]
    silent = [file.path for file in verdict.files if file.rows and all(row.silent for row in file.rows)]
    for paths, what in ((short, "too short for a whole second"), (silent, "silent throughout")):
        if paths:
            more = len(paths) - 1
            others = f", and so {are(more)} {more} more" if more else ""
            say(f"Warning: {shown(paths[0])}: {what}{others}. Nothing was learned from {'them' if more else 'it'}.")


def _normal(verdict: Verdict) -> Normal:
    """What is normal.

    Raises:
        CorpusError: too little sound.
    """
    normal = verdict.normal()
    if normal is None:
        seconds = sum(len(file.rows) for file in verdict.files)
        silent = sum(row.silent for file in verdict.files for row in file.rows)
        raise CorpusError(
            f"too little sound: {seconds - silent} whole seconds that are not silent ({silent} are), and at least "
            f"{FEWEST_SECONDS} are needed, {FEW_SECONDS} for thresholds that hold. Add recordings."
        )
    if normal.tail[0][1] == 0:
        raise CorpusError(
            "no second's residual differs from another's: this model loses nothing of these recordings, and an alarm "
            "could never be raised. Choose a model that keeps fewer coefficients (`audiocos models`)."
        )
    if normal.seconds < FEW_SECONDS:
        say(
            f"{normal.seconds} s of sound are few: thresholds from less than {FEW_SECONDS} s are mostly chance. "
            "Add recordings."
        )
    return normal


def _tell(output: str, normal: Normal, files: int, failures: int, as_json: bool) -> None:
    thresholds = {f"{rate:g}": normal.threshold(rate) for rate in _RATES}
    quantiles = dict(zip(map(str, QUANTILES), normal.snr_quantiles_db, strict=True))
    if as_json:
        print_json(
            {
                "model": output,
                "files": files,
                "failed_files": failures,
                "sample_rate": normal.sample_rate,
                "seconds": normal.seconds,
                "silent_seconds": normal.silent_seconds,
                "snr_a_second_db": quantiles,
                "thresholds": thresholds,
            }
        )
        return
    rows = [
        ["normal sound", f"{normal.seconds} s at {normal.sample_rate} Hz"],
        ["silent, not counted", f"{normal.silent_seconds} s"],
    ]
    rows += [
        [f"SNR of a second, {float(share):.0%} are below", "exact" if value is None else f"{value:.1f} dB"]
        for share, value in quantiles.items()
        if share in ("0.01", "0.5", "0.99")
    ]
    for rate, value in thresholds.items():
        known = float(rate) >= normal.promised
        alarms = counted(float(rate), "false alarm")
        rows.append([f"threshold for {alarms} an hour", f"{value:.1f}{'' if known else ' (extrapolated)'}"])
    print_table(f'Model "{output}"', [("", "left"), ("", "right")], rows)
    say(f"Wrote {shown(Path(output))}.")
