"""Pages around the others: signing in and out, the language, the look."""

from __future__ import annotations

from importlib.resources import files

from fastapi import Response
from fastapi.responses import RedirectResponse

from ivr.doors.web.guard import COOKIE, Pages, Visit
from ivr.doors.web.show import page
from ivr.rules.roles import Permission
from ivr.usecases import accounts

_FOLDER = files("ivr.doors.web").joinpath("pages")
_STYLE, _SCRIPT = (_FOLDER.joinpath(name).read_text("utf-8") for name in ("style.css", "pages.js"))
A_YEAR_S = 365 * 86_400


def add_to(routes: Pages) -> None:
    """Those pages are there."""
    routes.add("/", Permission.SIGNED_IN, lambda _: RedirectResponse("/messages", 303))
    routes.add("/style.css", Permission.ANYBODY, lambda _: Response(_STYLE, media_type="text/css"))
    routes.add("/pages.js", Permission.ANYBODY, lambda _: Response(_SCRIPT, media_type="text/javascript"))
    routes.add("/favicon.ico", Permission.ANYBODY, lambda _: Response(status_code=204))
    routes.add("/sign-in", Permission.ANYBODY, lambda visit: page(visit, "sign_in.j2", wrong=""))
    routes.add("/sign-in", Permission.ANYBODY, _sign_in, "POST")
    routes.add("/sign-out", Permission.SIGNED_IN, _sign_out, "POST")
    routes.add("/language/{language}", Permission.ANYBODY, _language)


def _sign_in(visit: Visit) -> Response:
    name, guesses = visit.said("name"), visit.site.guesses
    address = visit.request.client.host if visit.request.client else ""
    if not guesses.may_try(name, address):
        return page(visit, "sign_in.j2", 429, wrong="too_often")
    given = visit.form.get("password", "")
    password = given if isinstance(given, str) else ""
    token = accounts.sign_in(visit.site.store, name, password, visit.said("code"), visit.token)
    if token is None:
        return page(visit, "sign_in.j2", 401, wrong="wrong")
    guesses.forget(name, address)
    response = RedirectResponse("/messages", 303)
    response.set_cookie(COOKIE, token, secure=True, httponly=True, samesite="lax", path="/")
    return response


def _sign_out(visit: Visit) -> Response:
    accounts.sign_out(visit.site.store, visit.token)
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax", path="/")
    return response


def _language(visit: Visit) -> Response:
    language = str(visit.request.path_params["language"])
    response = RedirectResponse("/", 303)
    if language in {"fr", "en"}:
        response.set_cookie("lang", language, max_age=A_YEAR_S, secure=True, httponly=True, samesite="lax")
    return response
