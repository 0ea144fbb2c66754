"""The link between controller and Asterisk's manager, with somebody on it who can cut it, or fall silent.

It also is a witness: every Originate that passed, with its instant.
"""

from __future__ import annotations

import contextlib
import re
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field

_CHANNEL_ID = re.compile(rb"(?im)^ChannelId: *(\S+)")
_REPLY = b"Originate successfully queued"
LONGEST = 65_536


@dataclass(eq=False)
class _Pair:
    """One connection: the controller's end, Asterisk's end, and what of the controller's words is not complete yet."""

    near: socket.socket
    far: socket.socket
    said: bytes = b""
    silent: bool = False
    cut_at_reply: bool = False

    def other(self, one: socket.socket) -> socket.socket:
        return self.far if one is self.near else self.near


@dataclass
class AmiLink:
    """Passes on what comes, in a thread of its own. far_port: where Asterisk's manager listens."""

    far_port: int
    originates: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._pairs: list[_Pair] = []
        self._running, self._cut_next = True, False
        self.cuts = 0
        self._thread = threading.Thread(target=self._run, name="ami-link", daemon=True)
        self._thread.start()

    def cut_at_next_reply(self) -> None:
        """The next Originate reaches Asterisk; its answer reaches nobody: both ends are closed before it."""
        self._cut_next = True

    def fall_silent(self) -> None:
        """The connections there are now stay open, and nothing passes on them any more; new ones are as ever."""
        for pair in list(self._pairs):
            pair.silent = True

    def passed(self) -> set[str]:
        """The attempts whose Originate has passed, once all that the controller had sent is read."""
        while self._thread.is_alive() and any(_has_more(pair.near) for pair in list(self._pairs) if not pair.silent):
            time.sleep(0.0005)
        return {attempt for _, attempt in list(self.originates)}

    def close(self) -> None:
        """Nobody listens any more."""
        self._running = False
        self._thread.join(5)
        for pair in list(self._pairs):
            self._end(pair)
        self._listener.close()
        self._selector.close()

    def _run(self) -> None:
        while self._running:
            for key, _ in self._selector.select(0.05):
                if key.data is None:
                    self._take()
                elif key.data in self._pairs:  # else it ended a moment ago
                    self._pass_on(key.data, key.fileobj)  # type: ignore[arg-type]

    def _take(self) -> None:
        near, _ = self._listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self.far_port), 2)
        except OSError:
            near.close()
            return
        pair = _Pair(near, far)
        for one in (near, far):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(one, selectors.EVENT_READ, pair)
        self._pairs.append(pair)

    def _pass_on(self, pair: _Pair, one: socket.socket) -> None:
        try:
            data = one.recv(LONGEST)
        except OSError:
            data = b""
        if not data or (one is pair.far and pair.cut_at_reply and _REPLY in data):
            self.cuts += pair.cut_at_reply and bool(data)
            self._end(pair)
        elif not pair.silent:
            self._deliver(pair, one, data)

    def _deliver(self, pair: _Pair, one: socket.socket, data: bytes) -> None:
        if one is pair.near:
            self._note(pair, data)
        with contextlib.suppress(OSError):
            pair.other(one).sendall(data)

    def _note(self, pair: _Pair, data: bytes) -> None:
        whole, _, pair.said = (pair.said + data).rpartition(b"\r\n\r\n")
        actions = [action for action in whole.split(b"\r\n\r\n") if b"Action: Originate" in action]
        found = [match.group(1).decode() for action in actions if (match := _CHANNEL_ID.search(action))]
        now_s = time.monotonic()
        self.originates += [(now_s, attempt) for attempt in found]
        if found and self._cut_next:
            self._cut_next, pair.cut_at_reply = False, True

    def _end(self, pair: _Pair) -> None:
        for one in (pair.near, pair.far):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(one)
            one.close()
        if pair in self._pairs:
            self._pairs.remove(pair)


def _has_more(one: socket.socket) -> bool:
    try:
        return bool(one.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False
