"""PostgreSQL as a part that fails: each failure has its own word, and nothing but a wrong setting is for ever."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy import text

from ivr.adapters.store import Store, locks, postgres
from ivr.adapters.store.engine import Database
from ivr.errors import IvrError, Permanent, StoreBusy
from ivr.usecases import campaigns
from tests.integration.scene import ON_POSTGRES, Scene, wait_for
from tests.postgres import PostgresServer

pytestmark = ON_POSTGRES

MakeScene = Callable[..., Scene]


@pytest.mark.parametrize("form", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_form_of_the_url_is_understood(scene: Scene, form: str) -> None:
    with closing(Database(scene.settings.database_url.replace("postgresql", form))) as database:
        assert database.is_current()


def test_the_urls_own_options_hold_beside_ours(scene: Scene) -> None:
    url = scene.settings.database_url + "&options=-c%20work_mem%3D5MB%20-c%20synchronous_commit%3Doff"
    with closing(Database(url, busy_timeout_s=0.5)) as database, database.write() as connection:
        assert connection.execute(text("SHOW work_mem")).scalar() == "5MB"
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
        assert connection.execute(text("SHOW lock_timeout")).scalar() == "500ms"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_after_a_restart_the_next_question_is_answered(
    scene: Scene, postgres: PostgresServer, how: signal.Signals
) -> None:
    attempts = scene.claim(scene.campaign(3), 3)
    assert scene.begin(attempts[0])
    postgres.stop(how)
    try:
        with pytest.raises(StoreBusy):
            scene.begin(attempts[1])
        with pytest.raises(StoreBusy):
            scene.store.campaigns.running()
    finally:
        postgres.start()
    assert scene.begin(attempts[1])
    assert scene.states() == {attempts[0]: "dialing", attempts[1]: "dialing", attempts[2]: "claimed"}


def test_a_restart_within_a_transaction_is_temporary(scene: Scene, postgres: PostgresServer) -> None:
    scene.campaign(1)

    def written() -> None:
        with scene.store.database.write() as connection:
            connection.execute(text("UPDATE targets SET rule = 'x'"))
            postgres.restart()
            connection.execute(text("UPDATE targets SET rule = 'y'"))

    with pytest.raises(StoreBusy):
        written()
    assert scene.rows("SELECT rule FROM targets") == [("",)]


def test_a_server_lost_at_the_commit_is_temporary(scene: Scene, postgres: PostgresServer) -> None:
    scene.campaign(1)

    def written() -> None:
        with scene.store.database.write() as connection:
            connection.execute(text("UPDATE targets SET rule = 'x'"))
            postgres.restart(signal.SIGQUIT)

    with pytest.raises(StoreBusy):
        written()


def test_two_who_wait_for_one_another_are_temporary(scene: Scene) -> None:
    scene.campaign(2)
    first, second = (row[0] for row in scene.rows("SELECT id FROM targets ORDER BY id"))
    met, failed = threading.Barrier(2), []

    def move(one: int, other: int) -> None:
        try:
            with scene.store.database.write() as connection:
                connection.execute(text("UPDATE targets SET rule = 'x' WHERE id = :id"), {"id": one})
                met.wait()
                connection.execute(text("UPDATE targets SET rule = 'x' WHERE id = :id"), {"id": other})
        except IvrError as error:
            failed.append(error)

    threads = [threading.Thread(target=move, args=ids) for ids in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in failed] == [StoreBusy]


def test_a_transaction_of_somebody_who_stands_still_is_ended(
    scene: Scene, make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was suspended while it held a lock: the others do not wait for it for ever."""
    monkeypatch.setattr(postgres, "IDLE_S", 1)
    still = make_scene()
    attempt = scene.claim(scene.campaign(1), 1)[0]

    def stand_still() -> None:
        with still.store.database.write() as connection:
            locks.changing_answers(connection)
            assert scene.begin(attempt), "had once the other's transaction was ended"
            connection.execute(text("SELECT 1"))

    with pytest.raises(StoreBusy):
        stand_still()


def test_a_reader_may_take_its_time(scene: Scene, make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """It locks nothing; making a large report of what was read takes a while."""
    monkeypatch.setattr(postgres, "IDLE_S", 1)
    reader = make_scene()
    with reader.store.database.read() as connection:
        assert connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar() == "0"
    with reader.store.database.write() as connection:
        assert connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar() == "1s"


def test_a_user_who_may_not_is_told_so(scene: Scene, guarded: str) -> None:
    name = scene.settings.database_url.partition("?")[0].rpartition("/")[2]
    with (
        closing(Database(guarded.replace("/postgres?", f"/{name}?"))) as database,
        pytest.raises(Permanent, match="GRANT"),
        database.read() as connection,
    ):
        connection.execute(text("SELECT * FROM targets"))


def test_a_pause_waits_for_who_was_told_yes(scene: Scene, make_scene: MakeScene) -> None:
    """Nobody who was told yes before the pause commits after it: the Gate's answers hold to the end of who asked."""
    campaign = scene.campaign(1)
    other, paused = make_scene(), threading.Event()

    def pause() -> None:
        campaigns.pause(other.store, campaign.name)
        paused.set()

    with scene.store.database.write() as connection:
        locks.asking(connection)
        thread = threading.Thread(target=pause)
        thread.start()
        wait_for(lambda: waiting(scene), "the pause's turn")
        assert not paused.is_set()
    thread.join(10)
    assert paused.is_set()


def waiting(scene: Scene) -> bool:
    return scene.rows("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") != []


def test_the_targets_are_swept_long_before_a_fifth_of_them_is_dead(scene: Scene) -> None:
    """Measured: 100,000 claims without a sweep make each claim of 50 a millisecond longer."""
    [(options,)] = scene.rows("SELECT reloptions FROM pg_class WHERE relname = 'targets'")
    assert options == ["autovacuum_vacuum_scale_factor=0.02"]


def test_two_claims_at_once_do_not_wait_for_one_another(scene: Scene, make_scene: MakeScene) -> None:
    campaign, other = scene.campaign(300), make_scene(database={"busy_timeout_s": 0.2})
    asked: list[int] = []
    ask = scene.ask()

    def slow(dialable: object) -> object:
        if not asked:
            asked.append(len(other.claim(campaign, 50)))
        return ask(dialable)  # type: ignore[arg-type]

    scene.ask = lambda _=None: slow  # type: ignore[method-assign, assignment, return-value]
    assert len(scene.claim(campaign, 50)) == 50
    assert asked == [50]
    targets = scene.rows("SELECT target_id FROM attempts")
    assert len(set(targets)) == 100


def test_an_sqlalchemy_store_closes_its_connections(scene: Scene, postgres: PostgresServer) -> None:
    store = Store(scene.settings)
    store.campaigns.running()
    name = scene.settings.database_url.partition("?")[0].rpartition("/")[2]
    count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND application_name LIKE 'portevoix%'"  # noqa: S608
    before = postgres.run(count)[0][0]
    store.close()
    wait_for(lambda: postgres.run(count)[0][0] < before, "the end of its connections")
