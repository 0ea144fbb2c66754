"""`ivr sponsor`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from ivr.doors.cli.parts import console, say, settings_of, store_of
from ivr.rules.dossier import MEANINGS, NAMES, TYPES
from ivr.usecases import proposing, sponsors


def dossier_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command takes every field of a dossier."""
    for name in reversed(NAMES):
        kind = click.Choice(TYPES) if name == "type" else None
        option = click.option(f"--{name.replace('_', '-')}", name, type=kind, help=f"Dossier: {MEANINGS[name]}.")
        command = option(command)
    return command


@click.group()
def sponsor() -> None:
    """On whose behalf calls are made: who they are, the numbers they may show, what a start still lacks."""


@sponsor.command()
@click.argument("name")
@dossier_options
@click.pass_context
def add(context: click.Context, /, name: str, **given: str | None) -> None:
    """Open a sponsor's dossier. NAME is what people are told; consents must have been given to exactly this name."""
    with store_of(settings_of(context)) as store:
        made = sponsors.add(store, name, _given(given))
    say(f"{made.name}: dossier opened; `ivr sponsor check` says what a start still lacks")


@sponsor.command(name="set")
@click.argument("name")
@dossier_options
@click.pass_context
def set_(context: click.Context, /, name: str, **given: str | None) -> None:
    """Change fields of a dossier; what they were stays in the journal."""
    with store_of(settings_of(context)) as store:
        sponsors.change(store, name, _given(given))
    say(f"{name}: dossier changed")


@sponsor.command(name="contacts")
@click.argument("name")
@click.argument("batch")
@click.option("--back", is_flag=True, help="No new campaign of theirs is made of that list any more.")
@click.pass_context
def contacts(context: click.Context, /, name: str, batch: str, back: bool) -> None:
    """Let a sponsor's people choose a list of contacts on the web pages. BATCH: its name (`ivr contacts list`)."""
    with store_of(settings_of(context)) as store:
        proposing.lend(store, batch, name, back)
    say(f"{name}: may {'no longer ' * back}choose the list {batch}")


@sponsor.command(name="list")
@click.pass_context
def list_(context: click.Context) -> None:
    """Show every sponsor."""
    table = Table(box=None, header_style="bold")
    for column in ("sponsor", "type", "legal name"):
        table.add_column(column)
    with store_of(settings_of(context)) as store:
        for one in store.sponsors.all():
            table.add_row(escape(one.name), one.dossier.type, escape(one.dossier.legal_name))
    console.print(table)


@sponsor.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def show(context: click.Context, name: str, as_json: bool) -> None:
    """Show a dossier and the caller IDs that were granted."""
    with store_of(settings_of(context)) as store:
        found = store.sponsors.named(name)
        granted = store.sponsors.caller_ids(found)
    if as_json:
        told = {"name": found.name, "dossier": asdict(found.dossier), "caller_ids": [asdict(one) for one in granted]}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    console.print(f"[bold]{escape(found.name)}[/]")
    for field, text in asdict(found.dossier).items():
        console.print(f"  {field.replace('_', ' ')}: {escape(text) if text else '—'}")
    for one in granted:
        state = (
            "revoked"
            if one.revoked_at_ms
            else f"from {_day(one.from_ms)}" + (f" until before {_day(one.to_ms)}" if one.to_ms else "")
        )
        console.print(f"  caller ID {one.number}: {state}; {escape(one.evidence)}")


@sponsor.command()
@click.argument("name")
@click.option("--pack", type=click.Choice(sponsors.PACKS), default="fr", show_default=True, help="Whose rules.")
@click.option("--campaign", default="", help="Also what this campaign lacks.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def check(context: click.Context, name: str, pack: str, campaign: str, as_json: bool) -> None:
    """Say what a start under a country's rules still lacks. Exit code 1 when anything does."""
    settings = settings_of(context)
    with store_of(settings) as store:
        found = sponsors.lacks(store, settings, name, pack, campaign)
    if as_json:
        click.echo(json.dumps([asdict(lack) for lack in found], ensure_ascii=False, indent=2))
    elif not found:
        console.print(f"{escape(name)}: nothing is lacking under {pack}")
    for lack in [] if as_json else found:
        console.print(f"lacking: {lack.name.replace('_', ' ')}: {escape(lack.what)}")
    if found:
        sys.exit(1)


@sponsor.command("caller-id")
@click.argument("name")
@click.argument("number")
@click.option("--evidence", help="The operator's grant: a file, whose hash is kept, or where it can be read.")
@click.option("--from", "first", default="", help="First day, as 2026-12-01. Default: now.")
@click.option("--to", "last", default="", help="Last day. Default: without end.")
@click.option("--revoke", is_flag=True, help="The number may not be shown any more.")
@click.pass_context
def caller_id(context: click.Context, /, name: str, number: str, evidence: str | None, **options: Any) -> None:
    """Record that a number was granted to the sponsor to be shown to people, or take it back."""
    settings = settings_of(context)
    with store_of(settings) as store:
        if options["revoke"]:
            sponsors.revoke_caller_id(store, settings, name, number)
            say(f"{name}: the number may not be shown any more")
            return
        period = (options["first"], options["last"])
        granted = sponsors.grant_caller_id(store, settings, name, number, evidence or "", period)
    say(f"{name}: may show {granted.number}" + (" (hash of the evidence kept)" if granted.evidence_sha256 else ""))


def _given(given: dict[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in given.items() if text is not None}


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"
