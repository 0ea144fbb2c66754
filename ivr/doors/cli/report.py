"""`ivr report`."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click
from rich.markup import escape

from ivr.doors.cli.parts import console, say, settings_of, store_of
from ivr.doors.report import as_audit
from ivr.usecases import auditing, purging
from ivr.usecases.campaigns import now_ms
from ivr.usecases.who import login_name


@click.group()
def report() -> None:
    """What reports rest on: what single people heard, while it is kept. `ivr campaign report` shows a report."""


@report.command()
@click.option("--due", "only_due", is_flag=True, help="Only say what is due: delete nothing.")
@click.pass_context
def purge(context: click.Context, only_due: bool) -> None:
    """Delete what single people heard in calls older than the setting `retention.listens_days`.

    Reports are made of sums and say the same before and after, to the last digit. While Portevoix is up this is done
    by itself; ended at any moment it goes on where it was.
    """
    settings = settings_of(context)
    at_ms = now_ms()
    before = datetime.fromtimestamp(purging.limit_ms(settings, at_ms) / 1000).astimezone()
    with store_of(settings) as store:
        found = purging.due(store, settings, at_ms)
        for name, calls in found.items():
            console.print(f"{escape(name)}: {calls:,} calls before {before:%Y-%m-%d %H:%M}", soft_wrap=True)
        if not found:
            console.print(f"nothing is due: nothing is kept of what was heard before {before:%Y-%m-%d %H:%M}")
        elif not only_due:
            total = sum(found.values())
            purged = purging.purge(store, settings, at_ms, login_name(), lambda done: say(f"{done:,} of {total:,}"))
            console.print(f"what was heard in {purged:,} calls is deleted; every report says what it said before")


@report.command()
@click.argument("campaign")
@click.option(
    "--carrier-cdr",
    "carrier_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The carrier's own list of the calls, CSV: number called, beginning, seconds; instants without a zone are"
    " in the campaign's.",
)
@click.option("--trunk", default="", help="Whose calls that file has. Default: those of all the campaign's trunks.")
@click.option("--json", "as_json", is_flag=True, help="For programs, with every disagreement.")
@click.option("--language", type=click.Choice(["fr", "en"]), help="Default: the setting `language`.")
@click.pass_context
def audit(
    context: click.Context, campaign: str, carrier_file: Path | None, trunk: str, as_json: bool, language: str | None
) -> None:
    """Compare what the books say was heard with those who saw the calls too: the PBX's record, the carrier's file.

    Nobody can hear longer than their call lasted, and nobody who heard little was long on the line. Disagreements are
    listed without whole numbers, and the greatest is stated. Exit code 1 when there is any. Run it on the machine of
    the Asterisk that made the calls.
    """
    settings = settings_of(context)
    with store_of(settings) as store:
        found = auditing.audit_of(store, settings, campaign, carrier_file, trunk)
    if as_json:
        click.echo(as_audit.as_json(found))
    else:
        for line in as_audit.as_text(found, language or settings.language):
            click.echo(line)
    if not found.agrees:
        sys.exit(1)
