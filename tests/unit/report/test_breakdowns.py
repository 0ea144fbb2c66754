"""Calls by trunk, hour, age and the rest: with their numbers, and never of a few people, not even by subtraction."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.doors.report import as_csv, as_json
from ivr.rules.hiding import hidden, hidden_beside
from ivr.rules.segments import Listen
from ivr.rules.tally import DIMENSIONS, Tally, call_of, local, places
from ivr.usecases.reporting import Breakdown, Report, build
from tests.unit.report.conftest import EMPTY, MESSAGE_MS, PLACES


def by_trunk(maker: Any, trunks: Mapping[str, list[Listen]]) -> Report:
    tally = Tally()
    for trunk, listens in trunks.items():
        for listen in listens:
            tally.add(call_of("answered", listen, MESSAGE_MS), PLACES | {"attempt": "1", "trunk": trunk})
    people = sum(map(len, trunks.values()))
    return build(replace(EMPTY, targets=people, done={"answered": people}, called={"answered": people}), tally)


def trunks(report: Report) -> Breakdown:
    return next(one for one in report.breakdowns if one.dimension == "trunk")


def test_each_dimension_adds_up_to_the_whole(sample: Report) -> None:
    assert [one.dimension for one in sample.breakdowns] == list(DIMENSIONS)
    for one in sample.breakdowns:
        assert sum(row.heard for row in one.rows) == sample.answered
        assert sum(row.dialled for row in one.rows) == sample.measure("dialled").value


def test_each_value_has_its_own_figures(maker: Any) -> None:
    report = by_trunk(maker, {"a": [maker.listen(MESSAGE_MS)] * 20, "b": [maker.listen(MESSAGE_MS // 4)] * 40})
    a, b = trunks(report).rows
    assert a.listen_rate
    assert b.listen_rate
    assert b.completion
    assert (a.value, a.listen_rate.value, b.listen_rate.value) == ("a", 1.0, 0.25)
    assert (b.completion.numerator, b.completion.denominator, b.answer_rate.value) == (0, 40, 1.0)


def test_one_small_value_hides_another_beside_it(maker: Any) -> None:
    heard = maker.listen(MESSAGE_MS)
    report = by_trunk(maker, {"a": [heard] * 19, "b": [heard] * 60, "c": [heard] * 30})
    told = {row.value: row.listen_rate is not None for row in trunks(report).rows}
    assert told == {"a": False, "b": True, "c": False}
    assert all((row.listen_rate is None) == (row.completion is None) for row in trunks(report).rows)


@pytest.mark.parametrize(
    ("by_trunk", "by_number"),
    [
        ({"a": 5, "b": 30, "c": 100}, {"1": 105, "2": 30}),  # by number b alone would be told, and by subtraction a
        ({"t": 100, "u": 50}, {"1": 10, "2": 90, "3": 50}),  # by trunk t is told: less 2 it is 1
        ({"a": 5, "b": 30, "c": 30}, {"1": 5, "3": 30, "2": 30}),  # of two alike each would hide another
    ],
)
def test_numbers_shown_are_not_told_where_a_trunk_or_a_number_is_hidden(
    by_trunk: dict[str, int], by_number: dict[str, int]
) -> None:
    assert hidden_beside(by_number, by_trunk) == set(by_number)


def test_numbers_shown_are_told_where_nothing_is_hidden(maker: Any) -> None:
    heard = maker.listen(MESSAGE_MS)
    for few, told in ((30, True), (19, False)):
        tally = Tally()
        for trunk, number, calls in (("a", "+331", 60), ("b", "+332", 40), ("c", "+332", few)):
            for _ in range(calls):
                tally.add(call_of("answered", heard, MESSAGE_MS), PLACES | {"trunk": trunk, "caller_id": number})
        found = next(one for one in build(EMPTY, tally).breakdowns if one.dimension == "caller_id")
        assert [(row.value, row.heard) for row in found.rows] == [("+331", 60), ("+332", 40 + few)]
        assert {row.listen_rate is not None for row in found.rows} == {told}


@given(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), st.integers(0, 60), max_size=12))
def test_what_is_left_of_the_whole_never_speaks_of_a_few(calls: dict[str, int]) -> None:
    away = hidden(calls)
    left = [calls[cell] for cell in away]
    told = [count for cell, count in calls.items() if cell not in away and count]
    assert all(count >= 20 for count in told)
    assert not left or not told or (len(left) >= 2 and sum(left) >= 20)


def test_nothing_is_hidden_without_need() -> None:
    assert hidden({"a": 20, "b": 300, "c": 0}) == frozenset()
    assert hidden({"a": 12, "b": 12, "c": 300}) == {"a", "b"}
    assert hidden({"a": 3, "b": 4, "c": 40, "d": 300}) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("birth_year", "age"), [(None, ""), (2010, "-17"), (2008, "18-24"), (1991, "35-49"), (1961, "65-74"), (1920, "75+")]
)
def test_where_a_call_is_told(birth_year: int | None, age: str) -> None:
    at = local(1_790_000_000_000, "Europe/Paris")  # Monday, 21 September 2026, 16:13
    found = places(at, "+33639980001", birth_year=birth_year, trunk="lab", departement=None)
    assert found == {"hour": "1-16", "range": "+3363", "age": age, "trunk": "lab", "departement": ""}


def test_the_forms_tell_them_and_say_what_they_hide(maker: Any) -> None:
    heard = maker.listen(MESSAGE_MS)
    report = by_trunk(maker, {"=cmd()": [heard] * 5, "b": [heard] * 60, "c": [heard] * 30})
    rows = {
        (row["label"], row["id"]): row
        for row in csv.DictReader(io.StringIO(as_csv.render(report, language="en")))
        if row["section"] == "by_trunk"
    }
    assert (rows["b", "listen_rate"]["value"], rows["b", "listen_rate"]["denominator"]) == ("1", "60")
    assert (rows["c", "completion"]["value"], rows["c", "completion"]["denominator"]) == ("", "30")
    assert (
        rows["c", "completion"]["definition"].startswith("hidden") or "fewer" in rows["c", "completion"]["definition"]
    )
    assert ("'=cmd()", "answer_rate") in rows
    plain = json.loads(as_json.render(report))["breakdowns"]
    assert [row["listen_rate"] is None for row in next(b for b in plain if b["dimension"] == "trunk")["rows"]] == [
        True,
        False,
        True,
    ]
