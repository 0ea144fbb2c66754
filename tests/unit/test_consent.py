"""Consents: what is missing makes them weak, and a weak one opens no automated channel."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.errors import ContactsRefused
from ivr.rules import consent_form
from ivr.rules.consent import AUTOMATED, DAY_MS, Channel, Consent, Method, Purpose, end_ms, permitted, weaknesses
from ivr.rules.suppression import Suppression, channels_in, merged, written

NOW_MS = 1_790_000_000_000
SPONSOR = "Jeanne Martin"
WORDS = "J'accepte d'être appelé par Jeanne Martin, par automate, entre 10 h et 20 h."
WHOLE = Consent(
    SPONSOR, Purpose.POLITICAL_ADVERTISING, (Channel.AUTOMATED_VOICE,), WORDS, text_language="fr",
    method=Method.WEB_FORM, act_ref="192.0.2.7 Firefox", captured_at_ms=NOW_MS - 5000, captured_by="form-3",
    explicit=True, separate=True, unticked=True, hours="10:00-20:00 mon-fri", timezone="Europe/Paris",
    possession_sent_at_ms=NOW_MS - 4000, possession_verified_at_ms=NOW_MS - 3000,
)  # fmt: skip
HOLES: dict[str, dict[str, Any]] = {
    "words": {"text": " "}, "language": {"text_language": ""}, "instant": {"captured_at_ms": None},
    "act": {"act_ref": ""}, "controller": {"controller": "Jean Martin"}, "purpose": {"purpose": None},
    "channels": {"channels": ()}, "hours": {"timezone": ""}, "explicit": {"explicit": None},
    "separate": {"separate": False}, "box-was-ticked": {"unticked": None},
    "possession": {"possession_verified_at_ms": None}, "words-changed": {"text_sha256": "0" * 64},
}  # fmt: skip


def test_what_is_whole_is_not_weak() -> None:
    assert weaknesses(WHOLE, "  jeanne   MARTIN ", NOW_MS) == ()
    digest = hashlib.sha256(WORDS.encode()).hexdigest()
    assert weaknesses(replace(WHOLE, text_sha256=digest), SPONSOR, NOW_MS) == ()
    assert permitted(WHOLE, weak=False) == (Channel.AUTOMATED_VOICE,)


@pytest.mark.parametrize("hole", HOLES)
def test_each_thing_that_is_missing_makes_it_weak(hole: str) -> None:
    assert weaknesses(replace(WHOLE, **HOLES[hole]), SPONSOR, NOW_MS) == (hole,)


@given(st.sets(st.sampled_from(sorted(HOLES)), min_size=1), st.sets(st.sampled_from(list(Channel)), min_size=1))
def test_whatever_is_missing_no_automated_channel_is_opened(holes: set[str], channels: set[Channel]) -> None:
    consent = replace(WHOLE, channels=tuple(channels))
    for hole in holes:
        consent = replace(consent, **HOLES[hole])
    found = weaknesses(consent, SPONSOR, NOW_MS)
    assert holes <= set(found)
    assert not set(permitted(consent, bool(found))) & AUTOMATED


@pytest.mark.parametrize(
    "changes",
    [
        {"captured_at_ms": NOW_MS + DAY_MS},
        {"captured_at_ms": 0},
        {"possession_sent_at_ms": NOW_MS - 1000},  # given back before it was sent
        {"possession_verified_at_ms": NOW_MS + DAY_MS},
    ],
)
def test_instants_that_cannot_be_are_none(changes: dict[str, Any]) -> None:
    assert weaknesses(replace(WHOLE, **changes), SPONSOR, NOW_MS)


def test_an_act_that_came_from_the_number_needs_no_code() -> None:
    given: dict[str, Any] = {"possession_sent_at_ms": None, "possession_verified_at_ms": None, "unticked": None}
    assert weaknesses(replace(WHOLE, method=Method.IVR_KEYPRESS, **given), SPONSOR, NOW_MS) == ()
    assert "possession" in weaknesses(replace(WHOLE, method=Method.PAPER, **given), SPONSOR, NOW_MS)


def test_it_ends_a_year_later_at_the_latest() -> None:
    captured = NOW_MS - 5000
    assert end_ms(WHOLE) == captured + 365 * DAY_MS
    assert end_ms(replace(WHOLE, expires_at_ms=NOW_MS + 1)) == NOW_MS + 1
    assert end_ms(replace(WHOLE, expires_at_ms=NOW_MS + 999 * DAY_MS)) == captured + 365 * DAY_MS


FORM = {
    "number": "06 39 98 00 00", "controller": SPONSOR, "channels": ["automated_voice", "sms"], "text": WORDS,
    "captured_at": "2026-11-02T18:30:00+01:00", "purpose": "political_advertising", "explicit": True,
}  # fmt: skip


def test_a_form_is_read_and_what_is_not_there_is_not_known() -> None:
    number, consent = consent_form.parse(json.dumps(FORM))
    assert number == "06 39 98 00 00"
    assert consent.channels == (Channel.AUTOMATED_VOICE, Channel.SMS)
    assert consent.captured_at_ms == 1_793_640_600_000
    assert (consent.explicit, consent.separate, consent.method) == (True, None, None)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"number": 33639980000}, '"number"'),
        ({"captured_at": "2026-11-02T18:30:00"}, "captured_at"),
        ({"captured_at": 5}, "captured_at"),
        ({"explicit": "yes"}, "explicit"),
        ({"channels": "sms"}, "channels"),
        ({"channels": ["pigeon"]}, "channels"),
        ({"purpose": "commercial"}, "purpose"),
        ({"hours": "always"}, "hours"),
        ({"hours": "10:00-12:00", "timezone": "../etc"}, "time zone"),
        ({"text": "x" * 10_001}, "text"),
        ({"consented": True}, "consented"),
    ],
)
def test_what_cannot_be_read_is_named(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ContactsRefused, match=says):
        consent_form.parse(json.dumps(FORM | changes))


@pytest.mark.parametrize("line", ["", "{", "[]", "null"])
def test_what_is_no_object_is_refused(line: str) -> None:
    with pytest.raises(ContactsRefused):
        consent_form.parse(line)


SUPPRESSIONS = st.builds(
    Suppression, st.just("platform"), st.just("web"), st.integers(0, 10),
    st.sets(st.sampled_from(list(Channel))).map(lambda channels: tuple(sorted(channels))), st.just(""),
    st.one_of(st.none(), st.integers(1, 100)),
)  # fmt: skip


@given(SUPPRESSIONS, SUPPRESSIONS, st.sampled_from(list(Channel)), st.integers(0, 120))
def test_a_suppression_never_becomes_less(one: Suppression, other: Suppression, channel: Channel, at: int) -> None:
    def holds(this: Suppression) -> bool:
        named = not this.channels or channel in this.channels
        return named and (this.expires_at_ms is None or this.expires_at_ms > at)

    if holds(one) or holds(other):
        assert holds(merged(one, other))
    assert channels_in(written(one.channels)) == one.channels
