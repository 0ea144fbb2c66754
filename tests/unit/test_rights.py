"""The clock of a request, and how a case is told by the journal."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.rules.rights import CODE_LIVES_MS, DAY_MS, MOST_TRIES, Case, Clock, Right, cases

AT_MS = 1_790_000_000_000


def case(**values: Any) -> Case:
    return Case("c1", Right.ACCESS, "h", "desk", AT_MS, **values)


@pytest.mark.parametrize(
    ("days", "clock"),
    [(0, Clock.RUNNING), (19.99, Clock.RUNNING), (20, Clock.SOON), (29.99, Clock.SOON), (30, Clock.LATE)],
)
def test_a_month_and_a_warning_ten_days_before(days: float, clock: Clock) -> None:
    assert case().clock(AT_MS + int(days * DAY_MS)) is clock
    assert case(answered_at_ms=AT_MS).clock(AT_MS + int(days * DAY_MS)) is Clock.ANSWERED


def test_a_code_is_good_for_half_an_hour_and_five_tries() -> None:
    assert case(code="x").takes_code(AT_MS)
    assert not case().takes_code(AT_MS)
    assert not case(code="x").takes_code(AT_MS + CODE_LIVES_MS)
    assert not case(code="x", tries=MOST_TRIES).takes_code(AT_MS)
    assert not case(code="x", answered_at_ms=AT_MS).takes_code(AT_MS)


def test_a_code_that_was_never_given_back_obliges_nobody() -> None:
    assert case().counts
    assert not case(code="x").counts
    assert case(code="x", identity="code to the number").counts


def test_cases_are_what_the_journal_tells() -> None:
    opened = {"right": "erase", "number_hmac": "h", "channel": "code", "code": "x", "asked": {}}
    told = [
        {"kind": "halted", "subject": "installation", "at_ms": 1, "said": {}},
        {"kind": "rights-opened", "subject": "rights:a", "at_ms": 2, "said": opened},
        {"kind": "rights-wrong-code", "subject": "rights:a", "at_ms": 3, "said": {}},
        {"kind": "rights-identified", "subject": "rights:a", "at_ms": 4, "said": {"identity": "code"}},
        {"kind": "rights-answered", "subject": "rights:a", "at_ms": 5, "said": {"result": "erased"}},
        {"kind": "rights-answered", "subject": "rights:b", "at_ms": 6, "said": {"result": "of no case"}},
    ]
    assert cases(told) == {"a": Case("a", Right.ERASE, "h", "code", 2, "x", {}, 1, "code", 5, "erased")}
