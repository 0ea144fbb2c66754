"""Protecting: a campaign that more people ask to stop than it should bear is paused, until somebody has looked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ivr.adapters.store import Store
from ivr.adapters.store.journal import ITSELF
from ivr.errors import BadTransition
from ivr.rules.alarm import opt_outs, stopped_of_heard
from ivr.rules.records import Campaign
from ivr.rules.states import CampaignState
from ivr.settings import Settings
from ivr.usecases import campaigns

PAUSED = f"campaign-{CampaignState.PAUSED}"


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a campaign was paused though nobody asked for it: `stopped` of `heard` answered calls, above the line.

    Both count from the pause before on; the campaign's whole counts are beside them.
    """

    stopped: int
    heard: int
    line_per_thousand: float
    stopped_in_all: int
    heard_in_all: int


def pause_unwanted(store: Store, settings: Settings, running: Iterable[Campaign]) -> None:
    """Those of the running campaigns that are above the alarm line are paused, and the journal says why.

    People on the line hear the message to its end. Whoever resumes one has seen the figures: the next such pause
    counts the calls since this one alone. Nothing with `calls.pause_above_alarm` off.
    """
    if not settings.calls.pause_above_alarm:
        return
    line = settings.calls.opt_out_alarm_per_thousand
    for campaign in running:
        stopped, heard = stopped_of_heard(store.tallies.whole(campaign.id).values())
        if _is_above(stopped, heard, line):
            before = _latest(store, campaign) or Pause(0, 0, line, 0, 0)
            since = (stopped - before.stopped_in_all, heard - before.heard_in_all)
            if _is_above(*since, line):
                _pause(store, campaign, Pause(*since, line, stopped, heard))


def why_paused(store: Store, campaign: Campaign) -> Pause | None:
    """What the campaign's present pause was made for, if nobody asked for it."""
    if campaign.state is not CampaignState.PAUSED:
        return None
    pauses = _pauses(store, campaign)
    return Pause(**pauses[-1]["said"]) if pauses and pauses[-1]["by"] == ITSELF else None


def _latest(store: Store, campaign: Campaign) -> Pause | None:
    found = [entry["said"] for entry in _pauses(store, campaign) if entry["by"] == ITSELF]
    return Pause(**found[-1]) if found else None


def _pauses(store: Store, campaign: Campaign) -> list[dict[str, Any]]:
    """Every pause of the campaign that the journal has, oldest first."""
    return [entry for entry in store.journal.entries(f"campaign:{campaign.name}") if entry["kind"] == PAUSED]


def _pause(store: Store, campaign: Campaign, why: Pause) -> None:
    with contextlib.suppress(BadTransition):  # paused, stopped or finished in this moment: then it is that
        campaigns.pause_by_itself(store, campaign.name, asdict(why))


def _is_above(stopped: int, heard: int, line_per_thousand: float) -> bool:
    found = opt_outs(stopped, heard, line_per_thousand)
    return found is not None and found.above
