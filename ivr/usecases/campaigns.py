"""Campaigns: made as drafts, started, paused, resumed, stopped, finished."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ivr.adapters.store import Store
from ivr.errors import BadSetting, NotFound, Refused
from ivr.rules.records import Campaign, SourceBatch
from ivr.rules.states import CampaignState, move_campaign
from ivr.rules.windows import Hours
from ivr.settings import Settings, Trunk
from ivr.usecases import uploading
from ivr.usecases.asking import is_lab
from ivr.usecases.messages import verify
from ivr.usecases.prompts import Texts, campaign_prompts

LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Draft:
    """What a campaign is made of. rate_cps: calls started per second, None: the trunk's."""

    name: str
    message: str
    contacts: str
    trunk: str
    texts: Texts
    language: str
    rate_cps: float | None = None
    hours: str = "10:00-13:00,14:00-20:00 mon-fri"
    timezone: str = "Europe/Paris"


def create(store: Store, settings: Settings, draft: Draft) -> Campaign:
    """A campaign in state draft, its pre-roll, notice and confirmation spoken and rendered, one target per contact."""
    _check_name("campaign", draft.name)
    trunk = trunk_of(settings, draft.trunk)
    rate_cps = trunk.rate_cps if draft.rate_cps is None else draft.rate_cps
    if not (math.isfinite(rate_cps) and rate_cps > 0):
        raise Refused(f"rate {rate_cps:g} cannot be used: give the calls started per second, more than 0")
    message = store.messages.named(draft.message)
    uploading.usable(message, draft.texts.sponsor)
    batch = batch_named(store, draft.contacts)
    _check_hours(draft)
    prompts = campaign_prompts(draft.texts, draft.language, settings, message.origin)
    spoken: dict[str, Any] = {}
    for part in ("preroll", "notice", "confirmation"):
        prompt = getattr(prompts, part)
        spoken |= {part: prompt.sound, f"{part}_ms": prompt.length_ms}
    values = {
        "name": draft.name,
        "message_id": message.id,
        "batch_id": batch.id,
        "language": draft.language,
        "trunks": [draft.trunk],
        "rate_cps": min(rate_cps, trunk.rate_cps),
        "hours": draft.hours,
        "timezone": draft.timezone,
        "texts": asdict(draft.texts)
        | {part: getattr(prompts, part).text for part in ("preroll", "notice", "confirmation")},
        "created_at_ms": now_ms(),
    }
    return store.campaigns.create(values | spoken, draft.texts.sponsor)


def start(store: Store, settings: Settings, name: str) -> Campaign:
    """The campaign runs. Refused if it runs already, is over, has nobody to call, or a sound is missing or changed."""
    campaign = startable(store, settings, name)
    store.campaigns.move(campaign, CampaignState.RUNNING, now_ms())
    return store.campaigns.named(name)


def startable(store: Store, settings: Settings, name: str) -> Campaign:
    """The campaign, if `start` would start it now; raises what `start` would."""
    campaign = store.campaigns.named(name)
    if campaign.state is CampaignState.RUNNING:
        raise Refused(f"campaign {name!r} runs already; `ivr campaign status {name}` shows how far it is")
    move_campaign(campaign.state, CampaignState.RUNNING)
    for trunk in campaign.trunks:
        trunk_of(settings, trunk)
    if store.campaigns.books(campaign.id).targets == 0:
        raise Refused(f"campaign {name!r} has nobody to call: its list of contacts is empty")
    for sound in (campaign.preroll, campaign.notice, campaign.confirmation):
        verify(sound.sound, settings)
    uploading.startable(store.messages.of_campaign(campaign.id), settings, campaign.sponsor)
    return campaign


def pause(store: Store, name: str) -> Campaign:
    """No call of the campaign is started any more, until `resume`; people on the line hear the message to its end."""
    return _halt(store, name, CampaignState.PAUSED)


def stop(store: Store, name: str) -> Campaign:
    """No call of the campaign is started any more, for good; people on the line hear the message to its end."""
    return _halt(store, name, CampaignState.STOPPED)


def _halt(store: Store, name: str, state: CampaignState) -> Campaign:
    campaign = store.campaigns.named(name)
    store.campaigns.move(campaign, state, now_ms())
    store.attempts.release_campaign(campaign.id)
    return store.campaigns.named(name)


def batch_named(store: Store, name: str) -> SourceBatch:
    """The batch of contacts of that name, or NotFound."""
    for batch in store.contacts.batches():
        if batch.name == name:
            return batch
    raise NotFound(f"there are no contacts named {name!r}; `ivr contacts list` shows the imports there are")


def trunk_of(settings: Settings, name: str) -> Trunk:
    """The trunk of that name; BadSetting if there is none or its caller ID is missing."""
    trunk = settings.trunks.get(name)
    if trunk is None:
        known = ", ".join(sorted(settings.trunks)) or "none"
        raise BadSetting(f"there is no trunk named {name!r} in the settings (there are: {known})")
    if not trunk.caller_id and not is_lab(trunk):
        raise BadSetting(f"setting trunks.{name}.caller_id is empty: a real trunk needs the number shown to people")
    return trunk


def _check_name(what: str, name: str) -> None:
    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise Refused(f"a {what}'s name is 1 to {LONGEST_NAME} printable characters, not {name[:40]!r}")


def _check_hours(draft: Draft) -> None:
    try:
        ZoneInfo(draft.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadSetting(f"time zone {draft.timezone!r} is not known; an example is Europe/Paris") from None
    try:
        Hours.parse(draft.hours)
    except ValueError as error:
        raise BadSetting(f"hours {draft.hours!r} cannot be read: {error}") from None


def now_ms() -> int:
    """The present instant, Unix milliseconds."""
    return int(time.time() * 1000)
