"""The one way to add a page: it says what permission it wants, and nothing of it runs for whoever has not got it."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.doors.web.guesses import Guesses
from ivr.doors.web.live import Live
from ivr.doors.web.show import problem
from ivr.errors import IvrError, NotFound, Temporary
from ivr.rules.roles import Permission, User, allowed
from ivr.settings import Settings
from ivr.usecases import accounts

COOKIE = "__Host-portevoix"
SAFE = frozenset({"GET", "HEAD"})
MOST_FIELDS, MOST_FILES, MOST_FIELD_BYTES = 30, 1, 20_000


@dataclass(frozen=True, slots=True)
class Site:
    """What pages are made of. origin: where browsers find them."""

    store: Store
    settings: Settings
    queues: Queues
    origin: str
    live: Live
    guesses: Guesses = field(default_factory=Guesses)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request, after the guard. user: None for a stranger. form: only of an unsafe one."""

    site: Site
    request: Request
    user: User | None
    token: str
    language: str
    form: FormData

    @property
    def sponsor(self) -> str:
        """Whose things this visitor sees; "" every sponsor's. Every query carries it."""
        return self.person.sponsor

    @property
    def person(self) -> User:
        """Who is signed in; there is nothing here for a stranger."""
        if self.user is None:
            raise NotFound("there is no such page")
        return self.user

    def said(self, name: str) -> str:
        """A field of the form; "" when it is not there, or is a file."""
        given = self.form.get(name, "")
        return given.strip() if isinstance(given, str) else ""

    @property
    def number(self) -> int:
        """The id in the path; NotFound when it is none."""
        text = str(self.request.path_params["id"])
        if not (text.isascii() and text.isdigit() and len(text) < 18):
            raise NotFound("there is no such page")
        return int(text)


Handler = Callable[[Visit], Response]


@dataclass(frozen=True, slots=True)
class Added:
    """A page that is there, and what it wants of whoever asks for it."""

    path: str
    method: str
    permission: Permission


class Pages:
    """The routes; one that is not added here is not there. added: what was."""

    def __init__(self, app: FastAPI, site: Site) -> None:
        self._app, self._site = app, site
        self.added: list[Added] = []

    def add(self, path: str, permission: Permission, handler: Handler, method: str = "GET") -> None:
        """That page is there for whoever has the permission; for strangers there is the way to sign in."""
        self._app.add_route(path, _Guard(self._site, permission, handler).answer, methods=[method])
        self.added.append(Added(path, method, permission))


class _Guard:
    """Of one page."""

    def __init__(self, site: Site, permission: Permission, handler: Handler) -> None:
        self.site, self.permission, self.handler = site, permission, handler

    async def answer(self, request: Request) -> Response:
        """The page, or why there is none for whoever asks."""
        language = language_of(request, self.site.settings.language)
        try:
            return await self._guarded(request, language)
        except NotFound:
            return problem(request, 404, "no_page", language)
        except IvrError as error:
            status = 503 if isinstance(error, Temporary) else 409
            return problem(request, status, "refused", language, str(error))

    async def _guarded(self, request: Request, language: str) -> Response:
        token = request.cookies.get(COOKIE, "")
        user = await run_in_threadpool(accounts.signed_in, self.site.store, token)
        if not allowed(user, self.permission):
            return _not_for_them(request, user, language)
        if request.method in SAFE:
            return await run_in_threadpool(self.handler, Visit(self.site, request, user, token, language, FormData()))
        if request.headers.get("origin", self.site.origin) != self.site.origin:
            return problem(request, 403, "foreign", language)
        async with request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=MOST_FIELD_BYTES) as form:
            visit = Visit(self.site, request, user, token, language, form)
            if self.permission is not Permission.ANYBODY and not _ours(visit):
                return problem(request, 403, "foreign", language)
            return await run_in_threadpool(self.handler, visit)


def _ours(visit: Visit) -> bool:
    """Whether the form was made for this session."""
    return hmac.compare_digest(visit.said("form").encode(), accounts.form_token(visit.token).encode())


def _not_for_them(request: Request, user: User | None, language: str) -> Response:
    """A stranger is shown where to sign in; for somebody else's page there is none."""
    if user is None and request.method == "GET":
        return RedirectResponse("/sign-in", 303)
    return problem(request, 404 if user else 401, "no_page" if user else "sign_in_first", language)


def language_of(request: Request, otherwise: str) -> str:
    """What was chosen, else what the browser asks for, else the installation's."""
    asked = [request.cookies.get("lang", "")]
    asked += [one.strip()[:2].lower() for one in request.headers.get("accept-language", "").split(",")]
    return next((one for one in asked if one in {"fr", "en"}), otherwise)
