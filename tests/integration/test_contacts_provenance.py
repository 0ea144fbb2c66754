"""Contacts are imported with where they come from, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.errors import ContactsRefused
from ivr.rules.provenance import ProvenanceRefused
from ivr.usecases.contacts import declared, import_file
from tests.integration.scene import ON_SQLITE, Scene

FORM = """
source_type = "direct_form"
source_label_fr = "formulaire du 3 mars 2026"
original_controller = "Association Martin 2027"
original_purpose = "political"
collected_from = 2026-03-03
attestation = "I answer for it"
"""


def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("telephone\n0612345678\n0612345679\n")
    return path


def file(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "people.toml"
    path.write_text(content)
    return path


def test_what_was_declared_is_in_the_books(scene: Scene, tmp_path: Path) -> None:
    told = declared(file(tmp_path, FORM))
    import_file(scene.store, scene.settings, people(tmp_path), provenance=told)
    [row] = scene.rows("SELECT source_type, source_label_fr, original_purpose, uploader, state FROM source_batches")
    assert tuple(row) == ("direct_form", "formulaire du 3 mars 2026", "political", told.uploader, "complete")
    assert told.uploader
    assert [str(row[0]) for row in scene.rows("SELECT collected_from FROM source_batches")] == ["2026-03-03"]


def test_what_nobody_declared_says_so(scene: Scene, tmp_path: Path) -> None:
    import_file(scene.store, scene.settings, people(tmp_path))
    assert scene.rows("SELECT source_type FROM source_batches")[0][0] == "undeclared"


@ON_SQLITE
@pytest.mark.parametrize(
    ("story", "rule"),
    [
        ("poll", "GDPR-5-1-B"),
        ("patient", "FR-LST-1"),
        ("parrainage", "SN-5"),
        ("civil_registry", "FR-LST-1"),
        ("customer_internal", "FR-LST-1"),
        ("scraped", "GDPR-6-1"),
        ("purchased", "FR-CNS-3"),
    ],
)
def test_an_origin_that_may_not_be_used_changes_nothing(scene: Scene, tmp_path: Path, story: str, rule: str) -> None:
    told = declared(file(tmp_path, FORM.replace("direct_form", story)))
    with pytest.raises(ProvenanceRefused, match=rule):
        import_file(scene.store, scene.settings, people(tmp_path), provenance=told)
    assert (scene.store.contacts.count(), scene.store.contacts.batches()) == (0, [])
    assert not (scene.settings.var_dir / "rejects").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("source_type = 'friends'", "source_type is not known"),
        ("source_type = []", "source_type is not known"),
        ("uploader = 'x'", "'uploader' is not known"),
        ("collected_from = '2026-03-03'", "is a day"),
        ("collected_from = 2026-03-03T10:00:00", "is a day"),
        ("political_reuse_disclosed = 'yes'", "true or false"),
        ("vendor = 3", "is a text"),
        ("vendor = ", "is no TOML"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(ContactsRefused, match=says):
        declared(file(tmp_path, content))
    with pytest.raises(ContactsRefused, match="cannot be read"):
        declared(tmp_path / "none.toml")
