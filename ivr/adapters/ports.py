"""Choosing ports: the one that is set if it is free, else any free one."""

from __future__ import annotations

import socket

from ivr.errors import PortInUse


class Ports:
    """Chosen ports, held until all are chosen, so that no two are the same."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def tcp(self, setting: str, port: int, host: str = "127.0.0.1") -> int:
        """A TCP port of `host`; PortInUse naming the setting."""
        return self._choose(socket.SOCK_STREAM, setting, host, port)

    def udp(self, setting: str, host: str, port: int) -> int:
        """A UDP port of `host`; PortInUse naming the setting."""
        return self._choose(socket.SOCK_DGRAM, setting, host, port)

    def _choose(self, kind: int, setting: str, host: str, port: int) -> int:
        held = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
        if kind == socket.SOCK_STREAM:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((host, port))
            if kind == socket.SOCK_STREAM:
                held.listen(1)  # bound alone, the same port could be chosen twice
        except OSError as error:
            held.close()
            self.release()
            raise PortInUse(
                f"setting {setting}: port {port} on {host} cannot be used ({error.strerror}); choose another, or 0"
            ) from None
        self._held.append(held)
        return int(held.getsockname()[1])

    def release(self) -> None:
        """The chosen ports are free for those who will use them."""
        for held in self._held:
            held.close()


def listens(host: str, port: int, timeout_s: float) -> bool:
    """Whether a TCP connection to that port is taken in time."""
    try:
        with socket.create_connection((host, port), timeout_s):
            return True
    except OSError:
        return False
