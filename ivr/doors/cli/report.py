"""`ivr report`."""

from __future__ import annotations

from datetime import datetime

import click
from rich.markup import escape

from ivr.doors.cli.parts import console, say, settings_of, store_of
from ivr.usecases import purging
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
