"""Finishing: a campaign that has nothing left to do, or no time left to do it in, says so."""

from __future__ import annotations

import contextlib

from ivr.adapters.store import Store
from ivr.errors import BadTransition
from ivr.rules.gate import Kind, Verdict
from ivr.rules.records import Campaign
from ivr.rules.states import CampaignState

CLOSED_AT_ONCE = 1000
"""Targets in one transaction: calls that are to leave meanwhile wait for no more than that."""
CLOSINGS = 5
EXPIRED = Verdict(Kind.NO, "campaign-expired")


def finish_done(store: Store, at_ms: int) -> None:
    """Running campaigns with nothing due, nothing on the line and every listen recorded are finished.

    Of one that has expired nobody is due any more: a few thousand targets are closed each time this is asked.
    """
    for campaign in store.campaigns.running():
        if campaign.expires_at_ms is not None and campaign.expires_at_ms <= at_ms:
            _close_expired(store, campaign, at_ms)
        if not (store.campaigns.has_open_targets(campaign.id) or store.listens.without_listen(campaign_id=campaign.id)):
            with contextlib.suppress(BadTransition):  # paused or stopped in this moment: then it is that
                store.campaigns.move(campaign, CampaignState.FINISHED, at_ms)


def _close_expired(store: Store, campaign: Campaign, at_ms: int) -> None:
    for _ in range(CLOSINGS):
        if store.attempts.close_due(campaign.id, EXPIRED, at_ms, CLOSED_AT_ONCE) < CLOSED_AT_ONCE:
            return
