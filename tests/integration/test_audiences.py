"""An audience is counted from the batch's cells, and from the contacts themselves where cells are not true: alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.doors.cli import cli
from ivr.errors import NotFound, Refused
from ivr.rules.audience import parse
from ivr.usecases.audience import batch_named, count, selected
from ivr.usecases.contacts import import_file
from tests.integration.scene import ON_SQLITE, Scene

PEOPLE = """tel;code insee;code postal;date de naissance;langue
0612345670;75111;75011;01/02/1980;fr
0612345671;75112;75012;1950;fr
0612345672;13202;13002;2001-05-05;en
0162345673;93066;93200;1990;
0612345674;;;;fr
"""
COUNTS = {
    "": 5,
    "territory=departement:75": 2,
    "territory=commune:75056": 2,  # Paris, by its arrondissements
    "territory=commune:75111,departement:13": 2,
    "territory=region:11": 3,
    "territory=postcode:93200": 1,
    "age=65+": 1,
    "territory=region:11 line=mobile": 2,
    "line=fixed": 1,
    "language=fr,en": 4,
    "territory=region:11 language=fr age=18-130": 2,
    "territory=departement:69": 0,
}


@pytest.fixture
def listed(scene: Scene, tmp_path: Path) -> Scene:
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE, encoding="utf-8")
    import_file(scene.store, scene.settings, path)
    return scene


def test_cells_and_contacts_give_the_same_counts(listed: Scene) -> None:
    assert {line: count(listed.store, "people", line) for line in COUNTS} == COUNTS
    with listed.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE source_batches SET counted_at_ms = NULL")
        connection.exec_driver_sql("DELETE FROM batch_cells")
    assert {line: count(listed.store, "people", line) for line in COUNTS} == COUNTS


def test_a_campaign_calls_as_many_as_were_counted(listed: Scene) -> None:
    """And those alone: nobody of another batch."""
    listed.campaign(3, start=False)
    batch = batch_named(listed.store, "people")
    for line, people in COUNTS.items():
        made = listed.campaign(1, start=False, selection=selected(batch, line), batch_id=batch.id)
        assert listed.store.campaigns.books(made.id).targets == people, line
        assert listed.store.audiences.of_campaign(made.id) == parse(line).text()
    chosen = """SELECT number FROM targets JOIN contacts ON contacts.id = contact_id
        JOIN campaigns ON campaigns.id = campaign_id
        WHERE audience = 'territory=commune:75111,departement:13' ORDER BY number"""
    assert [row[0] for row in listed.rows(chosen)] == ["+33612345670", "+33612345672"]


@ON_SQLITE
@pytest.mark.parametrize("line", ["name=Martin", "origin=x", "territory=departement:75 or=1", "age=18;DROP"])
def test_nothing_else_selects(listed: Scene, line: str) -> None:
    with pytest.raises(Refused, match="FR-LST-4"):
        count(listed.store, "people", line)


@ON_SQLITE
def test_an_unknown_territory_or_batch_is_told(listed: Scene) -> None:
    with pytest.raises(NotFound, match="INSEE"):
        count(listed.store, "people", "territory=departement:99")
    with pytest.raises(NotFound, match="contacts list"):
        count(listed.store, "nobody", "")


@ON_SQLITE
def test_the_command_prints_it(listed: Scene) -> None:
    config = listed.settings.home / "portevoix.toml"
    config.write_text(f"[database]\nurl = '{listed.settings.database.url}'\n", encoding="utf-8")
    asked = ["--config", str(config), "contacts", "count", "people", "territory=region:11", "line=mobile"]
    done = CliRunner().invoke(cli, asked)
    assert (done.exit_code, done.output) == (0, "2 contacts\n")
