"""`ivr halt` and `ivr unhalt`."""

from __future__ import annotations

import click

from ivr.doors.cli.parts import halt_line, say, settings_of, store_of
from ivr.usecases import halting


@click.command()
@click.option("--reason", default="", help="Why; kept, and shown by every status.")
@click.option("--now", is_flag=True, help="Also end the calls on the line at once; the privacy notice is played.")
@click.pass_context
def halt(context: click.Context, reason: str, now: bool) -> None:
    """Let no call leave any PBX, whatever is queued, until `ivr unhalt`.

    It is in force when this command ends, whether or not anything is up here, and survives every restart. No campaign
    changes its state. People on the line hear the message to its end, unless --now is given, also later.
    """
    with store_of(settings_of(context)) as store:
        in_force, ours = halting.halt(store, reason, now)
    if not ours:
        say("it was halted already; the first halt stands")
    say(f"{halt_line(in_force)}; `ivr unhalt` ends it")


@click.command()
@click.pass_context
def unhalt(context: click.Context) -> None:
    """End the halt: running campaigns go on, each within its own rules."""
    with store_of(settings_of(context)) as store:
        ended = halting.unhalt(store)
        running = len(store.campaigns.running())
    if ended is None:
        say("the installation is not halted; nothing changed")
    else:
        say(f"{halt_line(ended)}: ended; campaigns that go on now: {running}")
