"""Tables that are only added to: each row seals the one before it (rules/chain.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, RowMapping, Table, insert, select

from ivr.adapters.store import locks
from ivr.rules import chain
from ivr.rules.chain import Break, Head, Link

AT_ONCE = 2000
_LINK = ("seq", "at_ms", "body", "prev_hash", "hash")


def link_columns(table: Table) -> tuple[Column[Any], ...]:
    """The columns of a `Link`."""
    return table.c.seq, table.c.body, table.c.prev_hash, table.c.hash


class Chained:
    """One such table. Its columns besides the links are copies of what stands in the body, to be looked up by."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.copied = tuple(column.name for column in table.columns if column.name not in _LINK)

    def append(self, connection: Connection, bodies: Sequence[Mapping[str, Any]]) -> list[Link]:
        """The bodies follow what is there, in this transaction; nobody else adds to any chain before it ends.

        Each body holds at_ms and what is copied.
        """
        if not bodies:
            return []
        locks.chaining(connection)
        links = chain.extend(self.head(connection), bodies)
        rows = [
            {"seq": link.seq, "body": link.body, "prev_hash": link.prev_hash, "hash": link.hash, "at_ms": body["at_ms"]}
            | {name: body[name] for name in self.copied}
            for link, body in zip(links, bodies, strict=True)
        ]
        connection.execute(insert(self.table), rows)
        return links

    def head(self, connection: Connection) -> Head:
        """The last entry's place and hash."""
        columns = (self.table.c.seq, self.table.c.hash)
        row = connection.execute(select(*columns).order_by(self.table.c.seq.desc()).limit(1)).first()
        return Head(*row) if row else Head()

    def verify(self, connection: Connection, expected: Head | None = None) -> tuple[Head, Break | None]:
        """The chain's head, and the first entry that is not what was written, if there is one."""
        copies: list[Break] = []

        def links() -> Iterator[Link]:
            for row in self._rows(connection):
                if wrong := self._differing(row):
                    copies.append(Break(row["seq"], f"its column {wrong} is not what its content says"))
                    return
                yield Link(row["seq"], row["body"], row["prev_hash"], row["hash"])

        head, broken = chain.walk(links(), None if copies else expected)
        return head, broken if broken and not copies else next(iter(copies), None)

    def _rows(self, connection: Connection) -> Iterator[RowMapping]:
        after = 0
        query = select(self.table).order_by(self.table.c.seq).limit(AT_ONCE)
        while rows := connection.execute(query.where(self.table.c.seq > after)).mappings().all():
            yield from rows
            after = rows[-1]["seq"]

    def _differing(self, row: RowMapping) -> str:
        """The column that is not what the body says, "" if none; a body that is no JSON is its seal's to find."""
        body = chain.read(row["body"])
        if body is None:
            return ""
        return next((name for name in ("at_ms", *self.copied) if body.get(name) != row[name]), "")
