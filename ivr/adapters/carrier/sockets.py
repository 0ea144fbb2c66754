"""The sockets of the ears: a packet's destination, an own loopback address for each person, tells who is spoken to."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

SOCKETS = 4
"""Sockets on the one port: the kernel spreads the calls over them, and each has its own queue."""
QUEUE_BYTES = 4_000_000
LOOPBACK = 127
_TIMESTAMP = 35  # SO_TIMESTAMPNS of Linux: instants are the packet's arrival, not its reading
_FORCE = 33  # SO_RCVBUFFORCE, for root
_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
_ROOM = socket.CMSG_SPACE(16) + socket.CMSG_SPACE(12)
_TIMESPEC = struct.Struct("qq")

Packet = tuple[float, bytes, tuple[str, int], bytes]
"""Arrival in seconds since the epoch, the ear's address, the sender, the datagram."""


def from_address(address: bytes) -> list[tuple[int, int, bytes]]:
    """The ancillary data with which a datagram leaves from the 4-byte `address`."""
    return [(socket.IPPROTO_IP, _PKTINFO, struct.pack("=I4s4s", 0, address, b"\0\0\0\0"))]


class EarSockets:
    """All that arrives at `port` on loopback."""

    def __init__(self, port: int) -> None:
        self._sockets = [_open(port) for _ in range(SOCKETS)]

    def receive(self) -> Iterator[Packet]:
        """Everything that has arrived; what was not sent to and from loopback is dropped."""
        for one in self._sockets:
            receive = one.recvmsg
            with suppress(BlockingIOError):
                while True:
                    data, ancillary, _, address = receive(2048, _ROOM)
                    ear = ancillary[-1][2][8:12]
                    if ear[0] == LOOPBACK and address[0].startswith("127."):
                        seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
                        yield seconds + nanoseconds / 1e9, ear, address, data

    def send(self, packets: list[bytes], ancillary: list[tuple[int, int, bytes]], remote: tuple[str, int]) -> None:
        """`packets` leave for `remote` from the address in `ancillary`; a far end that is gone is no error."""
        for packet in packets:
            with suppress(ConnectionRefusedError, BlockingIOError):
                self._sockets[0].sendmsg([packet], ancillary, 0, remote)

    def close(self) -> None:
        """The port is free."""
        for one in self._sockets:
            one.close()


def _open(port: int) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, QUEUE_BYTES)
    with suppress(PermissionError):
        one.setsockopt(socket.SOL_SOCKET, _FORCE, QUEUE_BYTES)
    one.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
    one.setsockopt(socket.IPPROTO_IP, _PKTINFO, 1)
    one.setblocking(False)
    one.bind(("0.0.0.0", port))  # noqa: S104 - what is not for loopback is dropped on receipt
    return one
