"""Sponsors, their dossiers, and the caller IDs that were granted to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, or_, select, update

from ivr.adapters.store import locks, schema
from ivr.adapters.store.engine import Database
from ivr.adapters.store.journal import note
from ivr.adapters.store.lookups import rows_among
from ivr.adapters.store.proofs import caller_id_grants as GRANTS
from ivr.errors import NotFound, Refused
from ivr.rules.dossier import Dossier

TABLE = schema.sponsors
_IN_FORCE = select(GRANTS.c.sponsor_id, GRANTS.c.number).where(
    GRANTS.c.revoked_at_ms.is_(None),
    GRANTS.c.from_ms <= bindparam("the_now"),
    or_(GRANTS.c.to_ms.is_(None), GRANTS.c.to_ms > bindparam("the_now")),
)


@dataclass(frozen=True, slots=True)
class Sponsor:
    """Whoever calls are made for."""

    id: int
    name: str
    dossier: Dossier


@dataclass(frozen=True, slots=True)
class CallerId:
    """A number that the sponsor may show. evidence: where the operator's grant is kept. to_ms: None: no end."""

    number: str
    evidence: str
    evidence_sha256: str
    from_ms: int
    to_ms: int | None
    granted_by: str
    revoked_at_ms: int | None = None


class Sponsors:
    """The sponsors by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, dossier: Dossier, by: str, at_ms: int) -> Sponsor:
        """A sponsor of that name with that dossier; Refused when there is one."""
        with self._database.write() as connection:
            locks.naming(connection)
            if connection.execute(select(TABLE.c.id).where(TABLE.c.name == name)).first():
                raise Refused(f"there is a sponsor named {name!r} already; `ivr sponsor set` changes its dossier")
            connection.execute(insert(TABLE).values(name=name, dossier=asdict(dossier)))
            note(connection, "sponsor-added", f"sponsor:{name}", by, at_ms, dossier=asdict(dossier))
            return _named(connection, name)

    def change(self, name: str, changes: Mapping[str, str], by: str, at_ms: int) -> Sponsor:
        """Those fields of the dossier are what is given; the journal has what they were."""
        with self._database.write() as connection:
            locks.naming(connection)
            locks.changing_answers(connection)
            before = _named(connection, name)
            was = {field: getattr(before.dossier, field) for field in changes}
            kept = asdict(before.dossier) | dict(changes)
            connection.execute(update(TABLE).where(TABLE.c.id == before.id).values(dossier=kept))
            note(connection, "sponsor-changed", f"sponsor:{name}", by, at_ms, was=was, now=dict(changes))
            return _named(connection, name)

    def named(self, name: str) -> Sponsor:
        """The sponsor of that name, or NotFound."""
        with self._database.read() as connection:
            return _named(connection, name)

    def all(self) -> list[Sponsor]:
        """Every sponsor, by name."""
        with self._database.read() as connection:
            return [_sponsor(row) for row in connection.execute(select(TABLE).order_by(TABLE.c.name)).mappings()]

    def grant_caller_id(self, sponsor: Sponsor, granted: CallerId, at_ms: int) -> None:
        """The sponsor may show that number, from and to when the grant says."""
        values = {name: getattr(granted, name) for name in CallerId.__slots__}
        told = {name: values[name] for name in ("number", "evidence", "evidence_sha256", "from_ms", "to_ms")}
        with self._database.write() as connection:
            locks.changing_answers(connection)
            connection.execute(insert(GRANTS).values(sponsor_id=sponsor.id, **values))
            note(connection, "caller-id-granted", f"sponsor:{sponsor.name}", granted.granted_by, at_ms, **told)

    def revoke_caller_id(self, sponsor: Sponsor, number: str, by: str, at_ms: int) -> bool:
        """The sponsor may not show that number any more. False: it was not granted."""
        where = (GRANTS.c.sponsor_id == sponsor.id, GRANTS.c.number == number, GRANTS.c.revoked_at_ms.is_(None))
        with self._database.write() as connection:
            locks.changing_answers(connection)
            ended = connection.execute(update(GRANTS).where(*where).values(revoked_at_ms=at_ms)).rowcount
            if ended:
                note(connection, "caller-id-revoked", f"sponsor:{sponsor.name}", by, at_ms, number=number)
            return bool(ended)

    def caller_ids(self, sponsor: Sponsor) -> list[CallerId]:
        """Every caller ID that was ever granted to the sponsor, oldest first."""
        query = select(GRANTS).where(GRANTS.c.sponsor_id == sponsor.id).order_by(GRANTS.c.id)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings()
            return [CallerId(**{name: row[name] for name in CallerId.__slots__}) for row in rows]

    def may_show(self, sponsor: Sponsor, number: str, at_ms: int) -> bool:
        """Whether that caller ID is granted to the sponsor at that instant."""
        with self._database.read() as connection:
            return number in granted_to(connection, [sponsor.id], at_ms).get(sponsor.id, set())


def granted_to(connection: Connection, sponsor_ids: Iterable[int], at_ms: int) -> dict[int, set[str]]:
    """By sponsor, the caller IDs that it may show at that instant, as of this transaction."""
    found: dict[int, set[str]] = {}
    for row in rows_among(connection, _IN_FORCE, GRANTS.c.sponsor_id, sponsor_ids, the_now=at_ms):
        found.setdefault(row.sponsor_id, set()).add(row.number)
    return found


def _named(connection: Connection, name: str) -> Sponsor:
    row = connection.execute(select(TABLE).where(TABLE.c.name == name)).mappings().first()
    if row is None:
        raise NotFound(f"there is no sponsor named {name!r}; `ivr sponsor list` shows those there are")
    return _sponsor(row)


def _sponsor(row: RowMapping) -> Sponsor:
    given: Mapping[str, Any] = row["dossier"] or {}
    return Sponsor(row["id"], row["name"], Dossier.read(given))
