"""The values that the store keeps and the use cases speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ivr.rules.retry import Made
from ivr.rules.states import CampaignState

if TYPE_CHECKING:
    from ivr.rules.billing import Terms
    from ivr.rules.gate_facts import Known


@dataclass(frozen=True, slots=True)
class SourceBatch:
    """A delivery of contacts. loading: not yet whole in the books, so that it is in no audience."""

    id: int
    name: str
    accepted: int
    rejected: int
    imported_at_ms: int
    loading: bool = False
    rows_by_reason: Mapping[str, int] = field(default_factory=dict)


class Origin(StrEnum):
    """Whose voice it is, as the uploader declares."""

    HUMAN = "human"
    EDITED = "edited"  # a human voice: cut, cleaned, levelled, its words as they were said
    SYNTHETIC = "synthetic"  # made by a machine, nobody's own voice
    CLONED = "cloned"  # made by a machine in the voice of a person, who agreed


@dataclass(frozen=True, slots=True)
class Review:
    """What somebody said of a message after hearing it. by: a login name. reason: of a refusal."""

    by: str
    at_ms: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A recording and its telephone rendering: nothing of it ever changes, only what people and checks say of it.

    renderings: SHA-256 of each file by its extension. sponsor: for whom it was uploaded, "" when nobody said.
    voice_consent: where the agreement of a cloned voice's owner is kept. findings, measures: of the checks, in what
    JSON knows.
    """

    id: int
    name: str
    sound: str
    length_ms: int
    original_name: str
    original_sha256: str
    renderings: Mapping[str, str] = field(default_factory=dict)
    uploaded_by: str = ""
    uploaded_at_ms: int = 0
    origin: Origin = Origin.HUMAN
    sponsor: str = ""
    voice_consent: str = ""
    findings: Sequence[Mapping[str, Any]] = ()
    measures: Mapping[str, Any] = field(default_factory=dict)
    approvals: tuple[Review, ...] = ()
    refusal: Review | None = None


@dataclass(frozen=True, slots=True)
class Sound:
    """A rendering: its hash, which is its file's name, and its length."""

    sound: str
    length_ms: int


@dataclass(frozen=True, slots=True)
class Version:
    """One of several messages that a campaign plays, each to its share of the audience: 0…1, all together 1."""

    message_id: int
    name: str
    sound: Sound
    share: float


@dataclass(frozen=True, slots=True)
class Campaign:
    """A message to an audience, with its segments, limits and state.

    trunks: names, the preferred one first. retry: a retry policy on one line. expires_at_ms: no call leaves from then
    on. release_at_ms: calls sent before then are ended at once, with the notice. versions: of the message, when it has
    several (rules/versions.py); then `message` is the first one, or the one that `to` chose. pack: whose
    rules hold beside those of every campaign, "base": none; message_class, election: as rules/pack.py names them;
    territory: of the election. terms: None of one made before there were prices. budget_cents: with VAT, None: as much
    as is needed.
    """

    id: int
    name: str
    sponsor_id: int
    sponsor: str
    batch_id: int
    language: str
    trunks: tuple[str, ...]
    rate_cps: float
    weight: float
    priority: int
    retry: str
    hours: str
    timezone: str
    preroll: Sound
    message: Sound
    notice: Sound
    confirmation: Sound
    texts: dict[str, Any]
    state: CampaignState
    created_at_ms: int
    started_at_ms: int | None
    finished_at_ms: int | None
    expires_at_ms: int | None
    release_at_ms: int | None
    versions: tuple[Version, ...] = ()
    pack: str = "base"
    message_class: str = ""
    election: str = ""
    territory: str = ""
    terms: Terms | None = None
    budget_cents: int | None = None

    def to(self, version: int) -> Campaign:
        """The campaign as those hear it who are to hear that version."""
        return replace(self, message=self.versions[version].sound) if self.versions else self


@dataclass(frozen=True, slots=True)
class Way:
    """By which Asterisk and through which trunk a call goes."""

    pbx: str
    trunk: str


@dataclass(frozen=True, slots=True)
class Dialable:
    """An attempt whose facts were just read: what the last questions are asked of, and what Originate needs.

    earlier: every other attempt of the campaign that was, or may have been, sent to this person. known: what the
    campaign's pack asks; None: it has none.
    """

    attempt: str
    trunk: str
    number: str
    campaign: Campaign
    suppressed: bool
    earlier: tuple[Made, ...]
    halted: bool
    known: Known | None = None


@dataclass(frozen=True, slots=True)
class Halt:
    """Nothing is called any more, whatever is queued. by: a login name. reason: as they gave it, "" if they did not."""

    since_ms: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Override:
    """A limit that an engineer changed while everything runs. None: as in the settings. changed_by: a login name."""

    scope: str
    rate_cps: float | None
    channels: int | None
    changed_at_ms: int
    changed_by: str


@dataclass(frozen=True, slots=True)
class PbxBeat:
    """One Asterisk as its controller wrote it down last; it lives while `beat` changes. beat_at_ms: for people."""

    name: str
    beat: int
    beat_at_ms: int
    ready: bool
    channels: int
    live: int


@dataclass(frozen=True, slots=True)
class Allotted:
    """A PBX's part of a limit. scope: `trunk:NAME` or `campaign:ID`. breaker: of a trunk, its state in words."""

    scope: str
    pbx: str
    wants: bool
    rate_cps: float
    channels: int
    live: int
    worst_second: int
    worst_at_ms: int
    breaker: str


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An attempt that was, or may have been, sent and whose end is not known."""

    dialing_at_ms: int
    trunk: str
    campaign_id: int = 0


@dataclass(frozen=True, slots=True)
class Books:
    """Where every target of a campaign stands; `targets` equals the sum of the rest, always.

    waiting: of those due, the ones that were called and wait to be called again; next_due_ms: the first of them.
    versions: the books of each version of the message, which add up to these, where they were asked for.
    called: everybody who was called, wherever they stand now, by the outcome of the last call that is over.
    """

    targets: int
    due: int
    in_progress: int
    outcomes: dict[str, int]
    not_allowed: dict[str, int]
    waiting: int = 0
    next_due_ms: int | None = None
    versions: tuple[Books, ...] = ()
    called: dict[str, int] = field(default_factory=dict)

    @property
    def balance(self) -> bool:
        """True when every target is in exactly one place."""
        return self.targets == self.due + self.in_progress + sum(self.outcomes.values()) + sum(
            self.not_allowed.values()
        )
