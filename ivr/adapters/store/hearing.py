"""A row of `listens` as the listen that it keeps."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import RowMapping

from ivr.rules.causes import ended_by
from ivr.rules.segments import EndedBy, Listen, from_plain


def as_listen(row: RowMapping) -> Listen:
    """The listen as it was told."""
    return from_plain(row["attempt_id"], {str(name): value for name, value in row.items()})


def judged(call: RowMapping) -> Listen | None:
    """The listen of an attempt with its `cause`, None if there is none: who ended it is judged by both.

    A hang-up that the script saw is the network's if the cause says so.
    """
    if not call["attempt_id"]:
        return None
    listen = as_listen(call)
    if listen.ended_by is EndedBy.LISTENER and ended_by(call["cause"]) is EndedBy.NETWORK:
        return replace(listen, ended_by=EndedBy.NETWORK)
    return listen
