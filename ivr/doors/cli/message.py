"""`ivr message`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from ivr.doors.cli.parts import console, settings_of, store_of
from ivr.usecases.messages import add


@click.group()
def message() -> None:
    """The recordings that are played."""


@message.command("add")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the message; default: the file's name.")
@click.pass_context
def add_(context: click.Context, file: Path, name: str | None) -> None:
    """Add a recording: wav, mp3, m4a, ogg, opus, webm or flac. It is checked and rendered for the telephone now."""
    settings = settings_of(context)
    with store_of(settings) as store:
        added = add(store, settings, file, name or file.stem)
    length_s = added.length_ms / 1000
    console.print(f"[bold]{escape(added.name)}[/]: {length_s:.1f} s, rendered for the telephone as {added.sound}")


@message.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """Show the messages there are."""
    table = Table(box=None, header_style="bold")
    for column in ("message", "seconds", "file", "rendering"):
        table.add_column(column)
    with store_of(settings_of(context)) as store:
        for one in store.messages.all():
            table.add_row(escape(one.name), f"{one.length_ms / 1000:.1f}", escape(one.original_name), one.sound)
    console.print(table)
