"""Forgetting what single people heard: the sums stay as they are, and nothing that is told later changes them.

Of each call goes its listen, and with it what it would be known by: when the call was answered, when it ended, and the
seconds that were billed. What is left says that it was answered, and when it was forgotten.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update

from ivr.adapters.store import schema
from ivr.adapters.store.engine import Database
from ivr.adapters.store.journal import note
from ivr.adapters.store.lookups import pieces
from ivr.rules.states import AttemptState

ATTEMPTS = schema.attempts
LISTENS = schema.listens


class Forgetting:
    """Attempts are named by the instant of their making: those before an id are those before an instant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, before_id: str) -> dict[str, int]:
        """By the campaign's name, how many attempts made before that one are to be forgotten. Each is counted."""
        with self._database.read() as connection:
            return {name: count for name, count in connection.execute(_DUE, {"before_id": before_id})}

    def some(self, before_id: str, most: int, by: str, at_ms: int) -> int:
        """Up to so many ended attempts, made before that one, are forgotten; the journal says of which campaign.

        In one transaction; those who do it at the same time wait for one another. Returns how many.
        """
        given = {"before_id": before_id, "most": most}
        with self._database.write() as connection:
            found = dict(tuple(row) for row in connection.execute(_OLDEST, given))
            for some in pieces(found):
                connection.execute(delete(LISTENS).where(LISTENS.c.attempt_id.in_(some)))
                connection.execute(_FORGET.where(ATTEMPTS.c.id.in_(some)), {"the_ms": at_ms})
            for campaign, calls in sorted(Counter(found.values()).items()):
                note(connection, "listens-forgotten", f"campaign:{campaign}", by, at_ms, calls=calls)
        return len(found)


# Said of the attempt too: who waited for another's lock asks this row again, not the listens.
_OLD = (
    LISTENS.c.attempt_id < bindparam("before_id"),
    ATTEMPTS.c.state == AttemptState.ENDED.value,
    ATTEMPTS.c.forgotten_at_ms.is_(None),
)
_HEARD = ATTEMPTS.join(LISTENS, LISTENS.c.attempt_id == ATTEMPTS.c.id).join(
    schema.campaigns, schema.campaigns.c.id == ATTEMPTS.c.campaign_id
)
_NAME = schema.campaigns.c.name
_DUE = select(_NAME, func.count()).select_from(_HEARD).where(*_OLD).group_by(_NAME).order_by(_NAME)
_OLDEST = (
    select(ATTEMPTS.c.id, _NAME)
    .select_from(_HEARD)
    .where(*_OLD)
    .order_by(LISTENS.c.attempt_id)
    .limit(bindparam("most"))
    .with_for_update(of=ATTEMPTS)
)
_GONE: dict[str, Any] = {"answered_at_ms": None, "ended_at_ms": None, "billed_s": None}
_FORGET = update(ATTEMPTS).values(forgotten_at_ms=bindparam("the_ms"), **_GONE)
