"""A rule pack: what one jurisdiction demands before a call, as data with its sources, checked when it is read.

Whoever answers for a pack is a lawyer: a rule says in French and in English what it demands, where that is written, how
sure that is, and, when it is not, which cautious reading was taken.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ivr.rules.windows import Hours

BASE = "base"
"""The name of no pack: a campaign that goes by the rules of every campaign alone."""


class MessageClass(StrEnum):
    """What a message is, as its campaign declares."""

    ELECTORAL = "electoral_campaign"  # urges a vote for a candidate or a list
    POLITICAL = "political"  # promotes a person, a party or a cause; urges no vote
    POLL = "poll"
    INSTITUTIONAL = "institutional"  # a public body on what it does
    SERVICE_INFO = "service_info"
    ELECTION_INFO = "neutral_election_info"
    EMERGENCY = "emergency"


class Sender(StrEnum):
    """On whose behalf calls are made."""

    CANDIDATE = "candidate"
    PARTY = "party"
    PUBLIC_BODY = "public_body"
    OTHER = "other"


class Strict(BaseModel):
    """Data in which a word that is not known is an error, and which never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Says(Strict):
    """One sentence for those who are not lawyers, in each language."""

    fr: str = Field(min_length=4)
    en: str = Field(min_length=4)


class Sourced(Strict):
    """What says where it comes from. confidence: high, medium, low, or P for a policy of the product's own.

    unsure: what is not settled and which cautious reading was taken; never empty for M and L.
    """

    source: str = Field(min_length=5)
    confidence: Literal["H", "M", "L", "P"]
    unsure: str = ""

    @model_validator(mode="after")
    def _says_what_is_unsure(self) -> Self:
        if self.confidence in {"M", "L"} and not self.unsure:
            raise ValueError("confidence M and L need `unsure`: what is not settled, and the cautious reading taken")
        return self


class Rule(Sourced):
    """One rule. classes: the messages it is about; none: every one."""

    id: str = Field(pattern=r"^[A-Z]{1,4}(-[A-Z0-9]+)+$", max_length=32)
    says: Says
    classes: tuple[MessageClass, ...] = ()

    def is_about(self, message_class: MessageClass) -> bool:
        """Whether messages of that class are asked this rule."""
        return not self.classes or message_class in self.classes


class Silence(Rule):
    """No call from midnight of the day `days_before` the ballot where the person votes until `ends` of its last day."""

    kind: Literal["silence"]
    days_before: int = Field(ge=0)
    ends: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")


class Period(Rule):
    """No call in the quiet days before a campaign opens, so many days before the ballot, nor after the ballot."""

    kind: Literal["period"]
    opens_days_before: int = Field(gt=0)
    quiet_days: int = Field(ge=0)


class ClassLimit(Rule):
    """These senders may send only these classes; always, or from so long before a ballot until it is won."""

    kind: Literal["class_limit"]
    senders: tuple[Sender, ...]
    allowed: tuple[MessageClass, ...]
    months_before: int = Field(default=0, ge=0)  # of the first day of the ballot's month
    days_before: int = Field(default=0, ge=0)


class Exclusive(Rule):
    """One sponsor per election and territory."""

    kind: Literal["exclusive"]


class Dossier(Rule):
    """What the sponsor's dossier must hold. senders: those it is about; none: every one.

    within_hours: not before so long after the campaign's start.
    """

    kind: Literal["dossier"]
    senders: tuple[Sender, ...] = ()
    needs: tuple[str, ...] = Field(min_length=1)
    within_hours: int = Field(default=0, ge=0)


class SourceLimit(Rule):
    """Where numbers may come from. allow: if any, only these; disclosed: people were told of political use."""

    kind: Literal["source"]
    deny: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    types: tuple[str, ...] = ()  # those it is about; none: every one
    disclosed: bool = False


class Permission(Rule):
    """A grant of the person to this sponsor, with all that this rule and those before it demand.

    line_types: those it is about; none: every one.
    """

    kind: Literal["grant"]
    purposes: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    strong: bool = False
    explicit: bool = False
    direct: bool = False
    ttl_days: int = Field(default=0, ge=0)
    window: bool = False
    line_types: tuple[str, ...] = ()


class Age(Rule):
    """Nobody who may be younger; of whom nothing is known, the source must attest adults."""

    kind: Literal["age"]
    least: int = Field(gt=0)


class Numbers(Rule):
    """Numbers of these countries only (ISO), none of these line types, none that matches."""

    kind: Literal["numbers"]
    countries: tuple[str, ...] = ()
    deny_line_types: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


class Places(Rule):
    """Only people of these territories, which somebody has reviewed."""

    kind: Literal["places"]
    reviewed: tuple[str, ...] = ()


class CallerId(Rule):
    """The number shown. allow: if any, one must match; granted: the sponsor's dossier must grant it."""

    kind: Literal["caller_id"]
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    granted: bool = False


class HoursRule(Rule):
    """Calls only within these hours where the person is, on no holiday of that table."""

    kind: Literal["hours"]
    hours: str
    holidays: str = ""

    @field_validator("hours")
    @classmethod
    def _can_be_read(cls, text: str) -> str:
        Hours.parse(text)
        return text


class Frequency(Rule):
    """At most so many calls in so many days. days 0: ever. counts: answered ones or all. within: of what.

    gap_hours: no sooner after the one before. line_types, sources: those it is about. unless_basis: not of who
    granted calls on that basis.
    """

    kind: Literal["frequency"]
    most: int = Field(default=0, ge=0)
    days: int = Field(default=0, ge=0)
    gap_hours: int = Field(default=0, ge=0)
    counts: Literal["attempts", "answered"] = "attempts"
    within: Literal["sponsor", "campaign"] = "sponsor"
    line_types: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    unless_basis: str = ""


AnyRule = Annotated[
    Silence | Period | ClassLimit | Exclusive | Dossier | SourceLimit | Permission | Age | Numbers | Places | CallerId
    | HoursRule | Frequency,
    Field(discriminator="kind"),
]  # fmt: skip


class HolidayTable(Sourced):
    """Days on which nobody is called. fixed: MM-DD; easter: days after Easter Sunday; places: those of one place."""

    fixed: tuple[Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")], ...] = ()
    easter: tuple[int, ...] = ()
    places: dict[str, HolidayTable] = Field(default_factory=dict)


class Ballot(Strict):
    """One round: its day, and the territories that vote on an earlier one."""

    day: date
    earlier: dict[date, tuple[str, ...]] = Field(default_factory=dict)


class Election(Sourced):
    """An election and its rounds."""

    id: str = Field(pattern=r"^[a-z]{2}-[a-z0-9-]{3,60}$")
    says: Says
    rounds: tuple[Ballot, ...] = Field(min_length=1)


class RulePack(Strict):
    """The rules of one jurisdiction as they stand from one day on. territories: each with its time zone.

    zone: of the days and hours that are not a territory's own. longest_call_s: no call lasts longer.
    """

    scheme: Literal["portevoix-rules/1"]
    pack: str = Field(pattern=r"^[a-z]{2}$")
    version: date
    effective_from: date
    effective_to: date | None = None
    says: Says
    zone: str
    longest_call_s: int = Field(gt=0)
    rules: tuple[AnyRule, ...] = Field(min_length=1)
    territories: dict[str, str] = Field(default_factory=dict)
    holidays: dict[str, HolidayTable] = Field(default_factory=dict)
    elections: tuple[Election, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        ids = [rule.id for rule in self.rules]
        if twice := {one for one in ids if ids.count(one) > 1}:
            raise ValueError(f"rule ids are there twice: {', '.join(sorted(twice))}")
        tables = {rule.holidays for rule in self.rules if isinstance(rule, HoursRule) and rule.holidays}
        if missing := tables - set(self.holidays):
            raise ValueError(f"there is no table of holidays {', '.join(sorted(missing))}")
        if unknown := {self.zone, *self.territories.values()} - available_timezones():
            raise ValueError(f"time zones that are not known: {', '.join(sorted(unknown))}")
        return self

    @property
    def name(self) -> str:
        """As it is written down with every answer: `fr/2026-11-22`."""
        return f"{self.pack}/{self.version}"

    def zone_of(self, territory: str | None) -> ZoneInfo | None:
        """The time zone of the territory; None when the pack does not know it."""
        name = self.territories.get(territory or "")
        return ZoneInfo(name) if name else None

    def election(self, election_id: str) -> Election | None:
        """The election of that id."""
        return next((one for one in self.elections if one.id == election_id), None)
