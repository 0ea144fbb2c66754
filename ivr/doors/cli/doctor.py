"""`ivr doctor`."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.markup import escape

from ivr.doors.cli.parts import console, settings_of
from ivr.errors import BadSetting
from ivr.rules.findings import Finding, Weight, count_wrong, wrong
from ivr.settings import FILE_NAME
from ivr.usecases import doctoring

MARKS = {Weight.OK: "[green]ok[/]   ", Weight.NOTE: "[yellow]note[/] ", Weight.WRONG: "[bold red]WRONG[/]"}
SHOWN_IDS = 5


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs, with the id of every attempt that shows it.")
@click.option(
    "--hours",
    type=click.FloatRange(0.1, 8760),
    default=24.0,
    show_default=True,
    help="How far back calls are compared.",
)
@click.pass_context
def doctor(context: click.Context, as_json: bool, hours: float) -> None:
    """Look at everything, compare books, Asterisk, its CDR and the outboxes, and explain what differs.

    Changes nothing, and works when nothing is up: then it says what can be said. Exit code 1 when something is wrong.
    """
    found = _findings(context, hours)
    if as_json:
        click.echo(json.dumps({"wrong": count_wrong(found), "findings": [asdict(one) for one in found]}, indent=2))
    else:
        for one in found:
            _show(one)
        count = count_wrong(found)
        console.print(f"[bold]{count} wrong[/]" if count else "[bold]nothing is wrong[/]")
    if count_wrong(found):
        sys.exit(1)


def _findings(context: click.Context, hours: float) -> list[Finding]:
    try:
        settings = settings_of(context)
    except BadSetting as error:
        return [wrong("settings", str(error), "mend it: without settings nothing else can be looked at")]
    named: Path | None = context.find_root().obj
    file = named or Path(os.environ.get("IVR_CONFIG") or FILE_NAME)
    return doctoring.examine(settings, file, int(hours * 3_600_000))


def _show(one: Finding) -> None:
    console.print(f"{MARKS[one.weight]} {escape(one.name)}: {escape(one.says)}", soft_wrap=True)
    if one.do:
        console.print(f"      → {escape(one.do)}", soft_wrap=True)
    if one.attempts:
        more = f" and {len(one.attempts) - SHOWN_IDS} more (--json)" if len(one.attempts) > SHOWN_IDS else ""
        console.print(f"      attempts {', '.join(one.attempts[:SHOWN_IDS])}{more}", soft_wrap=True)
