"""What becomes of a call to the call-back line: stops in force, requests with a clock, counts without a name."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path

from ivr.adapters.pbx import callback_stops
from ivr.adapters.store import Store
from ivr.adapters.store.callbacks import CallBackRow
from ivr.adapters.store.suppressions import sponsor_scope
from ivr.errors import IvrError
from ivr.rules.calling_back import campaigns_of, e164
from ivr.rules.records import Campaign
from ivr.rules.rights import Right
from ivr.rules.suppression import PLATFORM
from ivr.settings import Settings
from ivr.usecases import rights
from ivr.usecases.calling_back import CallBack, Desk
from ivr.usecases.campaigns import now_ms

log = logging.getLogger(__name__)

CALLED_BACK = "call-back"


def speaking_on(store: Store, settings: Settings, line: str) -> list[Campaign]:
    """The campaigns that call, or called within 60 days, from that number (E.164): the latest first."""
    callers = {name: trunk.caller_id for name, trunk in settings.trunks.items()}
    return campaigns_of(line, store.campaigns.all(), callers, now_ms())


def desk_of(store: Store, settings: Settings, line: str) -> Desk:
    """Where callers of that number are heard."""

    def stop(number: str, campaigns: Sequence[Campaign]) -> None:
        scopes = {sponsor_scope(one.sponsor_id) for one in campaigns} or {PLATFORM}
        try:
            for scope in sorted(scopes):
                store.suppressions.add(number, scope, CALLED_BACK, now_ms())
        except Exception as error:  # whatever the database has: the 9 counts
            log.error("stop waits in a file", extra={"action": "stop_waits", "why": type(error).__name__})
            callback_stops.put(settings, now_ms() // 1000, line, number)

    def request(number: str | None, recording: Path) -> None:
        text = f"said on the call-back line {line}: {recording}"
        rights.ask(store, settings, Right.COMPLAIN, number or line, CALLED_BACK, {"text": text})

    return Desk(stop, request, lambda text: e164(text, settings.calls.country))


def count(store: Store, call: CallBack, line: str, at_ms: int, length_ms: int) -> None:
    """The call is counted; a count lost to a busy database harms nobody."""
    campaign, did = call.campaign, call.did
    row = CallBackRow(
        at_ms, line, campaign.id if campaign else None, length_ms, did.message, did.source, did.request,
        did.stopped, call.number is None,
    )  # fmt: skip
    with contextlib.suppress(IvrError):
        store.callbacks.add(row)


def take_waiting_stops(store: Store, settings: Settings) -> None:
    """Stops that were written down because the database or the script was not there are in force.

    Nobody calls those people any more, whichever sponsor: more than they may have wanted, never less.
    """
    for at_ms, written in callback_stops.waiting(settings):
        if number := e164(written, settings.calls.country):
            store.suppressions.add(number, PLATFORM, CALLED_BACK, at_ms)
