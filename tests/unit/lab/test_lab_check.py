"""The verdict: each kind of disagreement is counted and shown, and a true report passes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.errors import Refused
from ivr.rules.electorate import Behaviour
from ivr.rules.segments import CallResult, EndedBy, KeyPress, Listen, Play, Segment
from ivr.rules.states import Outcome
from ivr.rules.truth import TruthKey, TruthRow
from ivr.settings import Trunk
from ivr.usecases.lab import require_loopback
from ivr.usecases.lab_check import Check, check

HEARD = {Segment.PREROLL: 4000, Segment.MESSAGE: 12_340, Segment.NOTICE: 0, Segment.CONFIRMATION: 0}
NUMBER = "+33199001234"
ROW = TruthRow(
    number=NUMBER,
    behaviour=Behaviour.HANGS_UP,
    expected=Outcome.ANSWERED,
    plan="hangs up",
    called=1,
    outcome="answered",
    ended_by="listener",
    heard_ms=HEARD,
    answered_ms=1_000_000,
)
PLAYS = tuple(Play(segment, "hash", ms, 20_000, 0) for segment, ms in HEARD.items() if ms)
LISTEN = Listen("a1", PLAYS, ended_by=EndedBy.LISTENER)
RESULT = CallResult(NUMBER, "a1", "answered", "done", "", 1, 1, 2, LISTEN)
BUSY_ROW = TruthRow("+33199005678", Behaviour.BUSY, Outcome.BUSY, "refuses", 1, "busy")
BUSY = CallResult("+33199005678", "a2", "busy", "done", "", 1, 1, 2, None)


def verdict(result: CallResult | None = RESULT, row: TruthRow = ROW, suppressed: set[str] | None = None) -> Check:
    results = [BUSY] if result is None else [BUSY, result]
    return check(results, [BUSY_ROW, row], suppressed or set())


def listen(message_ms: int) -> Listen:
    plays = (PLAYS[0], replace(PLAYS[1], heard_ms=message_ms))
    return replace(LISTEN, plays=plays)


def test_a_true_report_passes() -> None:
    found = verdict()
    assert found.ok
    assert found.worst == ()
    assert (found.targets, found.answered, found.max_error_ms) == (2, 1, 0)


@pytest.mark.parametrize(("message_ms", "ok"), [(12_240, True), (12_440, True), (12_239, False), (12_441, False)])
def test_a_listened_time_may_differ_by_the_limit(message_ms: int, ok: bool) -> None:
    found = verdict(replace(RESULT, listen=listen(message_ms)))
    assert found.ok is ok
    assert found.max_error_ms == abs(message_ms - 12_340)
    assert found.worst[0].what == Segment.MESSAGE


def test_every_other_disagreement_is_counted_and_fails() -> None:
    nine = replace(ROW, keys=(TruthKey("9", Segment.MESSAGE, 12_000, 16_000),))
    heard_nine = replace(RESULT, listen=replace(LISTEN, keys=(KeyPress("9", Segment.MESSAGE, 12_150, 16_160),)))
    cases = {
        "outcome_mismatches": verdict(replace(RESULT, outcome="busy", listen=LISTEN)),
        "listens_missing": verdict(replace(RESULT, listen=None)),
        "called_twice": verdict(row=replace(ROW, called=2)),
        "stops_not_in_force": verdict(heard_nine, nine),
        "stops_not_asked": verdict(suppressed={NUMBER}),
        "off_plan": verdict(row=replace(ROW, expected=Outcome.BUSY)),
        "version_mismatches": verdict(replace(RESULT, version=1)),
        "foreign": verdict(row=replace(ROW, foreign=1)),
        "unaccounted": verdict(None),
    }
    for what, found in cases.items():
        assert not found.ok, what
        assert getattr(found, what) == 1, what
        assert found.as_json()["verdict"] == "not ok"
    assert verdict(heard_nine, nine, {NUMBER}).ok
    assert verdict(RESULT, nine, {NUMBER}).keys_missed == 1


def test_who_drew_a_version_is_counted_with_it() -> None:
    assert verdict(replace(RESULT, version=1), replace(ROW, version=1)).ok
    assert verdict(row=replace(ROW, version=1)).worst[0].reported == "version 1"


def test_somebody_without_outcome_twice_or_of_no_plan_is_unaccounted() -> None:
    assert verdict(replace(RESULT, outcome="")).unaccounted == 1
    assert check([BUSY, BUSY, RESULT], [BUSY_ROW, ROW], set()).unaccounted == 1
    assert check([BUSY, RESULT], [BUSY_ROW], set()).unaccounted == 1


def test_no_whole_number_is_in_the_json() -> None:
    found = verdict(replace(RESULT, listen=None))
    assert found.worst
    assert NUMBER not in str(found.as_json())
    for name in ("targets", "unaccounted", "outcome_mismatches", "max_error_ms", "called_twice"):
        assert isinstance(found.as_json()[name], int)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:5070", "127.9.8.7:1", "localhost", "[::1]:5060", "::1"])
def test_loopback_trunks_are_for_the_lab(host: str) -> None:
    require_loopback(Trunk(host=host))


@pytest.mark.parametrize("host", ["sip.carrier.example", "192.0.2.1:5060", "127.0.0.1.example.org", "10.0.0.1"])
def test_other_trunks_are_refused(host: str) -> None:
    with pytest.raises(Refused, match="loopback only"):
        require_loopback(Trunk(host=host))


def test_a_person_may_be_called_as_often_as_the_campaign_and_the_books_say() -> None:
    def found(called: int, dialled: int, most_calls: int) -> int:
        row, result = replace(ROW, called=called), replace(RESULT, dialled=dialled)
        return check([result], [row], set(), most_calls=most_calls).called_twice

    assert found(called=2, dialled=2, most_calls=3) == 0
    assert found(called=3, dialled=3, most_calls=3) == 0
    assert found(called=3, dialled=2, most_calls=3) == 1, "more than the books tell of"
    assert found(called=4, dialled=4, most_calls=3) == 1, "more than the campaign allows"
    assert found(called=1, dialled=2, most_calls=3) == 0, "one did not reach the carrier"
