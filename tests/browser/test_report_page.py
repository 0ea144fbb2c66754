"""The report page in a real browser: nothing that a screen reader stumbles over, nothing wider than the screen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from ivr.doors.report import as_html
from tests import chromium
from tests.browser.reports import REPORTS

LANGUAGES = ("fr", "en")
WIDTHS = (360, 1280)
SCHEMES: tuple[chromium.Scheme, ...] = ("light", "dark")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.browser() as found:
        yield found


@pytest.mark.timeout(400)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", REPORTS)
def test_the_page_has_no_findings_light_or_dark_on_any_screen(
    browser: Browser, kind: str, language: str, tmp_path: Path
) -> None:
    file, asked = tmp_path / "report.html", list[str]()
    file.write_text(as_html.render(REPORTS[kind](), language), encoding="utf-8")
    context = browser.new_context(bypass_csp=True)  # the page's own policy forbids every script, also the judge's
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = {(width, scheme): chromium.looked_at(page, width, scheme) for width, scheme in product(WIDTHS, SCHEMES)}
    context.close()
    assert {how: what for how, what in found.items() if what} == {}
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
