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

KEEP_S = 2 * 24 * 3600
BATCH = 200


class Outbox:
    """What was put is in the file when `put` returns, and is sent in the background until it is taken."""

    def __init__(self, folder: Path, name: str, send: Callable[[list[Mapping[str, Any]]], None]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name = folder, name
        self._open()
        self._send = send
        self._waiting: queue.Queue[Mapping[str, Any] | None] = queue.Queue()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()
        _forget_old(folder)

    def _open(self) -> None:
        self._day = time.strftime("%Y%m%d", time.gmtime())
        path = self._folder / f"{self._name}-{self._day}-{os.getpid()}.jsonl"
        self._file = path.open("a", encoding="utf-8")

    def put(self, result: Mapping[str, Any]) -> None:
        """The result survives the death of this process; without room on the disk it is sent all the same."""
        line = json.dumps(result) + "\n"
        try:
            with self._lock:
                if self._day != time.strftime("%Y%m%d", time.gmtime()):
                    self._file.close()
                    self._open()
                self._file.write(line)
                self._file.flush()
        except OSError as error:
            log.error("outbox cannot be written", extra={"action": "outbox_full", "why": error.strerror})
        self._waiting.put(result)

    def close(self, timeout_s: float = 5.0) -> None:
        """What was put is sent, if the other side takes it in time."""
        self._waiting.put(None)
        self._thread.join(timeout_s)
        self._file.close()

    def _run(self) -> None:
        last = False
        while not last:
            batch = [self._waiting.get()]
            while len(batch) < BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            last = None in batch
            self._deliver([result for result in batch if result is not None])

    def _deliver(self, results: list[Mapping[str, Any]]) -> None:
        delay_s = 0.1
        while results:
            try:
                self._send(results)
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
