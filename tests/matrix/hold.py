"""Processes made to stand still, so that at the instant of a fault there is somebody in every column."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Collection
from pathlib import Path
from types import TracebackType

import redis

from tests.matrix.installation import Installation
from tests.stack import wait_for

PAUSE_MS = 60_000


class Hold:
    """What stands still until the block ends; a process that is killed meanwhile simply is not there any more."""

    def __init__(self, up: Installation) -> None:
        self._up = up
        self._held: dict[str, int] = {}
        self._paused = False

    def __enter__(self) -> Hold:
        return self

    def __exit__(self, kind: type[BaseException] | None, what: BaseException | None, at: TracebackType | None) -> None:
        for name in list(self._held):  # first: a Redis that stands still lets us wait
            self.go_on(name)
        if self._paused:
            self.let_redis_write()

    def stop(self, name: str) -> None:
        """The process stands still."""
        pid = self._held[name] = self._up.signal(name, signal.SIGSTOP)
        wait_for(lambda: _state(pid) == "T", f"{name} to stand still", 2)

    def stop_idle(self, name: str, stale: Collection[bytes] = ()) -> None:
        """The worker stands still between two jobs: within one it might have the database's lock.

        stale: jobs that were handed to a worker which was killed before it began.
        """
        queue = name.partition("-")[0]

        def stopped() -> bool:
            self.stop(name)
            if not self._up.is_idle(name) or self._up.handed(queue) - set(stale):
                self.go_on(name)
            return name in self._held

        wait_for(stopped, f"{name} without a job", 10)

    def stop_unlocked(self, name: str) -> None:
        """The process stands still, and has not the database's lock: it would hold up everybody else."""

        def stopped() -> bool:
            self.stop(name)
            if not self._up.can_write():
                self.go_on(name)
            return name in self._held

        wait_for(stopped, f"{name} without the database's lock", 10)

    def go_on(self, name: str) -> None:
        """The process goes on, if it still is there."""
        pid = self._held.pop(name, 0)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def stop_writes_to_redis(self) -> None:
        """Who writes to Redis stands at that place; who only reads does not notice."""
        self._up.redis.client_pause(PAUSE_MS, all=False)
        self._paused = True

    def let_redis_write(self) -> None:
        """Who stood there goes on; who died there has written nothing."""
        self._paused = False
        with contextlib.suppress(redis.RedisError):
            self._up.redis.client_unpause()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
