"""Messages: kept once, never changed; what people say of them is added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select

from ivr.adapters.store import locks, schema
from ivr.adapters.store.engine import Database
from ivr.adapters.store.journal import note
from ivr.errors import NotFound, Refused
from ivr.rules.records import Message, Origin, Review

TABLE, APPROVALS = schema.messages, schema.approvals
PLAIN = ("name", "sound", "length_ms", "original_name", "original_sha256", "uploaded_by", "sponsor", "voice_consent")
IN_JSON = ("renderings", "findings", "measures")
CAMPAIGNS, VERSIONS = schema.campaigns, schema.versions
_playing = CAMPAIGNS.outerjoin(VERSIONS)
_played_id = func.coalesce(VERSIONS.c.message_id, CAMPAIGNS.c.message_id)
"""What a campaign plays: its versions, or else its one message."""


class Messages:
    """The recordings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, message: Message, at_ms: int) -> Message:
        """The message is kept under its name; adding the same recording under the same name changes nothing."""
        with self._database.write() as connection:
            locks.naming(connection)
            if there := _there(connection, message.name, message.sound, message.origin):
                return there
            values = {key: getattr(message, key) for key in (*PLAIN, *IN_JSON)}
            values |= {"findings": list(message.findings), "origin": message.origin.value, "added_at_ms": at_ms}
            key = connection.execute(insert(TABLE).values(**values)).inserted_primary_key[0]  # type: ignore[index]
            return _by(connection, TABLE.c.id == key)[0]

    def may_add(self, name: str, sound: str, origin: Origin) -> None:
        """Returns when a recording that sounds so may be kept under that name; else Refused."""
        with self._database.read() as connection:
            _there(connection, name, sound, origin)

    def named(self, name: str) -> Message:
        """The message of that name, or NotFound."""
        with self._database.read() as connection:
            found = _by(connection, TABLE.c.name == name)
        if not found:
            raise NotFound(f"there is no message named {name!r}; `ivr message list` shows those there are")
        return found[0]

    def all(self) -> list[Message]:
        """Every message, oldest first."""
        with self._database.read() as connection:
            return _by(connection)

    def seen_by(self, sponsor: str) -> list[Message]:
        """Those that were uploaded for that sponsor, oldest first; every message when it is ""."""
        with self._database.read() as connection:
            return _by(connection, *_seen_by(sponsor))

    def one_seen_by(self, sponsor: str, message_id: int) -> Message:
        """That message, when it is among those; else NotFound, as if there were none."""
        with self._database.read() as connection:
            found = _by(connection, TABLE.c.id == message_id, *_seen_by(sponsor))
        if not found:
            raise NotFound("there is no such message")
        return found[0]

    def of_campaign(self, campaign_id: int) -> list[Message]:
        """The message that the campaign plays, or every version of it."""
        with self._database.read() as connection:
            played = select(_played_id).select_from(_playing).where(CAMPAIGNS.c.id == campaign_id)
            return _by(connection, TABLE.c.id.in_(played))

    def like(self, original_sha256: str, sound: str = "") -> list[Message]:
        """Those made of the same file, or that sound the same, oldest first."""
        same = (TABLE.c.original_sha256 == original_sha256) | (TABLE.c.sound == sound)
        with self._database.read() as connection:
            return _by(connection, same)

    def sponsors(self, message_id: int) -> list[str]:
        """For whom the message was uploaded or is played, by name."""
        sponsors = schema.sponsors
        played = select(sponsors.c.name).select_from(_playing.join(sponsors)).where(_played_id == message_id)
        said = select(TABLE.c.sponsor).where(TABLE.c.id == message_id, TABLE.c.sponsor != "")
        with self._database.read() as connection:
            return sorted(set(connection.scalars(played)) | set(connection.scalars(said)))

    def found(self, message_id: int, findings: Sequence[Mapping[str, Any]], measures: Mapping[str, Any]) -> None:
        """What a later check found is kept with the message, unless somebody approved it: they saw what was there."""
        approved = select(APPROVALS.c.message_id)
        where = (TABLE.c.id == message_id, TABLE.c.id.not_in(approved))
        with self._database.write() as connection:
            locks.naming(connection)
            connection.execute(TABLE.update().where(*where).values(findings=list(findings), measures=dict(measures)))

    def approve(self, message: Message, verdict: Review) -> Message:
        """That person approved it, once; Refused when somebody refused it."""
        with self._database.write() as connection:
            locks.naming(connection)
            now = _by(connection, TABLE.c.id == message.id)[0]
            if now.refusal:
                raise Refused(f"message {now.name!r} was refused by {now.refusal.by}; add another recording")
            if verdict.by not in [approval.by for approval in now.approvals]:
                values = {"message_id": now.id, "approved_by": verdict.by, "at_ms": verdict.at_ms}
                connection.execute(insert(APPROVALS).values(values))
                _note(connection, "message-approved", now, verdict)
            return _by(connection, TABLE.c.id == message.id)[0]

    def refuse(self, message: Message, verdict: Review) -> Message:
        """No campaign may use it any more, whoever approved it; the first refusal stands."""
        values = {"refused_by": verdict.by, "refused_at_ms": verdict.at_ms, "refused_reason": verdict.reason}
        with self._database.write() as connection:
            locks.naming(connection)
            where = (TABLE.c.id == message.id, TABLE.c.refused_by.is_(None))
            now = _by(connection, TABLE.c.id == message.id)[0]
            if connection.execute(TABLE.update().where(*where).values(values)).rowcount:
                _note(connection, "message-refused", now, verdict)
            return _by(connection, TABLE.c.id == message.id)[0]


def _there(connection: Connection, name: str, sound: str, origin: Origin) -> Message | None:
    """The message of that name, which sounds so, None when there is none; Refused when it is another."""
    found = _by(connection, TABLE.c.name == name)
    if found and (found[0].sound, found[0].origin) != (sound, origin):
        raise Refused(
            f"a message named {name!r} exists already with another recording or origin; "
            "a change is a new message: choose another --name"
        )
    return found[0] if found else None


def _note(connection: Connection, kind: str, message: Message, verdict: Review) -> None:
    told = {"sound": message.sound, "original_sha256": message.original_sha256, "reason": verdict.reason}
    note(connection, kind, f"message:{message.name}", verdict.by, verdict.at_ms, **told)


def _seen_by(sponsor: str) -> list[Any]:
    return [TABLE.c.sponsor == sponsor] if sponsor else []


def _by(connection: Connection, *where: Any) -> list[Message]:
    rows = connection.execute(select(TABLE).where(*where).order_by(TABLE.c.id)).mappings().all()
    return _messages(connection, rows)


def _messages(connection: Connection, rows: Sequence[RowMapping]) -> list[Message]:
    """The messages of those rows with their approvals."""
    ids = [row["id"] for row in rows]
    approvals: dict[int, list[Review]] = {}
    query = select(APPROVALS).where(APPROVALS.c.message_id.in_(ids)).order_by(APPROVALS.c.at_ms)
    for one in connection.execute(query).mappings():
        approvals.setdefault(one["message_id"], []).append(Review(one["approved_by"], one["at_ms"]))
    return [_message(row, tuple(approvals.get(row["id"], ()))) for row in rows]


def _message(row: RowMapping, approvals: tuple[Review, ...]) -> Message:
    given = {key: row[key] for key in ("id", *PLAIN, *IN_JSON)}
    refusal = None
    if row["refused_by"] is not None:
        refusal = Review(row["refused_by"], row["refused_at_ms"], row["refused_reason"] or "")
    return Message(
        **given,
        uploaded_at_ms=row["added_at_ms"],
        origin=Origin(row["origin"]),
        approvals=approvals,
        refusal=refusal,
    )
