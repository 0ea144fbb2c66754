"""What RQ calls on the queue `media`, in a work-horse of its own: apart, since it imports what no call needs."""

from __future__ import annotations

import contextlib

from ivr.adapters.store import Store
from ivr.settings import load
from ivr.usecases import receiving


def prepare(upload_id: str) -> None:
    """The recording that was sent in is a message, or refused with the reason."""
    settings = load()
    with contextlib.closing(Store(settings)) as store:
        receiving.prepare(store, settings, upload_id)
