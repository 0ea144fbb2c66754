"""`ivr campaign`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from ivr.doors.cli.parts import console, halt_line, require_up, say, settings_of, store_of
from ivr.doors.cli.progress import follow, limits_line, line, version_lines
from ivr.doors.cli.spoken import spoken_options, texts_of
from ivr.doors.report import terminal
from ivr.doors.report.forms import FORMS
from ivr.doors.report.schema import schema
from ivr.rules import transparency_words
from ivr.rules.pack import BASE, MessageClass
from ivr.rules.sharing import EQUAL
from ivr.usecases import campaigns, drafting, reports, transparency
from ivr.usecases.audience import count
from ivr.usecases.campaigns import now_ms
from ivr.usecases.drafting import Change, Draft, Rules

WHEN = "date and time in the campaign's time zone, as in 2026-12-01T20:00"
WEIGHT = "Its part of a trunk that campaigns share: one with 2 makes twice the calls of one with 1."
PRIORITY = "While it has people to call, campaigns of a lower priority on the same trunk wait."
BUDGET = "never exceeded: a call begins only if the budget bears the longest that it can be (`ivr price list`)."
NOW = click.option("--now", is_flag=True, help="Also end the calls on the line at once; the privacy notice is played.")
ENDING = "; the calls on the line are ended, with the notice"


@click.group()
def campaign() -> None:
    """A message to an audience: create, start, pause, resume, stop, report."""


@campaign.command()
@click.argument("name")
@click.option(
    "--message",
    "messages",
    required=True,
    multiple=True,
    metavar="NAME[=SHARE]",
    help="Name of the message (`ivr message list`). Repeat it to compare versions, each played to its share of people:"
    " --message a=0.5 --message b=0.5; a person hears the same one at every call.",
)
@click.option("--contacts", required=True, help="Name of the batch of contacts (`ivr contacts list`).")
@click.option(
    "--audience",
    metavar="WHO",
    default="",
    help="Who of the batch, by territory, age, line type and language, and by nothing else, as `ivr contacts count` "
    "counts them: «territory=departement:75 age=18-24,65+ line=mobile language=fr». Default: everybody.",
)
@click.option(
    "--trunk",
    "trunks",
    required=True,
    multiple=True,
    help="Name of a trunk in the settings. Repeat it for more: the first is preferred, the next takes what those before"
    " it have no room for.",
)
@spoken_options
@click.option("--rate", type=float, help="Calls started per second, at most; default: as many as its trunks allow.")
@click.option("--hours", default=drafting.USUAL_HOURS, show_default=True, help="When people may be called.")
@click.option(
    "--timezone", default=drafting.USUAL_ZONE, show_default=True, help="Of --expires, and of numbers that tell no zone."
)
@click.option(
    "--retry",
    metavar="POLICY",
    help="Who is called again, when and how often: «busy=15m 1h; no_answer=3h 1d; most=3; per_day=2», or «never»."
    " Default: the setting `calls.retry`.",
)
@click.option("--expires", metavar="WHEN", help=f"No call leaves from then on: {WHEN}. Default: never.")
@click.option("--budget", metavar="AMOUNT", help=f"With VAT; {BUDGET} Default: as much as is needed.")
@click.option("--rules", "pack", default=BASE, show_default=True, help="Rule pack (`ivr gate rules`).")
@click.option("--class", "message_class", type=click.Choice(list(MessageClass)), help="What the message is.")
@click.option("--election", default="", help="That the message is about, of the rule pack's calendar.")
@click.option("--territory", default="", help="Of the election; default: the whole of it.")
@click.option("--weight", type=float, default=EQUAL.weight, show_default=True, help=WEIGHT)
@click.option("--priority", type=int, default=EQUAL.priority, show_default=True, help=PRIORITY)
@click.pass_context
def create(context: click.Context, /, name: str, **options: Any) -> None:
    """Make a draft: pre-roll, notice and confirmation are spoken now, one target is made per contact of the audience.

    Nobody is called before `ivr campaign start`. A person is called once; --retry says who is called again: by how the
    call ended (busy, no_answer, congestion, failed, unknown) after which delays, with at most so many calls in all
    (most), so far apart (spacing), on a day (per_day). Never outside the hours, after a 9, a stop or the expiry.
    """
    settings = settings_of(context)
    texts = texts_of(options)
    language, rate = options.pop("language") or settings.language, options.pop("rate")
    rules = Rules(**{key: options.pop(key) or "" for key in ("pack", "message_class", "election", "territory")})
    draft = Draft(name, rules=rules, texts=texts, language=language, rate_cps=rate, **options)
    with store_of(settings) as store:
        if draft.audience:
            say(f"{count(store, draft.contacts, draft.audience)} contacts of {draft.contacts} are in the audience")
        made = drafting.create(store, settings, draft)
        books = store.campaigns.books(made.id, len(made.versions))
    shown = escape(made.name)
    console.print(f"[bold]{shown}[/]: draft, {books.targets} targets; `ivr campaign start {shown}` calls them")
    for one, mine in zip(made.versions, books.versions, strict=True):
        console.print(f"  version {escape(one.name)} ({one.share:.1%}): {mine.targets} targets")
    for part in ("preroll", "notice", "confirmation"):
        console.print(f"  {part} ({getattr(made, part).length_ms / 1000:.1f} s): {escape(made.texts[part])}")


@campaign.command()
@click.argument("name")
@click.option("--detach", is_flag=True, help="Do not show the progress.")
@click.pass_context
def start(context: click.Context, name: str, detach: bool) -> None:
    """Start calling and show live progress. The campaign goes on when this terminal ends."""
    settings = settings_of(context)
    with store_of(settings) as store:
        campaigns.startable(store, settings, name)
        require_up(settings)
        running = campaigns.start(store, settings, name)
        halt = store.halts.in_force()
        say(f"{name} runs" + (f", but calls nobody: {halt_line(halt)}; `ivr unhalt` ends it" if halt else ""))
        if not detach:
            follow(store, settings, running)


@campaign.command()
@click.argument("name")
@click.option("--detach", is_flag=True, help="Do not show the progress.")
@click.pass_context
def resume(context: click.Context, name: str, detach: bool) -> None:
    """Go on with a paused campaign."""
    context.invoke(start, name=name, detach=detach)


@campaign.command()
@click.argument("name")
@NOW
@click.pass_context
def pause(context: click.Context, name: str, now: bool) -> None:
    """Start no more calls until `resume`; people on the line hear the message to its end, unless --now is given."""
    with store_of(settings_of(context)) as store:
        campaigns.pause(store, name, now)
    say(f"{name} is paused" + ENDING * now)


@campaign.command()
@click.argument("name")
@NOW
@click.pass_context
def stop(context: click.Context, name: str, now: bool) -> None:
    """Start no more calls, for good; people on the line hear the message to its end, unless --now is given."""
    with store_of(settings_of(context)) as store:
        campaigns.stop(store, name, now)
    say(f"{name} is stopped" + ENDING * now)


@campaign.command("set")
@click.argument("name")
@click.option("--rate", "rate_cps", type=float, help="Calls started per second, at most; its trunks' limits hold too.")
@click.option("--weight", type=float, help=WEIGHT)
@click.option("--priority", type=int, help=PRIORITY)
@click.option("--expires", metavar="WHEN", help=f"No call leaves from then on: {WHEN}; or «never».")
@click.option("--budget", metavar="AMOUNT", help=f"With VAT, or «none»; {BUDGET}")
@click.pass_context
def set_(context: click.Context, /, name: str, **changes: Any) -> None:
    """Change a campaign that is not over; while it runs, within a second and without a restart.

    What is not given stays as it is. Trunks, hours and the retry policy are the draft's for good.
    """
    with store_of(settings_of(context)) as store:
        changed = drafting.change(store, name, Change(**changes))
    say(f"{name}: {limits_line(changed)}")


@campaign.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """Show every campaign and where it stands."""
    table = Table(box=None, header_style="bold")
    for column in ("campaign", "sponsor", "state", "targets", "due", "in progress", "done"):
        table.add_column(column)
    with store_of(settings_of(context)) as store:
        for one in store.campaigns.all():
            books = store.campaigns.books(one.id)
            counts = (books.targets, books.due, books.in_progress, sum(books.outcomes.values()))
            table.add_row(escape(one.name), escape(one.sponsor), one.state.value, *map(str, counts))
    console.print(table)


@campaign.command()
@click.argument("name")
@click.option("--follow", "live", is_flag=True, help="Keep showing it until the campaign is over.")
@click.pass_context
def status(context: click.Context, name: str, live: bool) -> None:
    """Show where a campaign stands."""
    settings = settings_of(context)
    with store_of(settings) as store:
        one = store.campaigns.named(name)
        if live:
            follow(store, settings, one)
        else:
            console.print(line(store, settings, one))
            for version in version_lines(store, one):
                console.print(version)


@campaign.command()
@click.argument("name")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMS)),
    default="terminal",
    show_default=True,
    help="json, csv, csv-excel (for a French Excel) and parquet for programs; html and pdf for readers.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of the terminal.")
@click.option("--language", type=click.Choice(["fr", "en"]), help="Default: the campaign's.")
@click.pass_context
def report(context: click.Context, name: str, form: str, output: Path | None, language: str | None) -> None:
    """Show what was heard: the listen rate with its numerator and denominator, the retention curve, the books."""
    settings = settings_of(context)
    with store_of(settings) as store:
        made = reports.with_sound(reports.report_of(store, store.campaigns.named(name)), settings)
    if form == "terminal" and output is None:
        terminal.render(made, console, language)
        return
    put(FORMS[form](made, language), output)
    if output is not None:
        say(f"written: {output}")


@campaign.command("transparency")
@click.argument("name")
@click.option(
    "--format", "form", type=click.Choice(["html", "json"]), default="html", show_default=True, help="Page or data."
)
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of the terminal.")
@click.option("--language", type=click.Choice(["fr", "en"]), help="Of the page. Default: the campaign's.")
@click.pass_context
def transparency_(context: click.Context, name: str, form: str, output: Path | None, language: str | None) -> None:
    """Write the transparency notice of Regulation (EU) 2024/900: sponsor, money, election, who was chosen and how.

    Publish the page where the spoken notice says, before the first call and again when the campaign is over; what the
    sponsor's dossier does not hold is named on stderr, and the page says that it was not given.
    """
    with store_of(settings_of(context)) as store:
        one = store.campaigns.named(name)
        told = transparency.notice(store, one, now_ms())
    spoken = language or (one.language if one.language in transparency_words.WORDS else "en")
    put(transparency.html(told, spoken) if form == "html" else json.dumps(told, ensure_ascii=False, indent=2), output)
    if told["missing"]:
        say(f"missing: {', '.join(told['missing'])}; `ivr sponsor set` gives what is the sponsor's to give")


@campaign.command("schema")
def show_schema() -> None:
    """Print the JSON Schema of `campaign report --format json`: what programs may count on, field by field."""
    click.echo(json.dumps(schema(), ensure_ascii=False, indent=2))


def put(made: str | bytes, output: Path | None) -> None:
    """The report is in the file, or on the terminal; what is no text goes to no terminal."""
    if output is None and isinstance(made, bytes) and sys.stdout.isatty():
        raise click.UsageError("this form is no text: name a file with --output, or send it to a program")
    if output is None:
        click.echo(made, nl=isinstance(made, str))
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(made.encode() if isinstance(made, str) else made)
