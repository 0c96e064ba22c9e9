"""Options of `audiocos train` that mean something only beside others; where nothing reads them, they are refused."""

from __future__ import annotations

import click

from audiocos.cli.console import check_device
from audiocos.errors import UsageError

_OF_DESCENT = ("steps", "balance", "workers")
_OF_RECORDINGS = ("holdout", "channels", "sample_rate", "stationary", "max_bad", "no_cache")


def refuse_unread(context: click.Context, *, synthetic: bool, descends: bool, grows: bool, draws_batches: bool) -> None:
    """Refuse the first option given that this training would not read.

    Args:
        context: of the command, which knows what was given.
        synthetic: whether it learns from noise.
        descends: whether by adam or sgd.
        grows: whether the window grows.
        draws_batches: whether it learns from batches of windows at all.

    Raises:
        UsageError: there is one; the text names it.
    """
    for name in _OF_RECORDINGS if synthetic else ():
        if flag := _given(context, name):
            raise UsageError(f"{flag}: is about recordings, and synth:noise has none. Leave it out.")
    for name in () if descends else _OF_DESCENT:
        if flag := _given(context, name):
            raise UsageError(f"{flag}: is for --optimizer adam and sgd. Choose one of them, or leave it out.")
    if not descends and not grows and (flag := _given(context, "batches")):
        raise UsageError(f"{flag}: nothing is learned from windows here. Pass --growth or --optimizer adam as well.")
    if not draws_batches and (flag := _given(context, "batch")):
        raise UsageError(
            f"{flag}: no batches are drawn here. Pass --optimizer adam, or --batches with --growth, as well."
        )


def learning_device(device: str, descends: bool) -> str:
    """Where to learn: "cpu", "cuda" or "mps"; auto takes a CUDA GPU for adam and sgd.

    Raises:
        UsageError: an accelerator for an optimizer that needs none.
        DeviceError: an accelerator that is not there.
    """
    if not descends:
        if device in ("auto", "cpu"):
            return "cpu"
        raise UsageError(
            f"--device {device}: only --optimizer adam and sgd learn on an accelerator; the others are done on the CPU "
            "in seconds. Leave it out, or choose one of them."
        )
    if device == "auto":
        from audiocos.execution import accelerator_present

        return "cuda" if accelerator_present() == "cuda" else "cpu"
    check_device(device)
    return device


def _given(context: click.Context, name: str) -> str | None:
    """The flag as it was typed, or None where the default stands."""
    if context.get_parameter_source(name) is not click.core.ParameterSource.COMMANDLINE:
        return None
    (option,) = (parameter for parameter in context.command.params if parameter.name == name)
    return option.secondary_opts[0] if option.secondary_opts and context.params[name] is False else option.opts[-1]
