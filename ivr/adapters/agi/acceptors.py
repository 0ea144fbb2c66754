"""Threads that wait for connections and serve what they accept: none is handed over, and none is made per call."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

SPARE = 64
"""Threads that may wait at once: one that comes back to more of them ends instead."""
PAUSE_S = 0.1


class Acceptors:
    """Whoever accepts a connection serves it, once another thread waits for the next.

    listener: a listening socket, closed by `close`. serve: serves and closes one connection; must not raise.
    """

    def __init__(self, listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        self._listener, self._serve = listener, serve
        self._changed = threading.Condition()
        self._waiting = 0
        self._closed = threading.Event()

    def start(self) -> None:
        """Connections are served from here on, until `close`."""
        self._add()

    def close(self) -> None:
        """No connection is accepted any more; those being served go on."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits; closing alone does not
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting, 2.0)
        self._listener.close()

    def _add(self) -> None:
        self._count(1)
        try:
            threading.Thread(target=self._run, name="agi", daemon=True).start()
        except RuntimeError as error:  # whoever serves now will wait again
            self._count(-1)
            log.error("no thread for one connection more: %s", error)

    def _run(self) -> None:
        while sock := self._next():
            self._serve(sock)
            if not self._waits_again():
                return

    def _next(self) -> socket.socket | None:
        while not self._closed.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError as error:
                if not self._closed.is_set():
                    log.error("a connection could not be accepted: %s", error.strerror)
                    self._closed.wait(PAUSE_S)  # no file descriptor left, most likely
            else:
                if not self._count(-1):
                    self._add()
                return sock
        self._count(-1)
        return None

    def _waits_again(self) -> bool:
        with self._changed:
            if self._waiting >= SPARE:
                return False
            self._waiting += 1
            return True

    def _count(self, change: int) -> int:
        with self._changed:
            self._waiting += change
            if not self._waiting:
                self._changed.notify_all()
            return self._waiting
