"""Adding up calls: what a transaction changes of attempts and listens is in the tallies when it is committed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Insert, Row, RowMapping, Table, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from ivr.adapters.store import campaigns, schema, sum_tables
from ivr.adapters.store.facts import SENT
from ivr.adapters.store.hearing import judged
from ivr.adapters.store.lookups import MOST_KEYS, rows_among
from ivr.rules.states import AttemptState
from ivr.rules.tally import SUMS, Call, Tally, call_of, local, places

ATTEMPTS = schema.attempts
Whose = tuple[int, int]
"""A campaign, and the version of its message."""
Tallies = dict[Whose, Tally]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a call is added up."""

    whose: Whose
    message_ms: int
    values: Mapping[str, str]


@contextmanager
def counted(connection: Connection, attempts: Collection[str]) -> Iterator[None]:
    """What is done within to these attempts, which are locked, and to their listens is in the tallies.

    The tallies come last: on PostgreSQL those who record wait there for one another, and then only commit.
    """
    before = _calls(connection, attempts)
    yield
    after = _calls(connection, attempts)
    changed = [attempt for attempt in after if after[attempt] != before.get(attempt)]
    if changed:
        where = _places(connection, changed)
        found: Tallies = {}
        for attempt in changed:
            if attempt in before:
                _add(found, where[attempt], before[attempt], -1)
            _add(found, where[attempt], after[attempt], 1)
        write(connection, found)


def count_uncounted(connection: Connection) -> None:
    """Every campaign with calls and without a tally has one: it called before there were tallies.

    Where calls were forgotten nothing can be counted any more: what is left would be told as if it were all.
    """
    cells = sum_tables.tally_cells
    tallied = exists().where(cells.c.campaign_id == schema.campaigns.c.id)
    mine = ATTEMPTS.c.campaign_id == schema.campaigns.c.id
    called = exists().where(mine, ATTEMPTS.c.state.in_(SENT))
    whole = ~exists().where(mine, ATTEMPTS.c.forgotten_at_ms.is_not(None))
    for campaign_id in list(connection.execute(select(schema.campaigns.c.id).where(~tallied, called, whole)).scalars()):
        write(connection, recounted(connection, campaign_id))


def recounted(connection: Connection, campaign_id: int) -> Tallies:
    """The campaign's tallies as its attempts and listens say, each read anew; those forgotten were heard of no more."""
    found: Tallies = {}
    last = ""
    query = select(ATTEMPTS.c.id).where(ATTEMPTS.c.campaign_id == campaign_id, ATTEMPTS.c.state.in_(SENT))
    while some := list(connection.execute(query.where(ATTEMPTS.c.id > last).order_by("id").limit(MOST_KEYS)).scalars()):
        where = _places(connection, some)
        for attempt, row in _calls(connection, some).items():
            _add(found, where[attempt], row, 1)
        last = some[-1]
    return found


def _calls(connection: Connection, attempts: Iterable[str]) -> dict[str, Row[Any]]:
    """What is told of each attempt that is over, or has a listen."""
    return {row.call: row for row in rows_among(connection, _CALLS, ATTEMPTS.c.id, attempts)}


def _add(tallies: Tallies, place: _Place, row: Row[Any], times: int) -> None:
    call = _call(row._mapping, place.message_ms)
    tallies.setdefault(place.whose, Tally()).add(call, place.values, times)


def _call(row: RowMapping, message_ms: int) -> Call:
    over = row["state"] == AttemptState.ENDED and row["outcome"]
    return call_of(row["outcome"] if over else "", judged(row), message_ms, row["billed_s"] or 0)


def _places(connection: Connection, attempts: Collection[str]) -> dict[str, _Place]:
    rows = list(rows_among(connection, _PLACES, ATTEMPTS.c.id, attempts))
    running = campaigns.load_all(connection, {row.campaign_id for row in rows})
    sent: dict[int, list[str]] = {}
    for row in rows_among(connection, _SENT, ATTEMPTS.c.target_id, {row.target_id for row in rows}):
        sent.setdefault(row.target_id, []).append(row.id)
    found = {}
    for row in rows:
        campaign = running[row.campaign_id]
        at = local(row.claimed_at_ms if row.dialing_at_ms is None else row.dialing_at_ms, campaign.timezone)
        number = max(sum(other <= row.id for other in sent.get(row.target_id, ())), 1)
        known = {"departement": row.departement, "line_type": row.line_type, "birth_year": row.birth_year}
        # What was sent before the number shown was kept was counted without a batch, and is corrected so.
        known |= {"caller_id": row.caller_id, "batch": None if row.caller_id is None else row.first_batch}
        values = places(at, row.number, trunk=row.trunk, attempt=number, **known)
        message = campaign.to(row.version).message
        found[row.id] = _Place((campaign.id, row.version), message.length_ms, values)
    return found


def write(connection: Connection, tallies: Mapping[Whose, Tally]) -> None:
    """The tallies are added to those that are kept: in one order, so that nobody waits for one who waits for him."""
    for table, rows_of in zip(TABLES, (_cells, _instants, _stops), strict=True):
        keys = {column.name for column in table.primary_key}
        rows = (
            {"campaign_id": campaign_id, "version": version, **row}
            for (campaign_id, version), tally in sorted(tallies.items(), key=itemgetter(0))
            for row in rows_of(tally)
        )
        values = [row for row in rows if any(count for name, count in row.items() if name not in keys)]
        if values:
            connection.execute(_ADDED[connection.dialect.name][table.name], values)


def _cells(tally: Tally) -> Iterator[dict[str, Any]]:
    for (dimension, value), sums in sorted(tally.cells.items(), key=itemgetter(0)):
        yield {"dimension": dimension, "value": value, **dict(zip(SUMS, sums.values, strict=True))}


def _instants(tally: Tally) -> Iterator[dict[str, Any]]:
    for (fate, at_ms), calls in sorted(tally.instants.items()):
        yield {"fate": fate, "at_ms": at_ms, "calls": calls}


def _stops(tally: Tally) -> Iterator[dict[str, Any]]:
    for (segment, second), calls in sorted(tally.stops.items()):
        yield {"segment": segment, "second": second, "calls": calls}


def _adding(table: Table, insert: Any) -> Insert:
    made = insert(table)
    sums = [column for column in table.columns if not column.primary_key]
    added = {column.name: column + made.excluded[column.name] for column in sums}
    keys = [column.name for column in table.primary_key]
    return made.on_conflict_do_update(index_elements=keys, set_=added)  # type: ignore[no-any-return]


TABLES = (sum_tables.tally_cells, sum_tables.tally_instants, sum_tables.tally_stops)
_ADDED = {
    dialect: {table.name: _adding(table, insert) for table in TABLES}
    for dialect, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}
_LISTENS = schema.listens
_COUNTED = ("state", "outcome", "cause", "billed_s")
_CALLS = (
    select(ATTEMPTS.c.id.label("call"), *(ATTEMPTS.c[name] for name in _COUNTED), _LISTENS)
    .outerjoin(_LISTENS, _LISTENS.c.attempt_id == ATTEMPTS.c.id)
    .where((ATTEMPTS.c.state == AttemptState.ENDED.value) | _LISTENS.c.attempt_id.is_not(None))
)
_SENT = select(ATTEMPTS.c.id, ATTEMPTS.c.target_id).where(ATTEMPTS.c.state.in_(SENT))
_BATCH, _IN_BATCH = schema.source_batches, schema.batch_contacts
_FIRST_BATCH = (  # it was imported at the same instant, and of several such the contact is in it
    select(_BATCH.c.name)
    .join(_IN_BATCH, _IN_BATCH.c.batch_id == _BATCH.c.id)
    .where(_BATCH.c.imported_at_ms == schema.contacts.c.imported_at_ms, _IN_BATCH.c.contact_id == schema.contacts.c.id)
    .order_by(_BATCH.c.id)
    .limit(1)
    .correlate(schema.contacts)
    .scalar_subquery()
)
_PLACE = ("id", "campaign_id", "target_id", "trunk", "caller_id", "claimed_at_ms", "dialing_at_ms")
_KNOWN = ("number", "line_type", "departement", "birth_year")
_PLACES = (
    select(*(ATTEMPTS.c[name] for name in _PLACE), *(schema.contacts.c[name] for name in _KNOWN))
    .add_columns(schema.targets.c.version, _FIRST_BATCH.label("first_batch"))
    .select_from(ATTEMPTS.join(schema.targets, schema.targets.c.id == ATTEMPTS.c.target_id).join(schema.contacts))
)
