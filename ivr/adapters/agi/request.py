"""What Asterisk says of a call before its script begins: names and values, then a blank line."""

from __future__ import annotations

from ivr.adapters.agi.lines import Lines, LinkLost

MAX_BYTES = 65_536
MAX_LINES = 200
_BEGINNING = b"agi_"


class NotACall(Exception):
    """What connected is not Asterisk with a call."""


def read_request(lines: Lines, deadline: float) -> dict[str, str]:
    """The values by name; bytes that are not UTF-8 are replaced, as a caller's name may be cut anywhere.

    deadline: time.monotonic(). Raises NotACall, at once for what cannot become a request.
    """
    try:
        while (end := (seen := lines.peek(deadline)).find(b"\n\n")) < 0:
            _check(seen)
    except LinkLost as loss:
        raise NotACall(str(loss)) from None
    _check(seen[:end])
    lines.skip(end + 2)
    pairs = [line.partition(":") for line in seen[:end].decode("utf-8", "replace").split("\n")]
    return {name: value.removeprefix(" ") for name, _, value in pairs}


def _check(seen: bytes) -> None:
    if seen[:4] != _BEGINNING[: len(seen)]:
        raise NotACall("not an AGI request")
    if len(seen) > MAX_BYTES or seen.count(b"\n") >= MAX_LINES:
        raise NotACall("a request without end")
