"""Pages of campaigns: submitted, approved by a second person, started and stopped, reported."""

from __future__ import annotations

import re
from contextlib import closing

from fastapi import Response
from fastapi.responses import RedirectResponse, StreamingResponse
from markupsafe import Markup

from ivr.doors.invoice.words import Say
from ivr.doors.preview import clock
from ivr.doors.report import as_html
from ivr.doors.report.forms import FORMS
from ivr.doors.report.words import words
from ivr.doors.web import sounds
from ivr.doors.web.guard import Handler, Pages, Visit
from ivr.doors.web.show import page, piece
from ivr.errors import NotFound
from ivr.rules.measures import SMALL
from ivr.rules.roles import Permission
from ivr.rules.tally import UNIT, Sums
from ivr.usecases import reports, steering
from ivr.usecases.gauging import Gauge, Reading
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
    routes.add("/campaigns/{id}/live", SEE, _live)
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
    campaign = found.campaign
    with closing(Gauge(site.store, site.settings, campaign.id)) as gauge:
        figures = Markup(_figures(gauge.read(), visit.language))  # noqa: S704 - from a template that escapes
    heard = [one.name for one in campaign.versions] or [""]
    told = {"campaign": campaign, "standing": found, "figures": figures}
    say = words(visit.language, campaign.timezone)
    return page(visit, "campaign.j2", 200, **told, heard=heard, kinds=KINDS, say=say, clock=clock)


def _figures(reading: Reading, language: str) -> str:
    """The figures of one moment, as a piece of page; of few calls nothing is told: people could be recognised."""
    say, money = words(language, reading.campaign.timezone), Say(language)
    whole = Sums() if reading.campaign.versions else reading.sums.get(0, Sums())
    heard, stops = whole["heard"], reading.opt_outs
    listened = whole["share"] / UNIT / heard if heard >= SMALL else None
    shown = stops if stops and stops.heard >= SMALL else None
    told = {"reading": reading, "books": reading.books, "listened": listened, "heard": heard, "opt_outs": shown}
    return piece("figures.j2", language, say=say, money=money, **told)


def _live(visit: Visit) -> Response:
    """The figures anew each second, until the browser has to ask again."""
    site, language = visit.site, visit.language
    campaign = site.store.campaigns.one_seen_by(visit.sponsor, visit.number)
    site.live.check_room()
    events = site.live.follow(campaign.id, language, lambda reading: _figures(reading, language))
    return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


def _heard(visit: Visit) -> Preview:
    text = str(visit.request.path_params["version"])
    if not re.fullmatch(r"\d{1,3}", text, re.ASCII):
        raise NotFound("there is no such version")
    return steering.heard(visit.site.store, visit.site.settings, visit.person, visit.number, int(text))


def _report(visit: Visit) -> Response:
    """The report's own page, which brings its style with it and is allowed nothing else."""
    store = visit.site.store
    campaign = store.campaigns.one_seen_by(visit.sponsor, visit.number)
    made = as_html.render(reports.with_sound(reports.report_of(store, campaign), visit.site.settings), visit.language)
    policy = f"{as_html.policy()}; frame-ancestors 'none'"
    return Response(made, media_type="text/html", headers={"content-security-policy": policy})


def _download(visit: Visit) -> Response:
    store, form = visit.site.store, str(visit.request.path_params["form"])
    campaign = store.campaigns.one_seen_by(visit.sponsor, visit.number)
    if form not in KINDS:
        raise NotFound("there is no such form of a report")
    ending, media_type = KINDS[form]
    made = FORMS[form](reports.with_sound(reports.report_of(store, campaign), visit.site.settings), visit.language)
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
