"""`ivr db`: the tables are brought to this version with what is in them, not under the hands of an older Portevoix."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from click.testing import CliRunner, Result
from sqlalchemy import text

from ivr.adapters.store import condition, schema, tables
from ivr.adapters.store.engine import Database
from ivr.doors.cli import cli
from ivr.errors import Refused
from ivr.settings import Settings
from ivr.usecases import doctoring, migrating
from tests.integration.scene import ON_POSTGRES, ON_SQLITE, Scene, settings_in
from tests.postgres import PostgresServer

EARLIEST = "0001"
AS_OF_0001 = (
    "INSERT INTO sponsors (id, name) VALUES (1, 'Jeanne Martin')",
    "INSERT INTO source_batches (id, name, file_name, file_sha256, accepted, rejected, imported_at_ms) "
    "VALUES (1, 'list', 'list.csv', '0', 3, 0, 1)",
    "INSERT INTO messages (id, name, original_name, original_sha256, sound, length_ms, added_at_ms) "
    "VALUES (1, 'hello', 'hello.wav', '0', 'm', 4000, 1)",
    "INSERT INTO contacts (id, number, line_type, imported_at_ms) VALUES "
    "(1, '+33639980001', 'mobile', 1), (2, '+33639980002', 'mobile', 1), (3, '+33639980003', 'mobile', 1)",
    "INSERT INTO campaigns (id, name, sponsor_id, message_id, batch_id, language, trunk, rate_cps, hours, timezone, "
    "preroll, preroll_ms, notice, notice_ms, confirmation, confirmation_ms, texts, state, created_at_ms) VALUES "
    "(1, 'old', 1, 1, 1, 'fr', 'lab', 5, '00:00-24:00', 'Europe/Paris', 'p', 1, 'n', 1, 'c', 1, '{}', 'running', 1)",
    "INSERT INTO targets (id, campaign_id, contact_id, state, outcome) VALUES "
    "(1, 1, 1, 'done', 'answered'), (2, 1, 2, 'in_progress', ''), (3, 1, 3, 'due', '')",
    "INSERT INTO attempts (id, target_id, campaign_id, pbx, state, outcome, claimed_at_ms, dialing_at_ms, ended_at_ms) "
    "VALUES ('a1', 1, 1, 'pbx1', 'ended', 'answered', 1, 2, 3), ('a2', 2, 1, 'pbx1', 'dialing', '', 1, 2, NULL)",
)


def at(scene: Scene, revision: str) -> Database:
    """The scene's database with the tables of that revision."""
    database = scene.store.database
    command.downgrade(tables.config(database), revision)
    return database


def run(scene: Scene, *arguments: str) -> Result:
    text_ = f"[pbx]\nsip_port = 0\nami_port = 0\nagi_port = 0\n[database]\nurl = '{scene.settings.database.url}'\n"
    (scene.settings.home / "portevoix.toml").write_text(text_)
    return CliRunner().invoke(cli, ["--config", str(scene.settings.home / "portevoix.toml"), "db", *arguments])


def test_a_full_database_of_the_first_version_comes_through_every_migration(scene: Scene) -> None:
    database = at(scene, EARLIEST)
    with database.write() as connection:
        for statement in AS_OF_0001:
            connection.execute(text(statement.replace(":", r"\:")))
    assert migrating.bring_up_to_date(database, scene.settings) == (EARLIEST, tables.head(database))
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"render_as_batch": True})
        assert compare_metadata(context, schema.metadata) == []
    campaign = scene.store.campaigns.named("old")
    assert campaign.trunks == ("lab",)
    books = scene.store.campaigns.books(campaign.id)
    assert (books.targets, books.due, books.in_progress, books.outcomes) == (3, 1, 1, {"answered": 1})
    assert books.balance
    assert scene.store.listens.without_listen() == ["a1"]
    assert scene.store.attempts.open_on("pbx1")["a2"].trunk == "lab"


def test_every_migration_can_be_taken_back_and_made_again(scene: Scene) -> None:
    database = at(scene, EARLIEST)
    head = tables.head(database)
    for number in range(1, int(head) + 1):
        revision = f"{number:04d}"
        command.upgrade(tables.config(database), revision)
        assert tables.revision(database) == revision
    assert database.is_current()


def test_what_is_current_is_left_alone(scene: Scene) -> None:
    done = run(scene, "migrate")
    assert done.exit_code == 0
    assert f"of revision {tables.head(scene.store.database)} already" in done.output


def test_the_command_says_from_which_revision_to_which(scene: Scene) -> None:
    database = at(scene, "0003")
    scene.store.close()
    done = run(scene, "migrate")
    assert (done.exit_code, done.output) == (0, f"tables brought from revision 0003 to {tables.head(database)}\n")


def test_status_tells_what_is_there(scene: Scene) -> None:
    [attempt] = scene.dialing(scene.campaign(7))
    told = json.loads(run(scene, "status", "--json").output)
    assert told["current"] is True
    assert told["contents"]["rows"] == {
        "contacts": 7, "campaigns": 1, "targets": 7, "attempts": 1, "listens": 0, "suppressions": 0,
    }  # fmt: skip
    assert (told["contents"]["first"], told["contents"]["last"]) == (attempt, attempt)
    assert told["contents"]["size_bytes"] > 100_000
    shown = run(scene, "status")
    assert shown.exit_code == 0
    assert "that of this version" in shown.output
    assert "called       from 20" in shown.output
    assert ("PostgreSQL" if scene.on_postgres else "SQLite") in shown.output


def test_status_of_older_tables_says_what_to_do(scene: Scene) -> None:
    at(scene, "0002")
    shown = run(scene, "status")
    assert shown.exit_code == 1
    assert "revision 0002, not that of this version" in shown.output
    assert "`ivr db migrate`" in shown.output


def test_looking_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "portevoix.toml").touch()
    done = CliRunner().invoke(cli, ["--config", str(tmp_path / "portevoix.toml"), "db", "status"])
    assert "there is no database yet" in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["portevoix.toml"]
    done = CliRunner().invoke(cli, ["--config", str(tmp_path / "portevoix.toml"), "db", "migrate"])
    assert "tables made" in done.output


def test_older_tables_are_not_changed_while_portevoix_is_up_here(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    database = at(scene, "0003")
    monkeypatch.setattr("ivr.adapters.supervisor.Supervisor.is_up", lambda _self: True)
    with pytest.raises(Refused, match="`ivr down` first"):
        migrating.bring_up_to_date(database, scene.settings)
    assert tables.revision(database) == "0003"
    assert migrating.bring_up_to_date(database, scene.settings, anyway=True) == ("0003", tables.head(database))


@ON_POSTGRES
def test_older_tables_are_not_changed_while_others_are_connected(
    scene: Scene, make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = at(scene, "0003")
    monkeypatch.setattr("ivr.adapters.store.postgres._our_name", lambda: "portevoix 0.0.9 elsewhere/7")
    other = make_scene()
    assert condition.others(database) == []
    other.rows("SELECT 1")
    assert condition.others(database) == ["portevoix 0.0.9 elsewhere/7"]
    monkeypatch.undo()
    with pytest.raises(Refused, match=r"portevoix 0\.0\.9 elsewhere/7.*--anyway"):
        migrating.migrate(scene.settings)
    other.store.close()


@ON_POSTGRES
def test_no_password_is_shown(scene: Scene, postgres: PostgresServer) -> None:
    url = scene.settings.database_url.replace("ivr@", "ivr:secret@") + "&sslmode=disable&passfile=/hidden"
    database = Database(url)
    shown = condition.shown_url(database)
    assert shown.startswith("postgresql://ivr:***@/t")
    assert shown.endswith("&sslmode=disable")
    assert "hidden" not in shown
    database.close()


@ON_SQLITE
def test_sqlite_is_shown_by_its_file(scene: Scene) -> None:
    assert condition.shown_url(scene.store.database) == f"sqlite:///{scene.settings.var_dir}/portevoix.db"


def _findings(settings: Settings) -> list[Any]:
    return doctoring.examine(settings, None, 1)


@ON_POSTGRES
@pytest.mark.parametrize(("change", "says"), [({"supported": False}, "too old"), ({"clock_ahead_ms": -3000}, "-3.0 s")])
def test_the_doctor_looks_at_the_server(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], says: str
) -> None:
    assert condition.server(scene.store.database).supported
    assert abs(condition.server(scene.store.database).clock_ahead_ms or 0) < 1000
    told: dict[str, Any] = {"name": "PostgreSQL", "version": "12.1", "supported": True, "clock_ahead_ms": 3} | change
    monkeypatch.setattr(condition, "server", lambda _database: condition.Server(**told))
    assert any(says in one.says for one in _findings(scene.settings) if one.weight == "wrong")


@ON_POSTGRES
def test_the_doctor_says_that_the_server_is_away(scene: Scene) -> None:
    away = settings_in(scene.settings.home, database={"url": "postgresql://ivr@127.0.0.1:9/x"})
    assert any("cannot be reached" in one.says for one in _findings(away))
