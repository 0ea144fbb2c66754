"""How many contacts of a batch an audience means, before a campaign is made."""

from __future__ import annotations

from datetime import UTC, datetime

from ivr.adapters.store import Store
from ivr.adapters.store.audiences import Selection
from ivr.adapters.territories import french
from ivr.errors import Refused
from ivr.rules.audience import parse
from ivr.usecases.drafting import batch_named


def count(store: Store, batch_name: str, line: str) -> int:
    """How many contacts of the batch the line means; Refused for a word that may not select, or a batch not whole."""
    audience = parse(line)
    batch = batch_named(store, batch_name)
    if batch.loading:
        raise Refused(f"the import of {batch.name!r} is not finished: import the same file again, it goes on")
    places = tuple(french().territory(kind, code) for kind, code in audience.territories)
    return store.audiences.count(Selection(batch.id, audience, places, datetime.now(UTC).year))
