"""A page of headings and lines as one HTML file (jinja2) that asks nothing of any server: no script, no picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "page_templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(
    language: str, title: str, kicker: str, note: str, parts: Sequence[tuple[str, Sequence[tuple[str, str]]]]
) -> str:
    """The page, to be written as UTF-8; all that it is given is text to it."""
    given = {"language": language, "title": title, "kicker": kicker, "note": note, "parts": parts}
    return _PAGES.get_template("notice.html.j2").render(given)
