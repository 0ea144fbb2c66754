"""The database: what it says when it cannot, what it keeps, and that its tables are those of the code."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from ivr.adapters.store import Store, schema, tables
from ivr.adapters.store.contacts import FileOrigin
from ivr.adapters.store.engine import Database
from ivr.adapters.store.suppressions import load_key
from ivr.errors import BadSetting, BadTransition, IvrError, Permanent, Refused, StoreBusy
from ivr.rules.records import Halt, Message
from ivr.rules.states import CampaignState
from ivr.usecases import contacts
from ivr.usecases.recording import end_result, listen_result, record
from tests.integration.scene import ON_POSTGRES, ON_SQLITE, Scene, listen, settings_in
from tests.postgres import PostgresServer

NOW_MS = 1_000


def test_the_migrations_make_the_tables_of_the_code(scene: Scene) -> None:
    with scene.store.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"render_as_batch": True})
        assert compare_metadata(context, schema.metadata) == []
        catalogue = (
            "indexdef FROM pg_indexes WHERE indexname" if scene.on_postgres else "sql FROM sqlite_master WHERE name"
        )
        made = str(connection.execute(text(f"SELECT {catalogue} = 'uq_attempts_open_target'")).scalar_one())
    assert "UNIQUE" in made
    assert all(f"'{state}'" in made for state in ("claimed", "dialing", "answered"))


def test_migrating_again_or_at_once_changes_nothing(tmp_path: Path) -> None:
    stores = [Store(settings_in(tmp_path)) for _ in range(3)]
    failed: list[BaseException] = []

    def migrate(store: Store) -> None:
        try:
            store.migrate()
        except BaseException as error:
            failed.append(error)

    migrate(stores[0])  # alembic's own context is of one thread; three processes do it in test_cli_errors.py
    for store in stores:
        migrate(store)
    assert failed == []
    assert all(store.database.is_current() for store in stores)
    for store in stores:
        store.close()


def test_a_database_of_a_later_version_is_refused(scene: Scene) -> None:
    with scene.store.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert not scene.store.database.is_current()
    with pytest.raises(Permanent, match="another version"):
        scene.store.migrate()


def test_calls_without_a_listen_are_known_after_the_migration(scene: Scene) -> None:
    """Of a database from before the table `unheard`: its calls whose listen was not recorded then are still missed."""
    heard, silent, busy, live = scene.dialing(scene.campaign(4), 4)
    ends = [end_result(one, "answered", 90) for one in (heard, silent)] + [end_result(busy, "busy", 90)]
    record([*ends, listen_result(listen(heard))], scene.store)
    command.downgrade(tables.config(scene.store.database), "0001")
    scene.store.migrate()
    assert scene.store.database.is_current()
    assert scene.store.listens.without_listen(91) == [silent]
    record([listen_result(listen(silent)), end_result(live, "answered", 95)], scene.store)
    assert scene.store.listens.without_listen() == [live]


@ON_SQLITE
def test_commits_survive_a_power_cut(scene: Scene) -> None:
    with scene.store.database.read() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


@ON_POSTGRES
def test_commits_survive_a_power_cut_whatever_the_server_usually_does(scene: Scene, postgres: PostgresServer) -> None:
    assert postgres.run("SHOW synchronous_commit") == [("off",)]
    with scene.store.database.write() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"


def test_a_reader_sees_one_moment_and_holds_up_no_writer(scene: Scene, make_scene: Callable[..., Scene]) -> None:
    campaign, other = scene.campaign(2), make_scene()
    count = text("SELECT count(*) FROM targets WHERE state = 'due'")
    with scene.store.database.read() as connection:
        assert connection.execute(count).scalar() == 2
        assert len(other.claim(campaign, 1)) == 1
        assert connection.execute(count).scalar() == 2
    assert scene.store.campaigns.books(campaign.id).due == 1


@ON_SQLITE
def test_writers_wait_for_one_another(scene: Scene, make_scene: Callable[..., Scene]) -> None:
    """A transaction that reads and then writes must hold the lock from its first word, or it fails half-way."""
    others, start = [make_scene() for _ in range(4)], threading.Barrier(4)
    failed: list[BaseException] = []
    scene.campaign(1)

    def add(database: Database) -> None:
        start.wait()
        try:
            for _ in range(25):
                with database.write() as connection:
                    now = connection.execute(text("SELECT claimed FROM counter")).scalar_one()
                    connection.execute(text("UPDATE counter SET claimed = :n"), {"n": now + 1})
        except BaseException as error:
            failed.append(error)

    with scene.store.database.write() as connection:
        connection.execute(text("CREATE TABLE counter AS SELECT 0 AS claimed"))
    threads = [threading.Thread(target=add, args=(other.store.database,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert scene.rows("SELECT claimed FROM counter") == [(100,)]


@pytest.mark.parametrize(
    ("url", "error"),
    [("nonsense", BadSetting), ("mysql://x/y", BadSetting), ("postgresql+nodriver://x/y", BadSetting)],
)
def test_a_bad_url_is_refused_by_its_setting(url: str, error: type[IvrError]) -> None:
    with pytest.raises(error, match=r"setting database\.url"):
        Database(url)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "portevoix.db").write_bytes(b"hello " * 1000)
    store = Store(settings_in(tmp_path))
    with pytest.raises(Permanent, match=r"setting database\.url"):
        store.campaigns.running()
    store.close()


def test_no_error_of_sqlalchemy_leaves_the_store(tmp_path: Path) -> None:
    store = Store(settings_in(tmp_path))
    with pytest.raises(StoreBusy, match="no such table"):
        store.campaigns.running()
    store.close()


def test_errors_hide_the_numbers(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    row = {"id": 1, "number": "+33612345678", "line_type": "mobile", "imported_at_ms": 1}
    with scene.store.database.write() as connection, pytest.raises(IntegrityError, match="hidden") as error:
        connection.execute(schema.contacts.insert(), [row, row])
    assert "612345678" not in str(error.value)


def test_the_suppression_key_is_one_and_private(tmp_path: Path) -> None:
    path, keys, start = tmp_path / "keys" / "k", set(), threading.Barrier(4)

    def load() -> None:
        start.wait()
        keys.add(load_key(path))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 1
    assert path.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in path.parent.iterdir()] == ["k"]


def test_importing_the_same_file_twice_at_once_makes_one_batch(scene: Scene, make_scene: Callable[..., Scene]) -> None:
    origin = FileOrigin("people", "people.csv", "a" * 64)
    people = [("+33612345678", "mobile"), ("+33612345679", "mobile")]
    first = scene.store.contacts.import_batch(origin, iter(people), lambda: 1, 5)
    second = make_scene().store.contacts.import_batch(origin, iter(people), lambda: 1, 6)
    assert second == first
    assert scene.store.contacts.count() == 2
    assert len(scene.store.contacts.batches()) == 1


def test_a_batch_name_that_is_taken_gets_another(scene: Scene) -> None:
    add = scene.store.contacts.import_batch
    names = [
        add(FileOrigin("people", "p.csv", digest * 64), iter([("+33612345678", "mobile")]), lambda: 0, 5).name
        for digest in "abc"
    ]
    assert names == ["people", "people-bbbbbbbb", "people-cccccccc"]
    assert scene.store.contacts.count() == 1


def test_the_longest_names_of_all_are_kept(scene: Scene, tmp_path: Path) -> None:
    """Three files of one name, as long as a file's can be: PostgreSQL keeps no more characters than it was told."""
    stem = "n" * 250
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / f"{stem}.csv").write_text(f"telephone\n061234567{number}\n")
        contacts.import_file(scene.store, scene.settings, folder / f"{stem}.csv")
    names = [batch.name for batch in scene.store.contacts.batches()]
    assert len(set(names)) == 3
    assert all(name.startswith("n" * contacts.LONGEST_NAME) for name in names)


def test_an_import_that_fails_leaves_nothing(scene: Scene) -> None:
    def people() -> object:
        yield ("+33612345678", "mobile")
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        scene.store.contacts.import_batch(FileOrigin("p", "p.csv", "a" * 64), people(), lambda: 0, 5)  # type: ignore[arg-type]
    assert (scene.store.contacts.count(), scene.store.contacts.batches()) == (0, [])


def test_a_message_name_stands_for_one_recording(scene: Scene) -> None:
    message = Message(0, "hello", "s" * 64, 4000, "hello.wav", "0" * 64)
    first = scene.store.messages.add(message, 1)
    assert scene.store.messages.add(message, 2) == first
    with pytest.raises(Refused, match="another recording"):
        scene.store.messages.add(Message(0, "hello", "t" * 64, 4000, "hello.wav", "1" * 64), 3)


def test_a_campaign_moves_only_along_the_table(scene: Scene) -> None:
    campaign = scene.campaign(1)
    move = scene.store.campaigns.move
    with pytest.raises(BadTransition, match="is running; it cannot become running"):
        move(campaign, CampaignState.RUNNING, 9)
    move(campaign, CampaignState.PAUSED, 10)
    with pytest.raises(BadTransition):
        move(campaign, CampaignState.FINISHED, 11)  # what the caller read before is not what counts
    move(campaign, CampaignState.STOPPED, 12)
    with pytest.raises(BadTransition):
        move(campaign, CampaignState.RUNNING, 13)
    after = scene.store.campaigns.named(campaign.name)
    assert (after.started_at_ms, after.finished_at_ms) == (2, 12)


def test_a_campaign_is_changed_while_it_runs_and_not_when_it_is_over(scene: Scene) -> None:
    campaign = scene.campaign(1)
    changed = scene.store.campaigns.change(campaign.id, rate_cps=2.5, weight=3.0, priority=1, expires_at_ms=99)
    assert (changed.rate_cps, changed.weight, changed.priority, changed.expires_at_ms) == (2.5, 3.0, 1, 99)
    assert scene.store.campaigns.change(campaign.id, expires_at_ms=None).expires_at_ms is None
    assert scene.store.campaigns.running() == [scene.store.campaigns.change(campaign.id)]
    scene.store.campaigns.move(campaign, CampaignState.STOPPED, 9)
    with pytest.raises(BadTransition, match="stopped"):
        scene.store.campaigns.change(campaign.id, rate_cps=9.0)
    assert scene.store.campaigns.named(campaign.name).rate_cps == 2.5


def test_calls_to_be_ended_at_once_are_told_of_whatever_the_state(scene: Scene) -> None:
    running, stopped, other = scene.campaign(1), scene.campaign(1), scene.campaign(1)
    scene.store.campaigns.move(stopped, CampaignState.STOPPED, 9)
    scene.store.campaigns.release_calls(running.id, 100)
    scene.store.campaigns.release_calls(stopped.id, 200)
    pulse = scene.store.pulse(NOW_MS, 100)
    assert pulse.campaign_release_ms == {running.id: 100, stopped.id: 200}
    assert [one.id for one in pulse.running] == [running.id, other.id]
    assert scene.store.pulse(NOW_MS, 101).campaign_release_ms == {stopped.id: 200}


def test_it_is_told_which_running_campaigns_have_somebody_who_is_due(scene: Scene) -> None:
    fresh, later, done, paused = scene.campaign(1), scene.campaign(1), scene.campaign(1), scene.campaign(1)
    scene.dialing(done)
    scene.store.campaigns.move(paused, CampaignState.PAUSED, 9)
    with scene.store.database.write() as connection:
        targets = schema.targets
        connection.execute(targets.update().where(targets.c.campaign_id == later.id).values(due_at_ms=NOW_MS + 1))
    assert scene.store.pulse(NOW_MS, 0).due == {fresh.id}
    assert scene.store.pulse(NOW_MS + 1, 0).due == {fresh.id, later.id}


def test_a_halt_may_ask_for_the_calls_to_be_ended(scene: Scene) -> None:
    halts = scene.store.halts
    halts.release_calls(5)
    assert halts.release_at_ms() is None, "without a halt there is nothing to release"
    halts.begin(Halt(10, "me", ""))
    assert halts.release_at_ms() is None
    assert scene.store.pulse(NOW_MS, 0).release_ms == 0
    halts.release_calls(20)
    assert (halts.release_at_ms(), scene.store.pulse(NOW_MS, 0).release_ms) == (20, 20)
    halts.end("me", 30)
    assert (halts.release_at_ms(), scene.store.pulse(NOW_MS, 0).release_ms) == (None, 0)
