"""Those who may sign in, and their sessions: of a session only a hash is kept, so the table opens nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    RowMapping,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from ivr.adapters.store import locks
from ivr.adapters.store.engine import Database
from ivr.adapters.store.journal import note
from ivr.adapters.store.schema import Id, metadata
from ivr.errors import NotFound, Refused
from ivr.rules.roles import Role, User

TABLE = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("role", String(32), nullable=False),
    Column("sponsor", String(200), nullable=False),  # its name; "": every sponsor
    Column("password_hash", Text, nullable=False),
    Column("code_secret", String(64), nullable=False),  # of the authenticator, hex; "": none
    Column("code_step", BigInteger, nullable=False),  # the last code that was used
    Column("disabled", Boolean, nullable=False),
    Column("added_at_ms", BigInteger, nullable=False),
)
SESSIONS = Table(
    "web_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("began_at_ms", BigInteger, nullable=False),
    Column("seen_at_ms", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What somebody signs in with, as it is kept."""

    password_hash: str
    code_secret: str
    code_step: int = 0


class Users:
    """Everybody who may sign in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, user: User, secrets: Secrets, by: str, at_ms: int) -> None:
        """Somebody may sign in under that name; Refused when somebody has it."""
        with self._database.write() as connection:
            locks.naming(connection)
            if connection.execute(select(TABLE.c.id).where(TABLE.c.name == user.name)).first():
                raise Refused(f"there is a user named {user.name!r} already; `ivr user reset` gives a new password")
            kept = {"password_hash": secrets.password_hash, "code_secret": secrets.code_secret, "code_step": 0}
            told = {"role": user.role.value, "sponsor": user.sponsor}
            values = kept | told | {"name": user.name, "disabled": False, "added_at_ms": at_ms}
            connection.execute(insert(TABLE).values(**values))
            note(connection, "user-added", f"user:{user.name}", by, at_ms, **told)

    def reset(self, name: str, secrets: Secrets, by: str, at_ms: int) -> User:
        """Only the new password and code sign that user in; no session of theirs is left."""
        kept = {"password_hash": secrets.password_hash, "code_secret": secrets.code_secret, "code_step": 0}
        return self._changed(name, kept | {"disabled": False}, "user-reset", by, at_ms)

    def disable(self, name: str, by: str, at_ms: int) -> User:
        """That user signs in no more, and no session of theirs is left."""
        return self._changed(name, {"disabled": True}, "user-disabled", by, at_ms)

    def _changed(self, name: str, values: dict[str, object], kind: str, by: str, at_ms: int) -> User:
        with self._database.write() as connection:
            user, _ = _named(connection, name)
            connection.execute(update(TABLE).where(TABLE.c.id == user.id).values(**values))
            connection.execute(delete(SESSIONS).where(SESSIONS.c.user_id == user.id))
            note(connection, kind, f"user:{name}", by, at_ms)
            return _named(connection, name)[0]

    def named(self, name: str) -> tuple[User, Secrets]:
        """That user and what they sign in with, or NotFound."""
        with self._database.read() as connection:
            return _named(connection, name)

    def all(self) -> list[User]:
        """Everybody, by name."""
        with self._database.read() as connection:
            return [_user(row) for row in connection.execute(select(TABLE).order_by(TABLE.c.name)).mappings()]

    def use_code(self, user: User, step: int) -> bool:
        """The code of that step is used; False when it, or a later one, was already."""
        where = (TABLE.c.id == user.id, TABLE.c.code_step < step)
        with self._database.write() as connection:
            return bool(connection.execute(update(TABLE).where(*where).values(code_step=step)).rowcount)

    def open_session(self, token_hash: str, user: User, at_ms: int, dead_before_ms: int) -> None:
        """A session of that user has begun; those that began before `dead_before_ms`, of anybody, are gone."""
        values = {"token_hash": token_hash, "user_id": user.id, "began_at_ms": at_ms, "seen_at_ms": at_ms}
        with self._database.write() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.began_at_ms < dead_before_ms))
            connection.execute(insert(SESSIONS).values(**values))
            note(connection, "signed-in", f"user:{user.name}", user.name, at_ms)

    def session(self, token_hash: str) -> tuple[User, int, int] | None:
        """Whose session it is, when it began and when it was last seen; None when there is none."""
        columns = (*TABLE.c, SESSIONS.c.began_at_ms, SESSIONS.c.seen_at_ms)
        query = select(*columns).join_from(SESSIONS, TABLE).where(SESSIONS.c.token_hash == token_hash)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return (_user(row), row["began_at_ms"], row["seen_at_ms"]) if row else None

    def saw(self, token_hash: str, at_ms: int) -> None:
        """The session was used at that instant."""
        with self._database.write() as connection:
            connection.execute(update(SESSIONS).where(SESSIONS.c.token_hash == token_hash).values(seen_at_ms=at_ms))

    def close_session(self, token_hash: str) -> None:
        """There is no such session."""
        with self._database.write() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.token_hash == token_hash))


def _named(connection: Connection, name: str) -> tuple[User, Secrets]:
    row = connection.execute(select(TABLE).where(TABLE.c.name == name)).mappings().first()
    if row is None:
        raise NotFound(f"there is no user named {name!r}; `ivr user list` shows those there are")
    return _user(row), Secrets(row["password_hash"], row["code_secret"], row["code_step"])


def _user(row: RowMapping) -> User:
    return User(row["id"], row["name"], Role(row["role"]), row["sponsor"], bool(row["disabled"]))
