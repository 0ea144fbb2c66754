"""`ivr message`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from ivr.doors.cli.message_shown import papers, people, plain, show, show_checked
from ivr.doors.cli.parts import console, say, settings_of, store_of
from ivr.doors.preview import page, svg
from ivr.errors import NotFound
from ivr.rules.recording_checks import ACCEPTABLE, refuses
from ivr.rules.recording_words import LANGUAGES
from ivr.rules.records import Message, Origin
from ivr.usecases import checking, previewing, uploading
from ivr.usecases.checking import shown
from ivr.usecases.uploading import Said

Language = click.option(
    "--language", type=click.Choice(LANGUAGES), help="Of the findings; default: as in the settings."
)


@click.group()
def message() -> None:
    """The recordings that are played: check, add, hear, approve.

    A recording that was added never changes; a change is a new message.

    \b
    ivr message check speech.m4a                what is wrong with it, and what to do
    ivr message add speech.m4a --name spring    checked, rendered for the telephone
    ivr message preview spring --output heard   as it will sound: heard/preview.html
    ivr message approve spring                  it may be played
    """


@message.command("add")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the message; default: the file's name.")
@click.option(
    "--origin",
    type=click.Choice([origin.value for origin in Origin]),
    default=Origin.HUMAN.value,
    show_default=True,
    help="Whose voice: human; edited: cut or cleaned, the words as they were said; synthetic: a machine's; cloned: a "
    "machine's that imitates a person. The last two are disclosed in the pre-roll.",
)
@click.option("--sponsor", default="", help="For whom: a campaign of anybody else then refuses it.")
@click.option("--voice-consent", default="", help="Cloned voices: where their owner's written agreement can be read.")
@click.option(
    "--accept",
    multiple=True,
    type=click.Choice(sorted(ACCEPTABLE)),
    help="A finding that you answer for: it warns instead of refusing. May be given more than once.",
)
@Language
@click.pass_context
def add_(context: click.Context, /, file: Path, name: str | None, language: str | None, **said: Any) -> None:
    """Add a recording: wav, mp3, m4a, ogg, webm, flac and others. It is checked and rendered for the telephone now.

    A recording in which a check finds what nobody can repair is refused with what to do, and leaves nothing.
    """
    settings = settings_of(context)
    origin, accept = Origin(said.pop("origin")), tuple(said.pop("accept"))
    with store_of(settings) as store:
        given = Said(origin, accept=accept, language=language or "", **said)
        added = uploading.add(store, settings, file, name or file.stem, given)
    length_s = added.length_ms / 1000
    console.print(
        f"[bold]{escape(shown(added.name))}[/]: {length_s:.1f} s, rendered for the telephone as {added.sound}"
    )
    show([checking.finding_of(one) for one in added.findings], language or settings.language)


@message.command()
@click.argument("what")
@click.option("--sponsor", default="", help="For whom a file is meant: one that was used for somebody else is found.")
@click.option("--json", "as_json", is_flag=True, help="For programs; says everything that was measured.")
@Language
@click.pass_context
def check(context: click.Context, what: str, sponsor: str, as_json: bool, language: str | None) -> None:
    """Say what is wrong with a recording, at which second, and what to do. Nothing is added.

    WHAT is a file, or the name of a message. The quality is estimated too (DNSMOS P.835, 1 to 5), which takes some
    seconds. Exit code 1 when the recording would be refused.
    """
    settings = settings_of(context)
    settings = settings.model_copy(update={"language": language or settings.language})
    with store_of(settings) as store:
        if Path(what).exists():
            found = checking.check(store, settings, Path(what), sponsor)
        else:
            found = checking.check_message(store, settings, _message_or_file(store.messages.named, what))
    if as_json:
        click.echo(json.dumps(plain(found, settings.language), ensure_ascii=False, indent=2))
    else:
        show_checked(found, settings.language)
    if refuses(found.findings):
        sys.exit(1)


@message.command()
@click.argument("name")
@click.option("--campaign", default="", help="Between the pre-roll and the notice of this campaign.")
@click.option("--output", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder.")
@Language
@click.pass_context
def preview(context: click.Context, name: str, campaign: str, output: Path, language: str | None) -> None:
    """Hear a message as the telephone will sound, with what comes before and after it.

    In the folder: preview.wav, exactly what Asterisk will send (A-law, decoded); waveform.svg, its picture with the
    borders of the segments and a mark at each finding; preview.html, a page with both.
    """
    settings = settings_of(context)
    language = language or settings.language
    with store_of(settings) as store:
        made = previewing.preview(store, settings, name, campaign)
    output.mkdir(parents=True, exist_ok=True)
    (output / "preview.wav").write_bytes(made.wav)
    (output / "waveform.svg").write_text(svg(made, language), "utf-8")
    (output / "preview.html").write_text(page(made, language, "preview.wav"), "utf-8")
    for file in ("preview.wav", "waveform.svg", "preview.html"):
        say(f"written: {output / file}")


@message.command()
@click.argument("name")
@click.option("--by", default="", help="Who approves; default: your login name.")
@click.pass_context
def approve(context: click.Context, name: str, by: str) -> None:
    """Say that you heard a message and that it may be played. The setting message.approval says how many must."""
    settings = settings_of(context)
    with store_of(settings) as store:
        approved = uploading.approve(store, settings, name, by)
    console.print(f"[bold]{escape(shown(name))}[/]: approved by {escape(people(approved))}")


@message.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why; kept, and shown to whoever wants to use it.")
@click.option("--by", default="", help="Who refuses; default: your login name.")
@click.pass_context
def refuse(context: click.Context, name: str, reason: str, by: str) -> None:
    """Forbid a message: no campaign can be made or started with it any more, whoever approved it."""
    with store_of(settings_of(context)) as store:
        refused = uploading.refuse(store, name, reason, by).refusal
    if refused:
        console.print(f"[bold]{escape(shown(name))}[/]: refused by {escape(refused.by)}: {escape(refused.reason)}")


@message.command()
@click.argument("name")
@click.option("--output", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder.")
@click.pass_context
def export(context: click.Context, name: str, output: Path) -> None:
    """Copy the original and every rendering, verified, and who uploaded and approved them, into a folder."""
    settings = settings_of(context)
    with store_of(settings) as store:
        files = uploading.export(store, settings, name, output)
        file = output / "message.json"
        file.write_text(json.dumps(papers(store.messages.named(name)), ensure_ascii=False, indent=2) + "\n", "utf-8")
    for one in (*files, file):
        say(f"written: {one}")


@message.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs; everything that is known of each.")
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """Show the messages there are, who uploaded and who approved them."""
    with store_of(settings_of(context)) as store:
        messages = store.messages.all()
    if as_json:
        click.echo(json.dumps([papers(one) for one in messages], ensure_ascii=False, indent=2))
        return
    table = Table(box=None, header_style="bold")
    for column in ("message", "seconds", "file", "voice", "uploaded by", "approved by", "found", "rendering"):
        table.add_column(column, overflow="fold")
    for one in messages:
        refused = f"refused by {one.refusal.by}" if one.refusal else ""
        found = ", ".join(str(finding["name"]) for finding in one.findings)
        cells = (one.name, f"{one.length_ms / 1000:.1f}", one.original_name, one.origin.value, one.uploaded_by)
        table.add_row(*(escape(shown(cell)) for cell in (*cells, refused or people(one), found, one.sound)))
    console.print(table)


def _message_or_file(named: Any, what: str) -> Message:
    try:
        found: Message = named(what)
    except NotFound:
        raise NotFound(
            f"there is no file and no message named {shown(what)!r}; `ivr message list` shows those there are"
        ) from None
    return found
