"""Versions of a campaign's message (A/B): who hears which, by a hash that answers the same at every call."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from itertools import accumulate

from ivr.errors import BadSetting, Refused

PLACES = 2**32
MOST_VERSIONS = 9


def place(campaign_id: int, contact_id: int) -> int:
    """Where a contact stands among a campaign's audience: 0…PLACES-1, evenly spread, another order in each campaign.

    The first 32 bits of the SHA-256 of "campaign:contact", so that anybody can work it out again.
    """
    return int.from_bytes(hashlib.sha256(f"{campaign_id}:{contact_id}".encode()).digest()[:4])


def borders(shares: Sequence[float]) -> list[int]:
    """The place at which each version but the last one ends."""
    whole = sum(shares)
    return [round(PLACES * part / whole) for part in accumulate(shares)][:-1]


def version_at(where: int, ends: Sequence[int]) -> int:
    """The version, from 0, of who stands at that place. ends: as `borders` says."""
    return sum(where >= end for end in ends)


def parsed(written: Iterable[str]) -> list[tuple[str, float]]:
    """The messages' names and their shares, which make 1: of "a=0.5" and "b=0.5", or "a" and "b" for equal ones.

    Raises BadSetting or Refused, which say what cannot be used.
    """
    named = [_named(text) for text in written]
    names = [name for name, _ in named]
    if len(named) > MOST_VERSIONS:
        raise Refused(f"{len(named)} versions are too many: {MOST_VERSIONS} at most, or each is heard by too few")
    if len(set(names)) < len(names):
        raise Refused("a message is named twice: give each version once")
    if 0 < sum(share is None for _, share in named) < len(named):
        raise Refused("some versions have a share and some have none: give all of them one, as in a=0.7 b=0.3, or none")
    whole = sum(share or 1.0 for _, share in named)
    return [(name, (share or 1.0) / whole) for name, share in named]


def _named(text: str) -> tuple[str, float | None]:
    name, sign, written = text.rpartition("=")
    if not sign:
        return text, None
    try:
        share = float(written)
    except ValueError:
        return text, None  # a name that holds the sign
    if not (math.isfinite(share) and share > 0):
        raise BadSetting(f"share {written!r} of message {name!r} cannot be used: give a number above 0, as in a=0.5")
    return name, share
