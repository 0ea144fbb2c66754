"""When an attempt is over, and how it ended, from the two events in either order, or one that never comes."""

from __future__ import annotations

import pytest

from ivr.adapters.ami import AmiEvent, Headers
from ivr.usecases.outcomes import PATIENCE_S, LiveCall


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
    ("cause", "code", "after_s", "outcome", "whose"),
    [
        ("18", "408", 8.03, "failed", "carrier"),  # our own SIP's word: nobody spoke
        ("18", "408", 3.0, "no_answer", "person"),  # the carrier's
        ("18", "408", 20.0, "no_answer", "person"),
        ("34", "503", 8.03, "congestion", "carrier"),
        ("17", "486", 0.2, "busy", "person"),
    ],
)
def test_a_carrier_that_says_nothing_is_not_a_person_who_does_not_answer(
    cause: str, code: str, after_s: float, outcome: str, whose: str
) -> None:
    call = LiveCall("a1", 9.0)
    call.response(response(False, 9.0 + after_s))
    call.hangup(hangup(cause, code, 9.0 + after_s))
    assert (call.outcome, call.blame) == (outcome, whose)
