"""The pulse: what a controller asks of the books twice a second, in one transaction that sees one moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from ivr.adapters.store import campaigns, halts, limits
from ivr.adapters.store.engine import Database
from ivr.rules.records import Campaign, Override
from ivr.rules.states import CampaignState


@dataclass(frozen=True, slots=True)
class Pulse:
    """Who may call, at which changed limits, and whose calls are to be ended at once.

    release_ms: calls sent before that instant (Unix milliseconds) are to be ended, whosever they are, 0: none;
    campaign_release_ms: the same of single campaigns.
    """

    running: list[Campaign] = field(default_factory=list)
    overrides: dict[str, Override] = field(default_factory=dict)
    release_ms: int = 0
    campaign_release_ms: dict[int, int] = field(default_factory=dict)


def take(database: Database, released_since_ms: int) -> Pulse:
    """The pulse now; a campaign's release that was asked for before that instant concerns nobody any more."""
    with database.read() as connection:
        found = campaigns.running_or_releasing(connection, released_since_ms)
        return Pulse(
            [one for one in found if one.state is CampaignState.RUNNING],
            limits.every(connection),
            halts.release_at_ms(connection) or 0,
            {one.id: at_ms for one in found if (at_ms := one.release_at_ms or 0) > max(0, released_since_ms - 1)},
        )
