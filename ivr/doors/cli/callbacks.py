"""`ivr callbacks`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from rich.markup import escape
from rich.table import Table

from ivr.doors.cli.parts import console, settings_of, store_of


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def callbacks(context: click.Context, as_json: bool) -> None:
    """Show who called back, by campaign: calls, what was asked for, stops. Never by whom.

    The line answers on every trunk with `callbacks = true`, for its caller_id, while a campaign runs and 60 days after.
    These calls are in no listen rate. Requests are in `ivr rights list`, each with its recording.
    """
    with store_of(settings_of(context)) as store:
        found = store.callbacks.sums()
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2))
        return
    table = Table(box=None, header_style="bold")
    for column in ("campaign", "calls", "message", "where from", "requests", "stops", "hidden numbers"):
        table.add_column(column)
    for one in found:
        counts = (one.calls, one.message, one.source, one.request, one.stopped, one.hidden)
        table.add_row(escape(one.campaign or "none"), *map(str, counts))
    console.print(table)
