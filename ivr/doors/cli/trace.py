"""`ivr trace`."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from ivr.doors.cli.parts import console, settings_of, store_of
from ivr.usecases import tracing
from ivr.usecases.tracing import Step, Story

MISSING = {
    "cdr": "this machine's Asterisk has no record of it: was it another one's?",
    "sip": "no SIP was captured of it: `ivr pbx capture --seconds 60` before the call writes it down",
    "logs": "no process on this machine logged anything of it: only trouble is logged",
}


@click.command()
@click.argument("attempt")
@click.option(
    "--capture",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A SIP capture (pcap) with that call. Default: the last one of `ivr pbx capture`.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def trace(context: click.Context, attempt: str, capture: Path | None, as_json: bool) -> None:
    """Tell the story of one call, ATTEMPT by its id: books, Asterisk's record, SIP messages, logs, in order of time.

    Says how the call went its way, never what the person heard or pressed, nor their whole number. Run it on the
    machine of the Asterisk that made the call: its record, capture and logs are there.
    """
    settings = settings_of(context)
    with store_of(settings) as store:
        story = tracing.traced(store, settings, attempt, capture)
    if as_json:
        click.echo(json.dumps(asdict(story), ensure_ascii=False, indent=2))
    else:
        _show(story, settings.pbx.name)


def _show(story: Story, here: str) -> None:
    way = f"to {story.number} by campaign {story.campaign}, on {story.pbx}" + (f"/{story.trunk}" if story.trunk else "")
    console.print(f"[bold]{story.attempt}[/] {escape(way)}", soft_wrap=True)
    table = Table(box=None, show_header=False)
    began_ms = story.steps[0].at_ms
    for step in story.steps:
        at = datetime.fromtimestamp(step.at_ms / 1000).astimezone()
        table.add_row(
            f"{at:%H:%M:%S}.{step.at_ms % 1000:03d}", f"+{step.at_ms - began_ms} ms", step.witness, _says(step)
        )
    console.print(table, soft_wrap=True)
    for lack in story.missing:
        console.print(f"[yellow]{lack}[/]: {escape(MISSING[lack])}", soft_wrap=True)
    if story.pbx != here:
        console.print(f"[yellow]{escape(story.pbx)}[/] made this call, and this machine's Asterisk is {escape(here)}")


def _says(step: Step) -> str:
    arrow = {True: "→ ", False: "← ", None: ""}[step.sent]
    return arrow + escape(step.says)
