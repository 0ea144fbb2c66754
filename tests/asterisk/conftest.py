"""A real Asterisk for the tests, a person to call, and a plain manager connection to look at it from outside."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ivr import settings as settings_module
from ivr.adapters.pbx import channelvars, instance, native, programs, render
from ivr.settings import Calls, Pbx, Settings, Trunk

HERE = Path(__file__).parent
SECRET = "a-secret-of-the-tests-only"
RATE_HZ = 8000
LAWS = {"alaw": 8, "ulaw": 0}
"""Payload types of G.711."""
SOUNDS = {"p1": 0.4, "m1": 1.0, "n1": 0.8, "c1": 0.3, channelvars.BUILTIN_NOTICE: 0.6}
"""File names of the tests and their seconds."""


def wait_for(true: Callable[[], object], what: str, limit_s: float = 20.0) -> None:
    """`true()` holds; else the test fails saying `what` did not come."""
    limit = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < limit, f"{what} did not come within {limit_s} s"
        time.sleep(0.01)


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def udp_bound(port: int) -> bool:
    return any(line.split()[1].endswith(f":{port:04X}") for line in Path("/proc/net/udp").read_text().splitlines()[1:])


@dataclass
class RunningPbx:
    """An Asterisk of our own configuration; `carrier_port` is where its trunk `lab` sends calls."""

    settings: Settings
    ami_secret: str
    carrier_port: int
    process: subprocess.Popen[bytes]

    def cli(self, line: str) -> str:
        return instance.cli(self.settings, line)


@contextlib.contextmanager
def running_pbx(home: Path) -> Iterator[RunningPbx]:
    cache = settings_module.load().cache_dir
    native.obtain(cache, print)
    carrier = free_port(socket.SOCK_DGRAM)
    first = 20000 + 2 * (free_port() % 10000)
    chosen = Settings(
        home=home,
        cache=cache,
        pbx=Pbx(
            sip_port=free_port(socket.SOCK_DGRAM),
            ami_port=free_port(),
            agi_port=free_port(),
            rtp_first=first,
            rtp_last=first + 400,
        ),
        trunks={law: Trunk(host=f"127.0.0.1:{carrier}", codecs=law) for law in LAWS}
        | {"lab": Trunk(host=f"127.0.0.1:{carrier}", codecs="alaw")},
        calls=Calls(grace_s=0.5),
    )
    render.render(chosen, SECRET)
    chosen.sounds_dir.mkdir(parents=True)
    for name, seconds in SOUNDS.items():
        (chosen.sounds_dir / f"{name}.alaw").write_bytes(b"\xd5" * int(seconds * RATE_HZ))
    argv, extra = instance.command(chosen)
    with (home / "asterisk.out").open("wb") as out:
        process = subprocess.Popen(argv, env=os.environ | extra, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    running = RunningPbx(chosen, SECRET, carrier, process)
    try:
        instance.wait_booted(chosen)
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        shutil.rmtree(chosen.run_dir)


@pytest.fixture(scope="session")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPbx]:
    """One Asterisk for all tests that only place calls on it."""
    with running_pbx(tmp_path_factory.mktemp("pbx")) as running:
        yield running


@dataclass
class Ami:
    """A manager connection that hides nothing; `events` holds every event since login, in order, with its instant."""

    socket: socket.socket
    events: list[dict[str, str]] = field(default_factory=list)
    answers: list[dict[str, str]] = field(default_factory=list)

    def login(self, user: str = "ivr", secret: str = SECRET) -> dict[str, str]:
        self.socket.recv(1024)  # the greeting
        threading.Thread(target=self._read, daemon=True).start()
        return self.action("Login", Username=user, Secret=secret)

    def action(self, name: str, **headers: str) -> dict[str, str]:
        """The answer to an action; a header `Variable_1` is sent as `Variable`."""
        ident = f"{name}-{time.monotonic_ns()}"
        lines = [f"Action: {name}", f"ActionID: {ident}"]
        lines += [f"{key.partition('_')[0]}: {value}" for key, value in headers.items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        wait_for(lambda: self._answer(ident), f"the answer to {name}")
        answer = self._answer(ident)
        assert answer is not None
        return answer

    def of(self, event: str, **headers: str) -> list[dict[str, str]]:
        """Events of that name (for UserEvents: of that UserEvent) which have these headers."""
        return [
            seen
            for seen in list(self.events)
            if event in (seen.get("Event"), seen.get("UserEvent"))
            and all(seen.get(key) == value for key, value in headers.items())
        ]

    def call(self, attempt: str, ring_ms: int = 5000, **variables: str) -> None:
        """Originates as the controller does, with the tests' sounds unless others are given."""
        given = {"PREROLL": "p1", "MESSAGE": "m1", "NOTICE": "n1", "CONFIRMATION": "c1", "ATTEMPT": attempt} | variables
        headers = {f"Variable_{name}": f"IVR_{name}={value}" for name, value in given.items()}
        answer = self.action(
            "Originate", Channel="PJSIP/+33999000001@lab", Context=channelvars.CONTEXT, Exten="s", Priority="1",
            ChannelId=attempt, Async="true", Timeout=str(ring_ms), **headers,
        )  # fmt: skip
        assert answer["Response"] == "Success", answer

    def ended(self, attempt: str) -> dict[str, str]:
        """The Hangup event of that attempt, waited for."""
        wait_for(lambda: self.of("Hangup", Uniqueid=attempt), f"the end of {attempt}", 20)
        return self.of("Hangup", Uniqueid=attempt)[0]

    def plays(self, attempt: str) -> list[tuple[str, str]]:
        """What the dialplan said that it played: (segment, status), in order."""
        return [(seen["Segment"], seen["Status"]) for seen in self.of(channelvars.EVENT_PLAY, Attempt=attempt)]

    def _answer(self, ident: str) -> dict[str, str] | None:
        return next((seen for seen in list(self.answers) if seen.get("ActionID") == ident), None)

    def _read(self) -> None:
        buffer = b""
        with contextlib.suppress(OSError):
            while piece := self.socket.recv(65536):
                buffer += piece
                *blocks, buffer = buffer.split(b"\r\n\r\n")
                for block in blocks:
                    pairs = (line.partition(": ") for line in block.decode(errors="replace").split("\r\n"))
                    seen = {key: value for key, _, value in pairs}
                    seen["at"] = str(time.monotonic())
                    (self.events if "Event" in seen else self.answers).append(seen)


@pytest.fixture
def ami(pbx: RunningPbx) -> Iterator[Ami]:
    """A manager connection of the controller's account, logged in."""
    with socket.create_connection(("127.0.0.1", pbx.settings.pbx.ami_port)) as link:
        connection = Ami(link)
        assert connection.login()["Response"] == "Success"
        yield connection


class Ear:
    """Keeps the speech that reaches the person called: `heard_ms` by the RTP packets that came."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        self.heard_ms = 0.0
        self.packets: dict[int, bytes] = {}
        self.peer: tuple[str, int] | None = None  # where the speech comes from
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                packet, self.peer = self.socket.recvfrom(2048)
                version_payload, kind, number = struct.unpack("!BBH", packet[:4])
                if version_payload >> 6 == 2 and kind & 0x7F in LAWS.values():
                    self.heard_ms += (len(packet) - 12) * 1000 / RATE_HZ
                    self.packets[number] = packet[12:]

    def speak(self, seconds: float) -> None:
        """A tone is on its way to whom we hear, 50 packets a second."""
        assert self.peer, "nothing was heard yet"
        for number in range(round(seconds * 50)):
            head = struct.pack("!BBHII", 0x80, LAWS["alaw"], number, 160 * number, 1)
            self.socket.sendto(head + b"\x55\xd5" * 80, self.peer)
            time.sleep(0.02)

    def heard(self) -> bytes:
        """Every sample that came, in the order in which it was sent."""
        first = next(iter(self.packets), 0)
        return b"".join(self.packets[number] for number in sorted(self.packets, key=lambda n: (n - first) & 0xFFFF))


INFO = """  <send retrans="500"><![CDATA[
INFO [$contact] SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:[local_port];branch=[branch]
From:[$to];tag=[pid]S[call_number]
To:[$from]
[last_Call-ID:]
CSeq: {number} INFO
Max-Forwards: 70
Content-Type: application/dtmf-relay
Content-Length: [len]

Signal={key}
Duration=160

]]></send>
  <recv response="200"/>
"""
BYE = """  <send retrans="500"><![CDATA[
BYE [$contact] SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:[local_port];branch=[branch]
From:[$to];tag=[pid]S[call_number]
To:[$from]
[last_Call-ID:]
CSeq: 99 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200" next="end"/>
"""


def pause(milliseconds: int) -> str:
    return f'  <pause milliseconds="{milliseconds}"/>\n' if milliseconds else ""


Callee = Callable[..., Ear]


@pytest.fixture
def callee(pbx: RunningPbx, tmp_path: Path) -> Iterator[Callee]:
    """Starts a SIPp person who answers; after_ms later presses keys, and stay_ms after that may hang up."""
    children: list[subprocess.Popen[bytes]] = []
    ears: list[Ear] = []

    def start(press: str = "", hang_up: bool = False, after_ms: int = 0, stay_ms: int = 0, law: str = "alaw") -> Ear:
        ear = Ear()
        ears.append(ear)
        then = pause(after_ms)
        then += "".join(
            INFO.replace("{key}", key).replace("{number}", str(number)) for number, key in enumerate(press, 1)
        ) + (pause(stay_ms) + BYE if hang_up else "")
        scenario = tmp_path / "callee.xml"
        text = (HERE / "callee.xml").read_text().replace("@MEDIA@", str(ear.port)).replace("@THEN@", then)
        text = text.replace("@TYPE@", str(LAWS[law])).replace("@NAME@", {"alaw": "PCMA", "ulaw": "PCMU"}[law])
        scenario.write_text(text)
        sipp = programs.find("sipp", pbx.settings.cache_dir)
        argv = sipp.argv("-sf", str(scenario), "-i", "127.0.0.1", "-p", str(pbx.carrier_port), "-nostdin")
        with (tmp_path / "sipp.out").open("wb") as out:
            children.append(
                subprocess.Popen(
                    argv, env=os.environ | sipp.env(), cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=out, stderr=out
                )
            )
        wait_for(lambda: udp_bound(pbx.carrier_port), "SIPp")
        return ear

    yield start
    for child in children:
        child.kill()
        child.wait()
    for ear in ears:
        ear.socket.close()
