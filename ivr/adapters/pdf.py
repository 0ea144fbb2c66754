"""PDF from a typst template: tagged, so that a screen reader can read it (PDF/UA), and of the same bytes each time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import typst

from ivr.errors import Refused

FOLDER = Path(__file__).parent / "pdf_templates"
STANDARD: Literal["ua-1"] = "ua-1"


def pdf(template: str, data: Mapping[str, Any]) -> bytes:
    """The template of that name, filled. What is in `data` is text or numbers to it, never markup or code.

    The document's date is its template's business: none is written, so that the same data makes the same file.
    """
    file = FOLDER / f"{template}.typ"
    inputs = {"data": json.dumps(data, ensure_ascii=False)}
    try:
        made = typst.compile(file, root=FOLDER, sys_inputs=inputs, format="pdf", pdf_standards=STANDARD, timestamp=0)
    except typst.TypstError as error:
        raise Refused(f"the PDF {template!r} cannot be made: {error}") from None
    if not isinstance(made, bytes):
        raise Refused(f"the PDF {template!r} cannot be made: the template makes nothing")
    return made
