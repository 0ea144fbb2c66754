"""The PBXs and their parts of what they share: each beats in one transaction that sees all the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import fields

from sqlalchemy import Connection, bindparam, func, insert, select, update

from ivr.adapters.store import locks, schema
from ivr.adapters.store.engine import Database
from ivr.errors import NameTaken
from ivr.rules.records import Allotted, PbxBeat
from ivr.rules.states import AttemptState

PBXS = schema.pbxs
ALLOTMENTS = schema.allotments
ATTEMPTS = schema.attempts
ON_A_PBX = (AttemptState.DIALING.value, AttemptState.ANSWERED.value)

LEFT = 0
"""The beat of a PBX whose controller has ended in good order."""

Decide = Callable[[dict[str, PbxBeat], list[Allotted]], tuple[list[Allotted], Collection[str]]]
"""Given every PBX by name and the parts of the scopes asked for, the parts of the one that beats, and who is silent."""


class Pbxs:
    """Every Asterisk whose controller has ever run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, me: PbxBeat, before: int | None, scopes: Collection[str], decide: Decide) -> None:
        """The PBX has beaten, and its parts are those that `decide` gives, in one transaction, one PBX at a time.

        before: its last beat, None at the first. Raises NameTaken when somebody else has beaten under its name.
        """
        with self._database.write() as connection:
            locks.allotting(connection)
            every = {row.name: PbxBeat(*row) for row in connection.execute(_EVERY)}
            found = every[me.name].beat if me.name in every else None
            if before is not None and found != before:
                raise NameTaken(f"another controller runs under the name {me.name}: give each its own pbx.name")
            rows = connection.execute(_PARTS, {"the_scopes": list(scopes)})
            parts, silent = decide(every, [Allotted(*row) for row in rows])
            _write(connection, me, parts, me.name in every)
            if silent:
                connection.execute(_EMPTY, {"the_pbxs": list(silent)})

    def all(self) -> list[PbxBeat]:
        """Each with its last beat, by name."""
        with self._database.read() as connection:
            return [PbxBeat(*row) for row in connection.execute(select(PBXS).order_by(PBXS.c.name))]

    def parts(self) -> list[Allotted]:
        """Every part as it was written last."""
        with self._database.read() as connection:
            query = select(ALLOTMENTS).order_by(ALLOTMENTS.c.scope, ALLOTMENTS.c.pbx)
            return [Allotted(*row) for row in connection.execute(query)]

    def leave(self, name: str) -> None:
        """The PBX holds nothing any more: its controller ends, and sends nothing from now on."""
        with self._database.write() as connection:
            locks.allotting(connection)
            connection.execute(_EMPTY, {"the_pbxs": [name]})
            connection.execute(update(PBXS).where(PBXS.c.name == name).values(beat=LEFT, ready=False))

    def open_calls(self, names: Collection[str]) -> dict[tuple[str, str], int]:
        """How many attempts are open in the books, by PBX and trunk, of those PBXs."""
        if not names:
            return {}
        query = select(ATTEMPTS.c.pbx, ATTEMPTS.c.trunk, func.count()).where(
            ATTEMPTS.c.pbx.in_(names), ATTEMPTS.c.state.in_(ON_A_PBX)
        )
        with self._database.read() as connection:
            rows = connection.execute(query.group_by(ATTEMPTS.c.pbx, ATTEMPTS.c.trunk)).all()
        return {(pbx, trunk): count for pbx, trunk, count in rows}

    def of(self, attempts: Collection[str], names: Collection[str]) -> set[str]:
        """Those of the attempts that are of these PBXs."""
        if not attempts:
            return set()
        query = select(ATTEMPTS.c.id).where(ATTEMPTS.c.id.in_(list(attempts)), ATTEMPTS.c.pbx.in_(names))
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())


def _write(connection: Connection, me: PbxBeat, parts: Iterable[Allotted], known: bool) -> None:
    values = _values(me)
    if known:
        connection.execute(_BEAT, {"the_name": values.pop("name"), **values})
    else:
        connection.execute(insert(PBXS).values(**values))
    connection.execute(_EMPTY_RATES, {"the_pbx": me.name})  # of campaigns that are over
    rows = [_values(part) for part in parts]
    connection.execute(_DROP, {"the_pbx": me.name, "the_scopes": [row["scope"] for row in rows]})
    if rows:
        connection.execute(insert(ALLOTMENTS), rows)


_EVERY = select(PBXS)
_OF_SCOPES = ALLOTMENTS.c.scope.in_(bindparam("the_scopes", expanding=True))
_MINE = ALLOTMENTS.c.pbx == bindparam("the_pbx")
_PARTS = select(ALLOTMENTS).where(_OF_SCOPES)
_NOTHING = update(ALLOTMENTS).values(wants=False, rate_cps=0.0, channels=0, live=0)
_EMPTY = _NOTHING.where(ALLOTMENTS.c.pbx.in_(bindparam("the_pbxs", expanding=True)))
_EMPTY_RATES = _NOTHING.where(_MINE, ALLOTMENTS.c.rate_cps > 0)
_DROP = ALLOTMENTS.delete().where(_MINE, _OF_SCOPES)
_BEAT = update(PBXS).where(PBXS.c.name == bindparam("the_name"))


def _values(row: PbxBeat | Allotted) -> dict[str, object]:
    return {field.name: getattr(row, field.name) for field in fields(row)}
