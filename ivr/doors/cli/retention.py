"""`ivr retention`."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

import click
from rich.markup import escape
from rich.table import Table

from ivr.doors.cli.parts import console, say, settings_of, store_of
from ivr.rules.lifetimes import SOURCES, Rule
from ivr.usecases import holding, retaining
from ivr.usecases.campaigns import now_ms
from ivr.usecases.who import login_name

AS_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def retention() -> None:
    """What may not be kept any more, and what must be: deletions with signed certificates, legal holds that win.

    \b
    ivr retention due                                            what is due, and what a hold keeps
    ivr retention run                                            delete it now; it is done by itself once a day
    ivr retention hold campaign:spring --why "case 12/2026"      keep all of it, whatever is due
    ivr retention release HOLD --why "judged on 3 May"           let it be deleted
    """


@retention.command()
@AS_JSON
@click.pass_context
def due(context: click.Context, as_json: bool) -> None:
    """Show what may not be kept any more, by which rule and since when, and the hold that keeps it all the same."""
    with store_of(settings_of(context)) as store:
        found = retaining.due(store, now_ms())
    if as_json:
        told = [
            {"object": one.object, "rule": one.rule.value, "because": SOURCES[one.rule], "since_ms": one.since_ms,
             "count": one.count, "held": one.held}
            for one in found
        ]  # fmt: skip
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    if not found:
        say("nothing is due")
        return
    table = Table(box=None, header_style="bold")
    for column in ("what", "how many", "due since", "because", "held"):
        table.add_column(column, overflow="fold")
    for one in found:
        cells = (one.object, str(one.count), _day(one.since_ms), SOURCES[one.rule], one.held)
        table.add_row(*(escape(cell) for cell in cells))
    console.print(table)


@retention.command()
@click.pass_context
def run(context: click.Context) -> None:
    """Delete what is due, a piece at a time; each piece leaves a signed certificate in the journal.

    It can be interrupted and run again: what was deleted stays deleted, the rest is still due.
    """
    settings = settings_of(context)
    gone: Counter[tuple[str, Rule]] = Counter()
    held: Counter[str] = Counter()
    with store_of(settings) as store:
        for piece in retaining.pieces(store, settings, login_name(), now_ms()):
            gone[piece.object, piece.rule] += piece.gone + piece.left
            held.update(piece.held or {})
    for (object_, rule), count in gone.items():
        if count:
            console.print(f"{escape(object_)}: {count} deleted: {escape(SOURCES[rule])}")
    for why, count in held.items():
        console.print(f"{count} kept: {escape(why)}")
    if not any(gone.values()) and not held:
        say("nothing is due")


@retention.command()
@click.argument("object", metavar="OBJECT")
@click.option("--why", required=True, help="The dispute, letter or law that wants it kept.")
@click.option("--until", default="", metavar="DAY", help="Its last day, as 2027-12-31; default: until it is released.")
@click.pass_context
def hold(context: click.Context, object: str, why: str, until: str) -> None:
    """Keep OBJECT, whatever is due: campaign:NAME, batch:NAME, message:NAME, number:NUMBER or everything.

    Of a held campaign nothing of the people in its audience is deleted, nor the messages that it played; a person who
    asks for erasure is told so, and why. Nobody calls them any more.
    """
    settings = settings_of(context)
    with store_of(settings) as store:
        made = holding.hold(store, settings, object, why, until)
    say(f"hold {made.id}: {made.object} is kept {_end(made.until_ms)}")


@retention.command()
@click.argument("hold")
@click.option("--why", required=True, help="Why it need not be kept any more.")
@click.pass_context
def release(context: click.Context, hold: str, why: str) -> None:
    """End a hold: what is due is deleted at the next run."""
    with store_of(settings_of(context)) as store:
        holding.release(store, hold, why)
    say(f"hold {hold} is released")


@retention.command()
@click.pass_context
def holds(context: click.Context) -> None:
    """Show the holds in force: of what, why, by whom, until when."""
    table = Table(box=None, header_style="bold")
    for column in ("hold", "of", "why", "by", "since", "until"):
        table.add_column(column, overflow="fold")
    with store_of(settings_of(context)) as store:
        for one in retaining.in_force(store, now_ms()).all:
            cells = (one.id, one.object, one.why, one.by, _day(one.since_ms), _end(one.until_ms))
            table.add_row(*(escape(cell) for cell in cells))
    console.print(table)


@retention.command()
@click.pass_context
def certificates(context: click.Context) -> None:
    """Print every certificate of deletion as a line of JSON, with whether its signature holds.

    The key in it must be the one that `ivr evidence key` prints; `ivr consent verify` proves that none is missing.
    """
    with store_of(settings_of(context)) as store:
        for said, good in retaining.certificates(store):
            click.echo(json.dumps(said | {"signature_holds": good}, ensure_ascii=False, sort_keys=True))


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"


def _end(until_ms: int | None) -> str:
    return "until it is released" if until_ms is None else f"until {_day(until_ms - 1)}"
