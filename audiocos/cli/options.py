"""What commands that run models over files share: options about reading and computing, what they mean, warnings."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from audiocos.audio.names import shown
from audiocos.audio.tasks import links_text
from audiocos.cli.console import device_option
from audiocos.cli.main import say
from audiocos.counting import are, counted

if TYPE_CHECKING:
    from audiocos.model import Model
    from audiocos.ranks import Ranks
    from audiocos.training.judge import Judged

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = [
    click.option(
        "--resample", is_flag=True, help="Convert files of other rates than the model's, there and back (soxr)."
    ),
    click.option(
        "--sanitize", is_flag=True, help="Replace NaN, infinity and absurd samples by silence and count them."
    ),
    click.option("--strict", is_flag=True, help="Damaged files fail instead of counting as far as they go."),
    click.option("--dtype", type=click.Choice(["float32", "float64"]), help="Precision; default as the samples need."),
    device_option,
    click.option("--jobs", type=click.IntRange(1), help="Files at a time; default one a core."),
]


def file_options(command: F) -> F:
    """Give a command --resample, --sanitize, --strict, --dtype, --device and --jobs, in this order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def computing_on(device: str, model: Model) -> str:
    """The device that a request means for a model; said where that is no matter of course.

    Raises:
        DeviceError: an accelerator that is not there.
    """
    from audiocos.execution import choose_device

    resolved = choose_device(device, model.parameters, model.framing)
    if resolved != "cpu" or device != "auto":
        say(f"Computing on {resolved}.")
    return resolved


def say_links(links: Sequence[str]) -> None:
    """Say which links to folders were not followed, if any."""
    if links:
        say(links_text(links))


def say_copies(count: int) -> None:
    """Say how many files were left out for their bytes, if any."""
    if count:
        one = count == 1
        verb, counts = ("has", "counts") if one else ("have", "count")
        say(f"{counted(count, 'file')} {verb} the same bytes as another and {counts} once.")


def jobs_here(jobs: int | None, ranks: Ranks) -> int:
    """Files at a time in this process; by default all processes together take one a core."""
    return jobs or max(1, (os.cpu_count() or 1) // ranks.count)


def say_warnings(file: Judged) -> None:
    """Say what is wrong with a file that counts all the same."""
    for warning in file.warnings:
        say(f"Warning: {warning}")
    if file.sanitized:
        count, was = counted(file.sanitized, "sample"), "was" if file.sanitized == 1 else "were"
        say(f"Warning: {shown(file.path)}: {count} {was} not sound and {are(file.sanitized)} silent now.")
