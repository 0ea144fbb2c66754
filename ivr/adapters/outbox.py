"""Results on their way: written to a file first, then sent; what Redis loses can be found again.

One file per process and day under `var/outbox`, one JSON object a line. Files older than two days are deleted.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from ivr.errors import IvrError

log = logging.getLogger(__name__)

DAY_S = 24 * 3600
KEEP_S = 2 * DAY_S
BATCH = 200
GATHER_S = 0.5
"""How long a result waits for others, so that they are sent as one: sending costs as much for many as for one."""


class Outbox:
    """What was put is in the file when `put` returns, and is sent in the background until it is taken."""

    def __init__(self, folder: Path, name: str, send: Callable[[list[str]], None]) -> None:
        """send: told of what was put, each as the JSON that stands in the file, until it raises nothing."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name = folder, name
        self._open()
        self._send = send
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._hurry = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()
        _forget_old(folder)

    def _open(self) -> None:
        self._day = int(time.time()) // DAY_S
        path = self._folder / f"{self._name}-{time.strftime('%Y%m%d', time.gmtime())}-{os.getpid()}.jsonl"
        self._file = path.open("a", encoding="utf-8")

    def put(self, result: Mapping[str, Any], *, at_once: bool = False) -> None:
        """The result survives the death of this process; without room on the disk it is sent all the same.

        at_once: it is sent without waiting for others.
        """
        line = json.dumps(result)
        try:
            with self._lock:
                if self._day != int(time.time()) // DAY_S:
                    self._file.close()
                    self._open()
                self._file.write(f"{line}\n")
                self._file.flush()
        except OSError as error:
            log.error("outbox cannot be written", extra={"action": "outbox_full", "why": error.strerror})
        self._waiting.put(line)
        if at_once:
            self._hurry.set()

    def close(self, timeout_s: float = 5.0) -> None:
        """What was put is sent, if the other side takes it in time."""
        self._waiting.put(None)
        self._hurry.set()
        self._thread.join(timeout_s)
        self._file.close()

    def _run(self) -> None:
        last = False
        while not last:
            batch = [self._waiting.get()]
            if self._waiting.empty():
                self._hurry.wait(GATHER_S)
            self._hurry.clear()
            while len(batch) < BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            last = None in batch
            self._deliver([line for line in batch if line is not None])

    def _deliver(self, lines: list[str]) -> None:
        delay_s = 0.1
        while lines:
            try:
                self._send(lines)
            except Exception as error:  # whatever it is: this thread is the results' only way out
                why = str(error) if isinstance(error, IvrError) else type(error).__name__
                log.warning("results wait in the outbox", extra={"action": "outbox_waits", "why": why})
                time.sleep(delay_s)
                delay_s = min(delay_s * 2, 5.0)
            else:
                return


def find(folder: Path, attempts: Collection[str]) -> Iterator[dict[str, Any]]:
    """The results of those attempts that any process put into its outbox, oldest file first."""
    if not attempts:
        return
    for path in sorted(folder.glob("*.jsonl"), key=_changed_s):
        with contextlib.suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                result = _parsed(line)
                if result.get("attempt") in attempts:
                    yield result


def _parsed(line: str) -> dict[str, Any]:
    """The result of a line; nothing for the last line of a process that was killed while writing."""
    try:
        result = json.loads(line)
    except ValueError:
        return {}
    return result if isinstance(result, dict) and isinstance(result.get("attempt"), str) else {}


def _changed_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # too old, and deleted by another process in this moment
        return 0.0


def _forget_old(folder: Path) -> None:
    limit = time.time() - KEEP_S
    for path in folder.glob("*.jsonl"):
        if _changed_s(path) < limit:
            path.unlink(missing_ok=True)
