"""A bare flood: Originate after Originate on one AMI connection, no database, no queue, no script, nothing kept."""

from __future__ import annotations

import asyncio
import threading
import time
from types import TracebackType

from stand import BARE_CONTEXT, TRUNK

from ivr.settings import Settings
from ivr.usecases.running import ami_secret


class Flood:
    """Calls as long as the block lasts: at most `channels` at once, `rate_cps` a second and `calls` in all (0: any)."""

    def __init__(self, settings: Settings, channels: int, rate_cps: float = 0.0, calls: int = 0) -> None:
        self._settings = settings
        self._channels, self._rate_cps, self._calls = channels, rate_cps, calls
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="flood")
        self._stopping = False
        self._live = self.sent = 0

    def __enter__(self) -> Flood:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        self._thread.join(100)

    async def _run(self) -> None:
        self._quiet = asyncio.Event()
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self._settings.pbx.ami_port, limit=1 << 20)
        login = f"Action: Login\r\nUsername: ivr\r\nSecret: {ami_secret(self._settings)}\r\nEvents: on\r\n\r\n"
        self._writer.write(login.encode())
        hearing = asyncio.create_task(self._hear(reader))
        begun_s = time.monotonic()
        while not self._stopping:
            room = self._channels - self._live
            if self._rate_cps:
                room = min(room, int((time.monotonic() - begun_s) * self._rate_cps) + 1 - self.sent)
            if self._calls:
                room = min(room, self._calls - self.sent)
            for _ in range(min(room, 20)):
                self._originate()
            await asyncio.sleep(0.01)
        self._tell()
        await self._quiet.wait()
        hearing.cancel()
        self._writer.close()

    def _originate(self) -> None:
        self.sent += 1
        self._live += 1
        attempt = f"bare{time.time_ns():x}"
        self._writer.write(
            f"Action: Originate\r\nActionID: {attempt}\r\nChannelId: {attempt}\r\n"
            f"Channel: PJSIP/+33600000000@{TRUNK}\r\nContext: {BARE_CONTEXT}\r\nExten: s\r\nPriority: 1\r\n"
            f"Timeout: 10000\r\nAsync: true\r\n\r\n".encode()
        )

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        await reader.readline()
        while True:
            message = await reader.readuntil(b"\r\n\r\n")
            if message.startswith(b"Event: Hangup\r\n"):
                self._live -= 1
                self._tell()

    def _tell(self) -> None:
        if self._stopping and self._live <= 0:
            self._quiet.set()
