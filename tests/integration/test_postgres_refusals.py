"""What PostgreSQL refuses while connecting: a wrong setting is said to be one, all else is tried again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import exc, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from ivr.adapters.store import postgres as store_postgres
from ivr.adapters.store.engine import Database
from ivr.errors import BadSetting, IvrError, Permanent, StoreBusy
from tests.postgres import AS_NOBODY, As, PostgresServer, of_wheel, places, ways


@contextmanager
def opened(url: str) -> Iterator[Database]:
    with closing(Database(url, busy_timeout_s=0.5)) as database:
        yield database


def refusal(url: str) -> IvrError:
    with opened(url) as database, pytest.raises(IvrError) as raised, database.read() as connection:
        connection.execute(text("SELECT 1"))
    return raised.value


def test_a_wrong_login_is_a_wrong_setting(guarded: str) -> None:
    with opened(guarded) as database, database.read() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    for password in (":wrong", ""):
        error = refusal(guarded.replace(":right", password))
        assert isinstance(error, BadSetting)
        assert "check its user and password" in str(error)
        assert "wrong" not in str(error).replace("setting database.url: ", "")


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        (("/postgres?", "/nowhere?"), BadSetting, "`createdb`"),
        (("ivr@", "stranger@"), BadSetting, "check its user"),
        (("?", "?bogus=1&"), BadSetting, "bogus"),
        (("?host=", "?host=/nowhere"), StoreBusy, "cannot be reached"),
    ],
)
def test_what_is_wrong_with_the_url_is_said(
    postgres: PostgresServer, change: tuple[str, str], kind: type[IvrError], says: str
) -> None:
    error = refusal(postgres.url().replace(*change))
    assert type(error) is kind
    assert says in str(error)


def test_nobody_listening_is_temporary() -> None:
    assert isinstance(refusal("postgresql://ivr@127.0.0.1:9/x"), StoreBusy)


def test_every_connection_taken_is_temporary(guarded: str, postgres: PostgresServer) -> None:
    postgres.run("ALTER ROLE guarded CONNECTION LIMIT 1")
    try:
        with opened(guarded) as one, one.read() as connection:
            connection.execute(text("SELECT 1"))
            assert isinstance(refusal(guarded), StoreBusy)
    finally:
        postgres.run("ALTER ROLE guarded CONNECTION LIMIT -1")


@pytest.mark.parametrize("place", [places()[0], *of_wheel()[:1]], ids=["first", "wheel"])
@pytest.mark.parametrize("way", ways(), ids=lambda way: way.name)
def test_a_server_starts_in_every_way_there_is_here(place: Path, way: As) -> None:
    server = PostgresServer(place, way)
    try:
        server.start()
        assert server.run("SELECT 1") == [(1,)]
    finally:
        server.remove()


@pytest.mark.skipif(AS_NOBODY not in ways(), reason="only root can start it as another user")
def test_programs_that_another_user_cannot_read_are_copied(tmp_path: Path) -> None:
    [place, *_] = of_wheel()
    package = place.parent.parent
    hidden = tmp_path / package.name
    shutil.copytree(place.parent, hidden / place.parent.name)
    shutil.copytree(package.with_name(f"{package.name}.libs"), tmp_path / f"{package.name}.libs")
    tmp_path.chmod(0o700)
    server = PostgresServer(hidden / place.parent.name / place.name, AS_NOBODY)
    try:
        server.start()
        assert server.run("SELECT 1") == [(1,)]
    finally:
        server.remove()


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        ("40001", StoreBusy, "came in between"),
        ("40P01", StoreBusy, "waited for one another"),
        ("53100", StoreBusy, "disk is full"),
        ("53200", StoreBusy, "cannot be used now"),
        ("53300", StoreBusy, "no free connection"),
        ("55P03", StoreBusy, "stayed locked"),
        ("57014", StoreBusy, "too long"),
        ("57P01", StoreBusy, "cannot be used now"),
        ("57P03", StoreBusy, "cannot be used now"),
        ("58030", StoreBusy, "cannot be used now"),
        ("25006", StoreBusy, "standby"),
        ("42P01", StoreBusy, "`ivr db migrate`"),
        ("42501", Permanent, "GRANT"),
        ("XX001", Permanent, "damaged"),
    ],
)
def test_each_failure_of_the_server_has_its_word(code: str, kind: type[IvrError], says: str) -> None:
    raised = psycopg.errors.lookup(code)("the server's\n  own words")
    wrapped = exc.DBAPIError.instance("SELECT 1", {}, raised, psycopg.Error, dialect=PGDialect_psycopg())  # type: ignore[no-untyped-call]
    assert isinstance(wrapped, exc.DBAPIError)
    error = store_postgres.explain(wrapped)
    assert type(error) is kind
    assert says in str(error)
    assert "the server's own words" in str(error)


def test_a_broken_constraint_is_our_bug_and_stays_one() -> None:
    raised = psycopg.errors.lookup("23505")("duplicate key")
    wrapped = exc.DBAPIError.instance("INSERT", {}, raised, psycopg.Error, dialect=PGDialect_psycopg())  # type: ignore[no-untyped-call]
    assert isinstance(wrapped, exc.IntegrityError)
    assert store_postgres.explain(wrapped) is wrapped


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("FATAL:  la base de données « x » n'existe pas", BadSetting),
        ("FATAL:  authentification par mot de passe échouée pour l'utilisateur « x »", BadSetting),
        ("FATAL:  le rôle « x » n'existe pas", BadSetting),
        ("FATAL:  the database system is starting up", StoreBusy),
        ("server closed the connection unexpectedly", StoreBusy),
    ],
)
def test_the_server_may_speak_french_while_connecting(words: str, kind: type[IvrError]) -> None:
    raised = psycopg.OperationalError(words)
    wrapped = exc.DBAPIError.instance(None, None, raised, psycopg.Error, dialect=PGDialect_psycopg())  # type: ignore[no-untyped-call]
    assert isinstance(wrapped, exc.DBAPIError)
    assert type(store_postgres.explain(wrapped)) is kind
