"""The SIP messages of one call, in order, as an engineer draws them: who sent what to whom."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

SAME_NUMBER_DIGITS = 9
"""How many last digits two ways to write a number share: +33 6… and 06… differ before them."""
BEGINS_BEFORE_MS, BEGINS_AFTER_MS = 1_000, 30_000
"""An INVITE belongs to a call whose dialing was written down at most so long after, or before, it left."""


@dataclass(frozen=True, slots=True)
class SipMessage:
    """One message of a capture. at_ms: epoch; sent: by this Asterisk; peer: host:port of the other side.

    line: a method, or a status with the method it answers. callee: user part of the request's URI, else of To.
    media: the SDP's audio line and direction, as `PCMA/8000 sendrecv`; "" without SDP.
    """

    at_ms: int
    sent: bool
    peer: str
    call_id: str
    line: str
    callee: str
    media: str = ""


def of_call(messages: Iterable[SipMessage], number: str, dialing_at_ms: int) -> list[SipMessage]:
    """Those of the call to `number` (E.164) that was sent at that instant, in order; empty: none was captured."""
    seen = list(messages)
    until_ms = dialing_at_ms + BEGINS_AFTER_MS
    ids = {
        one.call_id
        for one in seen
        if one.sent
        and one.line == "INVITE"
        and dialing_at_ms - BEGINS_BEFORE_MS <= one.at_ms <= until_ms
        and _ends_alike(one.callee, number)
    }
    return sorted((one for one in seen if one.call_id in ids), key=lambda one: one.at_ms)


def _ends_alike(one: str, other: str) -> bool:
    first, second = (re.sub(r"\D", "", text)[-SAME_NUMBER_DIGITS:] for text in (one, other))
    return first != "" and first == second
