"""`ivr rights`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from ivr.doors.cli.parts import console, say, settings_of, store_of
from ivr.rules.rights import AT_ONCE, Right
from ivr.usecases import rights as usecase

IDENTITY = click.option(
    "--identity",
    default="",
    help="How it was checked whose number it is: then no code is sent, and it is done at once.",
)


@click.group()
def rights() -> None:
    """What people ask: where their number came from, a copy, no more calls, erasure, correction, a complaint."""


def _asked(context: click.Context, right: Right, number: str, identity: str, asked: dict[str, Any]) -> None:
    """Answered at once when it was checked whose number it is; else a code goes to the number."""
    settings = settings_of(context)
    with store_of(settings) as store:
        if identity or right in AT_ONCE:
            case, e164 = usecase.ask(store, settings, right, number, "desk", asked)
            _tell(usecase.answer(store, case, e164, identity))
            return
        case = usecase.ask_by_code(store, settings, right, number, asked, usecase.send_to_lab(settings))
    say(f"case {case.id}: a code is on its way to the number; then: ivr rights confirm {case.id} NUMBER CODE")


def _command(right: Right, text: str) -> Callable[..., None]:
    @rights.command(right.value, help=text)
    @click.argument("number")
    @IDENTITY
    @click.pass_context
    def command(context: click.Context, number: str, identity: str) -> None:
        _asked(context, right, number, identity, {})

    return command


_command(Right.WHERE_FROM, "Tell where a number came from: every delivery, with what was declared, and every consent.")
_command(Right.ACCESS, "Print all that is kept of a number: facts, sources, consents, permissions, stops, calls.")
_command(Right.OBJECT, "Let nobody call the number any more, at once; whoever asks for it.")
_command(Right.ERASE, "Erase what is kept of a number, but for what a law wants kept; nobody calls it any more.")


@rights.command()
@click.argument("number")
@click.option("--postcode", help="The right postcode.")
@click.option("--birth-year", type=int, help="The right year of birth.")
@click.option("--language", help="The language that the person speaks, such as fr.")
@IDENTITY
@click.pass_context
def rectify(context: click.Context, /, number: str, identity: str, **facts: Any) -> None:
    """Put right what is kept of a number."""
    given = {name: value for name, value in facts.items() if value is not None}
    _asked(context, Right.RECTIFY, number, identity, given)


@rights.command()
@click.argument("number")
@click.option("--text", required=True, help="What the person says.")
@click.pass_context
def complain(context: click.Context, number: str, text: str) -> None:
    """Take down a complaint: a person answers it, and `ivr rights close` keeps what they answered."""
    _asked(context, Right.COMPLAIN, number, "", {"text": text})


@rights.command()
@click.argument("case")
@click.argument("number")
@click.argument("code")
@click.pass_context
def confirm(context: click.Context, case: str, number: str, code: str) -> None:
    """Give back the code that was sent to a number; what was asked for is done, and printed as JSON."""
    settings = settings_of(context)
    with store_of(settings) as store:
        _tell(usecase.confirm(store, settings, case, number, code))


@rights.command()
@click.argument("case")
@click.option("--result", required=True, help="What was answered.")
@click.pass_context
def close(context: click.Context, case: str, result: str) -> None:
    """Keep what a person answered; the clock stops."""
    with store_of(settings_of(context)) as store:
        usecase.close(store, case, result)
    say(f"case {case}: answered")


@rights.command("list")
@click.option("--all", "every", is_flag=True, help="Also those that are answered.")
@click.pass_context
def list_(context: click.Context, every: bool) -> None:
    """Show the cases with their clocks: a month to answer, a warning ten days before."""
    table = Table(box=None, header_style="bold")
    for column in ("case", "asked for", "received", "due", "clock", "answer"):
        table.add_column(column)
    with store_of(settings_of(context)) as store:
        for case, clock in usecase.all_cases(store, open_only=not every):
            days = (_day(case.received_at_ms), _day(case.due_at_ms))
            table.add_row(case.id, case.right.value, *days, clock.value, escape(case.result))
    console.print(table)


def _tell(told: dict[str, Any]) -> None:
    click.echo(json.dumps(told, ensure_ascii=False, indent=2, default=str))


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"
