"""A chain of hashes: each entry seals the one before it, so that one changed byte anywhere is found.

What a chain cannot show by itself is that its last entries were cut off: who holds its length and last hash from
outside (an evidence file) sees that too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64
"""What stands before the first entry."""


@dataclass(frozen=True, slots=True)
class Link:
    """One entry. seq: 1, 2, 3, … without a gap. body: canonical JSON. prev_hash: the hash of the entry before."""

    seq: int
    body: str
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """How long a chain is, and the hash of its last entry."""

    seq: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, slots=True)
class Break:
    """The first entry that is not what was written, and why."""

    seq: int
    why: str

    def __str__(self) -> str:
        return f"entry {self.seq}: {self.why}"


def canonical(body: Mapping[str, Any]) -> str:
    """The body as JSON, always the same for the same content."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def read(body: str) -> dict[str, Any] | None:
    """What a canonical body says; None when it is no JSON object."""
    try:
        read_ = json.loads(body)
    except ValueError:
        return None
    return read_ if isinstance(read_, dict) else None


def hash_of(prev_hash: str, seq: int, body: str) -> str:
    """The seal of an entry: SHA-256 over the hash before it, its place and its body."""
    return hashlib.sha256(f"{prev_hash}\n{seq}\n{body}".encode()).hexdigest()


def extend(head: Head, bodies: Iterable[Mapping[str, Any]]) -> list[Link]:
    """The entries that follow `head`, one per body."""
    links: list[Link] = []
    for body in bodies:
        seq, text = head.seq + 1, canonical(body)
        links.append(Link(seq, text, head.hash, hash_of(head.hash, seq, text)))
        head = Head(seq, links[-1].hash)
    return links


def walk(links: Iterable[Link], expected: Head | None = None) -> tuple[Head, Break | None]:
    """The chain's head, and the first break found from its beginning; None: every entry is what was written.

    expected: what somebody outside knows of an earlier or the present end: it must lie in this chain.
    """
    head = Head()
    for link in links:
        if link.seq != head.seq + 1:
            return head, Break(head.seq + 1, "it is missing")
        if link.prev_hash != head.hash:
            return head, Break(link.seq, "it does not follow the entry before it")
        if link.hash != hash_of(link.prev_hash, link.seq, link.body):
            return head, Break(link.seq, "its content was changed")
        head = Head(link.seq, link.hash)
        if expected is not None and expected.seq == head.seq and expected.hash != head.hash:
            return head, Break(link.seq, "it is not the entry that was known at this place")
    if expected is not None and expected.seq > head.seq:
        return head, Break(head.seq + 1, f"it is missing: {expected.seq} entries were known")
    return head, None
