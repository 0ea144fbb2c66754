"""Asterisk's side of FastAGI over TCP, line by line, as a test dictates it; and a server with one script under test."""

from __future__ import annotations

import contextlib
import queue
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ivr.adapters.agi import AgiServer, AgiSession

LIMIT_S = 10.0


class Call:
    """One call of a scripted Asterisk: sends the request of `route` at once unless it is None."""

    def __init__(
        self, port: int, route: str | None = "test", arguments: Sequence[str] = (), extra: bytes = b""
    ) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
        self._file = self.sock.makefile("rb")
        if route is not None:
            lines = [f"agi_network_script: {route}", "agi_uniqueid: a-1", "agi_callerid: 33612345678"]
            lines += [f"agi_arg_{number}: {argument}" for number, argument in enumerate(arguments, 1)]
            self.send(b"agi_network: yes\n" + extra + "\n".join([*lines, "", ""]).encode())

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def say(self, *lines: str) -> None:
        self.send("".join(f"{line}\n" for line in lines).encode())

    def hear(self) -> str:
        """The next line from the script; "" at its end."""
        try:
            return self._file.readline().decode().rstrip("\n")
        except ConnectionResetError:
            return ""

    def expect(self, command: str, *answer: str) -> str:
        line = self.hear()
        assert line.startswith(command), f"expected {command}, heard {line!r}"
        self.say(*answer)
        return line

    def close(self) -> None:
        self._file.close()
        self.sock.close()

    def __enter__(self) -> Call:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


class Scripted:
    """A running server whose route `test` runs one function; `result` gives what it returned or raised."""

    def __init__(self, script: Callable[[AgiSession], Any], **limits: Any) -> None:
        self._results: queue.Queue[Any] = queue.Queue()
        self._script = script
        self.server = AgiServer("127.0.0.1", 0, {"test": self._run}, **limits)
        self.server.start()

    def _run(self, session: AgiSession) -> None:
        try:
            self._results.put(self._script(session))
        except BaseException as error:
            self._results.put(error)
            raise

    def result(self) -> Any:
        return self._results.get(timeout=LIMIT_S)

    def call(self, *args: Any, **kwargs: Any) -> Call:
        return Call(self.server.port, *args, **kwargs)


@contextlib.contextmanager
def serving(script: Callable[[AgiSession], Any], **limits: Any) -> Iterator[Scripted]:
    scripted = Scripted(script, **limits)
    try:
        yield scripted
    finally:
        scripted.server.shutdown()


def until(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    """The condition holds; else fails after limit_s."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "the condition did not come to hold"
        time.sleep(0.005)
