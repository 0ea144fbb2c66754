"""Calls without us, each on the same Asterisk as ours: what a person would write by hand.

`Flood` is Originate after Originate on one AMI connection; `CallFiles` are files moved into Asterisk's spool. Neither
has a database, a pace of a carrier's or a report. Both enter a context of `bare.conf`: `EFFECT` leaves behind what our
dialplan does (the same sounds with 9 armed, names checked, what was heard told), `PLAYBACK` plays and no more.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ivr.adapters.pbx import instance, render
from ivr.adapters.pbx.secret import ami_secret
from ivr.adapters.sound import Rendering
from ivr.rules.segments import Segment
from ivr.settings import Settings

TRUNK = "lab"
EFFECT, PLAYBACK = "bench-effect", "bench-playback"
NUMBER = "+33600000000"
TICK_S = 0.01
AT_ONCE = 20

DIALPLAN = Path(__file__).with_name("bare.conf")


def add_dialplan(settings: Settings) -> None:
    """Asterisk knows both contexts, and reads call files."""
    shutil.copy(DIALPLAN, render.state_dir(settings) / "etc/dialplans/bench.conf")
    for line in ("dialplan reload", "module load pbx_spool.so"):
        instance.cli(settings, line)


@dataclass
class Pace:
    """At most `channels` calls at once, `rate_cps` a second and `calls` in all (0: any number)."""

    channels: int
    rate_cps: float = 0.0
    calls: int = 0
    sent: int = 0
    begun_s: float = 0.0

    def room(self, live: int) -> int:
        """How many calls may begin now."""
        self.begun_s = self.begun_s or time.monotonic()
        room = min(AT_ONCE, self.channels - live)
        if self.rate_cps:
            room = min(room, int((time.monotonic() - self.begun_s) * self.rate_cps) + 1 - self.sent)
        return max(0, min(room, self.calls - self.sent) if self.calls else room)


class Bare:
    """Calls as long as the block lasts, made by a thread of their own; afterwards none is on the line."""

    def __init__(self, settings: Settings, pace: Pace, sounds: dict[Segment, Rendering]) -> None:
        self.settings, self.pace = settings, pace
        self.variables = [(f"IVR_{segment.name}", rendering.sound) for segment, rendering in sounds.items()]
        self.cpu_s = 0.0
        """What the thread has spent."""
        self.stopping = False
        self._thread = threading.Thread(target=self._work, name="bare")

    def __enter__(self) -> Bare:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping = True
        self._thread.join(100)

    def name(self) -> str:
        """A new call's name."""
        self.pace.sent += 1
        return f"bare{time.time_ns():x}"

    def _work(self) -> None:
        begun_s = time.thread_time()
        self.run()
        self.cpu_s = time.thread_time() - begun_s

    def run(self) -> None:
        """Makes calls until told to stop, and returns when the last has ended."""
        raise NotImplementedError


class Flood(Bare):
    """By AMI. `ended`: hang-ups heard; `whole`: calls of which it was told that the last sound was heard to its end."""

    def __init__(self, settings: Settings, pace: Pace, sounds: dict[Segment, Rendering], context: str = EFFECT) -> None:
        super().__init__(settings, pace, sounds)
        self.context = context
        self.live = self.ended = self.whole = 0

    def run(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        self._quiet = asyncio.Event()
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self.settings.pbx.ami_port, limit=1 << 20)
        login = f"Action: Login\r\nUsername: ivr\r\nSecret: {ami_secret(self.settings)}\r\nEvents: on\r\n\r\n"
        self._writer.write(login.encode())
        hearing = asyncio.create_task(self._hear(reader))
        while not self.stopping:
            for _ in range(self.pace.room(self.live)):
                self._originate(self.name())
            await asyncio.sleep(TICK_S)
        self._tell()
        await self._quiet.wait()
        hearing.cancel()
        self._writer.close()

    def _originate(self, attempt: str) -> None:
        self.live += 1
        variables = [("IVR_ATTEMPT", attempt), *self.variables]
        headers = "".join(f"Variable: {name}={value}\r\n" for name, value in variables)
        self._writer.write(
            f"Action: Originate\r\nActionID: {attempt}\r\nChannelId: {attempt}\r\nChannel: PJSIP/{NUMBER}@{TRUNK}\r\n"
            f"Context: {self.context}\r\nExten: s\r\nPriority: 1\r\nTimeout: 10000\r\nAsync: true\r\n"
            f"{headers}\r\n".encode()
        )

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        await reader.readline()
        while True:
            message = await reader.readuntil(b"\r\n\r\n")
            if message.startswith(b"Event: Hangup\r\n"):
                self.live -= 1
                self.ended += 1
                self._tell()
            elif b"Status: end" in message:
                self.whole += 1

    def _tell(self) -> None:
        if self.stopping and self.live <= 0:
            self._quiet.set()


class CallFiles(Bare):
    """By Asterisk's spool: each call is a file, written beside it and renamed into it, there until the call is over."""

    def run(self) -> None:
        spool = render.state_dir(self.settings) / "spool"
        fresh, outgoing = spool / "fresh", spool / "outgoing"
        for folder in (fresh, outgoing):
            folder.mkdir(exist_ok=True)
        while not self.stopping:
            for _ in range(self.pace.room(_files(outgoing))):
                attempt = self.name()
                (fresh / attempt).write_text(self._call_file(attempt), encoding="ascii")
                (fresh / attempt).rename(outgoing / attempt)
            time.sleep(TICK_S)
        limit_s = time.monotonic() + 100
        while _files(outgoing) and time.monotonic() < limit_s:
            time.sleep(TICK_S)

    def _call_file(self, attempt: str) -> str:
        variables = "".join(f"Setvar: {name}={value}\n" for name, value in [("IVR_ATTEMPT", attempt), *self.variables])
        return (
            f"Channel: PJSIP/{NUMBER}@{TRUNK}\nContext: {EFFECT}\nExtension: s\nPriority: 1\n"
            f"MaxRetries: 0\nWaitTime: 10\n{variables}"
        )


def _files(folder: Path) -> int:
    return sum(1 for _ in os.scandir(folder))
