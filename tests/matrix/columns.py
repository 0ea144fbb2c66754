"""The columns: where every target of a campaign stands at one instant, by the books, Redis and the carrier."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass

from sqlalchemy import select

from ivr.adapters.queues import RESULTS
from ivr.adapters.store import schema
from ivr.adapters.store.facts import ATTEMPTS, TARGETS
from ivr.rules.records import Campaign
from ivr.rules.states import AttemptState
from tests.matrix.installation import Installation


@dataclass(frozen=True, slots=True)
class Columns:
    """How many targets stand in each column.

    due: before the claim. claimed: without an order. ordered: the order is in Redis or in the controller. dialing:
    committed, and not at the carrier yet. told: results sent and not recorded.
    """

    due: int
    claimed: int
    ordered: int
    dialing: int
    ringing: int
    talking: int
    told: int

    @property
    def live(self) -> int:
        return self.ringing + self.talking

    def empty(self) -> list[str]:
        """The columns in which there is nobody."""
        return [name for name, count in asdict(self).items() if not count]

    def __str__(self) -> str:
        return "/".join(str(count) for count in asdict(self).values())


def attempts(up: Installation, campaign: Campaign, state: AttemptState) -> dict[str, str]:
    """The campaign's attempts in that state, with their numbers."""
    query = (
        select(ATTEMPTS.c.id, schema.contacts.c.number)
        .select_from(ATTEMPTS.join(TARGETS, TARGETS.c.id == ATTEMPTS.c.target_id).join(schema.contacts))
        .where(ATTEMPTS.c.campaign_id == campaign.id, ATTEMPTS.c.state == state.value)
    )
    with up.store.database.read() as connection:
        return {row.id: row.number for row in connection.execute(query)}


def not_at_carrier(up: Installation, campaign: Campaign, index_of: dict[str, int]) -> set[str]:
    """Attempts that are dialing in the books and of which the carrier has seen nothing."""
    dialing = attempts(up, campaign, AttemptState.DIALING)
    called = up.stack.line.called
    return {attempt for attempt, number in dialing.items() if index_of[number] not in called}


def columns(up: Installation, campaign: Campaign, index_of: dict[str, int], ordered: Collection[str]) -> Columns:
    """The campaign as it stands now. ordered: the claims whose order had been sent."""
    claimed = set(attempts(up, campaign, AttemptState.CLAIMED))
    line = up.stack.line
    return Columns(
        due=up.store.campaigns.books(campaign.id).due,
        claimed=len(claimed - set(ordered)),
        ordered=len(claimed & set(ordered)),
        dialing=len(not_at_carrier(up, campaign, index_of)),
        ringing=len(line.ringing),
        talking=len(line.talking),
        told=up.redis.xlen(RESULTS),
    )
