"""A carrier with odd habits: answers each number on loopback as its script says, and keeps what it saw.

SIPp plays scenarios whose messages follow each other properly; here they cross, come twice, or never come.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

SDP = (
    "v=0\r\no=odd 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP {formats}\r\n{rest}"
)
ALAW = {"formats": "8 101", "rest": "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"}


@dataclass
class OddCall:
    """One INVITE and what followed it, seen from the carrier."""

    carrier: OddCarrier
    request: str
    number: str
    received: list[tuple[float, str]] = field(default_factory=list)  # instant, method or status of what came
    _sequence: int = 100
    _sdp_version: int = 0
    _news: threading.Condition = field(default_factory=threading.Condition)

    def header(self, name: str) -> str:
        found = re.search(rf"^{name}:\s*(.*?)\r$", self.request, re.MULTILINE | re.IGNORECASE)
        return found[1] if found else ""

    def reply(self, status: str, sdp: dict[str, str] | None = None, *headers: str) -> None:
        """A response to the INVITE; with `sdp` it carries an answer."""
        tag = "" if status.startswith("100") else f";tag=odd{self.number[-4:]}"
        lines = [f"SIP/2.0 {status}", f"Via: {self.header('Via')}", f"From: {self.header('From')}"]
        lines += [f"To: {self.header('To')}{tag}", f"Call-ID: {self.header('Call-ID')}", f"CSeq: {self.header('CSeq')}"]
        self._send(lines, self._body(sdp), headers)

    def tell(self, method: str, sdp: dict[str, str] | None = None, *headers: str) -> None:
        """A request of the carrier's within the call."""
        self._sequence += 1
        target = re.search(r"<(sip:[^>]*)>", self.header("Contact"))
        lines = [f"{method} {target[1] if target else 'sip:x@127.0.0.1'} SIP/2.0"]
        lines += [f"Via: SIP/2.0/UDP 127.0.0.1:{self.carrier.port};branch=z9hG4bK{self.number}{self._sequence}"]
        lines += [f"From: {self.header('To')};tag=odd{self.number[-4:]}", f"To: {self.header('From')}"]
        lines += [f"Call-ID: {self.header('Call-ID')}", f"CSeq: {self._sequence} {method}", "Max-Forwards: 70"]
        self._send(lines, self._body(sdp), headers)

    def wait(self, what: str, limit_s: float = 10.0) -> bool:
        """Whether a request of that method, or a response of that status, has come within the limit."""
        with self._news:
            return self._news.wait_for(lambda: any(what in seen for _, seen in self.received), limit_s)

    def note(self, what: str) -> None:
        with self._news:
            self.received.append((time.monotonic(), what))
            self._news.notify_all()

    def _body(self, sdp: dict[str, str] | None) -> str:
        if sdp is None:
            return ""
        self._sdp_version += 1
        given = {"port": str(self.carrier.media.getsockname()[1]), "version": str(self._sdp_version)}
        return SDP.format(**(given | ALAW | sdp))

    def _send(self, lines: list[str], body: str, headers: tuple[str, ...]) -> None:
        lines = [*lines, f"Contact: <sip:odd@127.0.0.1:{self.carrier.port}>", *headers]
        if body:
            lines.append("Content-Type: application/sdp")
        text = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])
        self.carrier.send(text)


Habit = Callable[[OddCall], None]


class OddCarrier:
    """Listens on loopback until `close`; `habits` says by number what becomes of a call. Others get 404."""

    def __init__(self, habits: dict[str, Habit]) -> None:
        self.habits = habits
        self.calls: dict[str, list[OddCall]] = {}
        self.sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sip.bind(("127.0.0.1", 0))
        self.port = int(self.sip.getsockname()[1])
        self.media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.media.bind(("127.0.0.1", 0))
        self.strangers: list[str] = []  # requests that belong to no call
        self._peer: tuple[str, int] | None = None
        self._by_id: dict[str, OddCall] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        for one in (self.sip, self.media):
            one.close()

    def send(self, text: str) -> None:
        if self._peer:
            with contextlib.suppress(OSError):
                self.sip.sendto(text.encode(), self._peer)

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, self._peer = self.sip.recvfrom(65535)
                self._take(data.decode(errors="replace"))

    def _take(self, text: str) -> None:
        first = text.partition("\r\n")[0]
        ident = re.search(r"^Call-ID:\s*(\S+)", text, re.MULTILINE | re.IGNORECASE)
        call = self._by_id.get(ident[1]) if ident else None
        if first.startswith("INVITE") and call is None and ident:
            call = self._begin(text, ident[1])
        elif call is not None and text == call.request:
            return  # sent once more, because we were slow
        elif call is None:
            self.strangers.append(first)
        elif first.startswith("SIP/2.0"):
            call.note(first.split(" ")[1])
        else:
            call.note(first.split(" ")[0])
            if not first.startswith(("ACK", "INVITE")):
                self._agree(text, call)

    def _begin(self, text: str, ident: str) -> OddCall:
        found = re.search(r"INVITE sip:([^@;>]*)", text)
        call = OddCall(self, text, found[1] if found else "")
        with self._lock:
            self._by_id[ident] = call
            self.calls.setdefault(call.number, []).append(call)
        habit = self.habits.get(call.number, lambda one: one.reply("404 Not Found"))
        threading.Thread(target=habit, args=(call,), daemon=True).start()
        return call

    def _agree(self, text: str, call: OddCall) -> None:
        """200 to a request within a call, unless its habit is to leave it unanswered."""
        if getattr(self.habits.get(call.number), "deaf", False):
            return
        keep = [line for line in text.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq):", line, re.IGNORECASE)]
        self.send("\r\n".join(["SIP/2.0 200 OK", *keep, "Content-Length: 0", "", ""]))
