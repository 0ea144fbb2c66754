"""A small caller of our own: SIP and RTP by hand, so that the lab is judged by something that is not Asterisk."""

from __future__ import annotations

import contextlib
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ivr.adapters.carrier.sipp import Ports, free_port
from ivr.adapters.pbx.programs import Program, find
from ivr.rules.segments import Segment
from ivr.settings import load

LENGTHS_MS = {Segment.PREROLL: 700, Segment.MESSAGE: 2000, Segment.NOTICE: 810, Segment.CONFIRMATION: 605}


@dataclass
class Caller:
    """One call to the lab: dials, then plays bytes as Asterisk would, 20 ms at a time."""

    carrier: int
    number: str
    code: int = 0
    keys: list[tuple[str, int]] = field(default_factory=list)
    sound_packets: int = 0
    hung_up: bool = False

    def __post_init__(self) -> None:
        self.sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sip.bind(("127.0.0.1", 0))
        self.rtp.bind(("127.0.0.1", 0))
        self.rtp.setblocking(False)
        self.call_id = f"{random.getrandbits(64):x}@test"
        self.to = f"<sip:{self.number}@127.0.0.1>"
        self.sequence = random.randrange(65536)
        self.stamp = 0
        self.sent_bytes = 0
        self.ear = ("", 0)

    def dial(self, limit_s: float = 5) -> int:
        """The final answer; 0 if none came and the call was cancelled."""
        media = self.rtp.getsockname()[1]
        address = "IN IP4 127.0.0.1"
        sdp = f"v=0\r\no=- 1 1 {address}\r\ns=-\r\nc={address}\r\nt=0 0\r\nm=audio {media} RTP/AVP 8 101\r\n"
        self._send("INVITE", sdp)
        limit = time.monotonic() + limit_s
        while not self.code:
            if time.monotonic() > limit:
                self._send("CANCEL")
                limit += 5
            self._read(0.05)
        self._send("ACK")
        return 0 if self.code == 487 else self.code

    def play(self, sound: bytes, until_key: bool = False) -> int:
        """Sends `sound` in real time until its end, a hang-up or a key; returns the bytes sent."""
        return self.play_frames([sound[i : i + 160] for i in range(0, len(sound), 160)], until_key)

    def play_frames(self, frames: list[bytes], until_key: bool = False) -> int:
        keys, begun, sent = len(self.keys), time.monotonic(), 0
        for count, frame in enumerate(frames):
            while (wait := begun + count * 0.02 - time.monotonic()) > 0:
                self._read(min(wait, 0.005))
            if self.hung_up or (until_key and len(self.keys) > keys):
                break
            self.packet(frame)
            sent += len(frame)
        return sent

    def packet(self, payload: bytes) -> None:
        header = struct.pack("!BBHII", 0x80, 8, self.sequence & 0xFFFF, self.stamp, 4711)
        self.rtp.sendto(header + payload, self.ear)
        self.sequence += 1
        self.stamp += len(payload)

    def wait(self, limit_s: float) -> None:
        """Silence until a key, a hang-up or the limit."""
        keys, limit = len(self.keys), time.monotonic() + limit_s
        while time.monotonic() < limit and not self.hung_up and len(self.keys) == keys:
            self._read(0.01)

    def hang_up(self) -> None:
        if not self.hung_up:
            self._send("BYE")
            self._read(1)
        self.close()

    def close(self) -> None:
        self.sip.close()
        self.rtp.close()

    def _send(self, method: str, body: str = "") -> None:
        sequence = 2 if method == "BYE" else 1
        me = self.sip.getsockname()[1]
        lines = [
            f"{method} sip:{self.number}@127.0.0.1:{self.carrier} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{me};branch=z9hG4bK{self.call_id}{sequence}",
            f"From: <sip:lab@127.0.0.1>;tag={self.call_id}",
            f"To: {self.to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:lab@127.0.0.1:{me}>",
            "Max-Forwards: 70",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self.sip.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), ("127.0.0.1", self.carrier))

    def _read(self, wait_s: float) -> None:
        self.sip.settimeout(max(wait_s, 0.0001))
        with contextlib.suppress(TimeoutError):
            self._handle(self.sip.recv(4096).decode())
        self._read_rtp()

    def _handle(self, text: str) -> None:
        first = text.split("\r\n", 1)[0]
        if first.startswith("BYE"):
            self.hung_up = True
            head = [
                line for line in text.split("\r\n") if line.split(":")[0] in {"Via", "From", "To", "Call-ID", "CSeq"}
            ]
            self.sip.sendto(
                ("SIP/2.0 200 OK\r\n" + "\r\n".join(head) + "\r\nContent-Length: 0\r\n\r\n").encode(),
                ("127.0.0.1", self.carrier),
            )
        elif first.startswith("SIP/2.0") and "INVITE" in re.findall(r"CSeq: ?(.*)", text)[0]:
            code = int(first.split()[1])
            if code >= 200:
                self.code = code
                self.to = re.findall(r"To: ?([^\r]*)", text)[0]
                if code == 200:
                    self.ear = (re.findall(r"c=IN IP4 ([0-9.]+)", text)[0], int(re.findall(r"m=audio (\d+)", text)[0]))

    def _read_rtp(self) -> None:
        while True:
            try:
                data, source = self.rtp.recvfrom(2048)
            except BlockingIOError:
                return
            if source != self.ear:
                raise AssertionError(f"packet from {source}, not from the person's own {self.ear}")
            if data[1] & 0x7F == 101:
                key, end = "0123456789*#"[data[12]], data[13] & 0x80
                stamp = int.from_bytes(data[4:8])
                if end and (key, stamp) not in self.keys:
                    self.keys.append((key, stamp))
            else:
                self.sound_packets += 1


@pytest.fixture(scope="session")
def sipp() -> Program:
    return find("sipp", load().cache_dir)


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> dict[Segment, Path]:
    """Files of noise with 100 ms of silence at both ends, as speech has; two lengths are no multiple of 20 ms."""
    folder, draw = tmp_path_factory.mktemp("sounds"), random.Random(5)
    silence = b"\xd5" * 800
    made = {}
    for segment, length_ms in LENGTHS_MS.items():
        made[segment] = folder / f"{segment}.alaw"
        made[segment].write_bytes(silence + draw.randbytes(length_ms * 8 - 1600) + silence)
    return made


@pytest.fixture
def caller() -> type[Caller]:
    return Caller


@pytest.fixture
def ports() -> Ports:
    return Ports(free_port(), free_port())


@pytest.fixture
def in_threads() -> Iterator[list[threading.Thread]]:
    """Threads that are joined, with a limit, when the test ends."""
    threads: list[threading.Thread] = []
    yield threads
    for thread in threads:
        thread.join(30)
