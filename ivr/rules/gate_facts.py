"""What a rule pack asks beyond what every campaign is asked: of the campaign, and of the person. None: not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ivr.rules.frequency import SponsorCall
from ivr.rules.pack import MessageClass, Sender
from ivr.rules.permission import Grant


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """Of the campaign and its sponsor; the same for everybody who is asked about in one moment.

    sponsor_id, campaign_id: as the books number them. election: of the pack's calendar, "" when the message is about
    none. dossier: what the sponsor's dossier holds in force. first_call_at: no call of the campaign was made before
    then; NEVER when it has not started.
    exclusive: no other sponsor has this election here. caller_ids: those that the sponsor's dossier grants.
    longest_call_s: of this campaign, if longer than the pack's.
    """

    sponsor_id: int
    campaign_id: int
    message_class: MessageClass | None = None
    sender: Sender | None = None
    election: str | None = None
    dossier: frozenset[str] | None = None
    first_call_at: datetime | None = None
    exclusive: bool | None = None
    caller_ids: frozenset[str] | None = None
    longest_call_s: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """Where a number came from. disclosed: people were told that it may be used for politics, and could object."""

    kind: str
    disclosed: bool = False
    adults: bool = False  # its uploader attests that nobody in it is a minor


@dataclass(frozen=True, slots=True)
class Person:
    """Of the person called. number: E.164; country: of its numbering plan, two letters.

    territory: where they vote, as the pack names it; department: of their commune. calls: every one of the sponsor's to
    them, of whatever campaign, but this one.
    """

    number: str | None = None
    country: str | None = None
    line_type: str | None = None
    territory: str | None = None
    department: str = ""
    birth_year: int | None = None
    sources: tuple[Source, ...] | None = None
    grants: tuple[Grant, ...] | None = None
    calls: tuple[SponsorCall, ...] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the books know of one call under a pack. zone: IANA, "" when the contact has none."""

    about: CampaignFacts
    person: Person
    zone: str = ""

    def person_but(self, attempt: str) -> Person:
        """The person, with every call of the sponsor's but that attempt."""
        calls = self.person.calls or ()
        if attempt not in [call.attempt for call in calls]:  # it was not sent yet, mostly
            return self.person
        return replace(self.person, calls=tuple(call for call in calls if call.attempt != attempt))

    def after(self, calls: Sequence[SponsorCall]) -> Known:
        """The same once these calls were made too."""
        if not calls:
            return self
        return replace(self, person=replace(self.person, calls=(*(self.person.calls or ()), *calls)))
