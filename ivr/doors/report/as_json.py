"""The report as JSON: every figure with what it counts and what it means, for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ivr.doors.report.words import LANGUAGES, words
from ivr.usecases.reporting import Part, Report


def render(report: Report) -> str:
    """The report as a JSON object, schema "portevoix.report/1".

    Shares are 0…1, instants milliseconds since 1970 UTC, "definitions" gives each measure's meaning by language.
    """
    plain = {**_plain(report), "definitions": _definitions(report)}
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def _plain(report: Report) -> dict[str, Any]:
    parts = ("outcomes", "refusals", "answered_by", "fates", "opt_outs")
    plain: dict[str, Any] = asdict(report)
    plain |= {name: [_part(part) for part in getattr(report, name)] for name in parts}
    plain["fallback"] = _part(report.fallback)
    plain["books"]["accounted"] = report.books.accounted
    plain["versions"] = [_plain(version) for version in report.versions]
    return plain


def _part(part: Part) -> dict[str, Any]:
    return {**asdict(part), "share": part.share}


def _definitions(report: Report) -> dict[str, dict[str, str]]:
    names = [measure.id for measure in report.measures] + ["curve", "outcomes", "answered_by", "books"]
    return {name: {language: words(language).definition(name) for language in LANGUAGES} for name in names}
