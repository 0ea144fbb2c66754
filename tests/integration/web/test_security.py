"""Every route, also one that is added tomorrow: no session, the wrong role, the wrong sponsor, a foreign form.

A route with an id that `Theirs` cannot fill in fails here until somebody says what a stranger must not see of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

import httpx
import pytest

from ivr.doors.web.guard import Added
from ivr.rules.roles import ALLOWED, Permission, Role
from tests.integration.scene import ON_SQLITE
from tests.integration.web.world import JEANNE, PAUL, TestClient, Web, form_of, sent

pytestmark = [ON_SQLITE, pytest.mark.timeout(180)]
POISON = "\"'><i>poison</i>{{7*7}}"


@dataclass(frozen=True)
class Theirs:
    """Something of jeanne's of every kind: what stands for the ids in the paths."""

    ids: dict[str, str]

    def path(self, one: Added) -> str:
        """The path of that route, for what is jeanne's."""
        kind = one.path.split("/")[1]
        return re.sub(r"\{(\w+)\}", lambda found: self.ids[f"{kind} {found[1]}"], one.path)


@pytest.fixture
def theirs(web: Web, recording: bytes) -> Theirs:
    ticket, page = sent(web, web.signed_in("jeanne"), recording)
    campaign = web.scene.campaign(3, start=False, sponsor=JEANNE)
    ids = {"messages id": page.rpartition("/")[2], "messages upload": ticket.rpartition("/")[2]}
    ids |= {
        "campaigns id": str(campaign.id),
        "campaigns version": "0",
        "campaigns form": "json",
        "language language": "fr",
    }
    return Theirs(ids)


def routes(web: Web, method: str = "") -> list[Added]:
    """Those that not everybody may have."""
    added: list[Added] = web.app.state.added
    return [one for one in added if one.permission is not Permission.ANYBODY and method in {"", one.method}]


def ask(browser: TestClient, one: Added, path: str, **fields: str) -> httpx.Response:
    given = {"form": form_of(browser), **fields} if one.method == "POST" else None
    answer: httpx.Response = browser.request(one.method, path, data=given)
    return answer


def test_every_route_has_a_permission_and_strangers_get_nothing(web: Web, theirs: Theirs) -> None:
    there = {(route.path, method) for route in web.app.routes for method in route.methods - {"HEAD"}}  # type: ignore[attr-defined]
    assert there == {(one.path, one.method) for one in web.app.state.added}
    stranger = web.browser()
    for one in routes(web):
        answer = stranger.request(one.method, theirs.path(one))
        assert answer.status_code == (303 if one.method == "GET" else 401), one
        assert one.method == "POST" or answer.headers["location"] == "/sign-in"


@pytest.mark.parametrize("role", list(Role))
def test_nobody_gets_what_is_for_another_role(web: Web, theirs: Theirs, role: Role) -> None:
    web.user("one", role, JEANNE)
    browser = web.signed_in("one")
    for one in routes(web):
        if one.permission is not Permission.SIGNED_IN and one.permission not in ALLOWED[role]:
            answer = ask(browser, one, theirs.path(one))
            assert answer.status_code == 404, one


@pytest.mark.parametrize("role", list(Role))
def test_nobody_gets_what_is_another_sponsors(web: Web, theirs: Theirs, role: Role) -> None:
    web.user("one", role, PAUL)
    browser = web.signed_in("one")
    for one in routes(web):
        if one.path == "/sign-out":
            continue
        answer = ask(browser, one, theirs.path(one), reason="no")
        assert "{" not in one.path or answer.status_code == 404, one
        assert JEANNE not in answer.text, one
        assert "hello" not in answer.text, one


def test_a_form_of_another_site_does_nothing(web: Web, theirs: Theirs) -> None:
    web.user("anna", Role.APPROVER, JEANNE)
    browsers = {role: web.signed_in(name) for name, role in (("jeanne", Role.CANDIDATE), ("anna", Role.APPROVER))}
    tried = set()
    for role, browser in browsers.items():
        for one in routes(web, "POST"):
            if one.permission not in ALLOWED[role] | {Permission.SIGNED_IN}:
                continue
            path = theirs.path(one)
            for form in ("0" * 64, "", "é"):
                assert browser.post(path, data={"form": form}).status_code == 403, one
            for origin in ("https://elsewhere.example", "null", "http://testserver"):
                foreign = browser.post(path, data={"form": form_of(browser)}, headers={"origin": origin})
                assert foreign.status_code == 403, one
            tried.add(one)
        assert browser.get("/messages").status_code == 200  # nobody was signed out
    assert tried == set(routes(web, "POST"))
    assert web.browser().post("/sign-in", headers={"origin": "null"}, data=web.fields("jeanne")).status_code == 403


def test_another_sites_name_leads_nowhere_and_every_way_leads_back_here(web: Web, theirs: Theirs) -> None:
    jeanne = web.signed_in("jeanne")
    for one in web.app.state.added:
        path = theirs.path(one)
        assert jeanne.request(one.method, path, headers={"host": "elsewhere.example"}).status_code == 421, one
        if one.method == "GET":
            answer = jeanne.get(path, params={"next": "https://elsewhere.example", "url": "//elsewhere.example"})
            assert re.match(r"/(?!/)", answer.headers.get("location", "/")), one


def test_too_much_is_refused_on_every_route(web: Web, theirs: Theirs) -> None:
    most = web.scene.settings.message.max_bytes + 1_000_001
    jeanne = web.signed_in("jeanne")
    for one in web.app.state.added:
        told = jeanne.request(one.method, theirs.path(one), content=b"", headers={"content-length": str(most)})
        assert told.status_code == 413, one


class Forms(HTMLParser):
    """The forms of a page that send something, each with its fields; and where the page leads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.links: set[str] = set()
        self.poisoned = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.poisoned |= tag == "i"
        if tag == "form" and told.get("method") == "post":
            self.forms.append((told["action"], {}))
        elif tag in {"input", "select", "textarea"} and self.forms and told.get("type") != "file":
            self.forms[-1][1][told["name"]] = told.get("value", "")
        elif tag == "option" and self.forms and self.forms[-1][1]:
            fields = self.forms[-1][1]
            last = next(reversed(fields))
            fields[last] = fields[last] or told.get("value", "")
        elif tag == "a" and told.get("href", "").startswith("/"):
            self.links.add(told["href"])


def test_what_is_typed_comes_back_as_text(web: Web, theirs: Theirs) -> None:
    """Every form of every page is sent with markup in its fields, then every page is read again."""
    web.user("anna", Role.APPROVER, JEANNE)
    for name in ("jeanne", "anna", "jeanne"):
        _poison(web, web.signed_in(name), theirs)


def _poison(web: Web, browser: TestClient, theirs: Theirs) -> None:
    seen: set[str] = set()
    todo = {theirs.path(one) for one in routes(web, "GET")} - {"/"}
    while path := next(iter(todo - seen), None):
        seen.add(path)
        answer = browser.get(path)
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        read = Forms(answer.text)
        assert not read.poisoned, path
        assert "49" not in re.findall(r"poison\D+?(49)", answer.text), path
        todo |= {link for link in read.links if not link.startswith(("/language", "/sign"))}
        for action, fields in read.forms:
            if action in {"/sign-out", *seen}:
                continue
            seen.add(action)
            given = {name: value or POISON for name, value in fields.items()}
            recording = {"recording": (POISON, b"RIFF", POISON)} if action == "/messages/new" else None
            told = browser.post(action, data=given, files=recording)
            assert not Forms(told.text).poisoned, action
            todo |= {told.headers["location"]} if "location" in told.headers else set()
