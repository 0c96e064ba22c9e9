"""Options under headings, where a command has too many of them for one list."""

from __future__ import annotations

from collections.abc import Mapping

import click


def grouped(headings: Mapping[str, str]) -> type[click.Command]:
    """A kind of command whose --help has headings.

    Args:
        headings: name of the first parameter under a heading -> the heading; options keep the order they are given in,
            those before the first heading stand under "Options".
    """

    class Grouped(click.Command):
        def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
            groups: list[tuple[str, list[tuple[str, str]]]] = [("Options", [])]
            for parameter in self.get_params(ctx):
                if (heading := headings.get(parameter.name or "")) is not None:
                    groups.append((heading, []))
                if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx)) is not None:
                    groups[-1][1].append(record)
            for heading, records in groups:
                if records:
                    with formatter.section(heading):
                        formatter.write_dl(records)

    return Grouped
