"""Sponsors and campaigns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, TypedDict, Unpack

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Result,
    Row,
    Select,
    bindparam,
    func,
    insert,
    literal,
    or_,
    select,
)

from ivr.adapters.store import contacts, locks, money, schema, sum_tables
from ivr.adapters.store.audiences import Selection, members
from ivr.adapters.store.engine import Database
from ivr.adapters.store.journal import ITSELF, note
from ivr.adapters.store.lookups import rows_among
from ivr.adapters.store.places import version_of
from ivr.errors import BadTransition, NotFound, Refused
from ivr.rules.billing import Terms
from ivr.rules.records import Books, Campaign, Review, Sound, Version
from ivr.rules.states import CAMPAIGN_MOVES, CampaignState, TargetState

TABLE = schema.campaigns
AUDIENCE = ("campaign_id", "contact_id", "state", "version")
_ITSELF = Review(ITSELF, 0)
OVER = (CampaignState.STOPPED.value, CampaignState.FINISHED.value)


class Changes(TypedDict, total=False):
    """What may be changed of a campaign that is not over, also while it runs.

    expires_at_ms, budget_cents: None, without one.
    """

    rate_cps: float
    weight: float
    priority: int
    expires_at_ms: int | None
    budget_cents: int | None


class Campaigns:
    """The campaigns and their books."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        values: Mapping[str, Any],
        sponsor: str,
        versions: Sequence[tuple[int, float]] = (),
        by: str = ITSELF,
        selection: Selection | None = None,
    ) -> Campaign:
        """A draft with one target per contact of its audience, all in one transaction.

        versions: when there are several, the message and the share of each; `values` names the first one's.
        selection: the audience; None: the whole batch.
        """
        chosen = {"audience": selection.audience.text()} if selection else {}
        with self._database.write() as connection:
            locks.naming(connection)
            if connection.execute(select(TABLE.c.id).where(TABLE.c.name == values["name"])).first():
                raise Refused(f"a campaign named {values['name']!r} exists already; choose another name")
            contacts.require_complete(connection, values["batch_id"])
            sponsor_id = _sponsor_id(connection, sponsor)
            state = {"state": CampaignState.DRAFT.value, "sponsor_id": sponsor_id}
            given = {**values, **state, **chosen}
            campaign_id = connection.execute(insert(TABLE).values(given)).inserted_primary_key[0]  # type: ignore[index]
            for number, (message_id, share) in enumerate(versions):
                version = {"campaign_id": campaign_id, "number": number, "message_id": message_id, "share": share}
                connection.execute(insert(schema.versions).values(version))
            contact_id = members(selection or Selection(values["batch_id"])).subquery().c.contact_id
            heard = version_of(campaign_id, contact_id, [share for _, share in versions])
            audience = select(literal(campaign_id), contact_id, literal(TargetState.DUE.value), heard)
            connection.execute(insert(schema.targets).from_select(AUDIENCE, audience))
            made = load(connection, campaign_id)
            told = _told(made) | chosen
            note(connection, "campaign-made", f"campaign:{made.name}", by, made.created_at_ms, **told)
            return made

    def named(self, name: str) -> Campaign:
        """The campaign of that name, or NotFound."""
        with self._database.read() as connection:
            found = _campaigns(connection.execute(_QUERY.where(TABLE.c.name == name)))
        if not found:
            raise NotFound(f"there is no campaign named {name!r}; `ivr campaign list` shows those there are")
        return found[0]

    def by_id(self, campaign_id: int) -> Campaign:
        """The campaign as it stands now."""
        with self._database.read() as connection:
            return load(connection, campaign_id)

    def all(self) -> list[Campaign]:
        """Every campaign, oldest first."""
        with self._database.read() as connection:
            return _campaigns(connection.execute(_QUERY))

    def seen_by(self, sponsor: str) -> list[Campaign]:
        """That sponsor's, oldest first; every campaign when it is ""."""
        return [one for one in self.all() if sponsor in {"", one.sponsor}]

    def one_seen_by(self, sponsor: str, campaign_id: int) -> Campaign:
        """That campaign, when it is among those; else NotFound, as if there were none."""
        with self._database.read() as connection:
            found = _campaigns(connection.execute(_BY_ID, {"the_id": campaign_id}))
        if not found or sponsor not in {"", found[0].sponsor}:
            raise NotFound("there is no such campaign")
        return found[0]

    def running(self) -> list[Campaign]:
        """The campaigns that may call now, as far as their state goes."""
        with self._database.read() as connection:
            return _campaigns(connection.execute(_RUNNING))

    def move(
        self,
        campaign: Campaign,
        then: CampaignState,
        at_ms: int,
        by: str = ITSELF,
        why: Mapping[str, Any] | None = None,
    ) -> None:
        """The campaign is `then`, by one conditional update; BadTransition if it stands where it may not go there.

        why: what the journal says beside.
        """
        allowed = [state.value for state, targets in CAMPAIGN_MOVES.items() if then in targets]
        values: dict[str, Any] = {"state": then.value}
        if then is CampaignState.RUNNING and campaign.started_at_ms is None:
            values["started_at_ms"] = at_ms
        if then in {CampaignState.FINISHED, CampaignState.STOPPED}:
            values["finished_at_ms"] = at_ms
        with self._database.write() as connection:
            locks.changing_answers(connection)
            update = TABLE.update().where(TABLE.c.id == campaign.id, TABLE.c.state.in_(allowed)).values(**values)
            if connection.execute(update).rowcount == 0:
                now = connection.execute(select(TABLE.c.state).where(TABLE.c.id == campaign.id)).scalar_one()
                raise BadTransition(f"campaign {campaign.name!r} is {now}; it cannot become {then}")
            note(connection, f"campaign-{then}", f"campaign:{campaign.name}", by, at_ms, **(why or {}))

    def change(self, campaign_id: int, asked: Review = _ITSELF, **changes: Unpack[Changes]) -> Campaign:
        """The campaign has those values, committed; BadTransition if it is over. asked: by whom and when.

        Refused when a budget would be below what is spent and held already.
        """
        with self._database.write() as connection:
            locks.changing_answers(connection)
            _check_budget(connection, campaign_id, changes.get("budget_cents"))
            if changes:
                where = (TABLE.c.id == campaign_id, TABLE.c.state.not_in(OVER))
                moved = connection.execute(TABLE.update().where(*where).values(**changes)).rowcount
            changed = load(connection, campaign_id)
            if changes and not moved:
                raise BadTransition(f"campaign {changed.name!r} is {changed.state}; nothing of it can be changed")
            if changes:
                note(connection, "campaign-changed", f"campaign:{changed.name}", asked.by, asked.at_ms, **changes)
            return changed

    def release_calls(self, campaign_id: int, at_ms: int) -> None:
        """Calls of the campaign sent before that instant are to be ended at once, with the notice."""
        with self._database.write() as connection:
            connection.execute(TABLE.update().where(TABLE.c.id == campaign_id).values(release_at_ms=at_ms))

    def has_open_targets(self, campaign_id: int) -> bool:
        """True while somebody is due or in progress. Costs the same however large the campaign."""
        with self._database.read() as connection:
            return bool(connection.execute(_HAS_OPEN_TARGET, {"the_campaign": campaign_id}).scalar_one())

    def books(self, campaign_id: int, versions: int = 0) -> Books:
        """Where every target of the campaign stands, at one moment. versions: of so many, the books of each too."""
        with self._database.read() as connection:
            return books(connection, campaign_id, versions)


def books(connection: Connection, campaign_id: int, versions: int = 0) -> Books:
    """Where every target of the campaign stands in this transaction: as counted, not by reading the targets.

    versions: of so many, the books of each too.
    """
    rows: list[Row[Any]] = [*connection.execute(_COUNTS, {"the_campaign": campaign_id})]
    parts = tuple(_books(connection, campaign_id, rows, number) for number in range(versions))
    return replace(_books(connection, campaign_id, rows, None), versions=parts)


def _books(connection: Connection, campaign_id: int, rows: Sequence[Row[Any]], version: int | None) -> Books:
    mine = [row for row in rows if version is None or row.version == version]
    found: dict[str, Counter[str]] = {state: Counter() for state in TargetState}
    called: Counter[str] = Counter()
    for row in mine:
        found[row.state][row.rule if row.state == TargetState.NOT_ALLOWED else row.outcome] += int(row.targets)
        called[row.outcome] += int(row.targets) if row.outcome else 0
    done, refused = (dict(found[state]) for state in (TargetState.DONE, TargetState.NOT_ALLOWED))
    due, in_progress = (found[state].total() for state in (TargetState.DUE, TargetState.IN_PROGRESS))
    waiting = due - found[TargetState.DUE][""]
    first = _FIRST_WAITING if version is None else _FIRST_WAITING.where(_TARGETS.version == version)
    first_ms = connection.execute(first, {"the_campaign": campaign_id}).scalar() if waiting else None
    known = {outcome: people for outcome, people in called.items() if outcome}
    total = sum(int(row.targets) for row in mine)
    return Books(total, due, in_progress, done, refused, waiting, first_ms, called=known)


def load(connection: Connection, campaign_id: int) -> Campaign:
    """The campaign as it stands in this transaction."""
    return _campaigns(connection.execute(_BY_ID, {"the_id": campaign_id}))[0]


def running_or_releasing(connection: Connection, since_ms: int) -> list[Campaign]:
    """Those that run, and those, whatever their state, of which since then it was asked to end their calls."""
    return _campaigns(connection.execute(_RUNNING_OR_RELEASING, {"since_ms": since_ms}))


def load_all(connection: Connection, campaign_ids: Iterable[int]) -> dict[int, Campaign]:
    """The campaigns by id, as they stand in this transaction."""
    return {one.id: one for one in _campaigns(rows_among(connection, _QUERY, TABLE.c.id, campaign_ids))}


_VERSIONS, _HEARD = schema.versions, schema.messages.alias()
_QUERY = select(
    TABLE,
    schema.sponsors.c.name.label("sponsor"),
    schema.messages.c.sound.label("message"),
    schema.messages.c.length_ms.label("message_ms"),
    _HEARD.c.id.label("version_id"),
    _HEARD.c.name.label("version_name"),
    _HEARD.c.sound.label("version_sound"),
    _HEARD.c.length_ms.label("version_ms"),
    _VERSIONS.c.share.label("version_share"),
    _VERSIONS.c.number.label("version_number"),
).select_from(
    TABLE.join(schema.sponsors)
    .join(schema.messages, schema.messages.c.id == TABLE.c.message_id)
    .outerjoin(_VERSIONS, _VERSIONS.c.campaign_id == TABLE.c.id)
    .outerjoin(_HEARD, _HEARD.c.id == _VERSIONS.c.message_id)
)
"""A row per campaign; of one whose message has several versions, a row per version."""
_BY_ID = _QUERY.where(TABLE.c.id == bindparam("the_id"))
_RUNNING = _QUERY.where(TABLE.c.state == CampaignState.RUNNING.value)
_RUNNING_OR_RELEASING = _QUERY.where(
    or_(TABLE.c.state == CampaignState.RUNNING.value, TABLE.c.release_at_ms >= bindparam("since_ms"))
)
_COUNTED = sum_tables.target_counts.c
_COUNTED_AS = (_COUNTED.version, _COUNTED.state, _COUNTED.outcome, _COUNTED.rule)
_COUNTS = (
    select(*_COUNTED_AS, func.sum(_COUNTED.targets).label("targets"))
    .where(_COUNTED.campaign_id == bindparam("the_campaign"))
    .group_by(*_COUNTED_AS)
    .having(func.sum(_COUNTED.targets) != 0)
)
_TARGETS = schema.targets.c
_CAMPAIGN: BindParameter[int] = bindparam("the_campaign")


def first_due_ms(campaign: ColumnElement[int], state: TargetState, *more: ColumnElement[bool]) -> Select[Any]:
    """When the first of the campaign's targets in that state is due.

    In the order of the index that claims go by: else PostgreSQL, which takes targets of any kind for evenly spread,
    looks for one by reading the table, and reads all of it when that one is the last.
    """
    found = select(_TARGETS.due_at_ms).where(_TARGETS.campaign_id == campaign, _TARGETS.state == state.value, *more)
    return found.order_by(_TARGETS.due_at_ms).limit(1)


_FIRST_WAITING = first_due_ms(  # those who were not called yet are due at once
    _CAMPAIGN, TargetState.DUE, _TARGETS.due_at_ms > 0, _TARGETS.outcome != ""
)
_OPEN = (TargetState.DUE, TargetState.IN_PROGRESS)
_HAS_OPEN_TARGET = select(or_(*(first_due_ms(_CAMPAIGN, one).scalar_subquery().is_not(None) for one in _OPEN)))


def _told(made: Campaign) -> dict[str, Any]:
    """What the journal keeps of a draft: what is played, by which trunks, when, to which list."""
    sounds = {part: getattr(made, part).sound for part in ("preroll", "message", "notice", "confirmation")}
    plain = ("sponsor", "batch_id", "language", "hours", "timezone", "retry", "rate_cps")
    versions = [one.sound.sound for one in made.versions]
    lists = {"trunks": list(made.trunks), "versions": versions}
    return {"sounds": sounds} | lists | {name: getattr(made, name) for name in plain}


def _check_budget(connection: Connection, campaign_id: int, budget_cents: int | None) -> None:
    campaign = load(connection, campaign_id)
    if budget_cents is None or campaign.terms is None:
        return
    now = money.spent(connection, campaign, campaign.terms)
    if budget_cents < now.spent_cents + now.held_cents:
        raise Refused(
            f"campaign {campaign.name!r} has spent {now.spent_cents / 100:.2f} {now.currency} and holds "
            f"{now.held_cents / 100:.2f} for calls under way: its budget cannot be less than both; "
            f"`ivr campaign pause {campaign.name}` lets no more calls begin"
        )


def _sponsor_id(connection: Connection, name: str) -> int:
    known = connection.execute(select(schema.sponsors.c.id).where(schema.sponsors.c.name == name)).scalar()
    if known is not None:
        return int(known)
    return int(connection.execute(insert(schema.sponsors).values(name=name)).inserted_primary_key[0])  # type: ignore[index]


def _campaigns(rows: Result[Any] | Iterable[Row[Any]]) -> list[Campaign]:
    """By id, each with its versions by number. They are few: in SQL their order would be read from an index."""
    ordered = sorted(rows, key=lambda row: (row.id, row.version_number or 0))
    return [_campaign(list(some)) for _, some in groupby(ordered, key=lambda row: row.id)]


def _campaign(rows: Sequence[Row[Any]]) -> Campaign:
    row = rows[0]._mapping
    parts: dict[str, Any] = {p: Sound(row[p], row[f"{p}_ms"]) for p in ("preroll", "message", "notice", "confirmation")}
    plain = ("id", "name", "sponsor_id", "sponsor", "batch_id", "language", "rate_cps", "weight", "priority", "retry")
    rest = ("hours", "timezone", "texts", "created_at_ms", "started_at_ms", "finished_at_ms", "expires_at_ms")
    law = ("pack", "message_class", "election", "territory", "budget_cents")
    given = {key: row[key] for key in (*plain, *rest, "release_at_ms", *law)}
    given["versions"] = tuple(_version(one) for one in rows if one.version_id is not None)
    given |= {"state": CampaignState(row["state"]), "trunks": tuple(row["trunks"]), "terms": Terms.kept(row["terms"])}
    return Campaign(**given, **parts)


def _version(row: Row[Any]) -> Version:
    return Version(row.version_id, row.version_name, Sound(row.version_sound, row.version_ms), row.version_share)
