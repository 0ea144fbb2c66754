"""The pages of two sponsors, and browsers in front of them."""

from __future__ import annotations

import base64
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import httpx
import uvicorn
from fastapi import FastAPI

from ivr.adapters.certificates import own_certificate
from ivr.adapters.store.contacts import FileOrigin
from ivr.doors.web.words import ENGLISH
from ivr.rules import one_time_code
from ivr.rules.records import Campaign, Review
from ivr.rules.roles import Role
from ivr.usecases import accounts, drafting, receiving
from ivr.usecases.drafting import Draft
from ivr.usecases.prompts import Texts
from tests.integration.scene import Scene, wait_for

with warnings.catch_warnings():  # Starlette would rather have httpx' successor
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

__all__ = ["JEANNE", "ORIGIN", "PAUL", "TEXT", "TestClient", "Web", "drafted", "form_of", "send", "sent", "served"]
ORIGIN = "https://testserver"
TEXT = "Bonjour, ici la mairie. La réunion publique de jeudi aura lieu à dix-neuf heures, dans la salle des fêtes."
JEANNE, PAUL = "Jeanne Martin", "Paul Durand"


@dataclass
class Web:
    """The pages of a scene with two sponsors, and browsers in front of them."""

    scene: Scene
    app: FastAPI
    keys: dict[str, accounts.Key] = field(default_factory=dict)

    def user(self, name: str, role: Role, sponsor: str = "") -> None:
        self.keys[name] = accounts.add(self.scene.store, name, role, sponsor)

    def browser(self) -> TestClient:
        headers = {"origin": ORIGIN, "accept": "text/html", "accept-language": "en"}
        return TestClient(self.app, base_url=ORIGIN, headers=headers, follow_redirects=False)

    def fields(self, name: str) -> dict[str, str]:
        key = self.keys[name]
        given = {"name": name, "password": key.password}
        if key.code_link:
            words = parse_qs(urlparse(key.code_link).query)["secret"][0]
            secret = base64.b32decode(words + "=" * (-len(words) % 8))
            given["code"] = one_time_code.code(secret, int(time.time()) // one_time_code.STEP_S)
        return given

    def signed_in(self, name: str) -> TestClient:
        browser = self.browser()
        answer = browser.post("/sign-in", data=self.fields(name))
        assert answer.status_code == 303, answer.text
        return browser


def form_of(browser: TestClient) -> str:
    return accounts.form_token(browser.cookies["__Host-portevoix"])


def send(browser: TestClient, content: bytes, name: str = "hello") -> httpx.Response:
    fields = {"form": form_of(browser), "name": name, "origin": "human"}
    files = {"recording": ("../../<b>.wav", content, "audio/wav")}
    answer: httpx.Response = browser.post("/messages/new", data=fields, files=files)
    return answer


def sent(web: Web, browser: TestClient, content: bytes) -> tuple[str, str]:
    """A message of jeanne's: where its ticket was, and where it is."""
    answer = send(browser, content)
    assert answer.status_code == 303, answer.text
    ticket = answer.headers["location"]
    waiting = browser.get(ticket)
    assert waiting.status_code == 200, waiting.text
    assert ENGLISH["waiting"] in waiting.text
    assert waiting.headers["refresh"]
    assert receiving.prepare(web.scene.store, web.scene.settings, ticket.rpartition("/")[2]) is not None
    return ticket, str(browser.get(ticket).headers["location"])


def drafted(web: Web, name: str = "first") -> Campaign:
    """A draft of jeanne's with real sounds: a message of hers that one person approved, to three people."""
    scene = web.scene
    message = scene.store.messages.all()[-1]
    scene.store.messages.approve(message, Review("anna", 1))
    people = [(f"+3363998{n:04d}", "mobile") for n in range(3)]
    scene.store.contacts.import_batch(FileOrigin("list", "list.csv", "0" * 64), people, lambda: 0, 1)
    texts = Texts(JEANNE, "candidate à la mairie", "l'association Martin", "votre inscription", "martin.example")
    draft = Draft(name, (message.name,), "list", ("lab",), texts, "fr", hours="00:00-24:00")
    return drafting.create(scene.store, scene.settings, draft)


@contextmanager
def served(web: Web, keys: Path) -> Iterator[int]:
    """The pages over HTTPS on loopback, by the authority in that folder: at this port."""
    certificate, key = own_certificate(keys, "127.0.0.1")
    config = uvicorn.Config(web.app, port=0, ssl_certfile=str(certificate), ssl_keyfile=str(key), log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started, "the server", limit_s=60)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
