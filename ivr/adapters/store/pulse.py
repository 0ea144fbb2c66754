"""The pulse: what a controller asks of the books twice a second, in one transaction that sees one moment."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, select

from ivr.adapters.store import campaigns, halts, limits, schema
from ivr.adapters.store.engine import Database
from ivr.rules.records import Campaign, Override
from ivr.rules.states import CampaignState, TargetState


@dataclass(frozen=True, slots=True)
class Pulse:
    """Who may call, at which changed limits, and whose calls are to be ended at once.

    release_ms: calls sent before that instant (Unix milliseconds) are to be ended, whosever they are, 0: none;
    campaign_release_ms: the same of single campaigns. due: the campaigns that run and have somebody who is due by now,
    whether the Gate lets them be called or not: nobody else can be claimed.
    """

    running: list[Campaign] = field(default_factory=list)
    due: frozenset[int] = frozenset()
    overrides: dict[str, Override] = field(default_factory=dict)
    release_ms: int = 0
    campaign_release_ms: dict[int, int] = field(default_factory=dict)


def take(database: Database, now_ms: int, released_since_ms: int) -> Pulse:
    """The pulse now; a campaign's release that was asked for before `released_since_ms` concerns nobody any more."""
    with database.read() as connection:
        found = campaigns.running_or_releasing(connection, released_since_ms)
        running = [one for one in found if one.state is CampaignState.RUNNING]
        return Pulse(
            running,
            _with_due(connection, [one.id for one in running], now_ms),
            limits.every(connection),
            halts.release_at_ms(connection) or 0,
            {one.id: at_ms for one in found if (at_ms := one.release_at_ms or 0) > max(0, released_since_ms - 1)},
        )


def _with_due(connection: Connection, running: Collection[int], now_ms: int) -> frozenset[int]:
    if not running:
        return frozenset()
    return frozenset(connection.execute(_WITH_DUE, {"the_campaigns": running, "the_ms": now_ms}).scalars())


_CAMPAIGNS = schema.campaigns.c.id
_BY_NOW = schema.targets.c.due_at_ms <= bindparam("the_ms")
_WITH_DUE = select(_CAMPAIGNS).where(
    _CAMPAIGNS.in_(bindparam("the_campaigns", expanding=True)),
    campaigns.first_due_ms(_CAMPAIGNS, TargetState.DUE, _BY_NOW).scalar_subquery().is_not(None),
)
