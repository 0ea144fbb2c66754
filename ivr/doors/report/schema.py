"""The schema of the report as JSON, made from the report's own classes: what `as_json` writes is valid by it."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from ivr.doors.report.words import LANGUAGES
from ivr.usecases.reporting import SCHEMA, Report

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SHARE = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
DEFINITIONS = {
    "type": "object",
    "description": "What each measure means, by language.",
    "additionalProperties": {
        "type": "object",
        "properties": {language: {"type": "string"} for language in LANGUAGES},
        "required": list(LANGUAGES),
        "additionalProperties": False,
    },
}


def schema() -> dict[str, Any]:
    """The JSON schema of reports, whose `schema` names it. Nothing but what it names stands in a report."""
    made = TypeAdapter(Report).json_schema(mode="serialization")
    definitions = {title: _closed(one) for title, one in made["$defs"].items()}
    # what `as_json` says beside the fields
    _add(definitions["Part"], "share", SHARE)
    _add(definitions["Books"], "accounted", {"type": "integer", "minimum": 0})
    report = definitions["Report"]
    report["properties"]["schema"] = {"const": SCHEMA}
    whole = {**report, "properties": {**report["properties"], "definitions": DEFINITIONS}}
    whole["required"] = [*report["required"], "definitions"]
    title = {"$schema": DIALECT, "$id": f"urn:{SCHEMA}", "title": "The report of a campaign"}
    return {**title, **whole, "$defs": definitions}


def _closed(one: dict[str, Any]) -> dict[str, Any]:
    """Every field is there, and no other."""
    if one.get("type") != "object" or "properties" not in one:
        return one
    return {**one, "required": list(one["properties"]), "additionalProperties": False}


def _add(one: dict[str, Any], name: str, what: dict[str, Any]) -> None:
    one["properties"][name] = what
    one["required"] = [*one["required"], name]
