"""One connection to Asterisk's manager: panoramisk's parser with its defects cured (docs/decisions/0040)."""

from __future__ import annotations

import asyncio
import codecs
import itertools
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

from ivr.adapters.ami.messages import Headers, Value, checked
from ivr.errors import AmiDisconnected, AmiDown, AmiRefused, AmiTimeout, Unsendable

MAX_MESSAGE_CHARS = 1 << 20
GATHER_S = 0.02
"""What comes so soon after other news is read with what follows it, as each reading wakes the process: events and the
replies to Originate, never what somebody asked for."""
_ONE = "portevoix/"
_LIST = "portevoix-list/"
_numbers = itertools.count(1)
_silent = logging.getLogger("ivr.adapters.ami.panoramisk")
_silent.disabled = True  # it writes whole messages: telephone numbers, and the secret when a login is lost


class Wire(AMIProtocol):
    """Sends actions and gives each its reply; hands every event to `on_event`, in order; says once when it is lost.

    `on_event` and `on_lost` must not raise.
    """

    closed: bool

    def __init__(self, on_event: Callable[[Headers], None], on_lost: Callable[[Wire], None]) -> None:
        self._on_event, self._on_lost = on_event, on_lost
        self.lost = asyncio.Event()
        self._waiting_since: dict[str, float] = {}  # of the plain actions without a reply: asyncio's clock
        self._asking = 0  # how many wait for what they asked
        self.when_logged_in: Callable[[Wire], None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """The connection is ready for actions."""
        super().connection_made(transport)
        self.encoding, self.log = "utf-8", _silent
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def data_received(self, data: bytes) -> None:
        """Every complete message in `data` was handled. A character cut by two segments is kept for the next."""
        super().data_received(self._decoder.decode(data).encode())
        if len(self.queue[0] if self.queue else "") > MAX_MESSAGE_CHARS:
            self.abort()  # not a manager: it never ends a message
        if not self._asking and self.usable:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(GATHER_S, self._read_on)

    def _read_on(self) -> None:
        if self.usable:
            self.transport.resume_reading()

    def handle_message(self, message: Message) -> None:
        """A reply went to its action, an event to `on_event`; the rest of a list given up went nowhere.

        An event with the ActionID of a plain action is still an event: OriginateResponse is one.
        """
        action = self.responses.get(message.action_id)
        is_event = "event" in message
        if action is not None and not (is_event and action.as_list is False):
            if action.add_message(message):
                self.responses.pop(message.action_id, None)
                self._notice_login(action, message)
        elif is_event and not str(message.action_id or "").startswith(_LIST):
            self._on_event(_headers(message))
            if str(message["event"]).lower() == "shutdown":
                self.abort()  # what is sent from here on would be lost without an answer

    def _notice_login(self, action: Action, message: Message) -> None:
        # here and not after an await, so that no event of the same segment overtakes the news
        if self.when_logged_in and action["action"] == "Login" and message.success:
            self.when_logged_in(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Every action without a reply has failed with AmiDisconnected; none is ever sent again."""
        self.close()
        waiting = list(self.responses.values())
        self.responses.clear()
        for action in waiting:
            if not action.future.done():
                action.future.set_exception(AmiDisconnected(_lost_during(action["action"])))
        if not self.lost.is_set():
            self.lost.set()
            self._on_lost(self)

    def close(self) -> None:
        """The connection is closing; actions are refused from here on."""
        if not self.closed:
            self.closed = True
            self.transport.close()

    def abort(self) -> None:
        """The connection is closing without waiting for the peer."""
        self.closed = True
        self.transport.abort()

    @property
    def silent_s(self) -> float:
        """How long the plain action has waited that waits longest for its reply; 0 when none does."""
        if not self._waiting_since:
            return 0.0
        return asyncio.get_running_loop().time() - min(self._waiting_since.values())

    @property
    def usable(self) -> bool:
        """Whether an action sent now would leave this machine."""
        return not self.closed and not self.transport.is_closing()

    def tell(self, headers: Mapping[str, Value], *, timeout_s: float) -> Coroutine[Any, Any, list[Headers]]:
        """The action has left when this returns; the reply is what awaiting gives, as in `ask`."""
        action = Action(self._ready(headers, _ONE), as_list=False)
        sent = self.send(action, as_list=False)
        self._waiting_since[action["actionid"]] = asyncio.get_running_loop().time()
        return self._replies(action, sent, timeout_s)

    async def ask(self, headers: Mapping[str, Value], *, timeout_s: float, many: bool = False) -> list[Headers]:
        """The messages with which Asterisk replied: one, or with `many` the reply, the list's events and its end.

        Raises Unsendable and AmiDown (nothing was sent), AmiRefused, AmiTimeout and AmiDisconnected (may have
        happened).
        """
        action = Action(self._ready(headers, _LIST if many else _ONE), as_list=None if many else False)
        self._asking += 1
        self._read_on()
        try:
            return await self._replies(action, self.send(action, as_list=None if many else False), timeout_s)
        finally:
            self._asking -= 1

    async def _replies(self, action: Action, future: asyncio.Future[Any], timeout_s: float) -> list[Headers]:
        name, action_id = action["action"], action["actionid"]
        try:
            async with asyncio.timeout(timeout_s):
                replies = await future
        except TimeoutError:
            raise AmiTimeout(f"Asterisk's manager did not answer {name} within {timeout_s:g} s") from None
        finally:
            self._waiting_since.pop(action_id, None)
            self.responses.pop(action_id, None)  # a late reply must find nobody, and leave nothing behind
        messages = [_headers(reply) for reply in (replies if isinstance(replies, list) else [replies])]
        if messages[0].get("Response") not in Message.success_responses:
            raise AmiRefused(f"Asterisk's manager refused {name}: {messages[0].get('Message', 'no reason given')}")
        return messages

    def _ready(self, headers: Mapping[str, Value], kind: str) -> dict[str, str | list[str]]:
        ready = checked(headers)
        ready.setdefault("ActionID", f"{kind}{next(_numbers)}")
        if not self.usable:
            raise AmiDown
        if ready["ActionID"] in self.responses:
            raise Unsendable("an action with this ActionID is still under way; nothing was sent")
        return ready


def _headers(message: Message) -> Headers:
    pairs = message._store.values()  # its `items` looks each name up again: half the cost of an event
    return Headers((name, value) for name, value in pairs if value or name != "content")  # its own addition


def _lost_during(name: str) -> str:
    return f"the link to Asterisk's manager was lost before it answered {name}: it may have happened"
