"""`ivr rights`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from ivr.doors.answer import as_pdf
from ivr.doors.cli.campaign import put
from ivr.doors.cli.parts import console, say, settings_of, store_of
from ivr.rules.rights import AT_ONCE, Right
from ivr.usecases import rights as usecase
from ivr.usecases.campaigns import now_ms

IDENTITY = click.option(
    "--identity",
    default="",
    help="How it was checked whose number it is: then no code is sent, and it is done at once.",
)


@dataclass(frozen=True, slots=True)
class Form:
    """How an answer is handed over."""

    form: str = "json"
    output: Path | None = None
    language: str = "fr"

    def tell(self, told: dict[str, Any]) -> None:
        """The answer is in the file or on the terminal."""
        if self.form == "pdf" and "sources" in told.get("known", told):
            put(as_pdf.render(told, self.language, now_ms()), self.output)
        else:
            put(json.dumps(told, ensure_ascii=False, indent=2, default=str), self.output)


def told_as(command: Callable[..., None]) -> Callable[..., None]:
    """The command prints its answer as JSON, or writes it as a document to be handed over."""
    form = click.option("--format", "form", type=click.Choice(["json", "pdf"]), default="json", help="Default: json.")
    output = click.option("--output", type=click.Path(path_type=Path), help="Write to this file; a PDF needs one.")
    language = click.option("--language", type=click.Choice(["fr", "en"]), default="fr", help="Of a PDF. Default: fr.")
    return form(output(language(command)))


@click.group()
def rights() -> None:
    """What people ask: where their number came from, a copy, no more calls, erasure, correction, a complaint."""


def _asked(
    context: click.Context, right: Right, number: str, identity: str, asked: dict[str, Any], form: Form | None = None
) -> None:
    """Answered at once when it was checked whose number it is; else a code goes to the number."""
    settings = settings_of(context)
    with store_of(settings) as store:
        if identity or right in AT_ONCE:
            case, e164 = usecase.ask(store, settings, right, number, "desk", asked)
            (form or Form()).tell(usecase.answer(store, case, e164, identity))
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


def _told_command(right: Right, text: str) -> Callable[..., None]:
    @rights.command(right.value, help=text)
    @click.argument("number")
    @IDENTITY
    @told_as
    @click.pass_context
    def command(context: click.Context, /, number: str, identity: str, **form: Any) -> None:
        _asked(context, right, number, identity, {}, Form(**form))

    return command


_told_command(
    Right.WHERE_FROM, "Tell where a number came from: every delivery, with what was declared, and every consent."
)
_told_command(Right.ACCESS, "Tell all that is kept of a number: facts, sources, consents, permissions, stops, calls.")
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
@told_as
@click.pass_context
def confirm(context: click.Context, /, case: str, number: str, code: str, **form: Any) -> None:
    """Give back the code that was sent to a number; what was asked for is done, and told.

    A PDF is made of what is told of a number (access, where-from); any other answer is printed as JSON.
    """
    settings = settings_of(context)
    with store_of(settings) as store:
        Form(**form).tell(usecase.confirm(store, settings, case, number, code))


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


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"
