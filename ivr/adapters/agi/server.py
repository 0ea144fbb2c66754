"""The FastAGI server: one thread for each call, as a call waits for a minute in STREAM FILE."""

from __future__ import annotations

import contextlib
import logging
import re
import resource
import socket
import threading
import traceback
from collections.abc import Callable, Mapping

from ivr.adapters.agi import health
from ivr.adapters.agi.acceptors import Acceptors
from ivr.adapters.agi.lines import kernel_time
from ivr.adapters.agi.request import NotACall
from ivr.adapters.agi.session import AgiSession
from ivr.errors import CallEnded, PortInUse

log = logging.getLogger(__name__)

SPARE_CONNECTIONS = 512
SPARE_FILES = 256
SEND_S = 10.0
BACKLOG = 1024
"""Connections that may wait to be accepted: a burst of answered calls."""
_NUMBER = re.compile(r"\+?\d(?:[ .()/-]{0,2}\d){6,}")

Script = Callable[[AgiSession], None]


class AgiServer:
    """Serves Asterisk's calls by route. It listens from its making on; `port` is the true one when 0 was asked for.

    When a route is unknown, its script fails, or max_calls are live, Asterisk gets AGISTATUS=FAILURE and the dialplan
    speaks. Whatever else connects (a port probe, silence, garbage) is left without a call being counted.
    """

    def __init__(
        self,
        host: str,
        port: int,
        routes: Mapping[str, Script],
        max_calls: int = 2000,
        *,
        request_timeout_s: float = 5.0,
    ) -> None:
        self._routes, self._max_calls, self._request_timeout_s = dict(routes), max_calls, request_timeout_s
        self._changed = threading.Condition()
        self._sockets: set[socket.socket] = set()
        self._live = 0
        try:
            listener = _listening(host, port)
        except OSError as error:
            raise PortInUse(f"the AGI server cannot listen on {host}:{port}: {error.strerror}") from None
        self._port = int(listener.getsockname()[1])
        self._acceptors = Acceptors(listener, self._serve)

    @property
    def port(self) -> int:
        """The TCP port on which it listens."""
        return self._port

    @property
    def live_calls(self) -> int:
        """Calls whose script is running."""
        return self._live

    def start(self) -> None:
        """Calls are served from here on, until `shutdown`."""
        _allow_files(self._max_calls + SPARE_CONNECTIONS + SPARE_FILES)
        self._acceptors.start()

    def shutdown(self, drain_s: float = 0.0) -> int:
        """No new call is taken; those live had drain_s to end; the number of those that were cut then."""
        self._acceptors.close()
        with self._changed:
            self._changed.wait_for(lambda: not self._live, drain_s)
            cut = self._live
            for sock in self._sockets:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._live, 2.0)  # a cut script still stores what it knows
        return cut

    def _serve(self, sock: socket.socket) -> None:
        with sock:
            if not self._admit(sock):
                return
            try:
                self._converse(AgiSession(sock, request_timeout_s=self._request_timeout_s))
            except (NotACall, OSError) as reason:
                log.debug("a connection without a call: %s", reason)
            except Exception:
                log.error("a connection could not be served\n%s", without_numbers(traceback.format_exc()))
            finally:
                self._forget(sock)

    def _admit(self, sock: socket.socket) -> bool:
        with self._changed:
            if len(self._sockets) >= self._max_calls + SPARE_CONNECTIONS:
                return False
            self._sockets.add(sock)
            return True

    def _forget(self, sock: socket.socket) -> None:
        with self._changed:
            self._sockets.discard(sock)

    def _converse(self, session: AgiSession) -> None:
        if session.route == health.ROUTE:
            return
        script = self._routes.get(session.route)
        if script is None:
            log.warning("no call script for route %r", without_numbers(session.route[:64]))
            session.give_up()
        elif not self._enter():
            log.error("a call was refused: %d are live, the most allowed", self._max_calls)
            session.give_up()
        else:
            try:
                self._run(script, session)
            finally:
                self._leave()

    def _run(self, script: Script, session: AgiSession) -> None:
        try:
            script(session)
        except CallEnded:
            log.debug("call %s ended within its script", session.unique_id)
        except Exception:
            log.error("the script of route %s failed\n%s", session.route, without_numbers(traceback.format_exc()))
            session.give_up()

    def _enter(self) -> bool:
        with self._changed:
            if self._live >= self._max_calls:
                return False
            self._live += 1
            return True

    def _leave(self) -> None:
        with self._changed:
            self._live -= 1
            if not self._live:
                self._changed.notify_all()


def _listening(host: str, port: int) -> socket.socket:
    """A listening socket whose connections send at once, and notice a peer that is gone."""
    listener = socket.create_server((host, port), backlog=BACKLOG)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, kernel_time(SEND_S))
    return listener


def _allow_files(wanted: int) -> None:
    """This process may open that many files, as far as the system allows: a call takes one, and 1,024 is usual."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        log.warning("only %d files may be open: fewer calls than wanted will find a script", allowed)


def without_numbers(text: str) -> str:
    """`text` with everything that may be a telephone number taken out."""
    return _NUMBER.sub("[number]", text)
