"""The installation of the matrix: a whole one with product defaults, a carrier that takes 20 calls a second, and every
process within reach.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import redis

from ivr.adapters import orphans
from ivr.adapters.store import Store
from ivr.errors import Temporary
from ivr.rules.segments import Segment
from ivr.settings import Settings, load
from ivr.usecases import health, running
from tests.matrix.ami_link import AmiLink
from tests.stack import Stack, alive, running_stack, wait_for

PEOPLE = int(os.environ.get("MATRIX_PEOPLE", "600"))
RATE_CPS = float(os.environ.get("MATRIX_RATE", "20"))
LIVE = int(os.environ.get("MATRIX_LIVE", "200"))
"""A slow machine may be asked for less; the matrix is what these defaults say."""

LENGTHS_MS = {Segment.PREROLL: 1500, Segment.MESSAGE: 10_000, Segment.NOTICE: 2500, Segment.CONFIRMATION: 1000}
SETTINGS = """\
var = "."
[pbx]
sip_port = 0
ami_port = 0
agi_port = 0
rtp_first = {{rtp}}
rtp_last = {{rtp_last}}
channels = 400
[calls]
pause_above_alarm = false
ring_timeout_s = 8
grace_s = 1.0
[lab]
enabled = true
[trunks.lab]
host = "127.0.0.1:0"
rate_cps = {rate}
channels = 400
caller_id = "+33199000000"
"""
SIPP = "sipp"


@dataclass
class Installation:
    """Everything of one folder, up; the controller speaks to Asterisk through `ami`."""

    stack: Stack
    ami: AmiLink
    redis: redis.Redis

    @property
    def settings(self) -> Settings:
        return self.stack.settings

    @property
    def store(self) -> Store:
        return self.stack.store

    def pid(self, name: str) -> int:
        """The process of that name now; 0 if there is none. `sipp`: the one that answers the calls."""
        if name != SIPP:
            pid = self.stack.pid(name)
            return orphans.kept_by(pid) or pid
        carrier = self.pid("carrier")
        children = Path(f"/proc/{carrier}/task/{carrier}/children").read_text().split() if carrier else []
        return next((int(child) for child in children if b"scenario.xml" in _command(child)), 0)

    def boss(self) -> int:
        """The supervisor's process."""
        return int((self.settings.state_dir / "supervisord.pid").read_text())

    def signal(self, name: str, number: signal.Signals) -> int:
        """The process got the signal; which it was."""
        pid = self.pid(name)
        assert pid, f"{name} does not run"
        os.kill(pid, number)
        return pid

    def handed(self, queue: str) -> set[bytes]:
        """The jobs of the queue that wait, or were handed to a worker that has not begun, also to one killed."""
        keys = (f"rq:queue:{queue}", f"rq:queue:{queue}:intermediate")
        return {job for key in keys for job in cast("list[bytes]", self.redis.lrange(key, 0, -1))}

    def is_idle(self, name: str) -> bool:
        """Whether the RQ worker of that name says that it does nothing."""
        mine = f"rq:worker:{self.settings.pbx.name}-{name.partition('-')[0]}-{self.pid(name)}-*"
        return [self.redis.hget(key, "state") for key in self.redis.scan_iter(mine, _type="hash")] == [b"idle"]

    def processes(self) -> dict[str, list[int]]:
        """Every process that any supervisor of this folder ever started and that lives, by name."""
        found: dict[str, list[int]] = {}
        for pid, name in orphans.find(f"unix://{self.settings.run_dir / 'supervisor.sock'}").items():
            if not orphans.kept_by(pid):
                found.setdefault(name, []).append(pid)
        return found

    def kill(self, name: str) -> None:
        """Kill -9."""
        pid = self.signal(name, signal.SIGKILL)
        wait_for(lambda: not alive(pid), f"the end of {name}", 5)

    @contextlib.contextmanager
    def database_locked(self, patience_s: float = 5.0) -> Iterator[None]:
        """Nobody else writes; an error if that is not to be had in that time."""
        if not self.settings.database.url:
            with self.stack.database_locked(patience_s):
                yield
            return
        tables = "LOCK TABLE targets, attempts IN EXCLUSIVE MODE"
        with self.store.database.write() as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, int(patience_s * 1000))}")
            connection.exec_driver_sql(tables)
            yield

    def can_write(self) -> bool:
        """Whether nobody has the database's lock just now."""
        try:
            with self.database_locked(0.0):
                return True
        except (sqlite3.OperationalError, Temporary):
            return False

    def suspend(self) -> list[int]:
        """Every process but the far end's stands still; which they are."""
        pids = [pid for name, pids in self.processes().items() if name != "carrier" for pid in pids]
        for pid in (self.boss(), *pids):
            os.kill(pid, signal.SIGSTOP)
        return [*pids, self.boss()]

    def resume(self, pid: int) -> None:
        """A process that stood still goes on."""
        os.kill(pid, signal.SIGCONT)

    def works(self) -> bool:
        """Every part runs and shows that it works."""
        return health.supervisor(self.settings).is_up() and all(part.works for part in health.status(self.settings))

    def up_again(self) -> None:
        """`ivr up`. The controller then reaches Asterisk without `ami`, until `listen_in`."""
        if self._ami_port() == self.ami.port:
            self._set_ami_port(self.ami.far_port)
        running.up(self.settings, lambda _: None)

    def listen_in(self) -> None:
        """The controller reaches Asterisk's manager through `ami`."""
        if self._ami_port() != self.ami.port:
            self.ami.far_port = self._ami_port()
            self._set_ami_port(self.ami.port)
            health.supervisor(self.settings).stop_process("controller")
            self.stack.begin("controller")

    def _ami_port(self) -> int:
        return load(self.settings.resolved_file).pbx.ami_port

    def _set_ami_port(self, port: int) -> None:
        resolved = load(self.settings.resolved_file)
        changed = resolved.model_copy(update={"pbx": resolved.pbx.model_copy(update={"ami_port": port})})
        self.settings.resolved_file.write_text(changed.model_dump_json(), encoding="utf-8")


def _command(pid: str) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@contextlib.contextmanager
def installation(folder: Path, more: str = "") -> Iterator[Installation]:
    """An installation in `folder`; afterwards nothing of it runs. more: settings beside those of the matrix."""
    with running_stack(folder, more, text=SETTINGS.format(rate=RATE_CPS), lengths_ms=LENGTHS_MS) as stack:
        link = AmiLink(0)
        with contextlib.closing(redis.Redis.from_url(stack.settings.redis_url)) as client:
            up = Installation(stack, link, client)
            try:
                yield up
            finally:
                link.close()
