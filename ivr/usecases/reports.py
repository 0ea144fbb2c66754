"""The report of a campaign, from the books of one moment."""

from __future__ import annotations

from dataclasses import replace

from ivr.adapters import sound
from ivr.adapters.store import Store
from ivr.errors import NotFound
from ivr.rules.again import policy_of
from ivr.rules.measures import SMALL
from ivr.rules.records import Books, Campaign
from ivr.rules.retention import Curve
from ivr.rules.typical import MOST, Typical, about_as_long, typical
from ivr.settings import Settings
from ivr.usecases.campaigns import now_ms
from ivr.usecases.comparing import compare
from ivr.usecases.reporting import CampaignFacts, Report, build, curve_of

PARTS = 200
"""Of a message, of each of which the waveform says how loud it is."""


def report_of(store: Store, campaign: Campaign, worst_second: int | None = None) -> Report:
    """The campaign's report as of now. worst_second: what the controller says, None if it is not known any more."""
    books, tallies = store.tallies.snapshot(campaign.id, len(campaign.versions))
    whole = replace(_facts(campaign, books), worst_second=worst_second)
    if not campaign.versions:
        return replace(build(whole, tallies[0]), typical=_typical(store, campaign))
    versions = [
        replace(_facts(campaign.to(number), mine), name=version.name, share=version.share)
        for number, (version, mine) in enumerate(zip(campaign.versions, books.versions, strict=True))
    ]
    return compare(replace(whole, message_ms=max(one.message_ms for one in versions)), tallies, versions)


def with_sound(report: Report, settings: Settings) -> Report:
    """The report with its message's waveform, while the sound is here: of several versions there is no one curve."""
    sound_name = report.facts.sounds.get("message")
    if report.versions or not sound_name:
        return report
    try:
        peaks = sound.as_played([sound_name], settings.sounds_dir, PARTS).peaks
    except NotFound:
        return report
    loud = [max(-low, high) for low, high in peaks]
    most = max(loud)
    return replace(report, waveform=tuple(round(one / most, 3) for one in loud)) if most > 0 else report


def _typical(store: Store, campaign: Campaign) -> Typical | None:
    """Of the sponsor's latest campaigns that were over when this one was made, so that it never changes afterwards.

    Those with fewer than 20 answered calls say nothing, nor do those with several versions.
    """
    curves: list[Curve] = []
    for one in reversed(store.campaigns.all()):
        if _is_earlier(one, campaign) and len(curves) < MOST:
            tally = store.tallies.instants(one.id)
            curve = curve_of(tally, one.message.length_ms)
            if curve and sum(tally.instants.values()) >= SMALL:
                curves.append(curve)
    return typical(curves)


def _is_earlier(one: Campaign, campaign: Campaign) -> bool:
    over = one.finished_at_ms is not None and one.finished_at_ms < campaign.created_at_ms
    like = one.sponsor == campaign.sponsor and not one.versions
    return over and like and about_as_long(campaign.message.length_ms, one.message.length_ms)


def _facts(campaign: Campaign, books: Books) -> CampaignFacts:
    parts = ("preroll", "message", "notice", "confirmation")
    return CampaignFacts(
        name=campaign.name,
        sponsor=campaign.sponsor,
        language=campaign.language,
        state=campaign.state.value,
        timezone=campaign.timezone,
        created_ms=campaign.created_at_ms,
        started_ms=campaign.started_at_ms,
        finished_ms=campaign.finished_at_ms,
        as_of_ms=now_ms(),
        message_ms=campaign.message.length_ms,
        preroll_ms=campaign.preroll.length_ms,
        notice_ms=campaign.notice.length_ms,
        targets=books.targets,
        due=books.due,
        in_progress=books.in_progress,
        done=books.outcomes,
        not_allowed=books.not_allowed,
        sounds={part: getattr(campaign, part).sound for part in parts},
        waiting=books.waiting,
        next_due_ms=books.next_due_ms,
        most_calls=policy_of(campaign.retry).most_attempts,
        called=books.called,
    )
