"""`ivr journal`."""

from __future__ import annotations

import json
from datetime import datetime

import click
from rich.markup import escape
from rich.table import Table

from ivr.doors.cli.parts import console, settings_of, store_of


@click.command()
@click.option("--about", "subjects", multiple=True, help="As campaign:NAME, sponsor:NAME, message:NAME, trunk:NAME.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def journal(context: click.Context, subjects: tuple[str, ...], as_json: bool) -> None:
    """Show who decided, approved, started, stopped and changed what. `ivr consent verify` proves that it is whole."""
    with store_of(settings_of(context)) as store:
        entries = store.journal.entries(*subjects)
    if as_json:
        click.echo(json.dumps(entries, ensure_ascii=False, indent=2))
        return
    table = Table(box=None, header_style="bold")
    for column in ("entry", "when", "by", "what", "about", ""):
        table.add_column(column)
    for entry in entries:
        when = f"{datetime.fromtimestamp(entry['at_ms'] / 1000).astimezone():%Y-%m-%d %H:%M:%S}"
        said = ", ".join(f"{key} {value}" for key, value in entry["said"].items() if value not in ("", None, {}, []))
        cells = (str(entry["seq"]), when, entry["by"], entry["kind"], entry["subject"], said)
        table.add_row(*(escape(cell) for cell in cells))
    console.print(table)
