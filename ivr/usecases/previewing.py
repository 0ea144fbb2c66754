"""A message as the telephone will sound: with what is heard before and after it, and where its findings are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ivr.adapters import sound
from ivr.adapters.store import Store
from ivr.errors import Refused
from ivr.rules.recording_checks import Finding
from ivr.rules.records import Campaign, Message
from ivr.rules.segments import Segment
from ivr.settings import Settings
from ivr.usecases import prompts
from ivr.usecases.checking import finding_of
from ivr.usecases.uploading import verify_message

PARTS = 1000
HEARD = (Segment.PREROLL, Segment.MESSAGE, Segment.NOTICE)


@dataclass(frozen=True, slots=True)
class Stretch:
    """When one segment is heard, milliseconds. text: what is said; "" for the message."""

    segment: Segment
    begin_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding and when it is heard; None when it is everywhere."""

    finding: Finding
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a person will hear who listens to the end. wav: what Asterisk sends as A-law, sample by sample."""

    message: Message
    campaign: str
    wav: bytes
    stretches: tuple[Stretch, ...]
    marks: tuple[Mark, ...]
    peaks: tuple[tuple[float, float], ...]

    @property
    def length_ms(self) -> int:
        """All of it."""
        return self.stretches[-1].end_ms


def preview(store: Store, settings: Settings, name: str, campaign: str = "") -> Preview:
    """The message of that name, between the segments of the campaign, or else between the built-in ones.

    Raises NotFound, Refused when the campaign plays another message, Permanent when a file is not what was added.
    """
    message = store.messages.named(name)
    verify_message(message, settings)
    around = _of_campaign(store, message, store.campaigns.named(campaign)) if campaign else _builtin(message, settings)
    sounds = [around[0][0], message.sound, around[1][0]]
    played = sound.as_played(sounds, settings.sounds_dir, PARTS)
    stretches = _stretches(played.lengths_ms, (around[0][1], "", around[1][1]))
    return Preview(message, campaign, played.wav, stretches, _marks(message, stretches[1]), played.peaks)


def _of_campaign(store: Store, message: Message, campaign: Campaign) -> tuple[tuple[str, str], tuple[str, str]]:
    """Sound and words of the campaign's pre-roll and notice."""
    if message.id not in [one.id for one in store.messages.of_campaign(campaign.id)]:
        raise Refused(f"campaign {campaign.name!r} plays another message than {message.name!r}: preview that one")
    texts = campaign.texts
    return (
        (campaign.preroll.sound, str(texts.get("preroll", ""))),
        (campaign.notice.sound, str(texts.get("notice", ""))),
    )


def _builtin(message: Message, settings: Settings) -> tuple[tuple[str, str], tuple[str, str]]:
    before, after = prompts.builtin_preroll(settings, message.origin), prompts.builtin_notice(settings)
    return (before.sound, before.text), (after.sound, after.text)


def _stretches(lengths_ms: Sequence[int], texts: Sequence[str]) -> tuple[Stretch, ...]:
    begin_ms, stretches = 0, []
    for segment, length_ms, text in zip(
        (Segment.PREROLL, Segment.MESSAGE, Segment.NOTICE), lengths_ms, texts, strict=True
    ):
        stretches.append(Stretch(segment, begin_ms, begin_ms + length_ms, text))
        begin_ms += length_ms
    return tuple(stretches)


def _marks(message: Message, heard: Stretch) -> tuple[Mark, ...]:
    """The message's findings, each at the moment at which it is heard: the silence cut from its start is not."""
    cut_ms = round(1000 * float(message.measures.get("kept_from_s") or 0.0))
    marks = []
    for finding in map(finding_of, message.findings):
        at_ms = None
        if finding.at_s is not None:
            at_ms = min(max(heard.begin_ms + round(1000 * finding.at_s) - cut_ms, heard.begin_ms), heard.end_ms)
        marks.append(Mark(finding, at_ms))
    return tuple(marks)
