"""Lines over a socket, with a time limit and a size limit for each.

The limits are the kernel's own (SO_RCVTIMEO): Python's would ask twice for everything, once whether it may and once to
do it, and let other threads in between.
"""

from __future__ import annotations

import socket
import struct
import time

MAX_LINE_BYTES = 65_536
CHUNK_BYTES = 4_096


class LinkLost(Exception):
    """The peer closed the connection, said nothing in time, or said something without end."""


class Lines:
    """The lines that one peer sends, and the lines sent to it, over a blocking socket. One thread at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = b""

    def read(self, deadline: float) -> str:
        """The next line without its end; bytes that are not UTF-8 are replaced, as a caller's name may be cut anywhere.

        deadline: time.monotonic(). Raises LinkLost.
        """
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > MAX_LINE_BYTES:
                raise LinkLost("a line without end")
            self._buffer += self._receive(deadline)
        line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
        return line.decode("utf-8", "replace").rstrip("\r")

    def peek(self, deadline: float) -> bytes:
        """All that has come and was not read, once there is more of it than there was. Raises LinkLost."""
        self._buffer += self._receive(deadline)
        return self._buffer

    def skip(self, count: int) -> None:
        """The first bytes of what has come are as read."""
        self._buffer = self._buffer[count:]

    def write(self, line: bytes) -> None:
        """The line, which ends with its end, was handed to the system. Raises LinkLost."""
        try:
            self._sock.sendall(line)
        except OSError as error:
            raise LinkLost(str(error)) from None

    def _receive(self, deadline: float) -> bytes:
        try:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, kernel_time(deadline - time.monotonic()))
            data = self._sock.recv(CHUNK_BYTES)
        except BlockingIOError:
            raise LinkLost("nothing came in time") from None
        except OSError as error:
            raise LinkLost(str(error)) from None
        if not data:
            raise LinkLost("the connection was closed")
        return data


def kernel_time(seconds: float) -> bytes:
    """A time limit as the kernel reads it; never 0, which would be no limit."""
    microseconds = max(1_000, int(seconds * 1_000_000))
    return struct.pack("ll", *divmod(microseconds, 1_000_000))
