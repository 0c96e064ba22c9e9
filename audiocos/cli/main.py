"""The `audiocos` command: its subcommands, and what an exit code means.

0 done; 1 something failed (each failure one line on stderr); 2 wrong usage; 130 Ctrl-C; 143 SIGTERM.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import signal
import sys
import threading
from typing import Any, NoReturn

import click

from audiocos import __version__
from audiocos.audio.names import shown
from audiocos.audio.unfinished import remove_all
from audiocos.cli.console import unwritten
from audiocos.errors import AudiocosError, RankError, UnreadError, UsageError

# The short help stands here so that `audiocos --help` imports no command.
COMMANDS = {
    "reconstruct": "Put files through a model and say what was lost.",
    "monitor": "Watch a model's error while sound happens.",
    "train": "Learn a model from recordings, or from noise.",
    "evaluate": "Compare models on files: what each loses, file by file.",
    "calibrate": "Teach a model what is normal, from your own sound.",
    "models": "List the shipped models, or show one.",
    "devices": "List what records and plays here.",
    "synth": "Write a synthetic signal to a file.",
    "study": "Run an experiment that answers a question, and draw it.",
}


# Windows has no SIGHUP, which a terminal sends when it is closed.
ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


_LAST_WORDS_S = 2.0


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
    _occupy_standard_streams()
    _escape_what_stdout_cannot_hold()
    _catch_signals()
    unwritten.clear()
    try:
        code = cli.main(arguments, prog_name="audiocos", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        _leave(128 + signal.SIGINT, "Interrupted; nothing half-written is left.")
    except SystemExit as error:  # SIGTERM, or click's when the reader of our output has gone
        _leave(error.code, "Terminated; nothing half-written is left." if error.code != 1 else "")
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (RankError, UnreadError) as error:  # torch would wait for the dead at the exit, Python for the reader
        _leave(1, f"audiocos: {error}")
    except AudiocosError as error:
        say(f"audiocos: {error}")
        code = 2 if isinstance(error, UsageError) else 1
    except OSError as error:
        gone = isinstance(error, BrokenPipeError)
        _leave(1, "" if gone else f"audiocos: {error.filename or 'standard output'}: {error.strerror}.")
    if unwritten.is_set():
        say("audiocos: standard output: closed, and --json writes there. Open it, or leave --json out.")
        code = code or 1
    sys.exit(code if isinstance(code, int) else 0)


def say(text: str) -> None:
    """One line on stderr, whatever is in it."""
    if sys.stderr is None:
        return
    data = (shown(text) + "\n").encode(errors="backslashreplace")
    sys.stderr.flush()
    sys.stderr.buffer.write(data)
    sys.stderr.flush()


def _occupy_standard_streams() -> None:
    """Put nothing where a standard stream is closed: an output file must not get its descriptor, and be printed to."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _escape_what_stdout_cannot_hold() -> None:
    """As Python does on stderr: a minus sign in a table must not end a command whose output is ASCII or cp1252."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _catch_signals() -> None:
    """SIGINT raises KeyboardInterrupt and SIGTERM SystemExit, the first of them only: what follows is quick."""

    def once(number: int, frame: Any) -> None:
        for each in ENDING:
            signal.signal(each, lambda number, frame: None)  # SIG_IGN would complain of one that is under way
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)

    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and shells leave it for what they put behind
            signal.signal(number, once)


def _leave(code: Any, text: str) -> NoReturn:
    """End at once, without a half-written file, and without waiting for threads: they may wait for a silent pipe.

    Nor for a reader that takes nothing, neither of what is said here nor of what is still to be written.
    """
    remove_all()

    def last_words() -> None:
        if text:
            say(text)
        with contextlib.suppress(OSError, AttributeError):
            sys.stdout.flush()

    saying = threading.Thread(target=last_words, daemon=True)
    saying.start()
    saying.join(_LAST_WORDS_S)
    os._exit(code)
