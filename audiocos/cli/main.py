"""The `audiocos` command: its subcommands, and what an exit code means.

0 done; 1 something failed (each failure one line on stderr); 2 wrong usage; 130 Ctrl-C; 143 SIGTERM.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any

import click

from audiocos import __version__
from audiocos.errors import AudiocosError, UsageError

# The short help stands here so that `audiocos --help` imports no command.
COMMANDS = {
    "reconstruct": "Put files through a model and say what was lost.",
    "evaluate": "Compare models on files: what each loses, file by file.",
    "models": "List the shipped models, or show one.",
    "synth": "Write a synthetic signal to a file.",
}


class _LazyGroup(click.Group):
    """Commands are imported when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"audiocos.cli.{name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example:  audiocos reconstruct speech.wav --report speech.html",
)
@click.version_option(__version__, prog_name="audiocos")
def cli() -> None:
    """Run a pair of cosine banks on recordings and see exactly what is lost.

    `audiocos COMMAND --help` explains each command with examples.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = cli.main(arguments, prog_name="audiocos", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted; nothing half-written is left.")
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except AudiocosError as error:
        say(f"audiocos: {error}")
        code = 2 if isinstance(error, UsageError) else 1
    except BrokenPipeError:
        # The reader of our output has gone; python must not try to flush to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def say(text: str) -> None:
    """One line on stderr, whatever is in it."""
    data = (text + "\n").encode(errors="backslashreplace")
    sys.stderr.flush()
    sys.stderr.buffer.write(data)
    sys.stderr.flush()


def _terminate(number: int, frame: Any) -> None:
    sys.exit(128 + number)
