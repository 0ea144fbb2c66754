from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.rules.frequency import SponsorCall
from ivr.rules.gate import Facts, Kind, decide, explain
from ivr.rules.gate_facts import CampaignFacts, Person, Source
from ivr.rules.gate_law import law_of
from ivr.rules.pack import MessageClass, Sender
from ivr.rules.permission import Grant
from ivr.rules.states import CampaignState
from ivr.rules.windows import Hours
from tests.unit.lawful import ABOUT, GOOD, GRANT, NOW, PARIS, PERSON, SPONSOR, facts, pack, said

OLD_ENOUGH = replace(GRANT, age_attested=True)
DAY = timedelta(days=1)
PAPERS = frozenset(
    {"legal_name", "controlling_entity", "payer", "data_protection_contact", "declaration", "mandate", "address",
     "voter_contact_registry", "cdp_receipt", "impact_assessment", "processor_contract", "eu_eligibility"}
)  # fmt: skip
TOWN_HALL: dict[str, Any] = {
    "message_class": MessageClass.SERVICE_INFO, "sender": Sender.PUBLIC_BODY, "election": "",
    "grants": (replace(GRANT, purpose="institutional_info", basis="legal_obligation", given_at=NOW - 99 * DAY),),
    "sources": (Source("public_service"),),
}  # fmt: skip
ABROAD: dict[str, dict[str, Any]] = {
    "us": {"number": "+12025550123", "country": "US", "line_type": "fixed", "territory": "DC",
           "zones": (ZoneInfo("America/New_York"),), "caller_id": "+12025550100"},
    "ca": {"number": "+14165550123", "country": "CA", "line_type": "unknown", "territory": "ON",
           "zones": (ZoneInfo("America/Toronto"),), "caller_id": "+14165550100"},
    "gb": {"number": "+442071234567", "country": "GB", "line_type": "fixed", "territory": "GB",
           "zones": (ZoneInfo("Europe/London"),), "caller_id": "+442071230000"},
    "sn": {"number": "+221771234567", "country": "SN", "line_type": "mobile", "territory": "SN",
           "zones": (ZoneInfo("Africa/Dakar"),), "caller_id": "+221331230000"},
}  # fmt: skip
EVENING = datetime(2026, 11, 25, 16, tzinfo=ZoneInfo("UTC"))


def abroad(name: str, **changed: Any) -> tuple[Kind, str]:
    """What the pack says of a political message about no election, with every paper, to one of its own numbers."""
    given = ABROAD[name] | {
        "message_class": MessageClass.POLITICAL, "election": "", "dossier": PAPERS, "now": EVENING,
        "caller_ids": frozenset({ABROAD[name]["caller_id"]}),
    }  # fmt: skip
    verdict = said(name, **(given | changed))
    return verdict.kind, verdict.rule


def test_a_yes_when_every_fact_is_good_with_the_packs_name() -> None:
    verdict = said()
    assert (verdict.kind, verdict.rule, verdict.rule_pack) == (Kind.YES, "", "fr/2026-11-22")


@pytest.mark.parametrize(
    ("changed", "kind", "rule"),
    [
        ({"halted": True}, Kind.HOLD, "installation-halted"),
        ({"campaign": CampaignState.STOPPED}, Kind.NO, "campaign-running"),
        ({"suppressed": True}, Kind.NO, "suppressed"),
        ({"message_class": None}, Kind.HOLD, "message-class-unknown"),
        ({"sender": None}, Kind.HOLD, "FR-CAM-3-unknown"),
        ({"sender": Sender.PUBLIC_BODY}, Kind.NO, "FR-CAM-3"),
        ({"exclusive": False}, Kind.HOLD, "P-EXC-1"),
        ({"exclusive": None}, Kind.HOLD, "P-EXC-1-unknown"),
        ({"dossier": None}, Kind.HOLD, "FR-FIN-1-unknown"),
        ({"dossier": PAPERS - {"mandate"}}, Kind.HOLD, "FR-FIN-1"),
        ({"dossier": PAPERS - {"data_protection_contact"}}, Kind.HOLD, "EU-GDPR-1"),
        ({"dossier": PAPERS - {"declaration"}}, Kind.HOLD, "TT-1"),
        ({"dossier": PAPERS - {"eu_eligibility"}}, Kind.HOLD, "TT-2"),
        ({"dossier": PAPERS - {"impact_assessment"}}, Kind.HOLD, "FR-DPIA-1"),
        ({"dossier": PAPERS - {"controlling_entity"}}, Kind.HOLD, "TT-4"),
        ({"dossier": PAPERS - {"payer"}}, Kind.HOLD, "TT-4"),
        ({"sources": None}, Kind.NO, "FR-LST-1-unknown"),
        ({"sources": ()}, Kind.NO, "FR-LST-1-unknown"),
        ({"sources": (Source("rented"),)}, Kind.NO, "FR-LST-3"),
        ({"sources": (Source("undeclared"),)}, Kind.NO, "P-SRC-1"),
        ({"grants": None}, Kind.NO, "FR-CNS-1-unknown"),
        ({"grants": ()}, Kind.NO, "FR-CNS-1"),
        ({"grants": (replace(GRANT, controller=8),)}, Kind.NO, "FR-CNS-1"),
        ({"grants": (replace(GRANT, purpose="sms_updates"),)}, Kind.NO, "FR-CNS-1"),
        ({"grants": (replace(GRANT, channel="sms"),)}, Kind.NO, "FR-CNS-1"),
        ({"grants": (replace(GRANT, basis="legitimate_interest"),)}, Kind.NO, "FR-CNS-1"),
        ({"grants": (replace(GRANT, strong=False),)}, Kind.NO, "FR-CNS-1"),
        ({"grants": (replace(GRANT, ends_at=NOW),)}, Kind.NO, "FR-CNS-1"),
        ({"grants": (replace(GRANT, given_at=NOW + timedelta(seconds=1)),)}, Kind.NO, "FR-CNS-1"),
        ({"grants": (replace(GRANT, given_at=NOW - timedelta(days=365)),)}, Kind.NO, "FR-CNS-4"),
        ({"grants": (replace(GRANT, hours=None),)}, Kind.NO, "FR-HRS-1"),
        ({"grants": (replace(GRANT, hours=Hours.parse("17:00-19:00")),)}, Kind.HOLD, "FR-HRS-1"),
        ({"grants": (replace(GRANT, explicit=False),)}, Kind.NO, "TT-12"),
        ({"grants": (replace(GRANT, direct=False),)}, Kind.NO, "TT-12"),
        ({"grants": (replace(GRANT, purpose="political_information"),)}, Kind.NO, "TT-12"),
        ({"birth_year": 2009}, Kind.NO, "TT-13"),
        ({"birth_year": None}, Kind.NO, "TT-13-unknown"),
        ({"birth_year": 2009, "grants": (OLD_ENOUGH,)}, Kind.NO, "TT-13"),
        ({"birth_year": None, "grants": (GRANT, replace(OLD_ENOUGH, controller=8))}, Kind.NO, "TT-13-unknown"),
        ({"birth_year": None, "grants": (GRANT, replace(OLD_ENOUGH, ends_at=NOW))}, Kind.NO, "TT-13-unknown"),
        ({"birth_year": None, "grants": (GRANT, replace(OLD_ENOUGH, strong=False))}, Kind.NO, "TT-13-unknown"),
        ({"number": "+442071234567", "country": "GB"}, Kind.NO, "FR-NUM-1"),
        ({"country": None}, Kind.NO, "FR-NUM-1-unknown"),
        ({"line_type": "special"}, Kind.NO, "FR-NUM-1"),
        ({"line_type": None}, Kind.NO, "FR-NUM-1-unknown"),
        ({"caller_id": None}, Kind.HOLD, "caller-id-granted-unknown"),
        ({"caller_id": "+33612345678"}, Kind.HOLD, "FR-CLI-2"),
        ({"caller_id": "+33188335074"}, Kind.HOLD, "FR-CLI-1"),
        ({"caller_id": "+33162999999"}, Kind.HOLD, "FR-CLI-3"),
        ({"caller_ids": None}, Kind.HOLD, "FR-CLI-3-unknown"),
        ({"hours": Hours.parse("15:00-16:00")}, Kind.HOLD, "calling-hours"),
        ({"now": datetime(2026, 11, 25, 13, 30, tzinfo=PARIS)}, Kind.HOLD, "FR-HRS-2"),
        ({"now": datetime(2026, 11, 28, 11, tzinfo=PARIS)}, Kind.HOLD, "FR-HRS-2"),
        ({"zones": ()}, Kind.NO, "FR-HRS-1-unknown"),
        ({"calls": None}, Kind.NO, "FR-FRQ-1-unknown"),
        ({"earlier": None}, Kind.NO, "already-reached-unknown"),
        ({"now": datetime(2026, 8, 10, 11, tzinfo=PARIS)}, Kind.HOLD, "pack-effective"),
    ],
)
def test_each_rule_of_france_stops_the_call_under_its_name(changed: dict[str, Any], kind: Kind, rule: str) -> None:
    verdict = said(**changed)
    assert (verdict.kind, verdict.rule, verdict.rule_pack) == (kind, rule, "fr/2026-11-22")


@pytest.mark.parametrize(
    "story", ["patient", "poll", "parrainage", "public_service", "customer_internal", "civil_registry", "scraped"]
)
def test_files_made_for_something_else_reach_nobody(story: str) -> None:
    """Even with a grant, and beside a delivery that is in order: the campaign must not take them from there."""
    for name in ("fr", "eu"):
        verdict = said(name, sources=(Source("direct_form"), Source(story, disclosed=True)))
        assert (verdict.kind, verdict.rule) == (Kind.NO, {"fr": "FR-LST-1", "eu": "EU-SIL-1-unknown"}[name])
    other = "SN-5" if story == "parrainage" else "SN-4"
    assert abroad("sn", sources=(Source(story),)) == (Kind.NO, other)


def test_without_a_year_of_birth_the_person_may_attest_their_age() -> None:
    assert said(birth_year=None, grants=(OLD_ENOUGH,)).kind is Kind.YES


def test_two_halves_of_a_permission_are_none() -> None:
    """One grant is direct and closed at this hour, the other open and not direct."""
    closed = replace(GRANT, hours=Hours.parse("17:00-19:00"))
    indirect = replace(GRANT, direct=False)
    assert said(grants=(closed, indirect)).rule == "TT-12"
    assert said(grants=(closed, indirect)).kind is Kind.HOLD
    assert said(grants=(closed, GRANT)).kind is Kind.YES


def test_an_institution_and_a_candidate_have_each_their_messages() -> None:
    assert said(**TOWN_HALL).kind is Kind.YES
    assert said(**TOWN_HALL | {"sender": Sender.CANDIDATE}).rule == "P-CLS-1"
    assert said(**TOWN_HALL | {"message_class": MessageClass.INSTITUTIONAL}).rule == "FR-CAM-3"
    assert said(**TOWN_HALL | {"sources": (Source("member"),)}).rule == "FR-LST-6"
    reserve = datetime(2027, 4, 1, 11, tzinfo=PARIS)
    later = TOWN_HALL | {"now": reserve}
    assert said(**later).rule == "FR-CAM-4"
    assert said(**later | {"message_class": MessageClass.ELECTION_INFO}).kind is Kind.YES


def test_before_the_six_months_a_town_hall_may_tell_what_it_does() -> None:
    told = TOWN_HALL | {"message_class": MessageClass.INSTITUTIONAL}
    assert said(**told, now=datetime(2026, 9, 30, 11, tzinfo=PARIS)).kind is Kind.YES
    assert said(**told, now=datetime(2026, 10, 1, 11, tzinfo=PARIS)).rule == "FR-CAM-3"
    assert said(**told, now=datetime(2027, 5, 3, 11, tzinfo=PARIS)).kind is Kind.YES


def test_an_emergency_is_told_at_night_and_to_whom_it_was_told_already() -> None:
    flood = TOWN_HALL | {"message_class": MessageClass.EMERGENCY, "now": datetime(2026, 11, 29, 3, tzinfo=PARIS)}
    assert said(**flood).kind is Kind.YES
    assert said(**flood | {"suppressed": True}).rule == "suppressed"


def test_each_country_abroad() -> None:
    assert abroad("us") == (Kind.NO, "US-14"), "no state has been reviewed"
    assert abroad("us", line_type="mobile", grants=()) == (Kind.NO, "US-1")
    assert abroad("us", line_type="unknown", grants=()) == (Kind.NO, "US-1")
    assert abroad("us", number="+18005550123") == (Kind.NO, "US-3")
    assert abroad("us", country="CA") == (Kind.NO, "US-3")
    assert abroad("ca") == (Kind.YES, "")
    assert abroad("ca", now=datetime(2026, 11, 28, 9, 30, tzinfo=ZoneInfo("America/Toronto"))) == (Kind.HOLD, "CA-4")
    assert abroad("gb") == (Kind.YES, "")
    assert abroad("gb", grants=(replace(GRANT, controller=8),)) == (Kind.NO, "UK-1")
    assert abroad("gb", grants=(replace(GRANT, purpose="sms_updates"),)) == (Kind.NO, "UK-3")
    assert abroad("gb", now=datetime(2026, 11, 29, 11, tzinfo=ZoneInfo("UTC"))) == (Kind.HOLD, "UK-8")
    assert abroad("sn") == (Kind.YES, "")
    assert abroad("sn", grants=(replace(GRANT, explicit=False),)) == (Kind.NO, "SN-2")
    assert abroad("sn", dossier=PAPERS - {"cdp_receipt"}) == (Kind.HOLD, "SN-1")
    assert abroad("sn", now=datetime(2026, 11, 25, 19, 30, tzinfo=ZoneInfo("UTC"))) == (Kind.HOLD, "SN-9")


def test_canadas_registration_may_follow_the_first_call_by_48_hours() -> None:
    late = {"dossier": PAPERS - {"voter_contact_registry"}}
    assert abroad("ca", **late) == (Kind.YES, "")
    assert abroad("ca", **late, first_call_at=EVENING - timedelta(hours=47)) == (Kind.YES, "")
    assert abroad("ca", **late, first_call_at=EVENING - timedelta(hours=48)) == (Kind.HOLD, "CA-8")
    assert abroad("ca", **late, first_call_at=None) == (Kind.HOLD, "CA-8")


def test_the_third_call_to_an_american_landline_is_the_last() -> None:
    """Where a state is open: a pack of counsel's own."""
    american = pack("us").model_copy(update={"rules": tuple(r for r in pack("us").rules if r.id != "US-14")})
    call = facts("us", **ABROAD["us"], message_class=MessageClass.POLITICAL, election="", dossier=PAPERS,
                 caller_ids=frozenset({"+12025550100"}), now=EVENING, grants=())  # fmt: skip
    call = replace(call, law=law_of(american, MessageClass.POLITICAL))
    assert decide(call).kind is Kind.YES
    calls = tuple(SponsorCall(EVENING - timedelta(days=days), 1, True) for days in (3, 4, 29))
    verdict = decide(replace(call, person=replace(call.person or PERSON, calls=calls)))
    assert (verdict.kind, verdict.rule, verdict.until) == (Kind.HOLD, "US-2", EVENING + timedelta(days=1))
    agreed = replace(call.person or PERSON, calls=calls, grants=(GRANT,))
    assert decide(replace(call, person=agreed)).kind is Kind.YES


def test_explaining_says_every_rule_and_the_first_no_is_the_answer() -> None:
    spoiled = facts(grants=(), calls=None, caller_id="+33612345678")
    told = explain(spoiled)
    assert spoiled.law is not None
    assert [name for name, _ in told] == [name for name, _ in spoiled.law.rules]
    not_yes = [name for name, verdict in told if verdict.kind is not Kind.YES]
    assert not_yes[0] == decide(spoiled).rule == "FR-CNS-1"
    assert {"FR-CLI-2", "FR-FRQ-1"} <= set(not_yes)


def test_nothing_known_is_no_yes_in_any_pack() -> None:
    for name in ("ca", "eu", "fr", "gb", "sn", "us"):
        for message_class in (None, *MessageClass):
            law = law_of(pack(name), message_class)
            assert decide(Facts(law=law)).kind is not Kind.YES
            assert decide(replace(GOOD, law=law, about=None)).kind is not Kind.YES
            assert decide(replace(GOOD, law=law, person=None)).kind is not Kind.YES
            nobody = replace(GOOD, law=law, about=CampaignFacts(1, 1, message_class), person=Person())
            assert decide(nobody).kind is not Kind.YES


BAD: dict[str, list[Any]] = {
    "halted": [None, True],
    "campaign": [None, CampaignState.PAUSED],
    "notice_present": [None, False],
    "suppressed": [None, True],
    "zones": [()],
    "message_class": [None, MessageClass.SERVICE_INFO],
    "sender": [None, Sender.PUBLIC_BODY],
    "election": [None, "", "fr-municipal-2032"],
    "exclusive": [None, False],
    "dossier": [None, frozenset()],
    "caller_ids": [None, frozenset()],
    "caller_id": [None, "", "+33612345678", "+33188335074"],
    "sources": [None, (), (Source("patient"),), (Source("rented"),)],
    "grants": [None, (), (replace(GRANT, controller=8),), (replace(GRANT, strong=False),)],
    "birth_year": [None, 2010],
    "country": [None, "GB"],
    "line_type": [None, "special"],
    "calls": [None],
    "earlier": [None],
    "now": [
        datetime(2026, 11, 22, 11, tzinfo=PARIS),
        datetime(2026, 12, 25, 11, tzinfo=PARIS),
        datetime(2027, 4, 17, 11, tzinfo=PARIS),
        datetime(2026, 11, 25, 11),  # noqa: DTZ001 - what is tested
        None,
    ],
}


@settings(deadline=None)
@given(st.data())
def test_no_combination_with_a_bad_fact_is_a_yes(data: st.DataObject) -> None:
    names = data.draw(st.sets(st.sampled_from(sorted(BAD)), min_size=1))
    assert said(**{name: data.draw(st.sampled_from(BAD[name])) for name in names}).kind is not Kind.YES


GRANTS = st.builds(
    Grant,
    controller=st.sampled_from([SPONSOR, SPONSOR, 8]),
    purpose=st.sampled_from(["political_advertising", "political_information", "institutional_info"]),
    channel=st.sampled_from(["automated_voice", "automated_voice", "sms"]),
    basis=st.sampled_from(["consent", "legitimate_interest"]),
    given_at=st.integers(-500, 20).map(lambda days: NOW + timedelta(days=days)),
    ends_at=st.one_of(st.none(), st.integers(-50, 50).map(lambda days: NOW + timedelta(days=days))),
    strong=st.booleans(),
    explicit=st.booleans(),
    direct=st.booleans(),
    hours=st.sampled_from([None, Hours.parse("10:00-12:00"), Hours.parse("14:00-20:00 mon-wed")]),
)
MOMENTS = st.integers(0, 60 * 24 * 200).map(lambda minutes: NOW + timedelta(minutes=minutes))


@settings(deadline=None, max_examples=300)
@given(st.lists(GRANTS, max_size=4), MOMENTS, st.sampled_from([None, *pack("fr").territories]))
def test_no_grants_lead_to_a_call_that_a_rule_forbids(
    grants: list[Grant], now: datetime, territory: str | None
) -> None:
    """A yes, put against the rules as they read, not as they are coded; a hold is kept when it says."""
    zone = pack("fr").zone_of(territory) or PARIS
    verdict = said(grants=tuple(grants), now=now, territory=territory, zones=(zone,))
    if verdict.kind is Kind.YES:
        local = now.astimezone(zone)
        assert local.weekday() < 5
        assert local.hour in {10, 11, 12, 14, 15, 16, 17, 18, 19}
        assert any(
            grant.controller == SPONSOR and grant.channel == "automated_voice" and grant.basis == "consent"
            and grant.purpose == "political_advertising" and grant.strong and grant.explicit and grant.direct
            and grant.given_at <= now < grant.given_at + timedelta(days=365)
            and (grant.ends_at is None or now < grant.ends_at)
            and grant.hours is not None and grant.hours.is_open(now, zone)
            for grant in grants
        )  # fmt: skip
    elif verdict.until is not None:
        assert verdict.until > now


def test_the_facts_of_this_module_are_all_tried() -> None:
    left = {"hours", "expires", "retry", "lab", "law", "about", "person", "sponsor_id", "campaign_id", "first_call_at",
            "longest_call_s", "number", "territory", "department"}  # fmt: skip
    every = {*Facts.__slots__, *CampaignFacts.__slots__, *Person.__slots__}
    assert every - left == set(BAD)
    assert ABOUT.message_class is MessageClass.ELECTORAL
    assert pack("fr").effective_from == date(2026, 8, 11)
