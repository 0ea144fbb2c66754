"""What is said to Asterisk's manager and what it says: checked before it is sent, read-only once received.

The limits are those of Asterisk's main/manager.c: a line has at most 1,024 bytes with its CR LF, a message 128 lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ivr.errors import Unsendable

LINK_UP = "LinkUp"
LINK_DOWN = "LinkDown"
LOGIN_REFUSED = "LoginRefused"

MAX_LINE_BYTES = 1022
MAX_LINES = 126  # with room for the ActionID that is added
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_VARIABLE_NAME = re.compile(r"_{0,2}[A-Za-z][A-Za-z0-9_]*")
_CHANNEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,148}")
_SPECIAL = str.maketrans({character: f"\\{character}" for character in '\\",()[]'})

Value = str | int | Sequence[str]


class Headers(Mapping[str, str]):
    """The headers of one message, by name in any case; a header that came twice has its values joined by newlines.

    No value can hold a newline of its own: newlines end a header on the wire.
    """

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str | list[str]]] = ()) -> None:
        self._values = {name.lower(): "\n".join(value) if isinstance(value, list) else value for name, value in pairs}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({', '.join(self._values)})"  # names only: values hold telephone numbers


@dataclass(frozen=True, slots=True)
class AmiEvent:
    """Something Asterisk reported, or LINK_UP, LINK_DOWN, LOGIN_REFUSED of ours. received_at: time.monotonic()."""

    name: str
    headers: Headers
    received_at: float

    def get(self, header: str, default: str = "") -> str:
        """The value of `header`, in any case, else `default`."""
        return self.headers.get(header, default)


@dataclass(frozen=True, slots=True)
class Originate:
    """One call to place. channel_id becomes its Uniqueid and ActionID. Its repr shows no number."""

    channel_id: str
    channel: str = field(repr=False)
    context: str
    extension: str
    caller_id: str = field(repr=False)
    ring_timeout_s: float
    priority: int = 1
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    def headers(self) -> dict[str, Value]:
        """The headers of the Originate action, the time limit in milliseconds.

        Raises Unsendable for a channel id or a variable name that Asterisk would read as something else.
        """
        if not _CHANNEL_ID.fullmatch(self.channel_id):
            raise Unsendable("a channel id is 1 to 149 letters, digits, dots, dashes and underscores")
        return {
            "ActionID": self.channel_id,
            "Channel": self.channel,
            "ChannelId": self.channel_id,
            "Context": self.context,
            "Exten": self.extension,
            "Priority": self.priority,
            "CallerID": self.caller_id,
            "Timeout": max(1, round(self.ring_timeout_s * 1000)),
            "Async": "true",
            "Variable": [assignment(name, value) for name, value in self.variables.items()],
        }


def assignment(name: str, value: str) -> str:
    """`NAME=value` for a Variable header, escaped so that Asterisk reads back `value` itself.

    Asterisk splits the header at commas outside quotes, parentheses and brackets (main/app.c). Only plain names are
    allowed, as `NAME(…)` would call a dialplan function. Raises Unsendable.
    """
    if not _VARIABLE_NAME.fullmatch(name):
        raise Unsendable("a channel variable's name is letters, digits and underscores")
    return f"{name}={value.translate(_SPECIAL)}"


def checked(headers: Mapping[str, Value]) -> dict[str, str | list[str]]:
    """`headers` as text that Asterisk reads as one message with these headers. Raises Unsendable, names the header."""
    lines = 0
    ready: dict[str, str | list[str]] = {}
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise Unsendable("an AMI header's name is letters, digits and dashes")
        values = [str(value)] if isinstance(value, str | int) else [str(item) for item in value]
        for item in values:
            _check_line(name, item)
        lines += len(values)
        ready[name] = values[0] if isinstance(value, str | int) else values
    if lines > MAX_LINES:
        raise Unsendable(f"an AMI action has at most {MAX_LINES} lines; nothing was sent")
    return ready


def _check_line(name: str, value: str) -> None:
    if _CONTROL.search(value):
        raise Unsendable(f"{name}: a line break or control character must not be sent to Asterisk")
    try:
        size = len(f"{name}: {value}".encode())
    except UnicodeEncodeError:
        raise Unsendable(f"{name}: not a text that can be written as UTF-8") from None
    if size > MAX_LINE_BYTES:
        raise Unsendable(f"{name}: longer than the {MAX_LINE_BYTES} bytes that Asterisk reads in one line")
