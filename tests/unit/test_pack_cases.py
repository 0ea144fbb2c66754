"""What the law of each jurisdiction says of each case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from ivr.rules.gate import Kind, decide
from ivr.rules.gate_law import Law, law_of
from ivr.rules.pack import MessageClass
from tests.unit.lawful import facts, pack
from tests.unit.pack_cases import ELECTORAL
from tests.unit.pack_cases_abroad import AMERICAN, PACKS, WITHOUT_A_CALENDAR


def law(name: str, message_class: MessageClass) -> Law:
    """The pack's; of the United States as when somebody had reviewed one of them."""
    found = pack(name)
    reviewed = tuple(
        one.model_copy(update={"reviewed": ("DC",)}) if one.kind == "places" else one for one in found.rules
    )
    return law_of(found.model_copy(update={"rules": reviewed}), message_class)


def said(name: str, told: dict[str, Any]) -> str:
    asked = facts(name, **(PACKS[name][0] | told))
    assert asked.about is not None
    verdict = decide(replace(asked, law=law(name, asked.about.message_class or ELECTORAL)))
    until = f" until {verdict.until.astimezone(UTC):%Y-%m-%d %H:%M}" if verdict.until else ""
    return "yes" if verdict.kind is Kind.YES else f"{verdict.kind} {verdict.rule}{until}"


@pytest.mark.parametrize(
    ("name", "told", "verdict"),
    [
        pytest.param(name, told, verdict, id=f"{name}: {what}")
        for name, (_, cases) in PACKS.items()
        for what, told, verdict in cases
    ],
)
def test_what_the_law_says(name: str, told: dict[str, Any], verdict: str) -> None:
    assert said(name, told) == verdict


@pytest.mark.parametrize("name", sorted(PACKS))
def test_every_rule_of_a_pack_has_a_case(name: str) -> None:
    decided = {verdict.split()[1].removesuffix("-unknown") for _, _, verdict in PACKS[name][1] if verdict != "yes"}
    assert {rule.id for rule in pack(name).rules} - decided == WITHOUT_A_CALENDAR.get(name, set())


def test_as_delivered_no_state_of_the_union_is_open() -> None:
    asked = facts("us", **AMERICAN)
    assert decide(asked).rule == "US-14"
