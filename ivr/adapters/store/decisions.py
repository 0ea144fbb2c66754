"""Decisions of the Gate about a campaign, by sample: calls that it let out, with what permitted them, and refusals.

Which ones is drawn by the hash of their id: whoever makes the sample does not choose, and it is the same next time.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Select, bindparam, or_, select

from ivr.adapters.store import schema
from ivr.adapters.store.engine import Database
from ivr.adapters.store.lookups import rows_among
from ivr.adapters.store.proofs import purpose_grants
from ivr.rules.permission import VOICE

AT_ONCE = 5000
_A, _R, _T, _G = schema.attempts.c, schema.refusals.c, schema.targets.c, purpose_grants.c
_LET_OUT = (_A.campaign_id == bindparam("the_campaign"), _A.dialing_at_ms.is_not(None))
_CALLS = select(_A.id, _A.target_id, _A.dialing_at_ms.label("at_ms"), _A.outcome).order_by(_A.id)
_REFUSALS = select(_R.id, _R.target_id, _R.at_ms, _R.rule, _R.rule_pack, _R.asked_when).order_by(_R.id)
_PERMISSIONS = (
    select(_A.id.label("attempt"), _G.purpose, _G.basis, _G.basis_ref, _G.scope, _G.hours, _G.timezone)
    .add_columns(_G.from_ms, _G.to_ms)
    .select_from(schema.attempts.join(schema.targets, _T.id == _A.target_id))
    .join(purpose_grants, _G.contact_id == _T.contact_id)
    .where(_G.sponsor_id == bindparam("the_sponsor"), _G.channel == VOICE, _G.from_ms <= _A.dialing_at_ms)
    .where(or_(_G.to_ms.is_(None), _G.to_ms > _A.dialing_at_ms))
    .where(or_(_G.revoked_at_ms.is_(None), _G.revoked_at_ms > _A.dialing_at_ms))
    .order_by(_G.id)
)


@dataclass(frozen=True, slots=True)
class Sample:
    """Some of how many. let_out: each call with the permissions that were in force then; refused: with its rule."""

    let_out: tuple[dict[str, Any], ...]
    let_out_of: int
    refused: tuple[dict[str, Any], ...]
    refused_of: int

    def proofs(self) -> set[str]:
        """What the permissions rest on."""
        return {permission["basis_ref"] for call in self.let_out for permission in call["permissions"]}


class Decisions:
    """As they stand in the books: attempts that were let out, and refusals."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sample(self, campaign_id: int, sponsor_id: int, most: int) -> Sample:
        """At most so many of each kind, with how many there are."""
        asked = {"the_campaign": campaign_id}
        of_campaign = _R.target_id.in_(select(_T.id).where(_T.campaign_id == bindparam("the_campaign")))
        with self._database.read() as connection:
            calls, let_out = _drawn(connection, select(_A.id).where(*_LET_OUT), asked, most)
            refusals, refused = _drawn(connection, select(_R.id).where(of_campaign), asked, most)
            permissions = defaultdict(list)
            for row in rows_among(connection, _PERMISSIONS, _A.id, calls, the_sponsor=sponsor_id):
                permission = dict(row._mapping)
                permissions[permission.pop("attempt")].append(permission)
            told = [one | {"permissions": permissions[one["id"]]} for one in _told(connection, _CALLS, _A.id, calls)]
            return Sample(tuple(told), let_out, tuple(_told(connection, _REFUSALS, _R.id, refusals)), refused)


def _drawn(connection: Connection, ids: Select[Any], asked: dict[str, int], most: int) -> tuple[list[Any], int]:
    """Some of the ids, and how many there are."""
    count = 0
    drawn: list[tuple[bytes, Any]] = []
    for some in connection.execute(ids, asked).scalars().partitions(AT_ONCE):
        count += len(some)
        drawn = heapq.nsmallest(most, [*drawn, *((hashlib.sha256(str(one).encode()).digest(), one) for one in some)])
    return [one for _, one in drawn], count


def _told(connection: Connection, query: Select[Any], column: Column[Any], ids: list[Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in rows_among(connection, query, column, ids)]
