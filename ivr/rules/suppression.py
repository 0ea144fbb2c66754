"""Suppressions: what must not be reached, by which channels, until when. One that is there never becomes less."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ivr.rules.consent import Channel

PLATFORM = "platform"
"""The scope of a number that nobody may reach; the other scope is `sponsor:ID`."""
REASONS = (
    "key 9", "withdrawal", "sms_stop", "web", "email", "phone", "letter", "complaint", "regulator", "wrong_number",
    "minor", "deceased", "reassigned", "protected_line", "external_list", "erasure", "objection",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Suppression:
    """A number must not be reached in a scope. channels: none named: by none at all. expires_at_ms: None: never."""

    scope: str
    reason: str
    at_ms: int
    channels: tuple[Channel, ...] = ()
    evidence: str = ""
    expires_at_ms: int | None = None

    @property
    def covers_all(self) -> bool:
        """Whether it is for every channel and for good."""
        return not self.channels and self.expires_at_ms is None


def merged(there: Suppression, more: Suppression) -> Suppression:
    """The first one, which keeps its reason and instant, covering what either covers, as long as either holds."""
    every = not there.channels or not more.channels
    channels = () if every else tuple(sorted({*there.channels, *more.channels}))
    ends = (there.expires_at_ms, more.expires_at_ms)
    until = None if None in ends else max(end for end in ends if end is not None)
    return replace(there, channels=channels, expires_at_ms=until)


def written(channels: Iterable[Channel]) -> str:
    """The channels as one text in which each stands between blanks; "" is all of them."""
    named = " ".join(sorted(channel.value for channel in channels))
    return f" {named} " if named else ""


def channels_in(text: str) -> tuple[Channel, ...]:
    """The channels that `written` wrote."""
    return tuple(Channel(name) for name in text.split())
