"""Pages of messages: sent in, heard as the telephone will sound, judged by a second person."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path, PurePath

from fastapi import Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import UploadFile

from ivr.adapters.incoming import OPEN, Standing
from ivr.doors.preview import clock
from ivr.doors.web import sounds
from ivr.doors.web.guard import Pages, Visit
from ivr.doors.web.show import page
from ivr.doors.web.words import WORDS
from ivr.errors import NotFound, Refused
from ivr.rules.recording_words import SEVERITIES, says
from ivr.rules.records import Origin
from ivr.rules.roles import Permission, allowed
from ivr.usecases import judging
from ivr.usecases.previewing import Preview
from ivr.usecases.uploading import Said

SEE, ADD, JUDGE = Permission.SEE_MESSAGES, Permission.ADD_MESSAGE, Permission.JUDGE_MESSAGE


def add_to(routes: Pages) -> None:
    """Those pages are there."""
    routes.add("/messages", SEE, _list)
    routes.add("/messages/new", ADD, lambda visit: page(visit, "new.j2", origins=list(Origin)))
    routes.add("/messages/new", ADD, _send_in, "POST")
    routes.add("/messages/sent/{upload}", ADD, _sent)
    routes.add("/messages/{id}", SEE, _message)
    routes.add("/messages/{id}/waveform.svg", SEE, lambda visit: sounds.picture(visit, _preview(visit)))
    routes.add("/messages/{id}/preview.wav", SEE, lambda visit: sounds.wav(visit, _preview(visit)))
    routes.add("/messages/{id}/approve", JUDGE, _approve, "POST")
    routes.add("/messages/{id}/refuse", JUDGE, _refuse, "POST")


def _list(visit: Visit) -> Response:
    user, store = visit.person, visit.site.store
    wanted = {one.id for one in judging.waiting(store, user)} if _judges(visit) else set()
    return page(visit, "messages.j2", messages=store.messages.seen_by(visit.sponsor), wanted=wanted, clock=clock)


def _judges(visit: Visit) -> bool:
    return allowed(visit.user, JUDGE)


def _preview(visit: Visit) -> Preview:
    return judging.preview(visit.site.store, visit.site.settings, visit.person, visit.number)


def _message(visit: Visit) -> Response:
    made = _preview(visit)
    marks = [
        (SEVERITIES[visit.language][one.finding.severity], one.at_ms, *says(one.finding, visit.language))
        for one in made.marks
    ]
    wanted = _judges(visit) and judging.may_judge(made.message, visit.person)
    return page(visit, "message.j2", message=made.message, preview=made, marks=marks, clock=clock, wanted=wanted)


def _approve(visit: Visit) -> Response:
    judging.approve(visit.site.store, visit.site.settings, visit.person, visit.number)
    return RedirectResponse("/messages", 303)


def _refuse(visit: Visit) -> Response:
    judging.refuse(visit.site.store, visit.person, visit.number, visit.said("reason"))
    return RedirectResponse("/messages", 303)


def _send_in(visit: Visit) -> Response:
    sent, words = visit.form.get("recording"), WORDS[visit.language]
    name = visit.said("name")
    if not isinstance(sent, UploadFile) or not sent.filename or not name:
        raise Refused(words["file_and_name"])
    try:
        origin = Origin(visit.said("origin"))
    except ValueError:
        raise Refused(words["file_and_name"]) from None
    said = Said(origin, voice_consent=visit.said("voice_consent"), language=visit.language)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / _safe(sent.filename)
        with file.open("wb") as opened:
            shutil.copyfileobj(sent.file, opened)
        ticket = judging.send_in(visit.site.queues, visit.site.settings, visit.person, file, name, said)
    return RedirectResponse(f"/messages/sent/{ticket.id}", 303)


def _safe(file_name: str) -> str:
    """The file's name as it may be shown, without a folder."""
    last = PurePath(file_name.replace("\\", "/")).name
    return "".join(char for char in last if char.isprintable())[-80:].lstrip(".") or "recording"


def _sent(visit: Visit) -> Response:
    site = visit.site
    upload = str(visit.request.path_params["upload"])
    ticket = judging.ticket(site.queues, site.settings, visit.person, upload)
    if ticket.standing is Standing.DONE:
        for one in site.store.messages.seen_by(visit.sponsor):
            if one.name == ticket.name:
                return RedirectResponse(f"/messages/{one.id}", 303)
        raise NotFound("its message is gone")
    response = page(visit, "sent.j2", ticket=ticket, open=ticket.standing in OPEN)
    if ticket.standing in OPEN:
        response.headers["refresh"] = "2"
    return response
