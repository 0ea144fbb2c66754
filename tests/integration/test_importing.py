"""A file of contacts comes in outside the write lock, a chunk at a time: killed, it goes on; calls go on meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.adapters import contact_stage
from ivr.errors import ContactsRefused, Refused
from ivr.usecases.contacts import import_file
from tests.integration.scene import ON_SQLITE, Scene

ROWS = 1200
KILLED = """
import os, signal, sys
from pathlib import Path
from ivr.adapters import contact_stage
from ivr.adapters.store import Store, cells
from ivr.usecases.contacts import import_file
from tests.integration.scene import settings_in

contact_stage.CHUNK_ROWS, contact_stage.RUN_ROWS, cells.ROWS_AT_ONCE = 100, 500, 100
home, url, file, when = sys.argv[1:]
settings = settings_in(Path(home), database={"url": url})

def killed(what, done, total):
    if what == when and (what == "reading" or done > total / 2):
        os.kill(os.getpid(), signal.SIGKILL)

import_file(Store(settings), settings, Path(file), progress=killed)
"""
BOOKS = """
SELECT c.number, c.line_type, c.departement, c.commune, c.postcode, c.birth_year, c.language, c.zone, m.row_hash
FROM batch_contacts m JOIN contacts c ON c.id = m.contact_id JOIN source_batches b ON b.id = m.batch_id
WHERE b.name = 'people' ORDER BY c.number
"""
CELLS = """SELECT departement, commune, postcode, line_type, language, birth_year, contacts FROM batch_cells
WHERE batch_id = (SELECT id FROM source_batches WHERE name = 'people') ORDER BY 1, 2, 3, 4, 5, 6"""
BATCH = "SELECT state, accepted, rejected, loaded_to FROM source_batches WHERE name = 'people'"


def people(folder: Path) -> Path:
    """Rows that differ in every fact, one in ten a duplicate, one in a hundred rejected, in no order."""
    path = folder / "people.csv"
    places = [("75011", "Paris"), ("13002", "Marseille"), ("97400", "Saint-Denis"), ("", "")]
    with path.open("w", encoding="utf-8") as text:
        text.write("telephone;code postal;ville;année de naissance;langue\n")
        for at in range(ROWS):
            number = f"06{(at * 7919) % 1000 * 9973 + 10_000_000:08d}" if at % 100 else "0899123456"
            postcode, city = places[at % 4]
            text.write(f"{number};{postcode};{city};{1940 + at % 60};{('fr', 'en', '')[at % 3]}\n")
    return path


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_stage, "CHUNK_ROWS", 100)
    monkeypatch.setattr(contact_stage, "RUN_ROWS", 500)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("when", ["reading", "writing", "counting"])
def test_killed_in_the_middle_it_goes_on_and_nothing_differs(scene: Scene, tmp_path: Path, when: str) -> None:
    file = people(tmp_path)
    url = scene.settings.database.url or ""
    argv = [sys.executable, "-c", KILLED, str(scene.settings.home), url, str(file), when]
    killed = subprocess.run(argv, timeout=120, check=False, cwd=Path(__file__).parents[2])
    assert killed.returncode == -signal.SIGKILL
    if when != "reading":
        [(state, accepted, _, loaded_to)] = scene.rows(BATCH)
        assert (state, loaded_to[:1]) == ("loading", "+")
        assert (0 < accepted < 990) == (when == "writing")
        assert (scene.rows(CELLS) != []) == (when == "counting")
        with pytest.raises(Refused, match="not finished"):
            scene.campaign(1, batch_id=scene.store.contacts.batches()[0].id)
    done = import_file(scene.store, scene.settings, file)
    after = [scene.rows(BOOKS), scene.rows(CELLS), scene.rows(BATCH)]
    assert done.rejects
    told = done.rejects.read_text(encoding="utf-8-sig")
    with scene.store.database.write() as connection:
        for table in ("batch_cells", "batch_contacts", "contacts", "source_batches"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
    calm = import_file(scene.store, scene.settings, file)
    assert [scene.rows(BOOKS), scene.rows(CELLS), scene.rows(BATCH)] == after
    assert calm.rejects
    assert calm.rejects.read_text(encoding="utf-8-sig") == told
    assert calm.batch.rows_by_reason == done.batch.rows_by_reason == {"duplicate": 198, "special": 12}
    assert calm.batch.accepted == 990
    assert sum(int(row[-1]) for row in after[1]) == 990
    assert not list((scene.settings.var_dir / "imports").glob("*/*"))


@pytest.mark.usefixtures("small_chunks")
def test_calls_go_on_between_chunks(scene: Scene, make_scene: Callable[..., Scene], tmp_path: Path) -> None:
    """Whoever records a call has the write lock between any two chunks; with the import's, it would be busy."""
    other = make_scene()
    campaign = other.campaign(20)
    recorded: list[str] = []

    def call(what: str, done: int, total: int) -> None:
        if what == "writing" and len(recorded) < 8:
            recorded.extend(other.dialing(campaign, 1))

    import_file(scene.store, scene.settings, people(tmp_path), progress=call)
    assert len(set(recorded)) == 8


def test_the_facts_beside_a_number_are_kept_and_gaps_filled(scene: Scene, tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("tel;code insee;langue\n0612345678;75111;\n0692123456;97411;fr\n0612345670;;\n")
    second.write_text("tel,postcode,age,language\n0612345678,13002,40,English\n0612345670,13002,,\n0612345674,,,\n")
    import_file(scene.store, scene.settings, first)
    assert scene.rows("SELECT counted_at_ms FROM source_batches WHERE counted_at_ms IS NULL") == []
    import_file(scene.store, scene.settings, second)
    facts = "SELECT number, departement, commune, postcode, language, zone FROM contacts ORDER BY number"
    assert [tuple(row) for row in scene.rows(facts)] == [
        ("+262692123456", "974", "97411", None, "fr", "Indian/Reunion"),
        ("+33612345670", "13", "13202", "13002", None, "Europe/Paris"),
        ("+33612345674", None, None, None, None, None),
        ("+33612345678", "75", "75111", None, "en", "Europe/Paris"),  # the place that was told first
    ]
    assert scene.rows("SELECT birth_year FROM contacts WHERE number = '+33612345678'")[0][0] > 1980
    uncounted = scene.rows("SELECT name FROM source_batches WHERE counted_at_ms IS NULL")
    assert [row[0] for row in uncounted] == ["first"]  # its cells are not true any more


@ON_SQLITE
def test_workbooks_and_parquet_are_read_as_csv_is(scene: Scene, tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "people.parquet"
    rows = "(VALUES ('0612345678', '75011', DATE '1980-05-01'), ('faux', NULL, NULL)) AS p(telephone, cp, naissance)"
    duckdb.connect().execute(f"COPY (SELECT * FROM {rows}) TO '{path}' (FORMAT parquet)")  # noqa: S608
    done = import_file(scene.store, scene.settings, path)
    assert (done.batch.accepted, done.batch.rows_by_reason) == (1, {"letters": 1})
    kept = scene.rows("SELECT number, commune, postcode, birth_year FROM contacts")
    assert [tuple(row) for row in kept] == [("+33612345678", "75111", "75011", 1980)]
    done = import_file(scene.store, scene.settings, workbook(tmp_path / "people.xlsx"))
    assert (done.batch.accepted, done.batch.rejected) == (1, 0)
    assert scene.rows("SELECT count(*) FROM contacts WHERE number = '+33612345679'")[0][0] == 1


def workbook(path: Path) -> Path:
    """A workbook as spreadsheets write them, as small as can be: its number lost its zero, as they do."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="s" sheetId="1" r:id="r"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData><row r="1">'
        '<c r="A1" t="inlineStr"><is><t>Téléphone</t></is></c></row><row r="2">'
        '<c r="A2" t="inlineStr"><is><t>06 12 34 56 79</t></is></c></row></sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return path


def test_two_do_not_import_one_file_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    with (
        contact_stage.staging(folder),
        pytest.raises(ContactsRefused, match="by another"),
        contact_stage.staging(folder),
    ):
        pass
