"""From a template to one file: every page is written the same way."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import audiocos
from audiocos.atomic import is_full, remedy, replace_file
from audiocos.errors import AudiocosError
from audiocos.report import style
from audiocos.report.words import printable


def write_page(path: Path, template: str, **parts: object) -> None:
    """Write a page. It appears under its name when it is complete, or not at all.

    Args:
        path: the HTML file; one that is there is replaced.
        template: a file beside this one.
        parts: what the template names; generators are run while the page is written.

    Raises:
        AudiocosError: matplotlib or jinja2 is missing, or the file cannot be written.
    """
    try:
        replace_file(path, rendered(template, **parts), f".{secrets.token_hex(8)}.html.part")
    except OSError as error:
        message = f"{printable(str(path))}: the report cannot be written: {error.strerror or error}."
        instead = (
            remedy(error) if is_full(error) else "Name a file in a folder that is there and that you may write to."
        )
        raise AudiocosError(f"{message} {instead}") from error


def rendered(template: str, **parts: object) -> Iterator[bytes]:
    """A page, piece by piece; see `write_page`.

    Raises:
        AudiocosError: matplotlib or jinja2 is missing.
    """
    style.require_extra()
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=printable,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template(template).generate(version=audiocos.__version__, **parts)
    return (part.encode() for part in text)
