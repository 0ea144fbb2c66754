"""The one speaker of AMI: a link that comes back by itself, and never says anything twice."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from typing import Any

from ivr.adapters.ami.messages import LINK_DOWN, LINK_UP, LOGIN_REFUSED, AmiEvent, Headers, Originate, Value
from ivr.adapters.ami.wire import Wire
from ivr.errors import AmiDisconnected, AmiDown, AmiLoginRefused, AmiRefused, AmiTimeout, Unsendable

log = logging.getLogger(__name__)

BACK_OFF_FIRST_S = 0.2
BACK_OFF_MOST_S = 5.0
LIST_TIMEOUT_S = 15.0
ANSWER_WITHIN_S = 1.0
"""Asterisk answers an Originate in milliseconds: it has only put it into a queue."""
_LIKE_WILDCARDS = frozenset("%_")
_NO_CHANNEL = "No such channel"


class AmiClient:
    """A link to one Asterisk's manager, within one event loop.

    `events` gives every event in the order of the wire to one consumer: LINK_UP after each login (reconcile then),
    LINK_DOWN after each loss, LOGIN_REFUSED when a re-login was refused (no further attempt is made). When `events`
    is full, the newest event is dropped and counted in `dropped`; the three above push out the oldest instead.
    """

    def __init__(  # noqa: PLR0913 - where, who, and three limits by keyword
        self,
        host: str,
        port: int,
        username: str,
        secret: str,
        *,
        action_timeout_s: float = 5.0,
        ping_interval_s: float = 5.0,
        queue_size: int = 10_000,
    ) -> None:
        self.events: asyncio.Queue[AmiEvent] = asyncio.Queue(queue_size)
        self.dropped = 0
        self._where = (host, port)
        self._login = {"Action": "Login", "Username": username, "Secret": secret, "Events": "on"}
        self._timeout_s, self._ping_s = action_timeout_s, ping_interval_s
        self._wire: Wire | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Whether the link is there, logged in, and answers what was told on it.

        A peer that has fallen silent would take a second's calls after the other, whose fate nobody could know.
        """
        return self._wire is not None and self._wire.usable and self._wire.silent_s < ANSWER_WITHIN_S

    async def open(self) -> None:
        """The link is up and stays up by itself until `close`.

        Raises AmiDown (nobody answers) and AmiLoginRefused; then no attempt is going on.
        """
        if self._keeper is not None:
            return
        wire = await self._connect()
        self._keeper = asyncio.create_task(self._keep(wire), name="ami-link")

    async def close(self) -> None:
        """The link is closed and does not come back; actions under way have failed with AmiDisconnected."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait({keeper})
        wire = self._wire
        if wire is not None:
            wire.abort()
            await wire.lost.wait()

    async def action(self, name: str, **headers: Value) -> Headers:
        """Asterisk's reply to one action. A header given a list of texts is sent once for each.

        Raises Unsendable and AmiDown (nothing was sent), AmiRefused, AmiTimeout and AmiDisconnected (may have
        happened).
        """
        return (await self._ask({"Action": name, **headers}, timeout_s=self._timeout_s))[0]

    async def originate(self, call: Originate) -> None:
        """Asterisk has queued the call. How it went comes as events: OriginateResponse, whose ActionID is the channel
        id also when nothing was dialled, and Hangup with the cause. Raises as `action` does.
        """
        await self._ask({"Action": "Originate", **call.headers()}, timeout_s=self._timeout_s)

    def send_originate(self, call: Originate) -> Coroutine[Any, Any, list[Headers]]:
        """The call has left for Asterisk when this returns, so that its moment is known; awaiting gives the reply.

        Raises Unsendable and AmiDown at once (nothing was sent), the rest of `originate` when awaited.
        """
        if self._wire is None:
            raise AmiDown
        return self._wire.tell({"Action": "Originate", **call.headers()}, timeout_s=self._timeout_s)

    async def channels(self, *, timeout_s: float = LIST_TIMEOUT_S) -> set[str]:
        """The unique ids of all channels that live in Asterisk now."""
        found = await self._list("CoreShowChannels", {}, timeout_s)
        return {item["Uniqueid"] for item in found if item.get("Event") == "CoreShowChannel"}

    async def hangup(self, channel_id: str) -> bool:
        """Whether there was a channel with this unique id; if so it has been told to hang up."""
        return await self._done("Hangup", _NO_CHANNEL, {"Channel": _one(channel_id)})

    async def variable(self, channel_id: str, name: str) -> str | None:
        """The value of the channel's variable, "" if it has none; None if there is no channel with this unique id."""
        try:
            (reply, *_) = await self._ask(
                {"Action": "Getvar", "Channel": _one(channel_id), "Variable": name}, timeout_s=self._timeout_s
            )
        except AmiRefused as refusal:
            if _NO_CHANNEL in str(refusal):
                return None
            raise
        return reply.get("Value", "")

    async def set_variable(self, channel_id: str, name: str, value: str) -> bool:
        """Whether there was a channel with this unique id; if so its variable has that value."""
        told: dict[str, Value] = {"Channel": _one(channel_id), "Variable": name, "Value": value}
        return await self._done("Setvar", _NO_CHANNEL, told)

    async def redirect(self, channel_id: str, context: str) -> bool:
        """Whether there was a channel with this unique id; if so it has left what it played for that context."""
        where: dict[str, Value] = {"Channel": _one(channel_id), "Context": context, "Exten": "s", "Priority": 1}
        return await self._done("Redirect", "Channel does not exist", where)

    async def tree(self, family: str, *, timeout_s: float = LIST_TIMEOUT_S) -> dict[str, str]:
        """What Asterisk's own database holds under `family`, by key without the family."""
        found = await self._list("DBGetTree", {"Family": family}, timeout_s)
        prefix = f"/{family}/"  # Asterisk compares with LIKE: other families may have come along
        return {
            key.removeprefix(prefix): item.get("Val", "")
            for item in found
            if (key := item.get("Key", "")).startswith(prefix)
        }

    async def delete_tree(self, family: str, key: str) -> bool:
        """Whether `key`, or keys under it, were there; they are gone from Asterisk's own database."""
        if not family or not key or _LIKE_WILDCARDS & set(family + key):
            raise Unsendable("family and key are needed, without % and _: Asterisk would delete more than this key")
        return await self._done("DBDelTree", "Database entry not found", {"Family": family, "Key": key})

    async def _done(self, name: str, absent: str, headers: dict[str, Value]) -> bool:
        try:
            await self._ask({"Action": name, **headers}, timeout_s=self._timeout_s)
        except AmiRefused as refusal:
            if absent in str(refusal):
                return False
            raise
        return True

    async def _list(self, name: str, headers: dict[str, Value], timeout_s: float) -> list[Headers]:
        return await self._ask({"Action": name, **headers}, timeout_s=timeout_s, many=True)

    async def _ask(self, headers: dict[str, Value], *, timeout_s: float, many: bool = False) -> list[Headers]:
        if self._wire is None:
            raise AmiDown
        return await self._wire.ask(headers, timeout_s=timeout_s, many=many)

    async def _connect(self) -> Wire:
        try:
            async with asyncio.timeout(self._timeout_s):
                _, wire = await asyncio.get_running_loop().create_connection(self._new_wire, *self._where)
        except (OSError, TimeoutError) as error:
            raise AmiDown(
                f"no Asterisk manager answers at {self._where[0]}:{self._where[1]}: {error or 'time-out'}"
            ) from None
        wire.when_logged_in = self._linked
        try:
            await wire.ask(self._login, timeout_s=self._timeout_s)
        except BaseException as error:
            wire.abort()
            if isinstance(error, AmiRefused):
                raise AmiLoginRefused from None
            if isinstance(error, AmiTimeout | AmiDisconnected):
                raise AmiDown(f"no Asterisk manager answered the login at {self._where[0]}:{self._where[1]}") from None
            raise
        return wire

    async def _keep(self, wire: Wire) -> None:
        try:
            while True:
                await self._watch(wire)
                wire = await self._connect_again()
        except AmiLoginRefused as refusal:
            log.error("%s; no further attempt is made", refusal)
            self._tell(LOGIN_REFUSED)

    async def _watch(self, wire: Wire) -> None:
        """Returns when the link is lost; a peer silent for longer than one action may take counts as lost."""
        while wire.usable:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._ping_s):
                    await wire.lost.wait()
            with contextlib.suppress(AmiDown, AmiDisconnected, AmiRefused):
                try:
                    await wire.ask({"Action": "Ping"}, timeout_s=self._timeout_s)
                except AmiTimeout:
                    log.error("Asterisk's manager has not answered for %g s: connecting again", self._timeout_s)
                    wire.abort()
        await wire.lost.wait()

    async def _connect_again(self) -> Wire:
        delay_s = BACK_OFF_FIRST_S
        while True:
            await asyncio.sleep(delay_s)
            try:
                return await self._connect()
            except AmiDown as error:
                log.info("%s", error)
                delay_s = min(delay_s * 2, BACK_OFF_MOST_S)

    def _new_wire(self) -> Wire:
        return Wire(self._received, self._unlinked)

    def _linked(self, wire: Wire) -> None:
        self._wire = wire
        self._tell(LINK_UP)

    def _unlinked(self, wire: Wire) -> None:
        if wire is self._wire:
            self._wire = None
            self._tell(LINK_DOWN)

    def _received(self, headers: Headers) -> None:
        try:
            self.events.put_nowait(AmiEvent(headers["Event"], headers, time.monotonic()))
        except asyncio.QueueFull:
            self._drop()

    def _tell(self, name: str) -> None:
        log.info("%s %s:%s", name, *self._where)
        if self.events.full():
            self.events.get_nowait()
            self._drop()
        self.events.put_nowait(AmiEvent(name, Headers([("Event", name)]), time.monotonic()))

    def _drop(self) -> None:
        self.dropped += 1
        if self.dropped & (self.dropped - 1) == 0:  # at 1, 2, 4, 8 …: an alarm, not a flood
            log.error("%d AMI events dropped so far: their consumer is too slow", self.dropped)


def _one(channel_id: str) -> str:
    """The id of one channel; Unsendable if it could be taken for many."""
    if not channel_id or channel_id.startswith("/"):
        raise Unsendable("a channel id is needed: a pattern could mean other people's calls")
    return channel_id
