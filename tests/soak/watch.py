"""What an installation takes: memory, files and threads of each process, Redis, the database, the logs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from types import TracebackType

import redis

from tests.matrix.installation import Installation

EVERY_S = 2.0
MB = 1024 * 1024


Look = dict[str, float]
"""One figure for each thing that is watched, by its name."""


class Watch:
    """Looks every two seconds until the block ends."""

    def __init__(self, up: Installation) -> None:
        self._up = up
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.looks: list[Look] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, what: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join(20)

    def growth(self) -> dict[str, tuple[float, float, float]]:
        """Of each figure: its median in the second quarter of the time, in the last quarter, and its most.

        The first quarter is the beginning: caches fill, and the calls become as many as they will be.
        """
        quarter = max(1, len(self.looks) // 4)
        told = {}
        for name in sorted({name for look in self.looks for name in look}):
            parts = [self._of(name, self.looks[quarter : 2 * quarter]), self._of(name, self.looks[-quarter:])]
            if all(parts):
                told[name] = (median(parts[0]), median(parts[1]), max(self._of(name, self.looks)))
        return told

    @staticmethod
    def _of(name: str, looks: list[Look]) -> list[float]:
        return [look[name] for look in looks if name in look]

    def _run(self) -> None:
        while not self._over.wait(EVERY_S):
            self.looks.append(look(self._up))


def look(up: Installation) -> Look:
    """Everything as it is now; what cannot be asked just now is left out."""
    figures: Look = {}
    for name, pids in up.processes().items():
        for pid in pids:
            with contextlib.suppress(OSError, StopIteration):  # it may have ended meanwhile
                figures |= {f"{name} {what}": figure for what, figure in _process(pid).items()}
    with contextlib.suppress(redis.RedisError):
        figures["redis used MB"] = up.redis.info("memory")["used_memory"] / MB
        figures["redis keys"] = up.redis.dbsize()
    var = up.settings.var_dir
    figures["database MB"] = _bytes(var.glob("portevoix.db")) / MB
    figures["database's log MB"] = _bytes(var.glob("portevoix.db-wal")) / MB
    figures["logs MB"] = _bytes(up.settings.log_dir.glob("*")) / MB
    return figures


def _process(pid: int) -> dict[str, float]:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()

    def told(what: str) -> float:
        return float(next(line for line in status if line.startswith(f"{what}:")).split()[1])

    return {
        "MB": told("VmRSS") / 1024,
        "threads": told("Threads"),
        "files": len(list(Path(f"/proc/{pid}/fd").iterdir())),
    }


def _bytes(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total
