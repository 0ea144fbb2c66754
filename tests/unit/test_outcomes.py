"""When an attempt is over, and how it ended, from the two events in either order, or one that never comes."""

from __future__ import annotations

import pytest

from ivr.adapters.ami import AmiEvent, Headers
from ivr.usecases.outcomes import PATIENCE_S, SILENCE_S, LiveCall


def response(answered: bool, at_s: float = 10.0, reason: str = "0") -> AmiEvent:
    result = "Success" if answered else "Failure"
    return AmiEvent("OriginateResponse", Headers([("Response", result), ("Reason", reason)]), at_s)


def hangup(cause: str, tech_cause: str = "", at_s: float = 10.0) -> AmiEvent:
    return AmiEvent("Hangup", Headers([("Cause", cause), ("TechCause", tech_cause)]), at_s)


@pytest.mark.parametrize("hangup_first", [True, False])
def test_both_events_in_either_order(hangup_first: bool) -> None:
    call = LiveCall("a1", 9.0)
    if hangup_first:
        call.hangup(hangup("1", "404"))
        assert not call.is_over(10.0)
    call.response(response(False))
    if not hangup_first:
        assert not call.is_over(10.0)
        call.hangup(hangup("1", "404"))
    assert call.is_over(10.0)
    assert call.outcome == "invalid_number"


def test_an_answered_call_is_over_at_its_hangup_only() -> None:
    call = LiveCall("a1", 9.0)
    call.response(response(True, reason="4"))
    assert not call.is_over(10_000.0)
    call.hangup(hangup("16"))
    assert call.is_over(10.0)
    assert call.outcome == "answered"


def test_a_refusal_without_hangup_is_over_after_a_while() -> None:
    call = LiveCall("a1", 9.0)
    call.response(response(False))
    assert not call.is_over(10.0 + PATIENCE_S)
    assert call.is_over(10.1 + PATIENCE_S)
    assert call.outcome == "failed"


def test_a_hangup_without_response_is_over_after_a_while() -> None:
    call = LiveCall("a1", 9.0, adopted=True)
    call.hangup(hangup("17", "486"))
    assert not call.is_over(10.0 + PATIENCE_S)
    assert call.is_over(10.1 + PATIENCE_S)
    assert call.outcome == "busy"


def test_a_ringing_call_is_never_over_by_itself() -> None:
    assert not LiveCall("a1", 9.0).is_over(10_000.0)


@pytest.mark.parametrize("text", ["", "x", "-1", "\u00b2", "1" * 5000, " 16"])
def test_codes_that_are_none_are_not_known(text: str) -> None:
    call = LiveCall("a1", 9.0)
    call.hangup(hangup(text, text))
    call.response(response(False, reason=text))
    assert (call.cause, call.reason) == (None, None)
    assert call.outcome


@pytest.mark.parametrize(
    ("rang", "reason", "code", "outcome", "whose"),
    [
        (False, "3", "480", "failed", "carrier"),  # our time-out, and the carrier never said anything
        (True, "3", "480", "no_answer", "person"),
        (None, "3", "480", "no_answer", "person"),  # it may have rung while the link was down
        (False, "0", "480", "no_answer", "person"),  # the carrier's own word
        (False, "0", "486", "busy", "person"),
        (False, "0", "503", "congestion", "carrier"),
    ],
)
def test_a_carrier_that_says_nothing_is_not_a_person_who_does_not_answer(
    rang: bool | None, reason: str, code: str, outcome: str, whose: str
) -> None:
    call = LiveCall("a1", 9.0, rang=rang)
    call.response(response(False, reason=reason))
    call.hangup(hangup("19", code))
    assert (call.outcome, call.blame) == (outcome, whose)


def test_silence_is_told_before_the_call_is_over_but_not_of_one_that_rings() -> None:
    call = LiveCall("a1", 9.0)
    assert not call.is_silent(9.0 + SILENCE_S)
    assert call.is_silent(9.1 + SILENCE_S)
    call.rang = True
    assert not call.is_silent(9.1 + SILENCE_S)
