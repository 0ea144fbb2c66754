"""The six digits of an authenticator (RFC 6238: HMAC-SHA-1, steps of 30 seconds)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote

STEP_S = 30
DRIFT_STEPS = 1
"""A telephone's clock may be that much wrong."""


def code(secret: bytes, step: int) -> str:
    """What the authenticator shows in that step."""
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def step_of(secret: bytes, given: str, at_s: float, last_step: int) -> int | None:
    """The step whose code was given, None for none; a step up to `last_step` was used and counts no more."""
    now = int(at_s) // STEP_S
    found = None
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        if hmac.compare_digest(code(secret, step).encode(), given.encode()) and step > last_step:
            found = step
    return found


def link(secret: bytes, name: str) -> str:
    """What an authenticator reads."""
    words = base64.b32encode(secret).decode().rstrip("=")
    return f"otpauth://totp/Portevoix:{quote(name)}?secret={words}&issuer=Portevoix"
