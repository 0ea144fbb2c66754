"""`ivr price`: the public price list, and quotes by it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click
from rich.table import Table

from ivr.adapters import price_lists
from ivr.doors.cli.parts import console, settings_of
from ivr.doors.cli.plan import DURATION, SHARE
from ivr.doors.invoice.terminal import table
from ivr.doors.invoice.words import Say
from ivr.rules.capacity import Workload
from ivr.usecases.quoting import quote as quoted

LANGUAGE = click.option("--language", type=click.Choice(["fr", "en"]), help="Default: the setting `language`.")
JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def price() -> None:
    """What everybody pays: one public list, volume tiers open to all. There is no option that takes a price."""


@price.command("list")
@click.option("--version", default="", help="An earlier list (as 2026-11-01); default: the one that holds today.")
@LANGUAGE
@JSON
@click.pass_context
def list_(context: click.Context, version: str, language: str | None, as_json: bool) -> None:
    """Show the price list, before VAT. A campaign keeps the list that holds when it is made."""
    say = Say(language or settings_of(context).language)
    prices = price_lists.named(version) if version else price_lists.in_force(datetime.now(UTC).date())
    if as_json:
        click.echo(prices.model_dump_json(indent=2))
        return
    console.print(f"[bold]{say('prices')} {prices.name}[/], {say('since')} {prices.effective_from}")
    shown = Table(box=None, pad_edge=False, show_header=False)
    shown.add_column()
    shown.add_column(justify="right")
    for number, tier in enumerate(prices.voice, 1):
        minutes = f"{say('from')} {say.whole(tier.from_minutes)} {say('minutes')}" if tier.from_minutes else ""
        name = f"{say('voice')}, {say('tier')} {number} {minutes}".rstrip()
        shown.add_row(name, f"{say.unit_price(tier.per_minute, prices.currency)} / {say('minute')}")
    for kind in ("production", "caller_id", "list_rental"):
        shown.add_row(say(kind), say.unit_price(getattr(prices, kind), prices.currency))
    shown.add_row(say("vat"), say.percent(prices.vat_percent))
    console.print(shown)
    for line in (say("billed", step=prices.increment_s, least=prices.minimum_s), say("rounding")):
        console.print(line)
    console.print(getattr(prices.says, say.language))
    console.print(f"[dim]{', '.join(price_lists.names())}[/]")


@price.command()
@click.option("--contacts", type=click.IntRange(1), required=True, help="People to call.")
@click.option("--message", "message_s", type=DURATION, required=True, help="Length of the message: 55s.")
@click.option("--notice", "notice_s", type=DURATION, default="15s", show_default=True, help="Length of the notice.")
@click.option("--preroll", "preroll_s", type=DURATION, default="8s", show_default=True, help="Length of the pre-roll.")
@click.option("--grace", "grace_s", type=DURATION, default="3s", show_default=True, help="Time for a key afterwards.")
@click.option("--answer-rate", type=SHARE, default=0.4, show_default=True, help="Answered / attempts.")
@click.option("--listen-rate", type=SHARE, default=0.8, show_default=True, help="Who hears all of it / answered.")
@click.option("--tries", type=click.FloatRange(1, 20), default=1.0, show_default=True, help="Mean attempts per person.")
@click.option(
    "--recordings", type=click.IntRange(1), default=1, show_default=True, help="Messages, or versions of one."
)
@click.option("--caller-ids", type=click.IntRange(0), default=1, show_default=True, help="Numbers that are shown.")
@LANGUAGE
@JSON
@click.pass_context
def quote(context: click.Context, /, language: str | None, as_json: bool, **given: Any) -> None:
    """Say what a campaign would cost, by the function that makes its invoice: as expected, and at most.

    At most: everybody answers at every try and hears everything once. To be sure that no more is spent, whatever people
    do, give the campaign a budget: `ivr campaign create … --budget`.
    """
    say = Say(language or settings_of(context).language)
    recordings, caller_ids = given.pop("recordings"), given.pop("caller_ids")
    made = quoted(Workload(window_s=0, **given), recordings, caller_ids)
    if as_json:
        sums = ("net_cents", "vat_cents", "gross_cents")
        told = {name: {key: getattr(getattr(made, name), key) for key in sums} for name in ("expected", "most")}
        click.echo(json.dumps({"prices": made.prices.name, "currency": made.prices.currency, **told}, indent=2))
        return
    for name in ("expected", "most"):
        console.print(f"[bold]{say(name)}[/]")
        console.print(table(getattr(made, name), say))
    console.print(f"[dim]{say('prices')} {made.prices.name}. {say('rounding')}[/]")
