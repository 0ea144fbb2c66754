"""`ivr notice`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from ivr.doors.cli.message_shown import show
from ivr.doors.cli.parts import console, say, settings_of, store_of
from ivr.doors.cli.spoken import spoken_options, texts_of
from ivr.rules.recording_checks import refuses
from ivr.rules.recording_words import LANGUAGES, says
from ivr.rules.records import Origin
from ivr.usecases import checking, notices
from ivr.usecases.notices import PARTS, Measured


@click.group()
def notice() -> None:
    """What the neutral voice says around a message: make it, hear it, check what must be said."""


@notice.command()
@spoken_options
@click.option(
    "--origin",
    type=click.Choice([origin.value for origin in Origin]),
    default=Origin.HUMAN.value,
    show_default=True,
    help="Of the message's voice: a machine's is disclosed in the pre-roll.",
)
@click.option(
    "--recording",
    "recordings",
    multiple=True,
    metavar="PART=FILE",
    help="A studio recording of the words of a part (preroll, notice, confirmation); it is used by every campaign with "
    "exactly these words.",
)
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="Folder for one wav file per part.")
@click.pass_context
def build(context: click.Context, /, **options: Any) -> None:
    """Make pre-roll, notice and confirmation, measure them, and say what is wrong with them.

    The texts are in audio/texts and audio/jurisdictions, with what each country wants said and in which order. Exit
    code 2 when something that must be said is missing, comes in the wrong order or lasts too long.
    """
    settings = settings_of(context)
    texts, language = texts_of(options), options["language"] or settings.language
    recordings = dict(_pair(one) for one in options["recordings"])
    made = notices.build(texts, language, settings, Origin(options["origin"]), recordings)
    _show(made, language)
    if options["output"]:
        for part in PARTS:
            file = options["output"] / f"{part}.wav"
            notices.write_wav(getattr(made.prompts, part), file, settings)
            say(f"written: {file}")


@notice.command()
@click.argument("campaign")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--language", type=click.Choice(LANGUAGES), help="Of what is found; default: the settings'.")
@click.pass_context
def check(context: click.Context, campaign: str, as_json: bool, language: str | None) -> None:
    """Measure a campaign's pre-roll and notice again: what must be said, its order, length, pace, and loudness.

    Exit code 1 when something refuses.
    """
    settings = settings_of(context)
    language = language or settings.language
    with store_of(settings) as store:
        found = notices.check(store, settings, campaign)
    if as_json:
        click.echo(json.dumps(_plain(found, language), ensure_ascii=False, indent=2))
    else:
        _show(found, language)
    if refuses(found.findings):
        sys.exit(1)


def _pair(given: str) -> tuple[str, Path]:
    part, sign, file = given.partition("=")
    if not sign or not file:
        raise click.BadParameter(f"{given!r} is not PART=FILE", param_hint="--recording")
    return part, Path(file)


def _show(made: Measured, language: str) -> None:
    for part in PARTS:
        prompt = getattr(made.prompts, part)
        told = f"{prompt.length_ms / 1000:.1f} s, {made.words_per_minute[part]:.0f} words a minute"
        console.print(f"[bold]{part}[/] ({told}, {made.loudness_lufs[part]:.1f} LUFS): {escape(prompt.text)}")
    show(made.findings, language)


def _plain(made: Measured, language: str) -> dict[str, Any]:
    parts = {}
    for part in PARTS:
        prompt = getattr(made.prompts, part)
        parts[part] = {
            "text": prompt.text,
            "sound": prompt.sound,
            "length_ms": prompt.length_ms,
            "words_per_minute": made.words_per_minute[part],
            "loudness_lufs": made.loudness_lufs[part],
        }
    told = []
    for finding in made.findings:
        wrong, remedy = says(finding, language)
        told.append(checking.plain(finding) | {"says": wrong, "do": remedy})
    return {"refused": refuses(made.findings), "parts": parts, "findings": told}
