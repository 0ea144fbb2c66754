"""Consents: what was agreed to, by what act, and whether that can be shown.

The least that must be shown for a number: the exact words agreed to, when, by what act, to whom, for which purpose,
channels and hours, and that the number was in the person's hands. A consent of which any of these is missing is weak,
and permits no automated channel.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

DAY_MS = 86_400_000
TTL_DAYS = 365
"""A consent is good for a year: the cautious default (décret 2026-662, of one secondary source: to be confirmed)."""
SKEW_MS = 5 * 60_000
"""Clocks of those who collect differ from ours by minutes at most."""


class Channel(StrEnum):
    """By which way a person is reached."""

    AUTOMATED_VOICE = "automated_voice"
    LIVE_VOICE = "live_voice"
    SMS = "sms"
    VOICEMAIL = "voicemail"


class Purpose(StrEnum):
    """For what a person is reached; none follows from another."""

    POLITICAL_ADVERTISING = "political_advertising"
    POLITICAL_INFORMATION = "political_information"
    INSTITUTIONAL_INFO = "institutional_info"
    EMERGENCY = "emergency"
    POLL = "poll"


class Method(StrEnum):
    """The act by which a person agreed."""

    WEB_FORM = "web_form"
    PAPER = "paper"
    SMS_DOUBLE_OPTIN = "sms_double_optin"
    IVR_KEYPRESS = "ivr_keypress"
    IN_PERSON_TABLET = "in_person_tablet"


class Basis(StrEnum):
    """On what a permission rests. Of these only a consent opens an automated channel."""

    CONSENT = "consent"
    LEGITIMATE_INTEREST = "legitimate_interest"
    LEGAL_OBLIGATION = "legal_obligation"


AUTOMATED = frozenset({Channel.AUTOMATED_VOICE, Channel.SMS, Channel.VOICEMAIL})
FROM_THE_NUMBER = frozenset({Method.SMS_DOUBLE_OPTIN, Method.IVR_KEYPRESS})
"""Acts that came from the number itself: whoever agreed had it in their hands."""
TICKED = frozenset({Method.WEB_FORM, Method.IN_PERSON_TABLET})
"""Acts on a screen, whose box must have been empty."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person agreed to. Everything is as the collector says; "" and None: not known.

    controller: who was named to the person. text: the words agreed to. act_ref: what shows the act: IP address and
    browser, the hash of a scanned sheet, or call and second. hours: when, as in a campaign, "" none was named.
    unticked: the box was empty. possession_*: when a code was sent to the number, and given back.
    """

    controller: str
    purpose: Purpose | None = None
    channels: tuple[Channel, ...] = ()
    text: str = ""
    text_sha256: str = ""
    text_language: str = ""
    notice_sha256: str = ""
    form_sha256: str = ""
    method: Method | None = None
    act_ref: str = ""
    captured_at_ms: int | None = None
    captured_by: str = ""
    explicit: bool | None = None
    separate: bool | None = None
    unticked: bool | None = None
    hours: str = ""
    timezone: str = ""
    possession_sent_at_ms: int | None = None
    possession_verified_at_ms: int | None = None
    election: str = ""
    age_attested: bool | None = None
    expires_at_ms: int | None = None

    def body(self) -> dict[str, Any]:
        """As JSON knows it, with the hash of the words."""
        digest = hashlib.sha256(self.text.encode()).hexdigest() if self.text else ""
        return asdict(self) | {"channels": sorted(self.channels), "text_sha256": digest}


@dataclass(frozen=True, slots=True)
class Grant:
    """The permission to reach a contact. scope: the election it is for, "" any. to_ms: its end, not included.

    hours, timezone: when, "" not limited. basis_ref: what it rests on: the entry of the consent. age_attested: the
    person said that they are old enough.
    """

    contact_id: int
    sponsor_id: int
    purpose: Purpose
    channel: Channel
    basis: Basis
    basis_ref: str
    from_ms: int
    to_ms: int | None
    scope: str = ""
    hours: str = ""
    timezone: str = ""
    age_attested: bool = False


def weaknesses(consent: Consent, sponsor: str, now_ms: int) -> tuple[str, ...]:
    """What of the least that must be shown cannot be, by name; nothing: the consent is not weak.

    sponsor: in whose favour it is recorded: the person must have been told that name.
    """
    return tuple(name for name, missing in _missing(consent, sponsor, now_ms) if missing)


def end_ms(consent: Consent) -> int:
    """When what was agreed to ends: its own end, at the latest a year after the act."""
    a_year_on = (consent.captured_at_ms or 0) + TTL_DAYS * DAY_MS
    return a_year_on if consent.expires_at_ms is None else min(a_year_on, consent.expires_at_ms)


def permitted(consent: Consent, weak: bool) -> tuple[Channel, ...]:
    """The channels that the consent opens; a weak one opens none that is automated."""
    if consent.purpose is None or consent.captured_at_ms is None:
        return ()
    return tuple(channel for channel in sorted(set(consent.channels)) if not (weak and channel in AUTOMATED))


def _missing(consent: Consent, sponsor: str, now_ms: int) -> Iterator[tuple[str, bool]]:
    digest = hashlib.sha256(consent.text.encode()).hexdigest()
    yield "words", not consent.text.strip()
    yield "words-changed", bool(consent.text_sha256) and consent.text_sha256 != digest
    yield "language", not consent.text_language.strip()
    yield "instant", consent.captured_at_ms is None or not 0 < consent.captured_at_ms <= now_ms + SKEW_MS
    yield "act", consent.method is None or not consent.act_ref.strip() or not consent.captured_by.strip()
    yield "controller", not consent.controller.strip() or _name(consent.controller) != _name(sponsor)
    yield "purpose", consent.purpose is None
    yield "channels", not consent.channels
    yield "hours", not consent.hours.strip() or not consent.timezone.strip()
    yield "explicit", consent.explicit is not True
    yield "separate", consent.separate is not True
    yield "box-was-ticked", consent.method in TICKED and consent.unticked is not True
    yield "possession", not _possessed(consent, now_ms)


def _possessed(consent: Consent, now_ms: int) -> bool:
    """The number was in the person's hands: the act came from it, or a code sent to it was given back."""
    if consent.method in FROM_THE_NUMBER and consent.act_ref.strip():
        return True
    sent, verified = consent.possession_sent_at_ms, consent.possession_verified_at_ms
    return sent is not None and verified is not None and 0 < sent <= verified <= now_ms + SKEW_MS


def _name(name: str) -> str:
    return re.sub(r"\s+", " ", name).strip().casefold()
