"""`ivr gate`."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click
from rich.markup import escape
from rich.table import Table

from ivr.doors.cli.parts import console, settings_of, store_of
from ivr.rules.gate import Kind
from ivr.usecases import explaining
from ivr.usecases.explaining import Explanation, Step

WORDS = {
    "fr": {
        "to": "Appel de {number} par la campagne {campaign}, {at:%d.%m.%Y à %H:%M:%S} ({zone})",
        "rules": "Règles : {rules}. La personne est {stands}.",
        "yes": "OUI : l'appel peut partir.",
        "hold": "PAS MAINTENANT, par la règle {rule}{until}.",
        "no": "NON, par la règle {rule}.",
        "until": ", pas avant {until:%d.%m.%Y à %H:%M}",
        "people": " : attend que quelqu'un y remédie",
        "unknown": "un fait n'est pas connu",
        "source": "source : {source}",
        "unsure": "incertain : {unsure}",
    },
    "en": {
        "to": "Call to {number} by campaign {campaign}, {at:%Y-%m-%d at %H:%M:%S} ({zone})",
        "rules": "Rules: {rules}. The person is {stands}.",
        "yes": "YES: the call may leave.",
        "hold": "NOT NOW, by rule {rule}{until}.",
        "no": "NO, by rule {rule}.",
        "until": ", not before {until:%Y-%m-%d at %H:%M}",
        "people": ": it waits until somebody has mended that",
        "unknown": "a fact is not known",
        "source": "source: {source}",
        "unsure": "unsure: {unsure}",
    },
}
STYLES = {Kind.YES: "green", Kind.HOLD: "yellow", Kind.NO: "bold red"}


@click.group()
def gate() -> None:
    """Who may be called, when, by which rule, and where it is written."""


@gate.command()
@click.argument("number")
@click.option("--campaign", "name", required=True, help="Name of the campaign.")
@click.option("--at", default="", metavar="WHEN", help="As in 2027-04-17T10:00, in the campaign's zone. Default: now.")
@click.option("--language", type=click.Choice(["fr", "en"]), help="Default: the setting `language`.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def explain(context: click.Context, number: str, name: str, at: str, language: str | None, as_json: bool) -> None:
    """Say what every rule answers to a call of NUMBER at a moment, and why; exit code 1 when it may not leave."""
    settings = settings_of(context)
    with store_of(settings) as store:
        told = explaining.explained(store, settings, number, name, at, language or "")
    if as_json:
        click.echo(json.dumps(asdict(told), default=str, ensure_ascii=False, indent=2))
    else:
        _show(told)
    context.exit(0 if told.verdict.kind is Kind.YES else 1)


@gate.command()
@click.argument("pack", required=False)
@click.option("--language", type=click.Choice(["fr", "en"]), help="Default: the setting `language`.")
@click.pass_context
def rules(context: click.Context, pack: str | None, language: str | None) -> None:
    """Show the rule packs there are, or every rule of one with its source and what is not settled."""
    spoken = "fr" if (language or settings_of(context).language) == "fr" else "en"
    words = WORDS[spoken]
    for one in explaining.packs_on(datetime.now(UTC)):
        if pack in {None, one.pack}:
            console.print(f"[bold]{one.pack}[/] {escape(getattr(one.says, spoken))}: {one.name}, {len(one.rules)}")
        if pack == one.pack:
            for rule in one.rules:
                unsure = "; " + words["unsure"].format(unsure=rule.unsure) if rule.unsure else ""
                source = f"{words['source'].format(source=rule.source)} ({rule.confidence}){unsure}"
                console.print(f"  [bold]{rule.id}[/] {escape(getattr(rule.says, spoken))}", soft_wrap=True)
                console.print(f"    [dim]{escape(source)}[/]", soft_wrap=True)


def _show(told: Explanation) -> None:
    words = WORDS[told.language]
    zone = told.at.tzinfo
    head = words["to"].format(number=told.number, campaign=told.campaign, at=told.at, zone=zone)
    console.print(f"[bold]{escape(head)}[/]", soft_wrap=True)
    console.print(escape(words["rules"].format(rules=told.rules, stands=told.stands)), soft_wrap=True)
    table = Table(box=None, show_header=False)
    for step in told.steps:
        table.add_row(f"[{STYLES[step.kind]}]{step.answer}[/]", step.rule, escape(_why(step, told)))
    console.print(table)
    console.print(f"[bold]{escape(_verdict(told))}[/]", soft_wrap=True)


def _why(step: Step, told: Explanation) -> str:
    """What the rule demands and where that is written; where it is no yes, also until when and what is not settled."""
    words = WORDS[told.language]
    more = [words["unknown"]] if step.unknown else []
    if step.until is not None:
        more.append(words["until"].format(until=step.until.astimezone(told.at.tzinfo)).removeprefix(", "))
    more += [words["source"].format(source=step.source)] if step.source else []
    more += [words["unsure"].format(unsure=step.unsure)] if step.unsure and step.kind is not Kind.YES else []
    return f"{step.says} ({'; '.join(more)})" if more else step.says


def _verdict(told: Explanation) -> str:
    """The answer, and what the rule demands that gave it."""
    words, verdict = WORDS[told.language], told.verdict
    until = (
        words["people"]
        if verdict.until is None
        else words["until"].format(until=verdict.until.astimezone(told.at.tzinfo))
    )
    decided = next((" " + step.says for step in told.steps if step.kind is not Kind.YES), "")
    return words[verdict.kind.value].format(rule=verdict.rule, until=until) + decided
