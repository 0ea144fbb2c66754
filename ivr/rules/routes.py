"""Which of a carrier's hosts a call begins at."""

from __future__ import annotations

import zlib
from collections.abc import Sequence


def endpoint(trunk: str, host: int) -> str:
    """The name that Asterisk's configuration gives to the trunk's calls that begin at that host."""
    return f"{trunk}.{host + 1}" if host else trunk


def first_host(shares: Sequence[int], attempt: str) -> int:
    """The index of the host that this attempt begins at: always the same one, and over many attempts by their shares.

    It hangs on nothing but the id, so that every controller, and a restarted one, sends the attempt the same way.
    """
    drawn = zlib.crc32(attempt.encode()) % sum(shares)
    for index, share in enumerate(shares):
        if drawn < share:
            return index
        drawn -= share
    raise ValueError("no host has a share")
