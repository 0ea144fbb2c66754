"""People who are called again, on a real Asterisk, with seconds in place of hours."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from ivr.adapters import sound
from ivr.adapters.sound import Pcm
from ivr.rules.electorate import Behaviour, after
from ivr.rules.segments import Segment
from ivr.rules.states import Outcome
from ivr.rules.versions import borders, place, version_at
from ivr.usecases import campaigns, reports
from tests.crowd import absent, leaver, listener, stopper
from tests.stack import Stack, running_stack, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

AGAIN = "busy=5s x9; no_answer=3s x9; congestion=2s x4; most=3; spacing=3s; per_day=9; hours_apart=0s; jitter=0"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("retries")) as up:
        yield up


def test_each_is_called_as_often_as_the_policy_allows_and_never_too_soon(stack: Stack) -> None:
    numbers = stack.new_numbers(26)
    kinds = {
        "answers": [listener(*one) for one in numbers[:4]],
        "busy once": [after(listener(*one), (486,)) for one in numbers[4:10]],
        "busy, then absent": [after(listener(*one), (486, 0)) for one in numbers[10:13]],
        "carrier's trouble": [after(listener(*one), (503, 503)) for one in numbers[13:16]],
        "always busy": [absent(*one, 486) for one in numbers[16:19]],
        "unknown number": [absent(*one, 404) for one in numbers[19:21]],
        "stops": [stopper(*one, Segment.MESSAGE, 300) for one in numbers[21:23]],
        "asks to stop meanwhile": [after(listener(*one), (486,)) for one in numbers[23:26]],
    }
    campaign = stack.start("again", [person for people in kinds.values() for person in people], retry=AGAIN)
    asks = {person.index: person.number for person in kinds["asks to stop meanwhile"]}
    wait_for(lambda: set(asks) <= set(stack.line.called), "the first calls to those who then ask to stop")
    for number in asks.values():
        stack.store.suppressions.add(number, "platform", "request", campaigns.now_ms())
    wait_for(lambda: stack.store.campaigns.books(campaign.id).waiting, "somebody who waits to be called again")
    verdict = stack.finished(campaign, 60)
    called = {kind: {stack.line.called[person.index] for person in people} for kind, people in kinds.items()}
    assert called == {
        "answers": {1}, "busy once": {2}, "busy, then absent": {3}, "carrier's trouble": {3}, "always busy": {3},
        "unknown number": {1}, "stops": {1}, "asks to stop meanwhile": {1},
    }  # fmt: skip
    assert verdict.books.balance
    assert verdict.books.outcomes == {"answered": 18, "busy": 6, "invalid_number": 2}
    wrong = [one for one in verdict.check.worst if one.what not in {"stops_not_asked"} and one.error_ms > 100]
    assert not wrong
    assert (verdict.check.called_twice, verdict.check.off_plan, verdict.check.outcome_mismatches) == (0, 0, 0)
    assert verdict.greatest_error_ms() <= 100
    assert all(result.listen for _, result in verdict.outcomes(Outcome.ANSWERED))
    never_too_soon(stack, campaign.id)
    report = reports.report_of(stack.store, verdict.campaign)
    assert report.books.balance
    assert not report.doubts
    assert report.measure("dialled").value == sum(stack.line.called.values())
    assert (report.measure("reached").numerator, report.measure("reached").denominator) == (18, 26)
    assert report.measure("called_again").numerator == 15


def never_too_soon(stack: Stack, campaign_id: int) -> None:
    """Between two calls to a person lies what the policy says of how the first one ended."""
    delays = {"busy": 5, "no_answer": 3, "congestion": 2}
    made = _rows(
        stack,
        f"SELECT target_id, dialing_at_ms, outcome FROM attempts WHERE campaign_id = {campaign_id} "  # noqa: S608
        "AND dialing_at_ms IS NOT NULL AND state != 'released' ORDER BY target_id, id",
    )
    gaps = [(one[2], other[1] - one[1]) for one, other in pairwise(made) if one[0] == other[0]]
    assert len(gaps) == 6 + 6 + 6 + 6
    assert all(gap_ms >= delays[outcome] * 1000 for outcome, gap_ms in gaps)
    invited = stack.invited_ms().values()
    assert min(later - earlier for calls in invited for earlier, later in pairwise(calls)) >= 1900


def test_each_version_is_heard_by_those_who_drew_it_and_by_them_again(stack: Stack) -> None:
    """Each ear knows the version that its person is to hear, and no other: anything else would be foreign."""
    noise = np.random.default_rng(2).normal(0, 0.2, 8 * 2000).astype(np.float32)
    second = sound.render(Pcm(noise, 8000), stack.settings.sounds_dir)
    numbers = stack.new_numbers(24)
    people = [after(listener(*one), (486,)) if one[0] % 2 else listener(*one) for one in numbers[:20]]
    people += [leaver(*one, stack.sounds[Segment.PREROLL].length_ms + 1000) for one in numbers[20:]]
    campaign = stack.start("versions", people, retry=AGAIN, versions=[second])
    ends = borders([one.share for one in campaign.versions])
    contacts = {row.number: row.id for row in _rows(stack, "SELECT id, number FROM contacts")}
    verdict = stack.finished(campaign, 60)
    assert (verdict.check.foreign, verdict.check.version_mismatches) == (0, 0)
    assert verdict.check.max_error_ms <= verdict.check.limit_ms
    drawn = set()
    for row, result in verdict.pairs:
        version = version_at(place(campaign.id, contacts[result.number]), ends)
        drawn.add(version)
        assert result.listen
        [message] = [play for play in result.listen.plays if play.segment is Segment.MESSAGE]
        whole = campaign.versions[version].sound
        assert (row.version, result.version, message.sound) == (version, version, whole.sound)
        if row.behaviour is Behaviour.LISTENS:
            assert (message.heard_ms, row.heard_ms[Segment.MESSAGE]) == (whole.length_ms, whole.length_ms)
            assert row.heard_ms[Segment.NOTICE] >= campaign.notice.length_ms - 100
    assert drawn == {0, 1}
    assert {stack.line.called[person.index] for person in people[:20] if person.index % 2} == {2}
    report = reports.report_of(stack.store, verdict.campaign)
    assert sum(one.books.targets for one in report.versions) == report.books.targets == len(people)
    assert all(one.books.balance for one in (report, *report.versions))


def _rows(stack: Stack, sql: str) -> list[Any]:
    with stack.store.database.read() as connection:
        return list(connection.exec_driver_sql(sql).all())


def test_from_its_expiry_on_nobody_is_called_and_the_books_are_closed(stack: Stack) -> None:
    people = [after(listener(*one), (486,)) for one in stack.new_numbers(60)]
    expires_ms = campaigns.now_ms() + 8000
    campaign = stack.start(
        "expiring", people, retry="busy=3s x9; most=9; spacing=1s; jitter=0", expires_at_ms=expires_ms
    )
    verdict = stack.finished(campaign)
    assert campaigns.now_ms() >= expires_ms
    late_ms = max(at_ms for calls in stack.invited_ms().values() for at_ms in calls) - expires_ms
    assert late_ms < 1000, "a second later nothing leaves"
    books = verdict.books
    assert books.balance
    assert (books.due, books.in_progress) == (0, 0)
    never = len(people) - len(stack.line.called)
    assert books.not_allowed == ({"campaign-expired": never} if never else {})
    assert books.outcomes.get("busy", 0) + books.outcomes.get("answered", 0) == len(stack.line.called)
    assert verdict.check.called_twice == 0
    assert verdict.check.outcome_mismatches == 0


def test_who_waits_when_the_campaign_is_stopped_is_never_called_again(stack: Stack) -> None:
    people = [after(listener(*one), (486,)) for one in stack.new_numbers(12)]
    campaign = stack.start("stopped", people, retry="busy=4s x9; most=9; spacing=1s; jitter=0")
    wait_for(lambda: stack.store.campaigns.books(campaign.id).waiting >= 5, "some who wait")
    campaigns.stop(stack.store, campaign.name)
    stopped_ms = time.time() * 1000
    wait_for(lambda: stack.store.campaigns.books(campaign.id).in_progress == 0, "the end of the last calls")
    wait_for(lambda: time.time() * 1000 > stopped_ms + 6000, "the time at which they would have been called")
    assert max(at_ms for calls in stack.invited_ms().values() for at_ms in calls) < stopped_ms + 1000
    books = stack.store.campaigns.books(campaign.id)
    assert books.balance
    assert books.waiting == 0
    assert books.outcomes.keys() <= {"busy", "answered"}
