"""Recordings on their way to become messages: each in a folder of its own, with a ticket that says how it stands.

The folder holds all that is needed, so that losing Redis costs delay and no recording.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from ivr.adapters.files import FORGOTTEN_S, this_process, unwritable, write_whole
from ivr.errors import NotFound

KEPT_S = 7 * 24 * 3600
_ID = re.compile(r"[0-9a-f]{32}")


class Standing(StrEnum):
    """How a recording stands."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


OPEN = (Standing.WAITING, Standing.WORKING)


@dataclass(frozen=True, slots=True)
class Ticket:
    """One recording that was sent in.

    name: of the message it is to become. said: what its uploader says of it. why: the sentence when it was refused or
    failed, with the name of the finding. tries: how often its preparation began. worker: the process that did last.
    """

    id: str
    name: str
    file_name: str
    said: Mapping[str, Any] = field(default_factory=dict)
    standing: Standing = Standing.WAITING
    why: str = ""
    finding: str = ""
    tries: int = 0
    worker: str = ""
    at_ms: int = 0


class Incoming:
    """The folder of one installation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, recording: Path, name: str, file_name: str, said: Mapping[str, Any]) -> Ticket:
        """The file `recording` was moved here and has a ticket; it must be on the same file system.

        Raises Temporary when there is no room; then it is not here.
        """
        ticket = Ticket(secrets.token_hex(16), name, file_name, said, at_ms=int(time.time() * 1000))
        content = self.content(ticket)
        try:
            content.parent.mkdir(parents=True, mode=0o700)
            os.replace(recording, content)
            self._write(ticket)
        except BaseException as error:  # without a ticket nobody would ever look after it
            shutil.rmtree(self._folder / ticket.id, ignore_errors=True)
            if isinstance(error, OSError):
                raise unwritable(self._folder, error) from None
            raise
        return ticket

    def content(self, ticket: Ticket) -> Path:
        """Where the recording itself is, under the name as it may be shown."""
        return self._folder / ticket.id / "file" / ticket.file_name

    def ticket(self, upload_id: str) -> Ticket:
        """How that recording stands, or NotFound."""
        try:
            facts = json.loads(self._path(upload_id).read_text(encoding="utf-8"))
            return Ticket(**facts | {"standing": Standing(facts["standing"])})
        except (OSError, ValueError, TypeError, KeyError):
            raise NotFound(f"no recording was sent in under {upload_id[:40]!r}, or it was long ago") from None

    def moved(self, ticket: Ticket, standing: Standing, why: str = "", finding: str = "") -> Ticket:
        """The recording stands so; one that is over has no file any more."""
        begins = standing is Standing.WORKING
        worker = this_process() if begins else ticket.worker
        tries = ticket.tries + begins
        changed = replace(ticket, standing=standing, why=why, finding=finding, tries=tries, worker=worker)
        self._write(changed)
        if standing not in OPEN:
            self._drop(ticket)
        return changed

    def open(self) -> list[Ticket]:
        """Those that are not over, oldest first; nothing is kept of the others but their tickets, for a week."""
        self._drop_ticketless()
        found = []
        for folder in sorted(self._folder.glob("*/ticket.json")):
            ticket = self.ticket(folder.parent.name)
            if ticket.standing in OPEN:
                found.append(ticket)
                continue
            self._drop(ticket)
            if ticket.at_ms < (time.time() - KEPT_S) * 1000:
                shutil.rmtree(folder.parent, ignore_errors=True)
        return sorted(found, key=lambda ticket: ticket.at_ms)

    def _drop(self, ticket: Ticket) -> None:
        """The recording is gone; after its ticket was written, so that a crash between the two loses nothing."""
        shutil.rmtree(self._folder / ticket.id / "file", ignore_errors=True)

    def _drop_ticketless(self) -> None:
        """Nothing is left of those whose receiver was killed ten minutes ago before they had a ticket."""
        for folder in self._folder.glob("*/"):
            with suppress(FileNotFoundError):
                forgotten = folder.stat().st_mtime < time.time() - FORGOTTEN_S
                if _ID.fullmatch(folder.name) and forgotten and not (folder / "ticket.json").exists():
                    shutil.rmtree(folder, ignore_errors=True)

    def _path(self, upload_id: str) -> Path:
        if not _ID.fullmatch(upload_id):
            raise NotFound(f"no recording was sent in under {upload_id[:40]!r}")
        return self._folder / upload_id / "ticket.json"

    def _write(self, ticket: Ticket) -> None:
        write_whole(self._path(ticket.id), json.dumps(asdict(ticket)).encode(), 0o600)
