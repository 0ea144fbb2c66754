from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.rules.gate import Kind
from ivr.rules.pack import MessageClass, Sender
from tests.unit.lawful import pack, said, utc

LASTS = timedelta(seconds=120)
SECOND = timedelta(seconds=1)
VECTORS = [
    ("FR", "2027-04-16T22:00", "2027-04-30T22:00"),
    ("GP", "2027-04-16T04:00", "2027-04-30T04:00"),
    ("MQ", "2027-04-16T04:00", "2027-04-30T04:00"),
    ("MF", "2027-04-16T04:00", "2027-04-30T04:00"),
    ("BL", "2027-04-16T04:00", "2027-04-30T04:00"),
    ("GF", "2027-04-16T03:00", "2027-04-30T03:00"),
    ("PM", "2027-04-16T02:00", "2027-04-30T02:00"),
    ("PF", "2027-04-16T10:00", "2027-04-30T10:00"),
    ("RE", "2027-04-16T20:00", "2027-04-30T20:00"),
    ("YT", "2027-04-16T21:00", "2027-04-30T21:00"),
    ("NC", "2027-04-16T13:00", "2027-04-30T13:00"),
    ("WF", "2027-04-16T12:00", "2027-04-30T12:00"),
    (None, "2027-04-15T22:00", "2027-04-29T22:00"),
    ("somewhere else", "2027-04-15T22:00", "2027-04-29T22:00"),
]
ENDS = (utc("2027-04-18T18:00"), utc("2027-05-02T18:00"))


def silent(territory: str | None, now: datetime, **changed: Any) -> bool:
    """Whether the French pack's rule of silence answers, whatever the hour."""
    given: dict[str, Any] = {"territory": territory, "now": now}
    return said("fr", **(given | changed)).rule == "FR-SIL-1"


@pytest.mark.parametrize("vector", VECTORS)
def test_silence_begins_on_the_eve_where_the_person_votes(vector: tuple[str | None, str, str]) -> None:
    territory, *starts = vector
    for start, end in zip(map(utc, starts), ENDS, strict=True):
        assert not silent(territory, start - LASTS - SECOND), "the call is over before it"
        assert silent(territory, start - LASTS), "its last second would be heard in it"
        assert silent(territory, end - SECOND)
        assert not silent(territory, end)


def test_silence_is_a_no_and_is_not_waited_for() -> None:
    verdict = said(now=utc("2027-04-17T10:00"))
    assert (verdict.kind, verdict.rule, verdict.until, verdict.rule_pack) == (
        Kind.NO,
        "FR-SIL-1",
        None,
        "fr/2026-11-22",
    )


def test_a_longer_call_ends_before_it_too() -> None:
    start = utc("2027-04-16T22:00")
    assert silent("FR", start - timedelta(seconds=200), longest_call_s=200)
    assert not silent("FR", start - timedelta(seconds=201), longest_call_s=200)


def test_what_urges_a_vote_names_an_election_of_the_calendar() -> None:
    for election in (None, "", "fr-municipal-2032"):
        verdict = said(election=election)
        assert (verdict.kind, verdict.rule) == (Kind.NO, "FR-SIL-1-unknown")
    assert said("sn", election="sn-presidential-2029").rule == "SN-8-unknown", "its calendar is empty"


def test_a_political_message_about_no_election_is_silent_in_every_one() -> None:
    political = {"message_class": MessageClass.POLITICAL, "election": ""}
    assert silent("FR", utc("2027-05-01T10:00"), **political)
    assert not silent("FR", utc("2027-04-25T10:00"), **political)


def test_a_town_hall_may_tell_of_a_flood_on_the_eve() -> None:
    flood = {"message_class": MessageClass.EMERGENCY, "sender": Sender.PUBLIC_BODY, "election": ""}
    assert not silent("FR", utc("2027-04-17T10:00"), **flood)


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from([None, *pack("fr").territories]),
    st.datetimes(datetime(2027, 4, 14), datetime(2027, 5, 5)),  # noqa: DTZ001 - hypothesis wants them so
)
def test_nowhere_does_a_call_reach_into_silence(territory: str | None, at: datetime) -> None:
    now = utc(at.isoformat())
    starts = [utc(start) for name, *both in VECTORS for start in both if name == territory]
    heard_in_it = any(now + LASTS >= start and now < end for start, end in zip(starts, ENDS, strict=True))
    assert silent(territory, now) is heard_in_it
    if silent("FR", now) or any(silent(name, now) for name in pack("fr").territories):
        assert silent(None, now), "of whom nobody knows where they vote, the strictest holds"
