"""From a template to one file: every page is written the same way."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import audiocos
from audiocos.atomic import add_file, is_full, remedy, replace_file
from audiocos.errors import AudiocosError
from audiocos.report import style
from audiocos.report.words import printable


def write_page(path: Path, template: str, *, replace: bool = True, **parts: object) -> None:
    """Write a page. It appears under its name when it is complete, or not at all.

    Args:
        path: the HTML file.
        template: a file beside this one.
        replace: a file that is there is replaced; else it stays, the page gets a free name, and the error says which.
        parts: what the template names; generators are run while the page is written.

    Raises:
        AudiocosError: matplotlib or jinja2 is missing, or the file cannot be written, or not under its name.
    """
    page, temporary = rendered(template, **parts), f".{secrets.token_hex(8)}.html.part"
    try:
        if replace:
            replace_file(path, page, temporary)
        elif (found := add_file(path, page, temporary)) != path:
            raise AudiocosError(
                f"{printable(str(path))}: appeared while the report was being made, and was not replaced. "
                f"The report is {printable(str(found))}."
            )
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
