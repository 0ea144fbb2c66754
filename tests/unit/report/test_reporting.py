"""The report as a whole: its books, its counts, and what it says when there is nothing to say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.rules.segments import EndedBy, Segment
from ivr.rules.tally import SUMS, WHOLE, Sums
from ivr.usecases.reporting import Report, build

COUNTS = ("completion", "left_before", "early_hangup", "notice", "opt_out", "repeat")


def test_the_books_of_the_sample_balance(sample: Report) -> None:
    assert sample.books.balance
    assert sample.books.targets == sample.books.accounted == 306
    assert sample.books.not_allowed == 6


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(people=st.integers(0, 60), seed=st.integers(0, 10_000))
def test_what_holds_of_any_campaign(maker: Any, people: int, seed: int) -> None:
    report: Report = maker.sample(people, seed)
    assert report.books.balance
    for one in report.measures:
        if one.kind in ("rate", "mean") and one.denominator:
            assert one.value is not None
            assert one.value == pytest.approx((one.numerator or 0) / one.denominator, abs=1e-6)
            assert 0 <= (one.low or 0) <= one.value <= (one.high or 0) <= 1
    assert sum(part.count for part in report.fates) == report.answered
    assert sum(part.count for part in report.outcomes) == report.books.outcomes
    stayed = report.measure("completion").numerator
    cut = next(part.count for part in report.fates if part.id == "cut")
    if report.curve and not cut:
        assert report.curve.points[-1].share == pytest.approx((stayed or 0) / report.answered)


def test_each_call_is_counted_where_it_belongs(maker: Any) -> None:
    listens = (
        maker.listen(20_000, notice_ms=9_000, ended_by=EndedBy.US),
        maker.listen(10_000),
        maker.listen(1_000),
        maker.listen(None),
        maker.again(5_000),
        maker.stopped(Segment.MESSAGE, 5_000, 5_000),
        maker.listen(4_000, ended_by=EndedBy.NETWORK),
        maker.listen(8_000, ended_by=EndedBy.UNKNOWN),
    )
    report = maker.report([*maker.answered(*listens), maker.result("busy"), maker.result("", dialled=0)])
    assert [report.measure(name).numerator for name in COUNTS] == [2, 1, 1, 1, 1, 1]
    assert {report.measure(name).denominator for name in COUNTS} == {8}
    rate = report.measure("listen_rate")
    assert rate.numerator == pytest.approx(1 + 0.5 + 0.05 + 0 + 1 + 0.25 + 0.2 + 0.4)
    assert rate.small
    assert (report.measure("dialled").value, report.measure("answer_rate").numerator) == (9, 8)
    assert {part.id: part.count for part in report.fates} == {"stayed": 2, "left": 5, "cut": 1}
    assert report.doubts == {"ended_by_unknown": 1}


def test_calls_of_the_dialplan_are_counted_and_shown_apart(maker: Any) -> None:
    fallen = maker.listen(None, notice_ms=9_000, measured_by="dialplan")
    report = maker.report(maker.answered(maker.listen(20_000), fallen))
    assert report.measure("listen_rate").value == pytest.approx(0.5)
    assert report.measure("left_before").numerator == 0
    assert (report.fallback.count, report.doubts["fallback"]) == (1, 1)
    assert report.curve is not None
    assert report.curve.points[-1].share == 1.0


def test_parts_below_twenty_have_no_listen_rate_but_the_whole_has(maker: Any) -> None:
    report = maker.report(maker.answered(*[maker.listen(10_000)] * 19))
    assert report.answered_by[2].listen_rate is None
    assert report.opt_out_seconds == {}
    assert (report.measure("listen_rate").value, report.measure("listen_rate").small) == (0.5, True)
    whole = maker.report(maker.answered(*[maker.listen(10_000)] * 20))
    assert whole.answered_by[2].listen_rate is not None
    assert not whole.measure("listen_rate").small


def test_a_lost_target_is_said(maker: Any) -> None:
    report = maker.report([maker.result("busy")], targets=3)
    assert not report.books.balance
    assert report.doubts["targets_differ"] == 2


def test_outcomes_that_the_calls_do_not_show_are_said(maker: Any) -> None:
    report = maker.report([maker.result("busy")], done={"failed": 1}, called={"failed": 1})
    assert not report.books.balance
    assert report.doubts["outcomes_differ"] == 1


def test_an_answered_call_without_a_listen_is_out_of_the_rates_and_said(maker: Any) -> None:
    report = maker.report([maker.result("answered"), *maker.answered(maker.listen(20_000))])
    assert (report.measure("answer_rate").numerator, report.answered) == (2, 1)
    assert report.measure("listen_rate").value == 1.0
    assert report.doubts == {"answered_without_listen": 1}


def test_more_answers_than_calls_is_said_and_breaks_nothing(maker: Any) -> None:
    report, tally = (
        maker.report(maker.answered(maker.listen(20_000))),
        maker.tally(maker.answered(maker.listen(20_000))),
    )
    uncalled = Sums(tuple(0 if name == "calls" else tally.whole[name] for name in SUMS))
    broken = build(report.facts, replace(tally, cells=tally.cells | {WHOLE: uncalled}))
    assert not broken.books.balance
    assert broken.doubts["more_answers_than_calls"] == 1


def test_people_called_more_often_than_allowed_are_said(maker: Any) -> None:
    results = [maker.result("no_answer", dialled=3), maker.result("busy", dialled=2), maker.result("busy")]
    assert maker.report(results).doubts == {"dialled_again": 2}
    assert maker.report(results, most_calls=2).doubts == {"dialled_again": 1}
    assert maker.report(results, most_calls=3).doubts == {}
    assert maker.report(results).measure("dialled").value == 6


def test_calls_and_people_are_told_apart_when_people_may_be_called_again(maker: Any) -> None:
    results = [
        maker.result("answered", maker.listen(20_000), dialled=3),
        maker.result("answered", maker.listen(10_000), dialled=2, more=(maker.listen(0),)),
        maker.result("busy", dialled=3),
        maker.result("busy", dialled=1, state="due"),
        maker.result("", dialled=0),
    ]
    report = maker.report(results, most_calls=3, waiting=1)
    answers, reached, again = (report.measure(name) for name in ("answer_rate", "reached", "called_again"))
    assert (answers.numerator, answers.denominator) == (3, 9), "calls"
    assert (reached.numerator, reached.denominator) == (2, 4), "people"
    assert (again.numerator, again.denominator) == (3, 4)
    assert (report.answered, report.measure("listen_rate").numerator) == (3, 1.5)
    assert report.books.balance
    assert not report.doubts
    assert (report.books.due, report.books.waiting) == (2, 1)


def test_no_answered_call_is_no_error(maker: Any) -> None:
    report = maker.report([maker.result("no_answer"), maker.result("", dialled=0)])
    assert report.curve is None
    assert report.measure("listen_rate").value is None
    assert report.measure("answer_rate").value == 0.0
    with pytest.raises(KeyError):
        report.measure("no such measure")


def test_stops_are_placed(maker: Any) -> None:
    stops = [maker.stopped(Segment.NOTICE, 2_500, 20_000)] * 2 + [maker.stopped(Segment.PREROLL, 900, None)]
    report = maker.report(maker.answered(*stops, *[maker.listen(20_000)] * 20))
    assert {part.id: part.count for part in report.opt_outs} == {
        "preroll": 1,
        "message": 0,
        "notice": 2,
        "confirmation": 0,
    }
    assert report.opt_out_seconds == {"notice": {2: 2}, "preroll": {0: 1}}
