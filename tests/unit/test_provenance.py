"""Where contacts come from: the stories of the press are refused by the rule's name, and what is declared is whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from ivr.errors import Refused
from ivr.rules.provenance import (
    DECLARED,
    REFUSED,
    SIMULATED,
    THIRD_PARTY,
    UNDECLARED,
    Provenance,
    ProvenanceRefused,
    SourceType,
    check,
)

TODAY = date(2026, 11, 25)
FORM = Provenance(
    SourceType.DIRECT_FORM,
    source_label_fr="formulaire du 3 mars 2026",
    original_controller="Association Martin 2027",
    original_purpose="political",
    collected_from=date(2026, 3, 3),
    uploader="treasurer",
    attestation="I answer for it",
)
RENTED = replace(
    FORM,
    source_type=SourceType.RENTED,
    political_reuse_disclosed=True,
    vendor="Exemple SARL",
    contract_ref="2026-17",
    original_notice_sha256="a" * 64,
    consent_text_sha256="b" * 64,
    objection_channel="exemple.fr/stop",
)


@pytest.mark.parametrize(
    ("story", "rule"),
    [
        (SourceType.POLL, "GDPR-5-1-B"),  # a poll platform's numbers used for a campaign
        (SourceType.PATIENT, "FR-LST-1"),
        (SourceType.PARRAINAGE, "SN-5"),  # the file of those who sponsored a candidacy
        (SourceType.CIVIL_REGISTRY, "FR-LST-1"),  # the mayor's register
        (SourceType.PUBLIC_SERVICE, "FR-LST-1"),
        (SourceType.CUSTOMER_INTERNAL, "FR-LST-1"),
        (SourceType.HR_PAYROLL, "FR-LST-1"),
        (SourceType.PETITION_OTHER_PURPOSE, "GDPR-5-1-B"),
        (SourceType.SCRAPED, "GDPR-6-1"),
    ],
)
def test_the_stories_are_refused_whatever_else_is_declared(story: SourceType, rule: str) -> None:
    for provenance in (Provenance(story), replace(RENTED, source_type=story)):
        with pytest.raises(ProvenanceRefused, match=rule) as refused:
            check(provenance, TODAY)
        assert refused.value.rule == rule


def test_every_origin_is_either_refused_or_needs_its_words() -> None:
    for kind in DECLARED - set(REFUSED):
        with pytest.raises(ProvenanceRefused):
            check(Provenance(kind), TODAY)


def test_what_is_whole_is_accepted() -> None:
    for provenance in (UNDECLARED, SIMULATED, FORM, RENTED, replace(FORM, collected_to=TODAY)):
        check(provenance, TODAY)


@pytest.mark.parametrize(
    ("name", "gap"),
    [
        ("source_label_fr", replace(FORM, source_label_fr="")),
        ("original_controller", replace(FORM, original_controller="")),
        ("original_purpose", replace(FORM, original_purpose="")),
        ("collected_from", replace(FORM, collected_from=None)),
        ("attestation", replace(FORM, attestation="")),
    ],
)
def test_an_origin_with_a_gap_is_refused(name: str, gap: Provenance) -> None:
    with pytest.raises(ProvenanceRefused, match=f"FR-RGT-3.*{name}"):
        check(gap, TODAY)


@pytest.mark.parametrize("kind", sorted(THIRD_PARTY))
def test_a_rented_or_bought_file_shows_what_people_were_told(kind: SourceType) -> None:
    bought = replace(RENTED, source_type=kind)
    check(bought, TODAY)
    for said in (None, False):
        with pytest.raises(ProvenanceRefused, match="FR-CNS-3"):
            check(replace(bought, political_reuse_disclosed=said), TODAY)
    for name, gap in {
        "vendor": replace(bought, vendor=""),
        "contract_ref": replace(bought, contract_ref=""),
        "original_notice_sha256": replace(bought, original_notice_sha256=""),
        "consent_text_sha256": replace(bought, consent_text_sha256=""),
        "objection_channel": replace(bought, objection_channel=""),
    }.items():
        with pytest.raises(ProvenanceRefused, match=f"FR-LST-3.*{name}"):
            check(gap, TODAY)


def test_an_electoral_roll_goes_with_its_ballot() -> None:
    roll = replace(FORM, source_type=SourceType.ELECTORAL_ROLL)
    with pytest.raises(ProvenanceRefused, match="FR-LST-2"):
        check(roll, TODAY)
    check(replace(roll, delete_at=date(2027, 5, 2)), TODAY)


def test_dates_that_cannot_be() -> None:
    later = TODAY + timedelta(days=1)
    with pytest.raises(Refused, match="future"):
        check(replace(FORM, collected_from=later), TODAY)
    with pytest.raises(Refused, match="before"):
        check(replace(FORM, collected_to=date(2026, 3, 2)), TODAY)
    with pytest.raises(ProvenanceRefused, match="FR-LST-5"):
        check(replace(FORM, delete_at=date(2026, 11, 24)), TODAY)


def test_hashes_and_countries_have_their_form() -> None:
    with pytest.raises(Refused, match="SHA-256"):
        check(replace(FORM, original_notice_sha256="x"), TODAY)
    with pytest.raises(Refused, match="country"):
        check(replace(FORM, vendor_country="fr"), TODAY)
