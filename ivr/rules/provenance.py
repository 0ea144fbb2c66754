"""Where a batch of contacts comes from, and which origins nobody may be called from.

The rules are those of compliance: French ones unless their name says otherwise. What was not said is not supposed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from ivr.errors import Refused

LONGEST_SAID = 500
SHA256 = re.compile("[0-9a-f]{64}")


class SourceType(StrEnum):
    """How the numbers came to whoever hands them in."""

    UNDECLARED = "undeclared"  # nobody said: only what demands no provenance may call them
    SIMULATED = "simulated"  # people of the lab
    DIRECT_FORM = "direct_form"
    MEMBER = "member"
    REGULAR_CONTACT = "regular_contact"
    EVENT = "event"
    RENTED = "rented"
    PURCHASED = "purchased"
    ELECTORAL_ROLL = "electoral_roll"
    DIRECTORY = "directory"
    REFERRAL = "referral"
    PETITION = "petition"
    OTHER = "other"
    # The following are refused, whoever asks.
    HR_PAYROLL = "hr_payroll"
    PATIENT = "patient"
    CUSTOMER_INTERNAL = "customer_internal"
    PUBLIC_SERVICE = "public_service"
    CIVIL_REGISTRY = "civil_registry"
    PETITION_OTHER_PURPOSE = "petition_other_purpose"
    POLL = "poll"
    PARRAINAGE = "parrainage"
    SCRAPED = "scraped"


_INTERNAL = "FR-LST-1"
_PURPOSE = "GDPR-5-1-B"
REFUSED = MappingProxyType(
    {
        SourceType.HR_PAYROLL: (_INTERNAL, "files of staff and payroll are kept for that alone"),
        SourceType.PATIENT: (_INTERNAL, "patients' numbers were given for their care alone"),
        SourceType.CUSTOMER_INTERNAL: (_INTERNAL, "customers' numbers were given for their orders, not for campaigns"),
        SourceType.PUBLIC_SERVICE: (_INTERNAL, "files of a public service are kept for that service alone"),
        SourceType.CIVIL_REGISTRY: (_INTERNAL, "civil registers are kept for the law's own purposes alone"),
        SourceType.PETITION_OTHER_PURPOSE: (_PURPOSE, "people signed for another cause and were told of no other use"),
        SourceType.POLL: (_PURPOSE, "people answered a poll and were told of no other use"),
        SourceType.PARRAINAGE: ("SN-5", "sponsorships of a candidacy may not be used for messages"),
        SourceType.SCRAPED: ("GDPR-6-1", "numbers gathered from the web were given by nobody"),
    }
)
"""Rule and reason of each origin that is refused: CNIL's sheet on private files, GDPR, Senegal's CDP."""
THIRD_PARTY = frozenset({SourceType.RENTED, SourceType.PURCHASED})
DECLARED = frozenset(SourceType) - {SourceType.UNDECLARED, SourceType.SIMULATED}


class ProvenanceRefused(Refused):
    """The origin of the contacts forbids using them."""

    exit_code = 65

    def __init__(self, rule: str, why: str) -> None:
        """The message begins with the rule's name."""
        super().__init__(f"these contacts may not be used ({rule}): {why}")
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Provenance:
    """What was declared of a batch; "" and None: not said. source_label_*: the words the notice says of it.

    attestation: the words by which the uploader, a login name, answers for it.
    """

    source_type: SourceType = SourceType.UNDECLARED
    source_label_fr: str = ""
    source_label_en: str = ""
    original_controller: str = ""
    original_purpose: str = ""
    original_notice_sha256: str = ""
    consent_text_sha256: str = ""
    political_reuse_disclosed: bool | None = None
    objection_channel: str = ""
    collected_from: date | None = None
    collected_to: date | None = None
    obtained_at: date | None = None
    vendor: str = ""
    vendor_country: str = ""
    transfer_mechanism: str = ""
    contract_ref: str = ""
    uploader: str = ""
    attestation: str = ""
    delete_at: date | None = None


UNDECLARED = Provenance()
SIMULATED = Provenance(SourceType.SIMULATED, "personnes simulées", "simulated people")


def check(provenance: Provenance, today: date) -> None:
    """Returns if a batch of that provenance may be imported; ProvenanceRefused with its rule, else Refused, if not."""
    if refused := REFUSED.get(provenance.source_type):
        raise ProvenanceRefused(*refused)
    if provenance.source_type in DECLARED:
        _check_declared(provenance)
        _check_dates(provenance, today)
    if provenance.source_type in THIRD_PARTY:
        _check_third_party(provenance)
    if provenance.source_type is SourceType.ELECTORAL_ROLL and provenance.delete_at is None:
        raise ProvenanceRefused("FR-LST-2", "an electoral roll needs delete_at: the day of the last round")


def _check_declared(provenance: Provenance) -> None:
    """What each declared origin says: without it nobody could answer the question where a number came from."""
    for name in ("source_label_fr", "original_controller", "original_purpose", "collected_from", "attestation"):
        if not getattr(provenance, name):
            raise ProvenanceRefused("FR-RGT-3", f"{name} is missing: where the numbers come from must be told")
    for name in ("original_notice_sha256", "consent_text_sha256"):
        told = getattr(provenance, name)
        if told and not SHA256.fullmatch(told):
            raise Refused(f"{name} is no SHA-256: 64 digits and letters a to f")
    if provenance.vendor_country and not re.fullmatch("[A-Z]{2}", provenance.vendor_country):
        raise Refused("vendor_country is no country: two capital letters, as in FR")


def _check_dates(provenance: Provenance, today: date) -> None:
    begun, ended = provenance.collected_from, provenance.collected_to
    if begun and ended and ended < begun:
        raise Refused("collected_to is before collected_from")
    for name in ("collected_from", "collected_to", "obtained_at"):
        told = getattr(provenance, name)
        if told and told > today:
            raise Refused(f"{name} is in the future")
    if provenance.delete_at and provenance.delete_at < today:
        raise ProvenanceRefused("FR-LST-5", f"they were to be deleted on {provenance.delete_at.isoformat()}")


def _check_third_party(provenance: Provenance) -> None:
    """A rented or bought file: people were told of political reuse and could object, and it can be shown."""
    if provenance.political_reuse_disclosed is not True:
        raise ProvenanceRefused(
            "FR-CNS-3", "people were not told of political use: political_reuse_disclosed is not yes"
        )
    for name in ("vendor", "contract_ref", "original_notice_sha256", "consent_text_sha256", "objection_channel"):
        if not getattr(provenance, name):
            raise ProvenanceRefused("FR-LST-3", f"{name} is missing: a rented or bought file needs it")
