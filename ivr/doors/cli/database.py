"""`ivr db`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import datetime

import click

from ivr.doors.cli.parts import console, settings_of
from ivr.usecases import migrating
from ivr.usecases.migrating import TablesStatus
from ivr.usecases.originating import is_attempt_id, made_at_ms


@click.group()
def db() -> None:
    """The database: its tables and how full they are."""


@db.command()
@click.option("--anyway", is_flag=True, help="Also while other processes of Portevoix are connected.")
@click.pass_context
def migrate(context: click.Context, anyway: bool) -> None:
    """Bring the tables to this version; what is in them is kept. `ivr up` does it too.

    Refused while an older Portevoix works on them. Keep a copy of the database first: there is no way back.
    """
    before, now = migrating.migrate(settings_of(context), anyway)
    if before == now:
        console.print(f"the tables are of revision {now} already, that of this version")
    elif before is None:
        console.print(f"tables made, revision {now}")
    else:
        console.print(f"tables brought from revision {before} to {now}")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """Which database it is, whether its tables are of this version, and how much is in them.

    Exit code 1 when the tables are not those of this version.
    """
    told = migrating.status(settings_of(context))
    if as_json:
        click.echo(json.dumps(asdict(told) | {"current": told.is_current}, indent=2))
    else:
        for name, value in _lines(told):
            console.print(f"{name:<13}{value}", soft_wrap=True, markup=False)
    if not told.is_current:
        sys.exit(1)


def _lines(told: TablesStatus) -> list[tuple[str, str]]:
    lines = [("database", told.url), ("server", _server(told)), ("tables", _tables(told))]
    if told.contents:
        lines.append(("size", f"{told.contents.size_bytes / 1e6:,.1f} MB"))
        lines += [(name, f"{count:,}") for name, count in told.contents.rows.items()]
        if told.contents.first and told.contents.last:
            lines.append(("called", f"from {_instant(told.contents.first)} to {_instant(told.contents.last)}"))
    if told.others:
        lines.append(("connected", ", ".join(told.others)))
    return lines


def _server(told: TablesStatus) -> str:
    ahead_ms = told.server.clock_ahead_ms
    clock = "" if ahead_ms is None else f", its clock {abs(ahead_ms)} ms {'ahead' if ahead_ms >= 0 else 'behind'}"
    return f"{told.server.name} {told.server.version}{'' if told.server.supported else ' (too old)'}{clock}"


def _tables(told: TablesStatus) -> str:
    if told.is_current:
        return f"revision {told.revision}, that of this version"
    if told.revision is None:
        return "none yet; `ivr db migrate` makes them"
    return f"revision {told.revision}, not that of this version ({told.head}); `ivr db migrate`"


def _instant(attempt: str) -> str:
    if not is_attempt_id(attempt):
        return attempt
    return f"{datetime.fromtimestamp(made_at_ms(attempt) / 1000).astimezone():%Y-%m-%d %H:%M:%S}"
