"""Counting and choosing an audience: only by columns of an allow-list, every value a parameter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, FromClause, Select, and_, func, or_, select, true

from ivr.adapters.store import schema
from ivr.adapters.store.engine import Database
from ivr.rules.audience import EVERYBODY, Audience
from ivr.rules.territories import Territory

CELLS, CONTACTS, MEMBERS = schema.batch_cells, schema.contacts, schema.batch_contacts


@dataclass(frozen=True, slots=True)
class Selection:
    """An audience with its territories looked up, of one batch, as of a year."""

    batch_id: int
    audience: Audience = EVERYBODY
    territories: tuple[Territory, ...] = ()
    year: int = 0


class Audiences:
    """How many of a batch are meant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, selection: Selection) -> int:
        """How many contacts are meant: from the batch's cells, or from the contacts where these are not true."""
        batches = schema.source_batches
        with self._database.read() as connection:
            counted = connection.execute(select(batches.c.counted_at_ms).where(batches.c.id == selection.batch_id))
            if counted.scalar() is None:
                question = select(func.count()).select_from(members(selection).subquery())
            else:
                sum_ = func.coalesce(func.sum(CELLS.c.contacts), 0)
                of_batch = CELLS.c.batch_id == selection.batch_id
                question = select(sum_).where(of_batch, *conditions(selection, CELLS))
            return int(connection.execute(question).scalar_one())

    def of_campaign(self, campaign_id: int) -> str:
        """The line by which the campaign's people were selected; "": its whole batch."""
        line = select(schema.campaigns.c.audience).where(schema.campaigns.c.id == campaign_id)
        with self._database.read() as connection:
            return str(connection.execute(line).scalar_one())


def members(selection: Selection) -> Select[tuple[int]]:
    """The contacts that are meant, by id."""
    of_batch = select(MEMBERS.c.contact_id).where(MEMBERS.c.batch_id == selection.batch_id)
    if selection.audience == EVERYBODY:
        return of_batch
    return of_batch.join(CONTACTS, CONTACTS.c.id == MEMBERS.c.contact_id).where(*conditions(selection, CONTACTS))


def conditions(selection: Selection, table: FromClause) -> list[ColumnElement[bool]]:
    """What a row of the table, cells or contacts, is asked: one condition for each kind that the audience names."""
    audience = selection.audience
    asked: list[ColumnElement[bool]] = []
    if selection.territories:
        asked.append(or_(*_places(selection.territories, table)))
    if audience.ages:
        spans = (ages.birth_years(selection.year) for ages in audience.ages)
        asked.append(or_(*(table.c.birth_year.between(max(first, 1), last) for first, last in spans)))
    asked.append(_among(table.c.line_type, [line_type.value for line_type in audience.line_types]))
    asked.append(_among(table.c.language, audience.languages))
    return asked


def _places(territories: Iterable[Territory], table: FromClause) -> Iterable[ColumnElement[bool]]:
    """One condition per commune with its département, which comes first in the cells' key; one for all of the rest."""
    whole = [code for one in territories if not one.communes for code in one.departements]
    postcodes = [code for one in territories for code in one.postcodes]
    if whole:
        yield table.c.departement.in_(whole)
    if postcodes:
        yield table.c.postcode.in_(postcodes)
    for one in territories:
        if one.communes:
            yield and_(table.c.departement == one.departements[0], table.c.commune.in_(one.communes))


def _among(column: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool]:
    return column.in_(values) if values else true()
