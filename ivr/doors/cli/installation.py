"""`ivr setup`, `up`, `status`, `down`, and the processes themselves."""

from __future__ import annotations

import sys

import click
from rich.markup import escape
from rich.table import Table

from ivr.adapters.pbx import native
from ivr.doors import process as one_process
from ivr.doors.cli.parts import console, halt_line, say, settings_of
from ivr.errors import IvrError
from ivr.settings import Settings
from ivr.usecases import halting, health, running


@click.command()
@click.pass_context
def setup(context: click.Context) -> None:
    """Obtain what is missing on this machine: Asterisk, Redis, SIPp and ffmpeg, and build the built-in sounds.

    Nothing is installed into the system: what is missing is unpacked into a per-user cache folder. Running it again
    changes nothing.
    """
    settings = settings_of(context)
    native.obtain(settings.cache_dir, say)
    running.prepare(settings, say)
    say("set-up complete")


@click.command()
@click.option("--foreground", is_flag=True, help="Stay in the foreground, for systemd or a container.")
@click.pass_context
def up(context: click.Context, foreground: bool) -> None:
    """Start every part, wait until each shows that it works, and keep them running."""
    running.up(settings_of(context), say, foreground)


@click.command()
@click.option("--now", is_flag=True, help="End the calls on the line at once.")
@click.pass_context
def down(context: click.Context, now: bool) -> None:
    """Stop every part. People on the line hear the message to its end first; nobody new is called."""
    running.down(settings_of(context), say, now)
    say("nothing is running")


@click.command()
@click.pass_context
def status(context: click.Context) -> None:
    """Show each part's state, and whether the installation is halted. Exit code 1 when a part does not work."""
    settings = settings_of(context)
    _say_halt(settings)
    parts = health.status(settings)
    table = Table(box=None, header_style="bold")
    for column in ("part", "state", "pid", "for", "says"):
        table.add_column(column)
    for part in sorted(parts, key=lambda part: part.state.name):
        state = part.state
        shown = state.state if part.works else f"[bold red]{state.state}: not working[/]"
        says = escape(part.says or state.detail)
        table.add_row(state.name, shown, str(state.pid or "–"), f"{state.since_s} s", says)
    console.print(table)
    if not all(part.works for part in parts):
        sys.exit(1)


def _say_halt(settings: Settings) -> None:
    try:
        halt = halting.current(settings)
    except IvrError as error:
        console.print(f"[bold red]whether the installation is halted cannot be read: {escape(str(error))}[/]")
    else:
        if halt:
            console.print(f"[bold yellow]{escape(halt_line(halt))}[/]; `ivr unhalt` ends it", soft_wrap=True)


@click.command(hidden=True)
@click.argument("name", type=click.Choice(["agi", "controller", "worker", "media", "carrier"]))
@click.argument("queue", required=False)
@click.pass_context
def process(context: click.Context, name: str, queue: str | None) -> None:
    """One process of the installation, in the foreground, as the supervisor runs it."""
    one_process.run(settings_of(context), name, *filter(None, [queue]))
