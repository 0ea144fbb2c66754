"""Who of a batch an audience means, and how many they are before a campaign is made."""

from __future__ import annotations

from datetime import UTC, datetime

from ivr.adapters.store import Store
from ivr.adapters.store.audiences import Selection
from ivr.adapters.territories import french
from ivr.errors import NotFound, Refused
from ivr.rules.audience import parse
from ivr.rules.records import SourceBatch


def count(store: Store, batch_name: str, line: str) -> int:
    """How many contacts of the batch the line means; Refused for a word that may not select, or a batch not whole."""
    return store.audiences.count(selected(batch_named(store, batch_name), line))


def selected(batch: SourceBatch, line: str) -> Selection:
    """Whom of the batch the line means, this year; Refused as `count` does."""
    audience = parse(line)
    if batch.loading:
        raise Refused(f"the import of {batch.name!r} is not finished: import the same file again, it goes on")
    places = tuple(french().territory(kind, code) for kind, code in audience.territories)
    return Selection(batch.id, audience, places, datetime.now(UTC).year)


def batch_named(store: Store, name: str) -> SourceBatch:
    """The batch of contacts of that name, or NotFound."""
    for batch in store.contacts.batches():
        if batch.name == name:
            return batch
    raise NotFound(f"there are no contacts named {name!r}; `ivr contacts list` shows the imports there are")
