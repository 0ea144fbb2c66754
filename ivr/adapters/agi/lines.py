"""Lines over a socket, with a time limit and a size limit for each."""

from __future__ import annotations

import socket
import time

MAX_LINE_BYTES = 65_536


class LinkLost(Exception):
    """The peer closed the connection, said nothing in time, or said something without end."""


class Lines:
    """The lines that one peer sends, and the lines sent to it. One thread at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()

    def read(self, deadline: float) -> str:
        """The next line without its end; bytes that are not UTF-8 are replaced, as a caller's name may be cut anywhere.

        deadline: time.monotonic(). Raises LinkLost.
        """
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > MAX_LINE_BYTES:
                raise LinkLost("a line without end")
            self._buffer += self._receive(deadline)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.decode("utf-8", "replace").rstrip("\r")

    def write(self, line: str, timeout_s: float) -> None:
        """The line and its end were handed to the system. Raises LinkLost."""
        try:
            self._sock.settimeout(timeout_s)
            self._sock.sendall(line.encode() + b"\n")
        except OSError as error:
            raise LinkLost(str(error)) from None

    def _receive(self, deadline: float) -> bytes:
        try:
            self._sock.settimeout(max(0.001, deadline - time.monotonic()))
            data = self._sock.recv(65_536)
        except TimeoutError:
            raise LinkLost("nothing came in time") from None
        except OSError as error:
            raise LinkLost(str(error)) from None
        if not data:
            raise LinkLost("the connection was closed")
        return data
