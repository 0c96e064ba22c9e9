"""`audiocos train`: a model from recordings, or from noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from audiocos.audio.names import shown
from audiocos.cli.console import moment_snr_text, print_json, print_table
from audiocos.cli.grouping import grouped
from audiocos.cli.main import say
from audiocos.cli.ranges import FiniteRange
from audiocos.errors import FramingError, UsageError
from audiocos.training.settings import OPTIMIZERS, STARTS, StochasticSettings, TrainingConfig


@click.command(
    "train",
    cls=grouped(
        {
            "output": "The model",
            "start": "How it learns",
            "batches": "Learning on batches of windows, and adam and sgd",
            "holdout": "The recordings",
            "run": "The run, and what it writes",
        }
    ),
    epilog="""\b
Examples:
  audiocos train recordings/ -o mymodel                        the best M = N/4 pair for these recordings
  audiocos train recordings/ -o m --frame 1024 --coefficients 256 --phased
  audiocos train recordings/ -o m --framing lapped --sample-rate 16000
  audiocos train synth:noise -o learned --frame 64             from a random start to the exact pair
  audiocos train synth:noise -o a --frame 64 --optimizer adam

The pass over the recordings is kept in a cache: a second run on the same files begins to learn at once.""",
)
@click.argument("inputs", nargs=-1, required=True, metavar="FOLDER...")
@click.option("-o", "--output", required=True, metavar="MODEL", help="Folder of the model to write.")
@click.option("--frame", type=click.IntRange(1, 2**16), default=512, show_default=True, help="N, samples a frame.")
@click.option(
    "--coefficients",
    type=click.IntRange(1, 2**16),
    help="M, kept of each frame; default N/4 (lapped N/8), for noise as many as there are (N; lapped N/2).",
)
@click.option(
    "--framing",
    "kind",
    type=click.Choice(["block", "overlap", "lapped"]),
    default="block",
    show_default=True,
    help="Frames side by side; overlapping; or overlapping by half, as in the MDCT.",
)
@click.option(
    "--hop", type=click.IntRange(1), help="H, samples from frame to frame; default N, or N/2 where frames overlap."
)
@click.option("--window", help="By name; default sqrt-hann (overlap) or sine (lapped).")
@click.option("--phased", is_flag=True, help="Learn phases too.")
@click.option("--tied", is_flag=True, help="Both banks share their frequencies.")
@click.option(
    "--init",
    "start",
    default="auto",
    show_default=True,
    metavar="START",
    help=f"{', '.join(STARTS)}, or a model to go on from.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of random starts, batches and the split."
)
@click.option(
    "--optimizer", type=click.Choice(OPTIMIZERS), default="auto", show_default=True, help="auto is gauss-newton."
)
@click.option("--growth/--no-growth", default=None, help="Window growth; default for random starts.")
@click.option("--batches", is_flag=True, help="Learn on batches of windows instead of the expected loss.")
@click.option("--batch", type=click.IntRange(1), help="Windows a batch.")
@click.option("--steps", type=click.IntRange(1), default=3000, show_default=True, help="Of adam and sgd.")
@click.option(
    "--balance",
    is_flag=True,
    help="Balance the gradients of the six parameter groups (adam steps the same).",
)
@click.option("--workers", type=click.IntRange(0), default=0, show_default=True, help="Processes that make batches.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where adam and sgd compute; auto takes a CUDA GPU when there is one.",
)
@click.option(
    "--holdout",
    type=FiniteRange(0, 1, max_open=True),
    default=0.1,
    show_default=True,
    help="Share of the files to judge by.",
)
@click.option(
    "--channels",
    type=click.Choice(["each", "mix"]),
    default="each",
    show_default=True,
    help="Each channel as a signal, or their mean.",
)
@click.option("--sample-rate", type=click.IntRange(1), metavar="HZ", help="Resample all recordings to this rate.")
@click.option("--stationary/--every-hop", default=None, help="Count every sample offset; default for short corpora.")
@click.option(
    "--max-bad",
    type=FiniteRange(0, 1),
    default=0.1,
    show_default=True,
    help="Share of unreadable files above which the run fails.",
)
@click.option("--no-cache", is_flag=True, help="Neither read nor keep the pass over the recordings.")
@click.option(
    "--run", metavar="FOLDER", help="Log and checkpoints, of one model and one train at a time; default MODEL.run."
)
@click.option("--save-every", type=FiniteRange(0), default=10, show_default=True, help="Seconds a checkpoint.")
@click.option(
    "--resume",
    is_flag=True,
    help="Carry on a run that was interrupted, from its last checkpoint; torchrun's restarts do.",
)
@click.option("--report", metavar="FILE.html", help="Write a page: how it learned, what came of it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout at the end.")
@click.option(
    "--force", is_flag=True, help="Replace a model or the run of another that exists; begin an interrupted run anew."
)
@click.pass_context
def command(
    context: click.Context,
    inputs: tuple[str, ...],
    output: str,
    frame: int,
    coefficients: int | None,
    kind: str,
    hop: int | None,
    window: str | None,
    phased: bool,
    tied: bool,
    start: str,
    seed: int,
    optimizer: str,
    growth: bool | None,
    batches: bool,
    batch: int | None,
    steps: int,
    balance: bool,
    workers: int,
    device: str,
    holdout: float,
    channels: str,
    sample_rate: int | None,
    stationary: bool | None,
    max_bad: float,
    no_cache: bool,
    run: str | None,
    save_every: float,
    resume: bool,
    report: str | None,
    as_json: bool,
    force: bool,
) -> None:
    """Learn a pair from the recordings below FOLDER, or from noise (synth:noise), and write it as a model.

    A FOLDER may also be a recording, or a text file that lists recordings. Inputs are only read.
    """
    from audiocos.cli.memory import check_memory, plainly
    from audiocos.cli.places import Places
    from audiocos.cli.remarks import remarks
    from audiocos.cli.training import Session, TrainingRequest  # numbers and sound, which --help does without
    from audiocos.cli.trainingreport import report_training
    from audiocos.cli.trainoptions import learning_device, refuse_unread
    from audiocos.ranks import Ranks

    places = Places(output, run, report)
    places.check(force=force, resume=resume)
    synthetic = [text for text in inputs if text.startswith("synth:")]
    if synthetic and (len(inputs) > 1 or synthetic[0] != "synth:noise"):
        raise UsageError(f"{synthetic[0]}: training knows synth:noise, alone.")
    places.refuse_inputs(() if synthetic else inputs, None if start in STARTS else start)
    places.check_report(force)
    if synthetic and coefficients is None:
        coefficients = frame // 2 if kind == "lapped" else frame
    config = TrainingConfig(
        frame=frame,
        coefficients=coefficients or max(1, frame // (8 if kind == "lapped" else 4)),
        kind=kind,
        hop=hop,
        window=window,
        phased=phased,
        tied=tied,
        start=start if start in STARTS else "model",
        seed=seed,
        optimizer=optimizer,
        growth=growth,
        expected=not batches,
        batch=batch,
        stochastic=StochasticSettings(steps=steps, balance=balance, workers=workers),
    )
    try:
        config.check()
    except FramingError as error:
        raise UsageError(str(error)) from error
    decided = config.decided(bool(synthetic))
    grows = decided.growth is True
    refuse_unread(
        context,
        synthetic=bool(synthetic),
        descends=config.first_order,
        grows=grows,
        draws_batches=config.first_order or (grows and (batches or not (synthetic or config.grows_on_white))),
    )
    check_memory(decided)
    chosen = learning_device(device, config.first_order)
    config = replace(config, stochastic=replace(config.stochastic, device=chosen))
    ranks, claim = Ranks(config.stochastic.device), places.claim
    context.call_on_close(claim.release)
    resume = ranks.lead(lambda: claim.take(force=force, resume=resume, restart=places.restart))
    request = TrainingRequest(
        inputs=inputs,
        config=config,
        holdout=holdout,
        channels=channels,
        sample_rate=sample_rate,
        stationary=stationary,
        max_bad=max_bad,
        cache=not no_cache,
        base=None if start in STARTS else start,
        run=places.run_folder,
        resume=resume,
        save_every=save_every,
    )
    session = Session(request, bool(synthetic), ranks)
    if session.ranks.leads and config.first_order and (device, chosen) != ("auto", "cpu"):
        say(f"Learning on {chosen}.")
    with plainly(decided):
        session.prepare()
    if not session.ranks.leads and optimizer not in ("adam", "sgd"):
        session.ranks.close()  # rank 0 learns
        return
    if session.bounds and not as_json and session.ranks.leads:
        rows = [[name, moment_snr_text(value)] for name, value in session.bounds.items()]
        print_table(
            f"What can be won at {config.m} coefficients a frame",
            [("scheme", "left"), (session.judged_on, "right")],
            rows,
        )
    with plainly(decided), ranks.company():
        model = session.learn(Path(output).name)
    if session.ranks.leads:
        model.save(output, force=force)
        session.finish()
    session.ranks.close()
    if not session.ranks.leads:
        return
    if report is not None:
        report_training(report, session, model, force=force)
        say(f"Report: {shown(report)}")
    if as_json:
        print_json({"model": output, "training": model.training, "figures": model.figures})
    else:
        rows = [[name, moment_snr_text(value)] for name, value in session.results.items()]
        print_table(f'Model "{output}"', [("", "left"), (f"SNR, {session.judged_on}", "right")], rows)
    for remark in remarks(session.results, session.config, session.framing.hop, session.judged_on):
        say(remark)
    if as_json:
        return
    say(f"Wrote {shown(output)}.")
    if session.log_note is not None:
        say(session.log_note)
