"""The tallies of campaigns, for reports: what they cost to read does not grow with the calls that were made."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import BindParameter, Connection, bindparam, func, select, text

from ivr.adapters.store import counting, locks, schema
from ivr.adapters.store.campaigns import books
from ivr.adapters.store.engine import Database
from ivr.rules.records import Books
from ivr.rules.states import AttemptState
from ivr.rules.tally import SUMS, WHOLE, Sums, Tally

CELLS, INSTANTS, STOPS = counting.TABLES
ATTEMPTS = schema.attempts
TARGETS = schema.targets
UNHEARD = schema.unheard


class Tallies:
    """The calls of each campaign, added up."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def snapshot(self, campaign_id: int, versions: int = 0) -> tuple[Books, list[Tally]]:
        """The campaign's books and the tally of each version, of one moment. versions: how many, 0 for only one."""
        with self._database.read() as connection:
            tallies = kept(connection, campaign_id)
            found = [tallies.get(number, Tally()) for number in range(max(versions, 1))]
            return books(connection, campaign_id, versions), found

    def instants(self, campaign_id: int) -> Tally:
        """When people left or were cut, and nothing else of the campaign's calls: what its curve is made of."""
        with self._database.read() as connection:
            found = Tally()
            for _, fate, at_ms, calls in connection.execute(_INSTANTS, {"the_campaign": campaign_id}):
                found.instants[fate, at_ms] = int(calls)
            return found

    def whole(self, campaign_id: int) -> dict[int, Sums]:
        """The sums of all calls of the campaign, by version: a row of each is read, however many calls there are."""
        with self._database.read() as connection:
            rows = connection.execute(_WHOLE, {"the_campaign": campaign_id})
            return {version: Sums(tuple(map(int, sums))) for version, *sums in rows}

    def recounted(self, campaign_id: int) -> tuple[dict[int, Tally], dict[int, Tally]]:
        """By version the tally as it is kept, and as every attempt and listen says, of one moment. Takes its time."""
        with self._database.read() as connection:
            again = counting.recounted(connection, campaign_id)
            return kept(connection, campaign_id), {version: tally for (_, version), tally in again.items()}

    def fold(self) -> None:
        """On PostgreSQL, what each transaction added to the counts of targets is one row again for all of them."""
        if self._database.engine.dialect.name == "postgresql":
            with self._database.write() as connection:
                if locks.may_fold(connection):
                    connection.execute(_FOLD)


def kept(connection: Connection, campaign_id: int) -> dict[int, Tally]:
    """The tallies as they are kept, by version, in this transaction."""
    given = {"the_campaign": campaign_id}
    found: defaultdict[int, Tally] = defaultdict(Tally)
    for version, calls in connection.execute(_OPEN, given):
        found[version].open = int(calls)
    for version, calls in connection.execute(_UNHEARD, given):
        found[version].unheard = int(calls)
    for version, dimension, value, *sums in connection.execute(_CELLS, given):
        found[version].cells[dimension, value] = Sums(tuple(map(int, sums)))
    for version, fate, at_ms, calls in connection.execute(_INSTANTS, given):
        found[version].instants[fate, at_ms] = int(calls)
    for version, segment, second, calls in connection.execute(_STOPS, given):
        found[version].stops[segment, second] = int(calls)
    return dict(found)


_CAMPAIGN: BindParameter[int] = bindparam("the_campaign")
_SUMS = [CELLS.c[name] for name in SUMS]
_WHOLE = select(CELLS.c.version, *_SUMS).where(
    CELLS.c.campaign_id == _CAMPAIGN, CELLS.c.dimension == WHOLE[0], CELLS.c.value == WHOLE[1]
)
_CELLS = select(CELLS.c.version, CELLS.c.dimension, CELLS.c.value, *_SUMS).where(CELLS.c.campaign_id == _CAMPAIGN)
_INSTANTS = select(INSTANTS.c.version, INSTANTS.c.fate, INSTANTS.c.at_ms, INSTANTS.c.calls).where(
    INSTANTS.c.campaign_id == _CAMPAIGN, INSTANTS.c.calls != 0
)
_STOPS = select(STOPS.c.version, STOPS.c.segment, STOPS.c.second, STOPS.c.calls).where(
    STOPS.c.campaign_id == _CAMPAIGN, STOPS.c.calls != 0
)
_BY_VERSION = select(TARGETS.c.version, func.count()).group_by(TARGETS.c.version)
_OPEN = _BY_VERSION.select_from(ATTEMPTS.join(TARGETS, TARGETS.c.id == ATTEMPTS.c.target_id)).where(
    ATTEMPTS.c.campaign_id == _CAMPAIGN,
    ATTEMPTS.c.state.in_((AttemptState.DIALING.value, AttemptState.ANSWERED.value)),
)
_UNHEARD = _BY_VERSION.select_from(
    UNHEARD.join(ATTEMPTS, ATTEMPTS.c.id == UNHEARD.c.attempt_id).join(TARGETS, TARGETS.c.id == ATTEMPTS.c.target_id)
).where(UNHEARD.c.campaign_id == _CAMPAIGN)
_FOLD = text(
    "WITH gone AS (DELETE FROM target_counts WHERE origin <> 0 "
    "RETURNING campaign_id, version, state, outcome, rule, targets) "
    "INSERT INTO target_counts (campaign_id, version, state, outcome, rule, origin, targets) "
    "SELECT campaign_id, version, state, outcome, rule, 0, sum(targets) FROM gone "
    "GROUP BY campaign_id, version, state, outcome, rule HAVING sum(targets) <> 0 "
    "ORDER BY campaign_id, version, state, outcome, rule "
    "ON CONFLICT (campaign_id, version, state, outcome, rule, origin) "
    "DO UPDATE SET targets = target_counts.targets + excluded.targets"
)
