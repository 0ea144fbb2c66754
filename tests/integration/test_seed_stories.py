"""Lists that people complained of, each by all the ways in which one might try to call them: none leads to a call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.rules.gate import Kind
from ivr.rules.provenance import UNDECLARED, Provenance, ProvenanceRefused, SourceType
from ivr.rules.records import Campaign
from ivr.usecases.contacts import import_file
from tests.integration.consents import SPONSOR, ago, record, whole
from tests.integration.rig import trunk
from tests.integration.scene import ON_SQLITE, Scene
from tests.integration.test_gate_wired import CALLER_ID, change, lawful, refused, said

STORIES = [
    (SourceType.POLL, "GDPR-5-1-B", "Vote en ligne", "poll"),
    (SourceType.PATIENT, "FR-LST-1", "Clinique du Parc", "institutional_info"),
    (SourceType.PARRAINAGE, "SN-5", "Comité de parrainage", "political_information"),
    (SourceType.PUBLIC_SERVICE, "FR-LST-1", "Mairie de Villeneuve", "institutional_info"),
    (SourceType.CUSTOMER_INTERNAL, "FR-LST-1", "Boutique Durand", "institutional_info"),
    (SourceType.SCRAPED, "GDPR-6-1", "", ""),
]
"""What the list is, the rule that refuses it at import, and to whom its people agreed, for what."""
NUMBER = "+33612345678"


def declared(kind: SourceType) -> Provenance:
    return Provenance(
        kind, "formulaire", "form", original_controller=SPONSOR, original_purpose="political",
        collected_from=datetime.now(UTC).date(), uploader="tester", attestation="I answer for it",
    )  # fmt: skip


def bring(scene: Scene, folder: Path, provenance: Provenance, name: str = "people") -> int:
    """The id of a batch with that number alone, as it was declared."""
    file = folder / f"{name}.csv"
    file.write_text(f"telephone;liste\n{NUMBER};{name}\n", encoding="utf-8")
    return import_file(scene.store, scene.settings, file, name, provenance=provenance).batch.id


def campaign_to(scene: Scene, batch_id: int) -> Campaign:
    """A candidate's campaign with every paper, to that batch, of whose people nobody agreed with the candidate."""
    [kind] = scene.rows(f"SELECT source_type FROM source_batches WHERE id = {batch_id}")  # noqa: S608
    made = lawful(scene, 0, batch_id=batch_id)
    change(scene, f"UPDATE source_batches SET source_type = '{kind[0]}' WHERE id = {batch_id}")  # noqa: S608
    change(scene, f"DELETE FROM purpose_grants WHERE sponsor_id = {made.sponsor_id} AND basis_ref = '1'")  # noqa: S608
    return made


def no_call(scene: Scene, campaign: Campaign) -> dict[str, int]:
    """Nobody can be called; why."""
    assert scene.claim(campaign, 1, at=datetime.now(UTC)) == []
    return refused(scene, campaign)


@ON_SQLITE
@pytest.mark.parametrize(("kind", "rule", "holder", "purpose"), STORIES, ids=[story[0].value for story in STORIES])
def test_the_list_leads_to_no_call(
    make_scene: Callable[..., Scene], tmp_path: Path, kind: SourceType, rule: str, holder: str, purpose: str
) -> None:
    scene = make_scene(trunks={"lab": trunk(host="sip.example.net", caller_id=CALLER_ID)})
    # Said as it is: refused at import, and nothing is in the books.
    with pytest.raises(ProvenanceRefused) as told:
        bring(scene, tmp_path, declared(kind))
    assert (told.value.rule, scene.store.contacts.count()) == (rule, 0)
    # Not said: imported, and the Gate refuses it.
    unsaid = bring(scene, tmp_path, UNDECLARED, "unsaid")
    assert no_call(scene, campaign_to(scene, unsaid)) == {"P-SRC-1": 1}
    # Said otherwise: what people agreed to with others, for their purpose, is no consent to the candidate.
    if holder:
        record(scene, whole(NUMBER, controller=holder, purpose=purpose), name=holder)
    lied = bring(scene, tmp_path, declared(SourceType.DIRECT_FORM), "lied")
    assert no_call(scene, campaign_to(scene, lied)) == {"FR-CNS-1": 1}
    # Found out, after the person had agreed with the candidate as well.
    record(scene, whole(NUMBER, hours="00:00-24:00", captured_at=ago(minutes=55)))
    agreed = campaign_to(scene, lied)
    verdict = said(scene, agreed, datetime.now(UTC) + timedelta(minutes=1))
    assert verdict.kind is Kind.YES or verdict.rule == "FR-HRS-2", "with a consent of their own they may be called"
    change(scene, f"UPDATE source_batches SET source_type = '{kind.value}' WHERE id = {lied}")  # noqa: S608
    assert no_call(scene, agreed) == {"FR-LST-1": 1}
