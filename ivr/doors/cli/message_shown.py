"""What is shown of a message and of what its checks found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich.markup import escape

from ivr.doors.cli.parts import console
from ivr.rules.recording_checks import Finding, refuses
from ivr.rules.recording_words import SEVERITIES, measured, says, where
from ivr.rules.records import Message
from ivr.usecases import checking
from ivr.usecases.checking import Checked

COLOURS = {"refuses": "red", "warns": "yellow", "notes": "cyan"}


def show_checked(found: Checked, language: str) -> None:
    """What was measured and found, on the terminal."""
    if found.facts:
        console.print(f"[bold]{escape(found.name)}[/]: {measured(found.facts, language)}")
    show(found.findings, language)
    if not found.findings:
        console.print("nothing is wrong with it" if language == "en" else "rien à signaler")


def show(findings: Iterable[Finding], language: str) -> None:
    """Each finding with its remedy, on the terminal."""
    for finding in findings:
        wrong, remedy = says(finding, language)
        place = where(finding, language)
        colour, severity = COLOURS[finding.severity], SEVERITIES[language][finding.severity]
        colon = " :" if language == "fr" else ":"
        console.print(f"  [{colour}]{severity}[/]{colon} {escape(wrong)}{f' ({place})' if place else ''}")
        console.print(f"    {escape(remedy)}")


def plain(found: Checked, language: str) -> dict[str, Any]:
    """All of it for programs, with its words."""
    return {
        "file": found.name,
        "sha256": found.sha256,
        "refused": refuses(found.findings),
        "findings": [_told(finding, language) for finding in found.findings],
        "measures": checking.plain_facts(found.facts) if found.facts else None,
    }


def _told(finding: Finding, language: str) -> dict[str, Any]:
    wrong, remedy = says(finding, language)
    return checking.plain(finding) | {"says": wrong, "do": remedy}


def papers(one: Message) -> dict[str, Any]:
    """Where a message comes from and what was said of it."""
    return {
        "name": one.name,
        "length_ms": one.length_ms,
        "original": {"name": one.original_name, "sha256": one.original_sha256},
        "rendering": {"sound": one.sound, "sha256": dict(one.renderings)},
        "origin": one.origin.value,
        "sponsor": one.sponsor,
        "voice_consent": one.voice_consent,
        "uploaded": {"by": one.uploaded_by, "at": _instant(one.uploaded_at_ms)},
        "approved": [{"by": review.by, "at": _instant(review.at_ms)} for review in one.approvals],
        "refused": one.refusal
        and {"by": one.refusal.by, "at": _instant(one.refusal.at_ms), "reason": one.refusal.reason},
        "findings": list(one.findings),
        "measures": dict(one.measures),
    }


def people(one: Message) -> str:
    """Who approved it."""
    return ", ".join(review.by for review in one.approvals)


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000).astimezone().isoformat(timespec="seconds")
