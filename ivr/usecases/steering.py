"""Campaigns on the web: each visitor sees their sponsor's alone; one submits, another approves, then it is started."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.adapters.store import Store
from ivr.adapters.store.reviews import Submission
from ivr.errors import IvrError, NotReady, Refused
from ivr.rules.records import Books, Campaign, Review
from ivr.rules.roles import Permission, User, allowed
from ivr.rules.states import CAMPAIGN_MOVES, CampaignState
from ivr.settings import Settings
from ivr.usecases import campaigns, previewing
from ivr.usecases.campaigns import now_ms
from ivr.usecases.health import is_controlled
from ivr.usecases.uploading import check_reason

MOVES = {
    "start": CampaignState.RUNNING,
    "pause": CampaignState.PAUSED,
    "resume": CampaignState.RUNNING,
    "stop": CampaignState.STOPPED,
}
"""What somebody may ask of a campaign, and where it then stands."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A campaign as one user sees it. lacks: why it could not start now, "" if it could. may: what they may do."""

    campaign: Campaign
    submission: Submission | None
    books: Books
    lacks: str
    may: tuple[str, ...]


def overview(store: Store, user: User) -> list[tuple[Campaign, Submission | None, bool]]:
    """The user's campaigns, newest first, with how they were submitted and whether this user's verdict is wanted."""
    submissions = store.reviews.all()
    seen = reversed(store.campaigns.seen_by(user.sponsor))
    return [(one, submissions.get(one.id), _waits_for(user, one, submissions.get(one.id))) for one in seen]


def standing(store: Store, settings: Settings, user: User, campaign_id: int) -> Standing:
    """That campaign; NotFound when it is not for this user's eyes."""
    campaign = store.campaigns.one_seen_by(user.sponsor, campaign_id)
    submission = store.reviews.of(campaign.id)
    lacks = _lacks(store, settings, campaign) if campaign.state is CampaignState.DRAFT else ""
    may = tuple(_may(user, campaign, submission))
    return Standing(campaign, submission, store.campaigns.books(campaign.id), lacks, may)


def heard(store: Store, settings: Settings, user: User, campaign_id: int, version: int) -> previewing.Preview:
    """Exactly what the people hear who are to hear that version of the campaign's message, 0 the first."""
    campaign = store.campaigns.one_seen_by(user.sponsor, campaign_id)
    messages = {one.id: one.name for one in store.messages.of_campaign(campaign.id)}
    ids = [one.message_id for one in campaign.versions] or list(messages)
    return previewing.preview(store, settings, messages[ids[min(version, len(ids) - 1)]], campaign.name)


def submit(store: Store, user: User, campaign_id: int) -> None:
    """The draft waits for a second person."""
    campaign = store.campaigns.one_seen_by(user.sponsor, campaign_id)
    if campaign.state is not CampaignState.DRAFT:
        raise Refused(f"campaign {campaign.name!r} is {campaign.state}: only a draft is submitted")
    store.reviews.submit(campaign, Review(user.name, now_ms()))


def approve(store: Store, user: User, campaign_id: int) -> None:
    """The campaign may be started; whoever submitted it does not approve it."""
    campaign = store.campaigns.one_seen_by(user.sponsor, campaign_id)
    store.reviews.judge(campaign, Review(user.name, now_ms()), approved=True)


def refuse(store: Store, user: User, campaign_id: int, reason: str) -> None:
    """The campaign never starts; its people read why."""
    check_reason(reason)
    campaign = store.campaigns.one_seen_by(user.sponsor, campaign_id)
    store.reviews.judge(campaign, Review(user.name, now_ms(), reason), approved=False)


def move(store: Store, settings: Settings, user: User, campaign_id: int, asked: str) -> None:
    """The campaign is started, paused, resumed or stopped by this user."""
    campaign = store.campaigns.one_seen_by(user.sponsor, campaign_id)
    if asked == "pause":
        campaigns.pause(store, campaign.name, by=user.name)
    elif asked == "stop":
        campaigns.stop(store, campaign.name, by=user.name)
    else:
        _start(store, settings, user, campaign)


def _start(store: Store, settings: Settings, user: User, campaign: Campaign) -> None:
    submission = store.reviews.of(campaign.id)
    if submission is None or not submission.approved:
        raise Refused(f"campaign {campaign.name!r} starts once a second person has approved it: submit it first")
    campaigns.startable(store, settings, campaign.name)
    if not is_controlled(settings):
        raise NotReady("nothing can be called now: this installation does not run; ask its engineer to start it")
    campaigns.start(store, settings, campaign.name, user.name)


def _may(user: User, campaign: Campaign, submission: Submission | None) -> list[str]:
    """What the pages offer to this user; each of these is asked again when it is done."""
    may = ["judge"] if _waits_for(user, campaign, submission) else []
    if allowed(user, Permission.RUN_CAMPAIGN):
        may += ["submit"] if submission is None and campaign.state is CampaignState.DRAFT else []
        beginning = "start" if campaign.state is CampaignState.DRAFT else "resume"
        offered = ["pause", "stop"]
        if submission and submission.approved:
            offered.insert(0, beginning)
        may += [asked for asked in offered if MOVES[asked] in CAMPAIGN_MOVES[campaign.state]]
    return may


def _waits_for(user: User, campaign: Campaign, submission: Submission | None) -> bool:
    """Whether this user's verdict is wanted."""
    if submission is None or submission.verdict or campaign.state is not CampaignState.DRAFT:
        return False
    return allowed(user, Permission.JUDGE_CAMPAIGN) and submission.submitted.by != user.name


def _lacks(store: Store, settings: Settings, campaign: Campaign) -> str:
    try:
        campaigns.startable(store, settings, campaign.name)
    except IvrError as error:
        return str(error)
    return ""
