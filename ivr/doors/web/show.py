"""Pages from templates, and errors as a browser or a program (RFC 9457) reads them."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from ivr.doors.web.words import WORDS
from ivr.rules.roles import Permission, allowed
from ivr.usecases.accounts import form_token

if TYPE_CHECKING:
    from ivr.doors.web.guard import Visit

_PAGES = Environment(
    loader=PackageLoader("ivr.doors.web", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(visit: Visit, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
    """The page of that template, for that visitor, in their language."""
    may = {one.value for one in Permission if allowed(visit.user, one)}
    form = form_token(visit.token) if visit.user else ""
    text = _PAGES.get_template(template).render(
        w=WORDS[visit.language], language=visit.language, user=visit.user, may=may, form=form, **facts
    )
    return HTMLResponse(text, status)


def piece(template: str, language: str, **facts: Any) -> str:
    """Part of a page, the same for whoever reads that language."""
    return _PAGES.get_template(template).render(w=WORDS[language], language=language, **facts)


def problem(request: Request, status: int, words: str, language: str, detail: str = "") -> Response:
    """What is wrong: a page for a browser, a problem document for a program."""
    title = WORDS[language][words]
    if "text/html" in request.headers.get("accept", ""):
        told: dict[str, Any] = {"w": WORDS[language], "language": language, "user": None, "may": set(), "form": ""}
        return HTMLResponse(_PAGES.get_template("problem.j2").render(told, title=title, detail=detail), status)
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail or title}
    return Response(json.dumps(body, ensure_ascii=False), status, media_type="application/problem+json")
