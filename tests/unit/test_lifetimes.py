"""How long what is kept may be kept, and which hold wins."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ivr.rules.lifetimes import DAY_MS, EVERYTHING, RELEASED, SET, Rule, batch_due, holds

BALLOT = date(2027, 5, 2)
MAY_3_MS = 1_809_302_400_000  # 2027-05-03 00:00 UTC


@pytest.mark.parametrize(
    ("source_type", "delete_at", "ballots", "due"),
    [
        ("direct_form", None, [], None),
        ("direct_form", None, [None], None),
        ("direct_form", None, [BALLOT], (MAY_3_MS + 30 * DAY_MS, Rule.BATCH_ELECTION)),
        ("direct_form", None, [BALLOT, date(2027, 4, 18)], (MAY_3_MS + 30 * DAY_MS, Rule.BATCH_ELECTION)),
        ("direct_form", None, [BALLOT, None], None),  # it serves something else too
        ("member", None, [BALLOT], None),
        ("member", BALLOT, [BALLOT], (MAY_3_MS, Rule.BATCH_DATE)),
        ("electoral_roll", BALLOT, [BALLOT], (MAY_3_MS, Rule.BATCH_DATE)),
        ("rented", date(2028, 1, 1), [BALLOT], (MAY_3_MS + 30 * DAY_MS, Rule.BATCH_ELECTION)),
        ("undeclared", None, [BALLOT], None),
    ],
)
def test_a_delivery_is_kept_to_the_earliest_of_its_ends(
    source_type: str, delete_at: date | None, ballots: list[date | None], due: tuple[int, Rule] | None
) -> None:
    assert batch_due(source_type, delete_at, ballots) == due


def _set(id_: str, object_: str, until_ms: int | None = None) -> dict[str, Any]:
    said = {"object": object_, "why": f"dispute {id_}", "until_ms": until_ms}
    return {"kind": SET, "subject": f"hold:{id_}", "by": "anne", "at_ms": 1, "said": said}


def _released(id_: str) -> dict[str, Any]:
    return {"kind": RELEASED, "subject": f"hold:{id_}", "by": "anne", "at_ms": 2, "said": {"why": "judged"}}


def test_a_hold_wins_until_its_day_or_its_release() -> None:
    told = [_set("a", "campaign:spring"), _set("b", "campaign:spring", 50), _set("c", "batch:roll", 50)]
    assert holds(told, 49).on("batch:roll", "campaign:spring") == "hold c: dispute c"
    assert holds(told, 50).on("batch:roll", "campaign:spring") == "hold a: dispute a"
    assert holds([*told, _released("a")], 49).of_kind("campaign") == {"spring": "hold b: dispute b"}
    assert holds([*told, _released("a")], 50).on("batch:roll", "campaign:spring") == ""


def test_a_hold_on_everything_is_on_each_thing() -> None:
    found = holds([_set("a", EVERYTHING)], 1)
    assert found.on("message:hello") == found.on() == "hold a: dispute a"
    assert found.of_kind("campaign") == {}
