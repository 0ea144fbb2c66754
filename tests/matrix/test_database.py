"""The database is locked, or its server restarts: calls go on, results and stops wait, nothing is done twice."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from tests.matrix.conftest import Matrix, at_peace
from tests.matrix.installation import Installation, installation
from tests.postgres import PostgresServer, places, ways
from tests.stack import wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(300)]

LOCKED_S = 10.0


def test_database_locked(matrix: Matrix) -> None:
    with matrix.scene("database: locked for 10 s") as scene:
        with scene.frozen():
            pass
        with matrix.up.database_locked():
            until_s = time.monotonic() + LOCKED_S
            wait_for(lambda: time.monotonic() > until_s, "the end of 10 s", LOCKED_S + 5)
        scene.wait_back(time.monotonic())
        matrix.close(scene)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    if not places() or not ways():
        pytest.skip("no PostgreSQL on this machine, and none that can be started")
    server = PostgresServer(durable=True)
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def _on_postgres(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    more = f'[database]\nurl = "{postgres.create()}"\n'
    with installation(tmp_path_factory.mktemp("matrix-pg"), more) as up:
        yield up


@pytest.fixture
def on_postgres(_on_postgres: Installation) -> Iterator[Matrix]:
    yield from at_peace(_on_postgres)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restarted", "crashed"])
def test_postgresql(on_postgres: Matrix, postgres: PostgresServer, how: signal.Signals) -> None:
    """SIGINT is an orderly restart, SIGQUIT leaves what a crash leaves."""
    name = {signal.SIGINT: "restart", signal.SIGQUIT: "crash and restart"}[how]
    with on_postgres.scene(f"PostgreSQL: {name}") as scene:
        with scene.frozen():
            postgres.stop(how)
        postgres.start()
        scene.wait_back(time.monotonic())
        on_postgres.close(scene)
