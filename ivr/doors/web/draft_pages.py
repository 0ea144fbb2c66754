"""Pages on which a campaign is drafted, and what would come of it is read."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Response
from fastapi.responses import RedirectResponse

from ivr.doors.invoice.words import Say
from ivr.doors.report.words import words
from ivr.doors.web.guard import Pages, Visit
from ivr.doors.web.show import page
from ivr.errors import NotFound, Permanent
from ivr.rules.roles import Permission
from ivr.usecases import drafting, foreseeing, proposing

FIELDS = (
    "name", "message", "list", "trunk", "language", "hours", "pack", "class", "election", "territory", "budget",
    *proposing.SPOKEN,
)  # fmt: skip
SUGGESTED = {"hours": drafting.USUAL_HOURS, "pack": "fr"}


def add_to(routes: Pages) -> None:
    """Those pages are there."""
    routes.add("/campaigns/new", Permission.DRAFT_CAMPAIGN, _new)
    routes.add("/campaigns/new", Permission.DRAFT_CAMPAIGN, _draft, "POST")
    routes.add("/campaigns/{id}/forecast", Permission.SEE_CAMPAIGNS, _forecast)


def _new(visit: Visit) -> Response:
    return _asked(visit, dict.fromkeys(FIELDS, "") | SUGGESTED | {"language": visit.language})


def _draft(visit: Visit) -> Response:
    """What was typed is there again when something of it will not do."""
    given = {name: visit.said(name) for name in FIELDS}
    try:
        made = proposing.draft(visit.site.store, visit.site.settings, visit.person, given)
    except NotFound:
        raise
    except Permanent as refused:
        return _asked(visit, given, str(refused))
    return RedirectResponse(f"/campaigns/{made.id}/forecast", 303)


def _asked(visit: Visit, given: Mapping[str, str], wrong: str = "") -> Response:
    site = visit.site
    choices = proposing.choices(site.store, site.settings, visit.person)
    return page(visit, "draft.j2", 409 if wrong else 200, choices=choices, given=given, wrong=wrong)


def _forecast(visit: Visit) -> Response:
    site = visit.site
    campaign = site.store.campaigns.one_seen_by(visit.sponsor, visit.number)
    seen = foreseeing.foresee(site.store, site.settings, campaign, visit.language)
    say = words(visit.language, campaign.timezone)
    return page(visit, "forecast.j2", campaign=campaign, seen=seen, say=say, money=Say(visit.language))
