"""Contacts and the batches they came in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice

from sqlalchemy import Connection, func, insert, select

from ivr.adapters.store import locks, schema
from ivr.adapters.store.engine import Database
from ivr.rules.provenance import UNDECLARED, Provenance
from ivr.rules.records import SourceBatch

CHUNK = 1000


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
        """The batch that this very file made, if it was imported before."""
        with self._database.read() as connection:
            table = schema.source_batches
            row = connection.execute(select(table).where(table.c.file_sha256 == sha256)).mappings().first()
            return _batch(row) if row else None

    def batches(self) -> list[SourceBatch]:
        """All batches, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(schema.source_batches).order_by(schema.source_batches.c.id)).mappings()
            return [_batch(row) for row in rows]

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
        """One batch per file with its contacts (number, line type), all or nothing; a known number is not doubled.

        count_rejected is asked when `people` is at its end: how many rows of the file were not accepted.
        """
        with self._database.write() as connection:
            locks.importing(connection)
            table = schema.source_batches
            known = connection.execute(select(table).where(table.c.file_sha256 == origin.sha256)).mappings().first()
            if known is not None:  # another process imported this very file in the meantime
                return _batch(known)
            name = _free_name(connection, origin)
            values = {
                "name": name,
                "file_name": origin.file_name,
                "file_sha256": origin.sha256,
                "imported_at_ms": at_ms,
            } | asdict(provenance)
            made = connection.execute(insert(table).values(**values, accepted=0, rejected=0))
            batch_id: int = made.inserted_primary_key[0]  # type: ignore[index]
            accepted = sum(self._add(connection, batch_id, chunk, at_ms) for chunk in _chunks(people))
            rejected = count_rejected()
            counts = {"accepted": accepted, "rejected": rejected}
            connection.execute(table.update().where(table.c.id == batch_id).values(**counts))
            return SourceBatch(batch_id, name, accepted, rejected, at_ms)

    def count(self) -> int:
        """How many contacts there are."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(schema.contacts)).scalar_one())

    def _add(self, connection: Connection, batch_id: int, people: list[tuple[str, str]], at_ms: int) -> int:
        numbers = {number: line_type for number, line_type in people}
        table = schema.contacts
        known = set(connection.execute(select(table.c.number).where(table.c.number.in_(numbers))).scalars())
        fresh = [
            {"number": number, "line_type": line_type, "imported_at_ms": at_ms}
            for number, line_type in numbers.items()
            if number not in known
        ]
        if fresh:
            connection.execute(insert(table), fresh)
        ids = connection.execute(select(table.c.id).where(table.c.number.in_(numbers))).scalars().all()
        connection.execute(insert(schema.batch_contacts), [{"batch_id": batch_id, "contact_id": id_} for id_ in ids])
        return len(ids)


def _free_name(connection: Connection, origin: FileOrigin) -> str:
    names = (origin.name, f"{origin.name}-{origin.sha256[:8]}", f"{origin.name}-{origin.sha256}")
    table = schema.source_batches
    taken = set(connection.execute(select(table.c.name).where(table.c.name.in_(names))).scalars())
    return next(name for name in names if name not in taken)


def _batch(row: object) -> SourceBatch:
    values = dict(row)  # type: ignore[call-overload]
    return SourceBatch(*(values[key] for key in ("id", "name", "accepted", "rejected", "imported_at_ms")))


def _chunks(people: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    iterator = iter(people)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
