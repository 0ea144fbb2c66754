"""`ivr consent`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.markup import escape

from ivr.doors.cli.parts import console, say, settings_of, store_of
from ivr.rules import numbers
from ivr.rules.consent import Channel
from ivr.usecases import consenting
from ivr.usecases.consenting import Tally

SPONSOR = click.option("--sponsor", required=True, help="In whose favour (`ivr sponsor list`).")


@click.group()
def consent() -> None:
    """What people agreed to, with its proof; only that permits an automated call."""


@consent.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@SPONSOR
@click.pass_context
def import_(context: click.Context, file: Path, sponsor: str) -> None:
    """Record consents: one JSON object a line, with number, words, act, instant, controller, purpose, channels, hours.

    One of which the least that must be shown is missing is recorded as weak, and permits no automated channel. The same
    consent again changes nothing, whatever became of it since. Exit code 1 when a line could not be read.
    """
    settings = settings_of(context)
    with store_of(settings) as store, file.open(encoding="utf-8") as lines:
        tally = consenting.record_lines(store, settings, sponsor, lines)
    _show(tally)
    if tally.unreadable:
        sys.exit(1)


@consent.command()
@click.argument("number")
@SPONSOR
@click.option("--channel", "channels", multiple=True, type=click.Choice(list(Channel)), help="Default: all.")
@click.option("--how", required=True, help="How it was asked for: letter, call, with date or reference.")
@click.pass_context
def withdraw(context: click.Context, number: str, sponsor: str, channels: tuple[str, ...], how: str) -> None:
    """Take a consent back: what it permitted ends at once, and the sponsor reaches the number no more."""
    settings = settings_of(context)
    with store_of(settings) as store:
        named = [Channel(channel) for channel in channels]
        ended = consenting.withdraw(store, settings, sponsor, number, named, how)
    say(f"withdrawn; grants that ended: {ended}")


@consent.command()
@click.argument("number")
@click.pass_context
def show(context: click.Context, number: str) -> None:
    """Print every consent and withdrawal of a number, as JSON."""
    settings = settings_of(context)
    e164 = numbers.parse(number, settings.calls.country).e164
    with store_of(settings) as store:
        events = store.consents.of_number(e164)
    click.echo(json.dumps(events, ensure_ascii=False, indent=2))


@consent.command("lift-stop")
@click.argument("number")
@SPONSOR
@click.pass_context
def lift_stop(context: click.Context, number: str, sponsor: str) -> None:
    """Let a sponsor reach a number again after a stop: only where its owner agreed anew, fully proved, since then."""
    settings = settings_of(context)
    with store_of(settings) as store:
        consenting.lift_stop(store, settings, sponsor, number)
    say("the stop is lifted; the journal has why")


@consent.command()
@click.pass_context
def verify(context: click.Context) -> None:
    """Read the chains of consents and of the journal from their beginnings, and what the journal sealed.

    Exit code 1 when a byte was changed.
    """
    with store_of(settings_of(context)) as store:
        found = {"consents": store.consents.verify(), "journal": store.journal.verify()}
        unsealed = store.refusals.broken()
    for name, (head, broken) in found.items():
        console.print(f"{name}: {f'BROKEN at {broken}' if broken else 'whole'}, {head.seq} entries, head {head.hash}")
    console.print(f"refusals: {f'CHANGED: {unsealed}' if unsealed else 'as they were sealed'}")
    if unsealed or any(broken for _, broken in found.values()):
        sys.exit(1)


def _show(tally: Tally) -> None:
    known = f", {tally.known} known before" if tally.known else ""
    console.print(f"{tally.recorded} consents recorded{known}")
    opened = ", ".join(f"{count} by {channel}" for channel, count in sorted(tally.opened.items()))
    console.print(f"grants: {opened or 'none'}")
    if tally.withdrawn:
        console.print(f"taken back since they were given, in whole or in part: {tally.withdrawn}")
    for name, count in sorted(tally.weak.items()):
        console.print(f"weak, {name} cannot be shown: {count}")
    for line in tally.refused:
        console.print(f"not read: {escape(line)}")
