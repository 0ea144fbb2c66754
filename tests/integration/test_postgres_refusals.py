"""What PostgreSQL refuses while connecting: a wrong setting is said to be one, all else is tried again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from ivr.adapters.store.engine import Database
from ivr.errors import BadSetting, IvrError, StoreBusy
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
