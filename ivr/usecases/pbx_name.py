"""The name of a PBX is one controller's at a time: two that shared it would each send its whole part.

On one machine a lock on a file tells; between machines the beats in the database do. Who was killed is followed at once
on the machine where it ran.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from ivr.adapters.store.pbxs import LEFT, Decide, Pbxs
from ivr.errors import NameTaken
from ivr.rules.records import PbxBeat
from ivr.settings import Settings

WATCH_S = 2.5
"""A name whose beats were another machine's is free when they stand still for this long."""
SESSION_BITS = 20
"""The lower bits of a beat count; those above them are the process'."""


class PbxName:
    """One controller's hold of its PBX's name."""

    def __init__(self, settings: Settings, pbxs: Pbxs) -> None:
        self._name, self._pbxs = settings.pbx.name, pbxs
        self._path: Path = settings.state_dir / f"controller-{self._name}.lock"
        self._file = -1
        self._beat: int | None = None
        self._next = (1 + secrets.randbits(40)) << SESSION_BITS

    async def take(self) -> None:
        """The name is ours from now on. Raises NameTaken while another controller has it."""
        before = self._lock()
        try:
            await self._wait_until_free(before)
        except BaseException:
            self._unlock()
            raise
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(self._next >> SESSION_BITS).encode(), 0)

    async def _wait_until_free(self, before: int) -> None:
        found = await asyncio.to_thread(self._found)
        if found not in {None, LEFT} and (found or 0) >> SESSION_BITS != before:
            await asyncio.sleep(WATCH_S)
            if await asyncio.to_thread(self._found) != found:
                raise NameTaken(f"another controller runs under the name {self._name}: give each its own pbx.name")
        self._beat = found

    def beat(self, me: PbxBeat, scopes: Collection[str], decide: Decide) -> None:
        """One beat has been written down. Raises NameTaken if another controller beats under the name."""
        self._pbxs.beat(replace(me, beat=self._next), self._beat, scopes, decide)
        self._beat, self._next = self._next, self._next + 1

    def leave(self) -> None:
        """The name is free, and nothing is held under it."""
        try:
            if self._beat is not None and self._found() == self._beat:
                self._pbxs.leave(self._name)
        finally:
            self._unlock()

    def _unlock(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _found(self) -> int | None:
        return next((row.beat for row in self._pbxs.all() if row.name == self._name), None)

    def _lock(self) -> int:
        """The session that beat here last, 0 if none did."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NameTaken(f"a controller of {self._name} runs already with this var folder") from None
        text = os.pread(self._file, 40, 0).decode("ascii", "replace")
        return int(text) if text.isdecimal() else 0
