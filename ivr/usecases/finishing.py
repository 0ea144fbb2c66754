"""Finishing: a campaign that has nothing left to do says so."""

from __future__ import annotations

import contextlib

from ivr.adapters.store import Store
from ivr.errors import BadTransition
from ivr.rules.states import CampaignState


def finish_done(store: Store, at_ms: int) -> None:
    """Running campaigns with nothing due, nothing on the line and every listen recorded are finished."""
    for campaign in store.campaigns.running():
        if not (store.campaigns.has_open_targets(campaign.id) or store.listens.without_listen(campaign_id=campaign.id)):
            with contextlib.suppress(BadTransition):  # paused or stopped in this moment: then it is that
                store.campaigns.move(campaign, CampaignState.FINISHED, at_ms)
