"""The pages in a real Chromium: two people bring a campaign on its way, and nothing stands in anybody's way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from ivr.doors.web.words import ENGLISH
from ivr.rules.roles import Role
from tests import chromium
from tests.integration.scene import ON_SQLITE
from tests.integration.web.world import JEANNE, ORIGIN, Web, drafted, sent, served

pytestmark = [ON_SQLITE, pytest.mark.timeout(400)]
LIMIT_MS = 60_000
AT = "--host-resolver-rules=MAP testserver:443 127.0.0.1"
LOOKS: tuple[tuple[int, chromium.Scheme], ...] = ((360, "light"), (1280, "dark"))


@pytest.fixture
def browser(web_up: Web, tmp_path: Path) -> Iterator[Browser]:
    """It finds the pages under their own name."""
    with served(web_up, tmp_path / "keys") as port, chromium.browser(f"{AT}:{port}") as found:
        yield found


def opened(browser: Browser, language: str = "en", bypass_csp: bool = False) -> BrowserContext:
    context = browser.new_context(ignore_https_errors=True, locale=language, base_url=ORIGIN, bypass_csp=bypass_csp)
    context.set_default_timeout(LIMIT_MS)
    return context


def sign_in(page: Page, web: Web, name: str) -> None:
    page.goto("/sign-in")
    for field, typed in web.fields(name).items():
        page.fill(f"[name={field}]", typed)
    page.click("main button")
    page.wait_for_url("**/messages")


def test_two_people_start_a_campaign_and_see_it_move(web_up: Web, browser: Browser, recording: bytes) -> None:
    web, said = web_up, list[str]()
    sent(web, web.signed_in("jeanne"), recording)
    campaign = drafted(web)
    web.user("anna", Role.APPROVER, JEANNE)
    jeanne, anna = (opened(browser).new_page() for _ in range(2))
    for page in (jeanne, anna):
        page.on("console", lambda message: said.append(message.text))
    sign_in(jeanne, web, "jeanne")
    sign_in(anna, web, "anna")
    for page, act in ((jeanne, "act_submit"), (anna, "approve"), (jeanne, "act_start")):
        page.goto(f"/campaigns/{campaign.id}")
        page.get_by_role("button", name=ENGLISH[act]).click()
        expect(page.get_by_role("button", name=ENGLISH[act])).to_have_count(0, timeout=LIMIT_MS)
    live = jeanne.locator("[data-live]")
    expect(live).to_contain_text("0 / 3", timeout=LIMIT_MS)
    assert len(web.scene.claim(web.scene.store.campaigns.by_id(campaign.id), 2)) == 2
    expect(live).to_contain_text("2 / 3", timeout=LIMIT_MS)  # the page was not reloaded
    assert said == []  # no script, style or picture was refused


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_page_has_no_findings_on_any_screen(
    web_up: Web, browser: Browser, recording: bytes, language: str
) -> None:
    web, found = web_up, dict[str, list[str]]()
    _, message = sent(web, web.signed_in("jeanne"), recording)
    campaign = f"/campaigns/{drafted(web).id}"
    page = opened(browser, language, bypass_csp=True).new_page()  # the site's policy forbids the judge's script
    page.goto("/sign-in")
    judge(page, found)
    sign_in(page, web, "jeanne")
    for path in ("/messages", "/messages/new", message, "/campaigns", "/campaigns/new", campaign, "/messages/0"):
        page.goto(path)
        judge(page, found)
    page.goto(f"{campaign}/forecast")
    judge(page, found)
    assert page.locator("html").get_attribute("lang") == language
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def judge(page: Page, found: dict[str, list[str]]) -> None:
    found[page.url] = [f"{look}: {wrong}" for look in LOOKS for wrong in chromium.looked_at(page, *look)]
