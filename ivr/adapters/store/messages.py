"""Messages."""

from __future__ import annotations

from sqlalchemy import RowMapping, insert, select

from ivr.adapters.store import locks, schema
from ivr.adapters.store.engine import Database
from ivr.errors import NotFound, Refused
from ivr.rules.records import Message


class Messages:
    """The recordings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, message: Message, at_ms: int) -> Message:
        """The message is kept under its name; adding the same recording under the same name changes nothing."""
        table = schema.messages
        with self._database.write() as connection:
            locks.naming(connection)
            row = connection.execute(select(table).where(table.c.name == message.name)).mappings().first()
            if row is not None:
                if row["sound"] != message.sound:
                    raise Refused(
                        f"a message named {message.name!r} exists already with another recording; choose another --name"
                    )
                return _message(row)
            values = {
                key: getattr(message, key) for key in ("name", "sound", "length_ms", "original_name", "original_sha256")
            }
            key = connection.execute(insert(table).values(**values, added_at_ms=at_ms)).inserted_primary_key[0]  # type: ignore[index]
            return Message(
                key, message.name, message.sound, message.length_ms, message.original_name, message.original_sha256
            )

    def named(self, name: str) -> Message:
        """The message of that name, or NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(schema.messages).where(schema.messages.c.name == name)).mappings().first()
        if row is None:
            raise NotFound(f"there is no message named {name!r}; `ivr message list` shows those there are")
        return _message(row)

    def all(self) -> list[Message]:
        """Every message, oldest first."""
        with self._database.read() as connection:
            return [
                _message(row)
                for row in connection.execute(select(schema.messages).order_by(schema.messages.c.id)).mappings()
            ]


def _message(row: RowMapping) -> Message:
    return Message(*(row[key] for key in ("id", "name", "sound", "length_ms", "original_name", "original_sha256")))
