"""Whether an AGI server answers: a conversation of one line, as Asterisk would begin it."""

from __future__ import annotations

import contextlib
import socket

ROUTE = "health"
"""The route that the AGI server answers by hanging up at once, without counting a call."""


def answers(port: int, timeout_s: float) -> bool | None:
    """True: it answers. False: it is there and silent, as a server that hangs is. None: nobody listens there."""
    try:
        sock = socket.create_connection(("127.0.0.1", port), timeout_s)
    except TimeoutError:
        return False
    except OSError:
        return None
    with contextlib.closing(sock):
        try:
            sock.sendall(f"agi_network_script: {ROUTE}\n\n".encode())
            sock.recv(64)  # the server's goodbye, or the end of the connection
        except TimeoutError:
            return False
        except OSError:  # reset: it is alive enough to refuse
            return True
        return True
