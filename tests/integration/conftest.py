"""A migrated database per test, copied from one that was migrated once; a real Redis per session, emptied per test.

What uses `scene` or `make_scene` runs twice: on SQLite and on PostgreSQL. `ON_SQLITE` and `ON_POSTGRES` (in scene.py)
are for the few tests that are about one of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ivr.adapters.pbx import programs
from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.adapters.store.engine import Database
from ivr.errors import NotReady
from ivr.settings import Settings
from tests.integration.scene import Scene, settings_in, wait_for
from tests.postgres import PostgresServer


class RedisServer:
    """A Redis on a socket that can be killed and started again, with its data or without."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self._folder = folder
        self._program = programs.find("redis-server", cache)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{folder / 'redis.sock'}"

    def start(self) -> None:
        options = {"--port": "0", "--unixsocket": str(self._folder / "redis.sock"), "--dir": str(self._folder)}
        options |= {"--save": "", "--appendonly": "no"}
        argv = self._program.argv(*[part for option in options.items() for part in option])
        env = os.environ | self._program.env()
        self._process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_for(self._answers, "Redis")

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        queues = Queues(self.url)
        try:
            queues.ping()
        except NotReady:
            return False
        finally:
            queues.close()
        return True


def _server(folder: Path) -> RedisServer:
    return RedisServer(folder, Settings(home=folder).cache_dir)


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = _server(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test alone, running, which it may kill."""
    folder = tmp_path / "r"
    folder.mkdir()
    server = _server(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def queues(shared_redis: RedisServer) -> Iterator[Queues]:
    """An empty Redis."""
    opened = Queues(shared_redis.url)
    opened._redis.flushall()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = settings_in(tmp_path_factory.mktemp("template"))
    _migrate(settings)
    return settings.var_dir / "portevoix.db"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL with a migrated database `template`."""
    server = PostgresServer()
    try:
        server.start()
        server.run("CREATE DATABASE template")
        _migrate(settings_in(Path("/nowhere"), database={"url": server.url("template")}))
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def guarded(postgres: PostgresServer) -> str:
    """A URL whose user needs a password."""
    postgres.run("CREATE ROLE guarded LOGIN PASSWORD 'right'")
    postgres.guard("guarded")
    return postgres.url().replace("ivr@", "guarded:right@")


def _migrate(settings: Settings) -> None:
    database = Database(settings.database_url)
    database.migrate()
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], str]]:
    """Makes migrated databases, for a var folder each; returns the setting database.url."""
    made: list[str] = []

    def on_sqlite(var_dir: Path) -> str:
        var_dir.mkdir(parents=True)
        shutil.copy(request.getfixturevalue("empty_sqlite"), var_dir / "portevoix.db")
        return ""

    def on_postgres(var_dir: Path) -> str:
        var_dir.mkdir(parents=True)
        made.append(request.getfixturevalue("postgres").create("template"))
        return made[-1]

    yield on_sqlite if request.param == "sqlite" else on_postgres
    for url in made:
        request.getfixturevalue("postgres").drop(url)


@pytest.fixture
def make_scene(tmp_path: Path, new_database: Callable[[Path], str]) -> Iterator[Callable[..., Scene]]:
    """Makes an installation's books with other settings than usual; more than one are the same books."""
    opened: list[Store] = []
    url = new_database(settings_in(tmp_path).var_dir)

    def make(redis_url: str = "", database: dict[str, object] | None = None, **changes: object) -> Scene:
        settings = settings_in(tmp_path, redis_url, database={"url": url} | (database or {}), **changes)
        opened.append(Store(settings))
        return Scene(settings, opened[-1])

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def scene(make_scene: Callable[..., Scene]) -> Scene:
    return make_scene()
