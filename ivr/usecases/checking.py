"""What is wrong with a recording, before and after it is a message."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ivr.adapters import sound
from ivr.adapters.store import Store
from ivr.errors import AudioRefused, NotFound
from ivr.rules.recording_checks import Finding, Limits, Severity, judge, sorted_findings
from ivr.rules.recording_facts import RecordingFacts
from ivr.rules.records import Message
from ivr.settings import Settings
from ivr.usecases.messages import private_copy

MOST_FLAT_TOPS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in a file. name: as it may be shown. facts: None when it could not be read."""

    name: str
    sha256: str
    findings: tuple[Finding, ...]
    facts: RecordingFacts | None


def check(store: Store, settings: Settings, file: Path, sponsor: str = "") -> Checked:
    """Everything found in `file`, whose quality is estimated too; nothing is kept.

    sponsor: for whom it is meant. Raises NotFound when there is no such file; a file that cannot be read is a finding.
    """
    with private_copy(file, settings) as (copied, shown, digest):
        seen = seen_before(store, digest, "", sponsor)
        try:
            pcm = sound.decode(copied, settings, shown)
        except AudioRefused as refused:
            return Checked(shown, digest, sorted_findings([_refusal(refused, settings), *seen]), None)
        facts = sound.measure(pcm, with_quality=True)
    return Checked(shown, digest, sorted_findings([*judge(facts, limits(settings)), *seen]), facts)


def check_message(store: Store, settings: Settings, message: Message) -> Checked:
    """The same of a message's original, and kept with the message unless it is approved already."""
    original = settings.originals_dir / message.original_sha256
    if not original.is_file():
        raise NotFound(
            f"the original of {message.name!r} is not in {original.parent} any more: add the recording again"
        )
    facts = sound.measure(sound.decode(original, settings, message.original_name), with_quality=True)
    findings = judge(facts, limits(settings))
    store.messages.found(message.id, [plain(one) for one in findings], plain_facts(facts))
    return Checked(message.original_name, message.original_sha256, findings, facts)


def limits(settings: Settings) -> Limits:
    """What a message may be."""
    return Limits(settings.message.min_s, settings.message.max_s)


def seen_before(store: Store, sha256: str, rendering: str, sponsor: str, name: str = "") -> list[Finding]:
    """Whether the same file, or one that sounds the same, is a message already; for somebody else, it is the wrong one.

    name: a message that is not to be counted.
    """
    for message in store.messages.like(sha256, rendering):
        others = [one for one in store.messages.sponsors(message.id) if one != sponsor]
        if message.name == name:
            continue
        if sponsor and others:
            values = {"sponsor": shown(others[0]), "message": shown(message.name)}
            return [Finding("other_sponsor", Severity.WARNS, values=values)]
        return [Finding("seen_before", Severity.NOTES, values={"message": shown(message.name)})]
    return []


def shown(text: str) -> str:
    """`text` as a terminal may be given it: no control character."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _refusal(refused: AudioRefused, settings: Settings) -> Finding:
    """What the reader refused, as a finding. Its own finding's words are used, with its sentence as the detail."""
    allowed = limits(settings)
    values: dict[str, float | str] = {"detail": refused.said(settings.language), "length_s": allowed.max_s}
    values |= {"max_s": allowed.max_s, "min_s": allowed.min_s}
    name = refused.finding if refused.finding in ("too_long", "silent") else "unreadable"
    return Finding(name, Severity.REFUSES, allowed.max_s if name == "too_long" else None, None, values)


def plain(finding: Finding) -> dict[str, Any]:
    """The finding in what JSON knows."""
    return {
        "name": finding.name,
        "severity": finding.severity.value,
        "at_s": _rounded(finding.at_s),
        "until_s": _rounded(finding.until_s),
        "values": {key: _rounded(value) for key, value in finding.values.items()},
    }


def finding_of(values: Mapping[str, Any]) -> Finding:
    """The finding of which `plain` made these values."""
    return Finding(**{**values, "severity": Severity(values["severity"])})


def plain_facts(facts: RecordingFacts) -> dict[str, Any]:
    """The facts in what JSON knows; what is infinite is null."""
    values = asdict(facts) | {
        "snr_db": facts.snr_db,
        "speech_s": facts.speech_s,
        "flat_tops_count": len(facts.flat_tops),
    }
    values["flat_tops"] = values["flat_tops"][:MOST_FLAT_TOPS_KEPT]
    return {key: _plain(value) for key, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return _rounded(value)


def _rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return round(value, 3) if math.isfinite(value) else None
