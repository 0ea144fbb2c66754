"""Campaigns: started, paused, resumed, stopped."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ivr.adapters.store import Store
from ivr.adapters.store.journal import ITSELF
from ivr.errors import BadSetting, Refused
from ivr.rules.records import Campaign
from ivr.rules.states import CampaignState, move_campaign
from ivr.settings import Settings, Trunk
from ivr.usecases import rules_kept, sponsors
from ivr.usecases.asking import is_lab
from ivr.usecases.finishing import CLOSED_AT_ONCE
from ivr.usecases.who import login_name


def start(store: Store, settings: Settings, name: str, by: str = "") -> Campaign:
    """The campaign runs, and its rules are kept as they stand. by: who starts it; "" is the login name.

    Refused if it runs already, is over, has nobody to call, or a sound is missing or changed.
    """
    campaign = startable(store, settings, name)
    rules_kept.keep(store, settings, campaign, now_ms())
    store.campaigns.move(campaign, CampaignState.RUNNING, now_ms(), by or login_name())
    return store.campaigns.named(name)


def startable(store: Store, settings: Settings, name: str) -> Campaign:
    """The campaign, if `start` would start it now; raises what `start` would."""
    from ivr.usecases import messages, uploading  # not above: a controller pauses campaigns, and reads no recording

    campaign = store.campaigns.named(name)
    if campaign.state is CampaignState.RUNNING:
        raise Refused(f"campaign {name!r} runs already; `ivr campaign status {name}` shows how far it is")
    move_campaign(campaign.state, CampaignState.RUNNING)
    if campaign.expires_at_ms is not None and campaign.expires_at_ms <= now_ms():
        raise Refused(
            f"campaign {name!r} has expired: nobody can be called any more; "
            f"`ivr campaign set {name} --expires` gives it more time, `ivr campaign stop {name}` ends it"
        )
    for trunk in campaign.trunks:
        trunk_of(settings, trunk)
    if store.campaigns.books(campaign.id).targets == 0:
        raise Refused(f"campaign {name!r} has nobody to call: its list of contacts is empty")
    for sound in (campaign.preroll, campaign.notice, campaign.confirmation):
        messages.verify(sound.sound, settings)
    for message in store.messages.of_campaign(campaign.id):
        uploading.startable(message, settings, campaign.sponsor)
    sponsors.require(store, settings, campaign, campaign.pack)
    submission = store.reviews.of(campaign.id)
    if submission and not submission.approved:
        raise Refused(
            f"campaign {name!r} was submitted on the web pages by {submission.submitted.by}, and a second person has "
            "not approved it: they do so there"
        )
    return campaign


def pause(store: Store, name: str, now: bool = False, by: str = "") -> Campaign:
    """No call of the campaign is started any more, until `resume`.

    People on the line hear the message to its end; now: their calls are ended at once, with the notice. by: who
    pauses it; "" is the login name.
    """
    return _halt(store, name, CampaignState.PAUSED, now, by or login_name())


def pause_by_itself(store: Store, name: str, why: Mapping[str, Any]) -> Campaign:
    """As `pause`, though nobody asked for it; the journal says `why`."""
    return _halt(store, name, CampaignState.PAUSED, False, ITSELF, why)


def stop(store: Store, name: str, now: bool = False, by: str = "") -> Campaign:
    """No call of the campaign is started any more, for good; as `pause` otherwise. Nobody waits for a retry."""
    stopped = _halt(store, name, CampaignState.STOPPED, now, by or login_name())
    while store.attempts.close_waiting(stopped.id, CLOSED_AT_ONCE) == CLOSED_AT_ONCE:
        pass
    return stopped


def _halt(
    store: Store, name: str, state: CampaignState, now: bool, by: str, why: Mapping[str, Any] | None = None
) -> Campaign:
    campaign = store.campaigns.named(name)
    store.campaigns.move(campaign, state, now_ms(), by, why)
    if now:
        store.campaigns.release_calls(campaign.id, now_ms())
    store.attempts.release_campaign(campaign.id)
    store.refusals.seal(by, now_ms())
    return store.campaigns.named(name)


def trunk_of(settings: Settings, name: str) -> Trunk:
    """The trunk of that name; BadSetting if there is none or its caller ID is missing."""
    trunk = settings.trunks.get(name)
    if trunk is None:
        known = ", ".join(sorted(settings.trunks)) or "none"
        raise BadSetting(f"there is no trunk named {name!r} in the settings (there are: {known})")
    if not trunk.caller_id and not is_lab(trunk):
        raise BadSetting(f"setting trunks.{name}.caller_id is empty: a real trunk needs the number shown to people")
    return trunk


def now_ms() -> int:
    """The present instant, Unix milliseconds."""
    return int(time.time() * 1000)
