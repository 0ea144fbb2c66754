"""A sponsor's dossier: what is kept of whoever calls are made for, and what each country wants before a start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

TYPES = ("candidate", "party", "group", "public_body", "association", "company")


@dataclass(frozen=True, slots=True)
class Dossier:
    """Texts as they were given, "" what nobody gave. Where something is a document: where it can be read.

    controlling_entity: who controls the sponsor in the end; "none" is an answer. payer: who pays the calls. mandate:
    the financial agent's, by whom a candidate buys. declaration: whether it is political advertising, and of which
    election (Regulation (EU) 2024/900, article 7).
    """

    legal_name: str = ""
    type: str = ""
    address: str = ""
    identity: str = ""
    controlling_entity: str = ""
    payer: str = ""
    data_protection_contact: str = ""
    declaration: str = ""
    mandate: str = ""
    impact_assessment: str = ""
    processor_contract: str = ""
    eu_eligibility: str = ""
    cdp_receipt: str = ""
    voter_contact_registry: str = ""
    email: str = ""
    funding_origin: str = ""

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Dossier:
        """As it is kept; what this version does not know is left out."""
        return cls(**{name: str(kept[name]) for name in NAMES if name in kept})


NAMES = tuple(field.name for field in fields(Dossier))

_EVERYWHERE = ("legal_name", "type", "identity", "controlling_entity", "payer", "data_protection_contact")
_UNION = ("declaration", "impact_assessment", "processor_contract", "eu_eligibility")
DEMANDS: Mapping[str, tuple[str, ...]] = {
    "base": (),
    "fr": (*_EVERYWHERE, *_UNION),
    "eu": (*_EVERYWHERE, *_UNION),
    "us": _EVERYWHERE,
    "ca": (*_EVERYWHERE, "voter_contact_registry"),
    "gb": (*_EVERYWHERE, "address", "impact_assessment", "processor_contract"),
    "sn": (*_EVERYWHERE, "cdp_receipt"),
}
"""By rule pack. GDPR 28, 30, 35; Regulation (EU) 2024/900, 5(2), 7, 11; Canada's registry; Senegal's CDP."""
NEEDS_MANDATE = ("fr",)
"""Where a candidate may buy only through a financial agent (code électoral L.52-4)."""
CALLER_ID_GRANTED = ("fr", "eu", "us", "ca", "gb", "sn")
TWO_APPROVALS = ("fr", "eu", "us", "ca", "gb", "sn")
SOURCE_LABEL = ("fr", "eu", "gb", "sn")
"""Where the notice says where a number comes from (GDPR 14(2)(f), its British twin, Senegal's law 2008-12)."""

MEANINGS: Mapping[str, str] = {
    "legal_name": "the sponsor's legal name",
    "type": f"what the sponsor is: {', '.join(TYPES)}",
    "address": "a postal address",
    "identity": "where the proof of the sponsor's identity is kept",
    "controlling_entity": "who controls the sponsor in the end, or «none»",
    "payer": "who pays for the calls",
    "data_protection_contact": "who answers for the data: a name and an address",
    "declaration": "whether it is political advertising, and for which election",
    "mandate": "the financial agent's mandate: a candidate buys through nobody else",
    "impact_assessment": "where the data protection impact assessment is kept",
    "processor_contract": "where the contract with the processor (GDPR, article 28) is kept",
    "eu_eligibility": "that the sponsor may buy political advertising in the Union, and why",
    "cdp_receipt": "the CDP's receipt",
    "voter_contact_registry": "the registration in the Voter Contact Registry",
    "email": "an e-mail address that anybody may write to; the transparency notice shows it",
    "funding_origin": "where the money comes from: public or private, from within or outside the Union",
}


def lacking(dossier: Dossier, pack: str) -> list[str]:
    """The fields that the pack wants and nobody gave, in the order in which they are asked for.

    A pack that is not known wants all there is.
    """
    wanted = list(DEMANDS.get(pack, NAMES))
    if pack in NEEDS_MANDATE and dossier.type in {"", "candidate"}:
        wanted.append("mandate")
    return [name for name in wanted if not str(getattr(dossier, name)).strip()]
