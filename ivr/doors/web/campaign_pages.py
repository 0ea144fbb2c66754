"""Pages of campaigns: submitted, approved by a second person, started and stopped, reported."""

from __future__ import annotations

import re

from fastapi import Response
from fastapi.responses import RedirectResponse

from ivr.doors.preview import clock
from ivr.doors.report import as_html
from ivr.doors.report.forms import FORMS
from ivr.doors.report.words import words
from ivr.doors.web import sounds
from ivr.doors.web.guard import Handler, Pages, Visit
from ivr.doors.web.show import page
from ivr.errors import NotFound
from ivr.rules.roles import Permission
from ivr.usecases import reports, steering
from ivr.usecases.previewing import Preview

SEE, RUN, JUDGE = Permission.SEE_CAMPAIGNS, Permission.RUN_CAMPAIGN, Permission.JUDGE_CAMPAIGN
KINDS = {
    "pdf": ("pdf", "application/pdf"),
    "html": ("html", "text/html; charset=utf-8"),
    "csv": ("csv", "text/csv; charset=utf-8"),
    "csv-excel": ("csv", "text/csv; charset=utf-8"),
    "json": ("json", "application/json"),
    "parquet": ("parquet", "application/vnd.apache.parquet"),
}
"""Forms of a report that are offered: ending of the file's name, and media type."""


def add_to(routes: Pages) -> None:
    """Those pages are there."""
    routes.add("/campaigns", SEE, _list)
    routes.add("/campaigns/{id}", SEE, _campaign)
    routes.add("/campaigns/{id}/{version}/preview.wav", SEE, lambda visit: sounds.wav(visit, _heard(visit)))
    routes.add("/campaigns/{id}/{version}/waveform.svg", SEE, lambda visit: sounds.picture(visit, _heard(visit)))
    routes.add("/campaigns/{id}/report", SEE, _report)
    routes.add("/campaigns/{id}/report/{form}", SEE, _download)
    routes.add("/campaigns/{id}/submit", RUN, _submit, "POST")
    routes.add("/campaigns/{id}/approve", JUDGE, _approve, "POST")
    routes.add("/campaigns/{id}/refuse", JUDGE, _refuse, "POST")
    for asked in steering.MOVES:
        routes.add(f"/campaigns/{{id}}/{asked}", RUN, _mover(asked), "POST")


def _list(visit: Visit) -> Response:
    return page(visit, "campaigns.j2", campaigns=steering.overview(visit.site.store, visit.person))


def _campaign(visit: Visit) -> Response:
    site = visit.site
    found = steering.standing(site.store, site.settings, visit.person, visit.number)
    heard = [one.name for one in found.campaign.versions] or [""]
    say = words(visit.language, found.campaign.timezone)
    return page(
        visit, "campaign.j2", standing=found, campaign=found.campaign, heard=heard, say=say, clock=clock, kinds=KINDS
    )


def _heard(visit: Visit) -> Preview:
    text = str(visit.request.path_params["version"])
    if not re.fullmatch(r"\d{1,3}", text, re.ASCII):
        raise NotFound("there is no such version")
    return steering.heard(visit.site.store, visit.site.settings, visit.person, visit.number, int(text))


def _report(visit: Visit) -> Response:
    """The report's own page, which brings its style with it and is allowed nothing else."""
    store = visit.site.store
    campaign = store.campaigns.one_seen_by(visit.sponsor, visit.number)
    made = as_html.render(reports.report_of(store, campaign), visit.language)
    policy = f"{as_html.policy()}; frame-ancestors 'none'"
    return Response(made, media_type="text/html", headers={"content-security-policy": policy})


def _download(visit: Visit) -> Response:
    store, form = visit.site.store, str(visit.request.path_params["form"])
    campaign = store.campaigns.one_seen_by(visit.sponsor, visit.number)
    if form not in KINDS:
        raise NotFound("there is no such form of a report")
    ending, media_type = KINDS[form]
    made = FORMS[form](reports.report_of(store, campaign), visit.language)
    headers = {"content-disposition": f'attachment; filename="report-{campaign.id}.{ending}"'}
    return Response(made, media_type=media_type, headers=headers)


def _submit(visit: Visit) -> Response:
    steering.submit(visit.site.store, visit.person, visit.number)
    return _back(visit)


def _approve(visit: Visit) -> Response:
    steering.approve(visit.site.store, visit.person, visit.number)
    return _back(visit)


def _refuse(visit: Visit) -> Response:
    steering.refuse(visit.site.store, visit.person, visit.number, visit.said("reason"))
    return _back(visit)


def _mover(asked: str) -> Handler:
    def moved(visit: Visit) -> Response:
        steering.move(visit.site.store, visit.site.settings, visit.person, visit.number, asked)
        return _back(visit)

    return moved


def _back(visit: Visit) -> Response:
    return RedirectResponse(f"/campaigns/{visit.number}", 303)
