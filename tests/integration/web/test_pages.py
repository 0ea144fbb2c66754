"""The web pages: nothing without a permission, nothing of another sponsor's; a message from sent to judged."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ivr.adapters.certificates import own_certificate
from ivr.adapters.queues import Queues
from ivr.doors.web.guesses import MOST_FAILURES
from ivr.doors.web.words import ENGLISH, FRENCH
from ivr.errors import Refused
from ivr.rules.roles import Role
from ivr.usecases import accounts, judging, receiving
from ivr.usecases.uploading import Said
from tests.integration.scene import ON_SQLITE
from tests.integration.web.world import JEANNE, PAUL, Web, form_of, sent, served

pytestmark = [ON_SQLITE, pytest.mark.timeout(180)]


def test_a_message_goes_from_the_browser_to_a_second_person(web: Web, recording: bytes) -> None:
    jeanne = web.signed_in("jeanne")
    _, page = sent(web, jeanne, recording)
    shown = jeanne.get(page)
    assert shown.status_code == 200
    assert f"{JEANNE}: hello" in shown.text
    assert "Aperçu" not in shown.text
    assert ENGLISH["approve"] not in shown.text  # it is hers
    wav = jeanne.get(f"{page}/preview.wav")
    assert wav.content[:4] == b"RIFF"
    part = jeanne.get(f"{page}/preview.wav", headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, wav.content[4:8])
    assert jeanne.get(f"{page}/preview.wav", headers={"range": "bytes=99999999-"}).status_code == 416
    assert jeanne.get(f"{page}/waveform.svg").text.lstrip().startswith("<svg")

    web.user("anna", Role.APPROVER)
    anna = web.signed_in("anna")
    assert ENGLISH["to_judge"] in anna.get("/messages").text
    assert ENGLISH["approve"] in anna.get(page).text
    assert anna.post(f"{page}/approve", data={"form": form_of(anna)}).status_code == 303
    message = web.scene.store.messages.all()[-1]
    assert (message.uploaded_by, [one.by for one in message.approvals]) == ("jeanne", ["anna"])
    assert ENGLISH["to_judge"] not in anna.get("/messages").text
    refused = anna.post(f"{page}/refuse", data={"form": form_of(anna), "reason": "<i>not his voice</i>"})
    assert refused.status_code == 303
    assert "&lt;i&gt;not his voice" in jeanne.get(page).text

    paul = web.signed_in("paul")
    assert "hello" not in paul.get("/messages").text
    _, pauls = sent(web, paul, recording)  # the same recording, the same name: nothing tells him
    told = paul.get(pauls).text
    assert JEANNE not in told
    assert f"{PAUL}: hello" in told
    assert JEANNE in anna.get(pauls).text


def test_who_uploaded_it_does_not_judge_it(web: Web, recording: bytes, tmp_path: Path) -> None:
    file = tmp_path / "mine.wav"
    file.write_bytes(recording)
    scene = web.scene
    web.user("anna", Role.APPROVER, JEANNE)
    anna = scene.store.users.named("anna")[0]
    ticket = judging.send_in(Queues(scene.settings.redis_url), scene.settings, anna, file, "mine", Said())
    message = receiving.prepare(scene.store, scene.settings, ticket.id)
    assert message is not None
    assert not judging.may_judge(message, anna)
    with pytest.raises(Refused, match="second person"):
        judging.approve(scene.store, scene.settings, anna, message.id)
    with pytest.raises(Refused, match="second person"):
        judging.refuse(scene.store, anna, message.id, "no")
    browser = web.signed_in("anna")
    answer = browser.post(f"/messages/{message.id}/approve", data={"form": form_of(browser)})
    assert (answer.status_code, scene.store.messages.all()[-1].approvals) == (409, ())


def test_sessions_end(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    jeanne = web.signed_in("jeanne")
    token = jeanne.cookies["__Host-portevoix"]
    jeanne.post("/sign-in", data=web.fields("jeanne"))
    assert accounts.signed_in(web.scene.store, token) is None  # a new one at each sign-in
    token = jeanne.cookies["__Host-portevoix"]
    now_ms = int(time.time() * 1000)
    for later_ms in (accounts.IDLE_MS // 2, accounts.IDLE_MS // 2 * 2):
        monkeypatch.setattr(accounts, "_now_ms", lambda later_ms=later_ms: now_ms + later_ms)
        assert accounts.signed_in(web.scene.store, token) is not None
    monkeypatch.setattr(accounts, "_now_ms", lambda: now_ms + 3 * accounts.IDLE_MS)
    assert accounts.signed_in(web.scene.store, token) is None
    monkeypatch.undo()
    assert jeanne.get("/messages").status_code == 303
    for end in (lambda: accounts.disable(web.scene.store, "paul"), lambda: accounts.reset(web.scene.store, "jeanne")):
        name = "paul" if "paul" in web.keys else "jeanne"
        browser = web.signed_in(name)
        end()
        assert browser.get("/messages").status_code == 303
        assert web.browser().post("/sign-in", data=web.fields(name)).status_code == 401
        web.keys.pop(name)


def test_a_password_is_not_guessed_and_a_name_is_not_found(web: Web) -> None:
    browser = web.browser()
    wrong = [browser.post("/sign-in", data={"name": name, "password": "x"}) for name in ("jeanne", "nobody")]
    assert {answer.status_code for answer in wrong} == {401}
    assert wrong[0].text == wrong[1].text
    for _ in range(MOST_FAILURES - 1):
        browser.post("/sign-in", data={"name": "jeanne", "password": "x"})
    assert browser.post("/sign-in", data=web.fields("jeanne")).status_code == 429
    assert browser.post("/sign-in", data=web.fields("paul")).status_code == 303


def test_who_sees_everything_needs_a_code_that_counts_once(web: Web) -> None:
    web.user("anna", Role.APPROVER)
    assert web.browser().post("/sign-in", data=web.fields("anna") | {"code": ""}).status_code == 401
    given = web.fields("anna")
    assert web.browser().post("/sign-in", data=given).status_code == 303
    assert web.browser().post("/sign-in", data=given).status_code == 401


def test_every_answer_says_how_it_may_be_used_and_too_much_is_not_taken(web: Web) -> None:
    jeanne = web.signed_in("jeanne")
    for path in ("/sign-in", "/messages", "/messages/new", "/style.css", "/nowhere", "/messages/0"):
        answer = jeanne.get(path)
        assert "default-src 'none'" in answer.headers["content-security-policy"], path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.text.count("<script") == answer.text.count('<script src="/pages.js" defer></script>')
    most = web.scene.settings.message.max_bytes + 1_000_001
    told = jeanne.post("/messages/new", content=b"", headers={"content-length": str(most)})
    assert told.status_code == 413

    def pieces() -> Iterator[bytes]:
        yield from (b"x" * 1_000_000 for _ in range(most // 1_000_000 + 1))

    kind = {"content-type": "multipart/form-data; boundary=a"}
    assert jeanne.post("/messages/new", content=pieces(), headers=kind).status_code == 413
    problem = jeanne.get("/nowhere", headers={"accept": "application/json"})
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["status"] == 404


def test_both_languages_say_everything(web: Web) -> None:
    assert FRENCH.keys() == ENGLISH.keys()
    jeanne = web.signed_in("jeanne")
    assert ENGLISH["new"] in jeanne.get("/messages").text
    jeanne.get("/language/fr")
    page = jeanne.get("/messages").text
    assert FRENCH["new"] in page
    assert '<html lang="fr">' in page


def test_it_is_served_over_https_by_the_own_authority(web: Web, tmp_path: Path) -> None:
    certificate, key = own_certificate(tmp_path / "keys", "127.0.0.1")
    before = certificate.read_bytes()
    assert own_certificate(tmp_path / "keys", "127.0.0.1") == (certificate, key)
    assert certificate.read_bytes() == before
    assert key.stat().st_mode & 0o077 == 0
    with served(web, tmp_path / "keys") as port:
        trusted = ssl.create_default_context(cafile=str(tmp_path / "keys" / "authority.pem"))
        there, named = f"https://127.0.0.1:{port}/sign-in", {"host": "testserver"}
        answer = httpx.get(there, headers=named, verify=trusted, timeout=30)
    assert answer.status_code == 200
    assert "Portevoix" in answer.text
