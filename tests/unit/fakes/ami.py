"""A manager interface on loopback that misbehaves on demand; it keeps every action it was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

Action = dict[str, str]
Answer = Callable[["FakeAmi", asyncio.StreamWriter, Action], None]


def say(writer: asyncio.StreamWriter, *lines: str) -> None:
    writer.write("\r\n".join([*lines, "", ""]).encode())


def reply(writer: asyncio.StreamWriter, action: Action, *lines: str, response: str = "Success") -> None:
    say(writer, f"Response: {response}", f"ActionID: {action['actionid']}", *lines)


def silence(_fake: FakeAmi, _writer: asyncio.StreamWriter, _action: Action) -> None:
    """Never answers."""


def cut(_fake: FakeAmi, writer: asyncio.StreamWriter, _action: Action) -> None:
    """Loses the link instead of answering."""
    writer.transport.abort()


class FakeAmi:
    """`async with FakeAmi() as fake`: answers Login and Ping; other actions by `answers[name]`, else Success."""

    def __init__(self, secret: str = "right") -> None:  # noqa: S107
        self.secret = secret
        self.port = 0
        self.connections = 0
        self.actions: list[Action] = []
        self.answers: dict[str, Answer] = {}
        self.writers: list[asyncio.StreamWriter] = []
        self.after_login: list[str] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Nobody listens any more, and every link is cut."""
        if self._server is not None:
            self._server.close()
            self.cut()
            await self._server.wait_closed()
            self._server = None
        await until(lambda: not self.writers)

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()

    def say(self, *lines: str) -> None:
        for writer in self.writers:
            say(writer, *lines)

    def named(self, name: str) -> list[Action]:
        return [action for action in self.actions if action.get("action") == name]

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).decode()
                self._handle(writer, text)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.writers.remove(writer)
            writer.transport.abort()

    def _handle(self, writer: asyncio.StreamWriter, text: str) -> None:
        action: Action = {}
        for line in text.strip().split("\r\n"):
            name, _, value = line.partition(": ")
            key = name.lower()
            action[key] = f"{action[key]}\n{value}" if key in action else value
        self.actions.append(action)
        answer = self.answers.get(action.get("action", ""))
        if answer is not None:
            answer(self, writer, action)
        elif action["action"] == "Login" and action["secret"] != self.secret:
            reply(writer, action, "Message: Authentication failed", response="Error")
        elif action["action"] == "Login":
            greeting = ["Response: Success", f"ActionID: {action['actionid']}", "Message: Authentication accepted", ""]
            say(writer, *greeting, *self.after_login, "Event: FullyBooted", "Status: Fully Booted")
        else:
            reply(writer, action, "Message: done")


async def until(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    """The condition holds; else fails after limit_s."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - the condition is not ours to signal
            await asyncio.sleep(0.005)
