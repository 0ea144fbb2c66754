"""Contacts and the batches they came in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice

from sqlalchemy import Connection, RowMapping, func, insert, select

from ivr.adapters.store import cells, incoming, locks, schema
from ivr.adapters.store.engine import Database
from ivr.adapters.store.incoming import Arrival
from ivr.adapters.store.lookups import rows_among
from ivr.errors import Refused
from ivr.rules.provenance import UNDECLARED, Provenance
from ivr.rules.records import SourceBatch

CHUNK = 1000
TABLE = schema.source_batches
LOADING, COMPLETE = "loading", "complete"
_IDS = select(schema.contacts.c.id, schema.contacts.c.number)


@dataclass(frozen=True, slots=True)
class FileOrigin:
    """The file that a batch came in. name: what the batch shall be called."""

    name: str
    file_name: str
    sha256: str


class Contacts:
    """The people who may be called, by number."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def batch_of_file(self, sha256: str) -> SourceBatch | None:
        """The batch that this very file made, if it was imported before, or its import was begun."""
        with self._database.read() as connection:
            row = connection.execute(select(TABLE).where(TABLE.c.file_sha256 == sha256)).mappings().first()
            return _batch(row) if row else None

    def batches(self) -> list[SourceBatch]:
        """All batches, oldest first; those whose import is under way too."""
        with self._database.read() as connection:
            rows = connection.execute(select(TABLE).order_by(TABLE.c.id)).mappings()
            return [_batch(row) for row in rows]

    def ids(self, numbers: Iterable[str]) -> dict[str, int]:
        """By number, the id of each of these people who is known."""
        with self._database.read() as connection:
            return {row.number: row.id for row in rows_among(connection, _IDS, schema.contacts.c.number, numbers)}

    def source_label(self, batch_id: int, language: str) -> str:
        """Where the batch comes from, in the words that the notice says of it; "" when nobody declared them."""
        columns = schema.source_batches.c
        label = columns.source_label_fr if language == "fr" else columns.source_label_en
        with self._database.read() as connection:
            return str(connection.execute(select(label).where(columns.id == batch_id)).scalar_one())

    def import_batch(
        self,
        origin: FileOrigin,
        people: Iterable[tuple[str, str]],
        count_rejected: Callable[[], int],
        at_ms: int,
        provenance: Provenance = UNDECLARED,
    ) -> SourceBatch:
        """One batch of few contacts (number, line type), all or nothing; a known number is not doubled.

        count_rejected is asked when `people` is at its end: how many rows of the file were not accepted.
        """
        with self._database.write() as connection:
            locks.importing(connection)
            batch, _ = _made(connection, origin, provenance, at_ms)
            if not batch.loading:  # another process imported this very file in the meantime
                return batch
            for chunk in _chunks(people):
                _add(connection, batch, [Arrival(*person) for person in dict(chunk).items()])
            cells.count_within(connection, batch.id)
            return _completed(connection, batch.id, Counter({"": count_rejected()}))

    def begin(self, origin: FileOrigin, at_ms: int, provenance: Provenance) -> tuple[SourceBatch, str]:
        """The file's batch, loading if it is not in the books whole, and the last number that is committed, or ""."""
        with self._database.write() as connection:
            locks.importing(connection)
            return _made(connection, origin, provenance, at_ms)

    def add(self, batch: SourceBatch, arrivals: Sequence[Arrival], after: str) -> str:
        """These contacts are in the batch, and how far it came, committed at once; returns that: the last number.

        In rising order, each number once. after: how far it had come; Refused if another import of it came further.
        """
        with self._database.write() as connection:
            locks.importing(connection)
            told = connection.execute(select(TABLE.c.loaded_to, TABLE.c.state).where(TABLE.c.id == batch.id)).one()
            if (told.loaded_to, told.state) != (after, LOADING):
                raise Refused(f"{batch.name!r} is being imported by another process: let it finish")
            _add(connection, batch, arrivals)
            loaded_to = arrivals[-1].number
            connection.execute(TABLE.update().where(TABLE.c.id == batch.id).values(loaded_to=loaded_to))
            return loaded_to

    def count_cells(self, batch: SourceBatch, at_ms: int) -> Iterator[int]:
        """What audiences of a batch that is loaded are counted from is in the books; tells how far it is, in contacts.

        Counted while nobody waits: a batch that is loading is in no audience.
        """
        with self._database.write() as connection:
            connection.execute(TABLE.update().where(TABLE.c.id == batch.id).values(counted_at_ms=at_ms))
        yield from cells.count(self._database, batch.id)

    def complete(self, batch: SourceBatch, rows_by_reason: Mapping[str, int]) -> SourceBatch:
        """The batch is in the books whole, and may be in an audience."""
        with self._database.write() as connection:
            return _completed(connection, batch.id, rows_by_reason)

    def count(self) -> int:
        """How many contacts there are."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(schema.contacts)).scalar_one())


def require_complete(connection: Connection, batch_id: int) -> None:
    """Returns if the batch may be in an audience; Refused if it is not in the books whole."""
    row = connection.execute(select(TABLE.c.state, TABLE.c.name).where(TABLE.c.id == batch_id)).one()
    if row.state != COMPLETE:
        raise Refused(f"the import of {row.name!r} is not finished: import the same file again, it goes on from there")


def _made(connection: Connection, origin: FileOrigin, provenance: Provenance, at_ms: int) -> tuple[SourceBatch, str]:
    """The batch of that file, made if there is none, and how far it is loaded."""
    same = select(TABLE).where(TABLE.c.file_sha256 == origin.sha256)
    row = connection.execute(same).mappings().first()
    if row is None:
        values = asdict(provenance) | {
            "name": _free_name(connection, origin),
            "file_name": origin.file_name,
            "file_sha256": origin.sha256,
            "imported_at_ms": at_ms,
            "counted_at_ms": at_ms,  # when it is whole, so are its cells
            "state": LOADING,
        }
        connection.execute(insert(TABLE).values(**values, accepted=0, rejected=0))
        row = connection.execute(same).mappings().one()
    return _batch(row), str(row["loaded_to"])


def _add(connection: Connection, batch: SourceBatch, arrivals: Sequence[Arrival]) -> None:
    incoming.add(connection, batch.id, arrivals, batch.imported_at_ms)
    added = {"accepted": TABLE.c.accepted + len(arrivals)}
    connection.execute(TABLE.update().where(TABLE.c.id == batch.id).values(**added))


def _completed(connection: Connection, batch_id: int, rows_by_reason: Mapping[str, int]) -> SourceBatch:
    told = {reason: rows for reason, rows in sorted(rows_by_reason.items()) if reason and rows}
    values = {"rejected": sum(rows_by_reason.values()), "rows_by_reason": told, "state": COMPLETE, "loaded_to": ""}
    connection.execute(TABLE.update().where(TABLE.c.id == batch_id).values(**values))
    return _batch(connection.execute(select(TABLE).where(TABLE.c.id == batch_id)).mappings().one())


def _free_name(connection: Connection, origin: FileOrigin) -> str:
    names = (origin.name, f"{origin.name}-{origin.sha256[:8]}", f"{origin.name}-{origin.sha256}")
    taken = set(connection.execute(select(TABLE.c.name).where(TABLE.c.name.in_(names))).scalars())
    return next(name for name in names if name not in taken)


def _batch(row: RowMapping) -> SourceBatch:
    told = ("id", "name", "accepted", "rejected", "imported_at_ms", "rows_by_reason")
    return SourceBatch(**{key: row[key] for key in told}, loading=row["state"] == LOADING)


def _chunks(people: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    iterator = iter(people)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
