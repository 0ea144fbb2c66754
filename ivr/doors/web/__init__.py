"""The web pages: what a browser sees of the use cases, in French and English."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.doors.web import campaign_pages, draft_pages, message_pages, pages
from ivr.doors.web.guard import Pages, Site, language_of
from ivr.doors.web.limits import SECURE, BodyLimit, Headers, OwnHost
from ivr.doors.web.live import HELD_S, Live
from ivr.doors.web.show import problem
from ivr.settings import Settings

FORM_BYTES = 1_000_000
"""What a form's fields and borders may take beside the recording."""


def application(store: Store, settings: Settings, origin: str, held_s: float = HELD_S) -> FastAPI:
    """The pages as an ASGI application. origin: where browsers find them, as https://127.0.0.1:8443.

    held_s: how long a live page's connection is held.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    routes = Pages(app, Site(store, settings, Queues(settings.redis_url), origin, Live(store, settings, held_s)))
    pages.add_to(routes)
    message_pages.add_to(routes)
    draft_pages.add_to(routes)
    campaign_pages.add_to(routes)
    app.state.added = routes.added

    async def told(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 400
        words = "no_page" if status in {404, 405} else "not_understood"
        return problem(request, status, words, language_of(request, settings.language))

    app.add_exception_handler(HTTPException, told)
    app.add_middleware(BodyLimit, most_bytes=settings.message.max_bytes + FORM_BYTES)
    app.add_middleware(OwnHost, host=urlsplit(origin).netloc)
    app.add_middleware(Headers, headers=SECURE)
    return app
