"""What a careless count gets wrong, by the recording that is used in production: each call stands where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ivr.rules.records import Campaign
from ivr.rules.segments import EndedBy, KeyPress, Listen, Play, Segment
from ivr.usecases.recording import end_result, listen_result, record
from ivr.usecases.reporting import Measure, Report
from ivr.usecases.reports import report_of
from tests.integration.scene import Scene, check_counts, listen


def after(scene: Scene, listens: Sequence[dict[str, Any]], outcome: str = "answered") -> Report:
    """The report of a campaign whose only calls were heard so; each is told twice, as it may be."""
    campaign = scene.campaign(len(listens))
    told = [listen_result(listen(one, **how)) for one, how in zip(_sent(scene, campaign), listens, strict=True)]
    ends = [end_result(one["attempt"], outcome, 90) for one in told]
    for _ in range(2):
        record([*told, *ends] if outcome == "answered" else ends, scene.store)
    check_counts(scene, campaign)
    report = report_of(scene.store, campaign)
    assert report.books.balance
    return report


def _sent(scene: Scene, campaign: Campaign) -> list[str]:
    return scene.dialing(campaign, scene.store.campaigns.books(campaign.id).due)


def figures(measure: Measure) -> tuple[float | None, int | None, float | None]:
    return measure.numerator, measure.denominator, measure.value


def test_nobody_answered_has_no_rate_and_no_curve(scene: Scene) -> None:
    report = after(scene, [{}] * 3, outcome="busy")
    assert figures(report.measure("listen_rate"))[1:] == (0, None)
    assert figures(report.measure("answer_rate")) == (0, 3, 0.0)
    assert report.curve is None


def test_the_one_who_answered_is_no_certainty(scene: Scene) -> None:
    report = after(scene, [{"ended_by": EndedBy.US}])
    rate = report.measure("listen_rate")
    assert (figures(rate), rate.small, rate.high) == ((1, 1, 1.0), True, 1.0)
    assert rate.low is not None
    assert rate.low < 0.25


def test_where_every_call_was_cut_nobody_is_said_to_have_left(scene: Scene) -> None:
    report = after(scene, [{"heard_ms": 1_500, "ended_by": EndedBy.NETWORK}] * 3)
    assert {part.id: part.count for part in report.fates} == {"stayed": 0, "left": 0, "cut": 3}
    assert report.curve is not None
    assert [point.left for point in report.curve.points] == [0] * 5
    told = {point.at_ms: point.share for point in report.curve.points}
    assert (told[1_000], told[2_000]) == (1.0, None), "nothing is claimed of what nobody could hear"


def test_who_opts_out_before_the_message_heard_none_of_it(scene: Scene) -> None:
    press = KeyPress("9", Segment.PREROLL, 600, 600)
    campaign = scene.campaign(1)
    [attempt] = _sent(scene, campaign)
    plays = (Play(Segment.PREROLL, "p", 600, 1_000, 0),)
    heard = Listen(attempt, plays, (press,), stop_at_ms=600, ended_by=EndedBy.US, at_ms=50)
    record([listen_result(heard), end_result(attempt, "answered", 90)], scene.store)
    report = report_of(scene.store, campaign)
    assert figures(report.measure("listen_rate")) == (0, 1, 0.0)
    assert figures(report.measure("left_before"))[:2] == (1, 1)
    assert {part.id: part.count for part in report.opt_outs if part.count} == {"preroll": 1}


def test_who_hears_it_again_is_one_listener_of_one_length(scene: Scene) -> None:
    campaign = scene.campaign(1)
    [attempt] = _sent(scene, campaign)
    plays = tuple(Play(Segment.MESSAGE, "m", heard, 4_000, began) for heard, began in ((3_000, 0), (2_000, 3_100)))
    heard = Listen(attempt, plays, ended_by=EndedBy.LISTENER, at_ms=50)
    record([listen_result(heard), end_result(attempt, "answered", 90)], scene.store)
    report = report_of(scene.store, campaign)
    assert figures(report.measure("listen_rate")) == (0.75, 1, 0.75)
    assert figures(report.measure("repeat"))[:2] == (1, 1)


@pytest.mark.parametrize("at_ms", [0, 19, 1 << 40])
def test_a_clock_that_was_stepped_changes_no_figure(scene: Scene, at_ms: int) -> None:
    """The listen is dated before its own call was sent, or long after it."""
    report = after(scene, [{"heard_ms": 1_000, "at_ms": at_ms}])
    assert figures(report.measure("listen_rate")) == (0.25, 1, 0.25)
    assert report.curve is not None
    assert sum(point.left for point in report.curve.points) == 1


@pytest.mark.parametrize("late", ["listen", "end"])
def test_two_calls_answered_by_one_person_are_two_listens_of_one_person(scene: Scene, late: str) -> None:
    """The first was cut and nobody knew that it had been answered: only after the second one does it come to light."""
    campaign = scene.campaign(1, retry="unknown=1m; jitter=0")
    begun = datetime(2026, 9, 1, 12, tzinfo=UTC)
    [first] = scene.claim(campaign, 1, at=begun)
    assert scene.begin(first, at=begun)
    record([end_result(first, "unknown", _ms(begun) + 5_000)], scene.store)
    [second] = scene.claim(campaign, 1, at=begun + timedelta(hours=5))
    assert scene.begin(second, at=begun + timedelta(hours=5))
    record([listen_result(listen(second)), end_result(second, "answered", _ms(begun) + 18_020_000)], scene.store)
    cut = listen_result(listen(first, 1_000, ended_by=EndedBy.NETWORK))
    answered = end_result(first, "answered", _ms(begun) + 5_000, cause=38)
    for told in [cut, answered] if late == "listen" else [answered, cut]:
        record([told], scene.store)
    check_counts(scene, campaign)
    report = report_of(scene.store, campaign)
    assert figures(report.measure("listen_rate")) == (1.25, 2, 0.625), "each answered call has a listen of its own"
    assert figures(report.measure("answer_rate"))[:2] == (2, 2)
    assert figures(report.measure("reached")) == (1, 1, 1.0), "and the person is one"
    assert figures(report.measure("called_again"))[:2] == (1, 1)
    assert {part.id: part.count for part in report.fates} == {"stayed": 1, "left": 0, "cut": 1}
    by_call = next(one.rows for one in report.breakdowns if one.dimension == "attempt")
    assert [(row.value, row.dialled, row.heard) for row in by_call] == [("1", 1, 1), ("2", 1, 1)]
    assert (report.books.targets, report.books.outcomes, report.books.doubts) == (1, 1, {})
    assert report.books.balance


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
